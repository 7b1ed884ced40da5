//! Decoder of IEV multi-view video streams.
//!
//! Rooms in the order the data meets them:
//!
//! ```text
//! file ─► stream ─┬─► anchor ─────────┬─► paint ─► play ─► sink
//!         GOPs    │   explicit views  │   implicit views
//!                 └─► network ────────┘
//!                     weights, latents
//! ```
//!
//! * `units`: sizes, views and places in a stream, of which everything speaks.
//! * [`format`](mod@format): the bytes of a stream, reader beside writer; [`profile`] has the network's layers.
//! * [`stream`]: a file's index and GOPs, sections decoded to levels and latents.
//! * [`anchor`]: the explicit views' pictures, by a decoder per codec, maybe in a sandbox.
//! * [`network`]: graphs, weights and what runs them.
//! * [`kernel`]: the warp and the blend, portable and by vectors.
//! * [`picture`]: pixels, and the pool that they come from.
//! * [`paint`]: the implicit views' pictures.
//! * [`play`]: the player: stages over threads, seeking, pacing, going on behind errors.
//! * [`outputs`]: files that are written whole, and never over an input or another output.
//! * [`sink`]: files of pictures.
//! * [`board`]: machines, and the limits that their profiles set.
//!
//! The format core (`units`, `format`, `profile`, the latents of `stream`) builds without `std`; `kernel`,
//! `picture` and the arithmetic of `network` need `std`, the rest the `player` feature.
#![cfg_attr(not(feature = "std"), no_std)]

mod error;
#[cfg(feature = "player")]
mod named;
mod trace;

pub mod units;

pub mod format;
pub mod profile;

pub mod stream;

#[cfg(feature = "player")]
pub mod anchor;

#[cfg(feature = "std")]
pub mod network;

#[cfg(feature = "std")]
pub mod kernel;

#[cfg(feature = "std")]
pub mod picture;

#[cfg(feature = "player")]
pub mod paint;

#[cfg(feature = "player")]
pub mod play;

#[cfg(feature = "player")]
pub mod outputs;

#[cfg(feature = "player")]
pub mod sink;

#[cfg(feature = "player")]
pub mod board;

#[cfg(all(test, feature = "player"))]
mod tests;

pub use error::{Error, Result};
pub use units::{BLOCK_PX, FrameId, Size, TimeIndex, ViewId};
