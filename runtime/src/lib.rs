//! Player of IEV multi-view video: several cameras on one scene in one stream, of which any views play from any time.
//!
//! ```
//! use iev_runtime::{Backend, Options, Plane, Player, Result, Selection, Source, ViewId};
//!
//! fn main() -> Result<()> {
//!     // A stream in memory; `Player::open` takes the path of a file.
//!     let stream = Source::from(iev_models::SAMPLE.to_vec());
//!     let player = Player::over(stream, Options::new(Backend::default().opener()))?;
//!     let views = [ViewId(2)].into_iter().collect();
//!     for shown in player.play(&Selection::new(views, player.frames()))? {
//!         for (id, picture) in shown?.with_ids() {
//!             println!("{id}: {} bytes of luma", picture.plane(Plane::Y).len());
//!         }
//!     }
//!     Ok(())
//! }
//! ```
//!
//! *Explicit* views, such as view 2 here, are video of an ordinary codec. The others are *implicit*: a small network
//! paints them in [ONNX Runtime](https://onnxruntime.ai), which is loaded when the first one is asked for: from
//! `ORT_DYLIB_PATH`, or from where [`Backend`] is told. A [`Playback`] decodes ahead on threads of its own;
//! [`Playback::show`] switches its views and [`PacedPlayback`] keeps it to a display's clock. [`Options`] say how much of the
//! machine it takes and what a stream may ask, [`Board`] has both for known machines. More in `examples/`:
//!
//! | example | what it shows |
//! | --- | --- |
//! | `decode_to_y4m` | a view into a file that other players open |
//! | `play_paced` | a display's clock: what comes late is dropped and counted |
//! | `switch_views` | other views while playing, as when a head turns |
//! | `read_index` | what a stream holds, without `std` and without a player |
//! | `stream_in_a_bundle` | a source of one's own: a stream in the middle of another file |
//!
//! # Features
//! | feature | brings |
//! | --- | --- |
//! | none | the format core: `no_std`, no allocation |
//! | `std` | kernels, pictures and the arithmetic of the network |
//! | `player` | the player; a program that plays wants `default-features = false, features = ["player"]` |
//! | `png` | pictures as PNG files |
//! | `cli` | the `iev` program with its command line and reports; the default |
//! | `window` | `iev play`, a window on X11 |
//! | `v4l2` | explicit views in H.264 by a video device of the machine, on Linux |
//! | `assembly` | assembly of the AV1 decoder, where `cargo xtask` can build it |
//! | `defmt` | trace points for microcontrollers |
//!
//! # Rooms, in the order the data meets them
//! ```text
//! file ─► stream ─┬─► anchor ─────────┬─► paint ─► play ─► sink
//!         GOPs    │   explicit views  │   implicit views
//!                 └─► network ────────┘
//!                     weights, latents
//! ```
//!
//! * `units`: sizes, views and places in a stream, of which everything speaks.
//! * [`format`](mod@format): the bytes of a stream, reader beside writer.
//! * [`profile`]: the network's layers, what each reads, and their sizes.
//! * [`stream`]: a file's index and GOPs, sections decoded to levels and latents.
//! * [`anchor`]: the explicit views' pictures, checked and decoded by a folder per codec, maybe in a sandbox.
//! * [`network`]: graphs, weights and what runs them.
//! * [`kernel`]: the warp and the blend, portable and by vectors.
//! * [`picture`]: pixels, and the pool that they come from.
//! * [`paint`]: the implicit views' pictures.
//! * [`render`]: pictures at any pose, between the cameras too.
//! * [`play`]: the player: the stages and their threads, seeking, pacing, going on behind errors.
//! * [`outputs`]: files that are written whole, and never over an input or another output.
//! * [`sink`]: files of pictures.
//! * [`text_file`]: texts that a user brings.
//! * [`machine`] and [`board`]: what this machine is, and what profiles of boards allow a stream.
//!
//! Rooms import one another in no circle.
#![cfg_attr(not(feature = "std"), no_std)]

mod error;
pub mod foreign;
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

#[cfg(feature = "std")]
pub mod render;

#[cfg(feature = "player")]
pub mod play;

#[cfg(feature = "player")]
pub mod outputs;

#[cfg(feature = "player")]
pub mod sink;

#[cfg(feature = "player")]
pub mod machine;

#[cfg(feature = "player")]
pub mod text_file;

#[cfg(feature = "player")]
pub mod board;

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "cli")]
extern crate self as iev_runtime;

#[cfg(all(test, feature = "cli"))]
mod tests;

pub use error::{Error, Result};
pub use format::header::Header;
pub use format::limits::Limits;
pub use units::{BLOCK_PX, FrameIndex, PictureId, Size, ViewId};

#[cfg(feature = "std")]
pub use picture::{Picture, Plane};

#[cfg(feature = "player")]
pub use {
    board::Board,
    format::views::ViewSet,
    network::backend::Backend,
    network::session::SessionOptions,
    play::deadline::Late,
    play::options::Options,
    play::paced::{PacedPlayback, Tick},
    play::player::{Playback, Player, Selection},
    play::posed::{Consumer, PosedPlayback},
    play::shown::ShownFrame,
    stream::source::{ReadAt, Source},
};
