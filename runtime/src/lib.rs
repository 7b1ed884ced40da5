//! Decoder of IEV multi-view video streams.
//!
//! Modules in the order the data meets them. The format core builds without `std`; everything
//! from [`source`](self) on is behind the `player` feature.
//!
//! ```text
//! source ─► gop (over format, h264, scene) ─► anchor ─► reconstruct (over painter, model, kernel) ─► sink
//!           └── chained by pipeline, opened by player, kept to a display's clock by paced ──┘
//! ```
//!
//! Under `anchor` is `anchor_decoder`: openh264, in this process or in the child of a `sandbox`.
#![cfg_attr(not(feature = "std"), no_std)]

mod error;
mod trace;
mod units;

pub mod camera;
pub mod format;
pub mod profile;

#[cfg(feature = "player")]
pub mod anchor;
#[cfg(feature = "player")]
pub mod anchor_decoder;
#[cfg(feature = "player")]
pub mod backend;
#[cfg(feature = "std")]
pub mod blocks;
#[cfg(feature = "player")]
pub mod board;
#[cfg(feature = "player")]
pub mod deadline;
#[cfg(feature = "player")]
pub mod engines;
#[cfg(feature = "player")]
pub mod gop;
#[cfg(feature = "player")]
pub mod h264;
#[cfg(feature = "player")]
pub mod keep_going;
#[cfg(feature = "std")]
pub mod kernel;
#[cfg(feature = "player")]
pub mod machine;
#[cfg(feature = "player")]
pub mod memory;
pub mod model;
#[cfg(feature = "player")]
mod named;
#[cfg(feature = "player")]
mod ort_library;
#[cfg(feature = "player")]
pub mod paced;
#[cfg(feature = "player")]
mod painter;
#[cfg(feature = "std")]
pub mod picture;
#[cfg(feature = "player")]
pub mod pipeline;
#[cfg(feature = "player")]
pub mod player;
#[cfg(all(test, feature = "player"))]
mod player_tests;
#[cfg(feature = "player")]
pub mod pool;
#[cfg(feature = "player")]
pub mod providers;
#[cfg(feature = "std")]
pub mod quantised;
#[cfg(feature = "player")]
pub mod reconstruct;
#[cfg(feature = "player")]
pub mod reference;
#[cfg(all(test, feature = "player"))]
mod reference_network;
#[cfg(feature = "player")]
pub mod rgb;
#[cfg(all(test, feature = "player"))]
mod round_trips;
#[cfg(all(feature = "player", target_os = "linux"))]
pub mod sandbox;
#[cfg(feature = "std")]
pub mod scene;
#[cfg(feature = "player")]
pub mod section_grids;
#[cfg(feature = "player")]
pub mod session;
#[cfg(feature = "player")]
mod shares;
#[cfg(feature = "player")]
pub mod shown;
#[cfg(feature = "player")]
pub mod sink;
#[cfg(feature = "player")]
pub mod source;
#[cfg(feature = "player")]
mod stages;
#[cfg(feature = "player")]
pub mod symbols;
#[cfg(feature = "player")]
mod sync;
#[cfg(feature = "player")]
pub mod templates;
#[cfg(feature = "player")]
pub mod tensors;
#[cfg(all(test, feature = "player"))]
mod testing;
#[cfg(feature = "player")]
pub mod timing;
#[cfg(feature = "player")]
pub mod views;
#[cfg(feature = "player")]
mod wanted;

pub use error::{Error, Result};
pub use units::{BLOCK_PX, FrameId, Size, TimeIndex, ViewId};
