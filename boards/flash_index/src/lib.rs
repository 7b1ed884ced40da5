//! Reads the index of a stream that lies in flash, in memory that is fixed when it is compiled.
//!
//! Nothing is allocated: [`flash`] reads page by page through `embedded-io`, [`index`] keeps what it
//! finds in `heapless` buffers.
#![cfg_attr(target_os = "none", no_std)]

pub mod flash;
pub mod index;
