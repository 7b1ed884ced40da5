//! A stream as a player reads it: the bytes of a file, its GOPs, and what the sections of a GOP hold.

#[cfg(feature = "player")]
pub mod gop_index;
#[cfg(feature = "player")]
pub mod gop_reader;
#[cfg(feature = "player")]
mod growing;
pub mod latents;
#[cfg(feature = "player")]
pub mod ledger;
#[cfg(feature = "std")]
pub mod scene;
#[cfg(feature = "player")]
pub mod section_grids;
#[cfg(feature = "player")]
pub mod source;
#[cfg(feature = "player")]
pub mod symbols;
