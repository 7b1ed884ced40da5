//! Decoder of IEV multi-view video streams.
//!
//! Modules in the order the data meets them. The format core builds without `std`; everything
//! from [`mapped`](self) on is behind the `player` feature.
#![cfg_attr(not(feature = "std"), no_std)]

mod error;
mod units;

pub mod format;
pub mod profile;

#[cfg(feature = "std")]
pub mod kernel;
pub mod model;
#[cfg(feature = "player")]
mod ort_library;
#[cfg(feature = "std")]
pub mod picture;
#[cfg(feature = "player")]
pub mod providers;
#[cfg(feature = "std")]
pub mod reference_network;
#[cfg(feature = "std")]
pub mod scene;
#[cfg(feature = "player")]
pub mod session;
#[cfg(feature = "player")]
pub mod templates;

pub use error::{Error, Result};
pub use units::{BLOCK_PX, FrameId, Size, TimeIndex, ViewId};
