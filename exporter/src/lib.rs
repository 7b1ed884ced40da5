//! Encoder of IEV multi-view video. The rooms stand in the order the data meets them:
//!
//! ```text
//! input → plan → anchor → matching → train → pack     a clip becomes a stream, step by step
//!                                      encode         carries it from room to room
//!                         verify → rd → report        what the stream holds, beside other codecs
//!                         paper                       the published network in its place
//! lower                                               graphs and engines of the networks, for boards
//! ```

// Small things that several rooms share.
pub mod ablation;
pub mod error;
pub mod ffmpeg;
pub mod picture;
pub mod progress;
pub mod quality;
pub mod rules;
pub mod stop;
pub mod work_folder;

// Clips from YUV4MPEG2, folders of PNG or anything ffmpeg reads.
pub mod input;

// Which views are explicit, how the clip is cut into GOPs, which key pictures are sent.
pub mod plan;

// Explicit views and key pictures, coded by an ordinary video codec.
pub mod anchor;

// Where every pixel of an implicit view is found in its anchor.
pub mod matching;

// The network, its weights and grids, fitted to the clip.
#[cfg(feature = "train")]
pub mod train;

// Trained levels and coded anchors as a file.
#[cfg(feature = "train")]
pub mod pack;

// What is asked for, and the whole way from there to the file.
pub mod encode;

// The finished file through the player, measured against its source.
pub mod verify;

// Rate–distortion curves, ablations and other codecs.
pub mod rd;

// The published network, trained in the place of a stream's own: what ours is held against.
#[cfg(feature = "train")]
pub mod paper;

// Pages and plots.
pub mod report;

// Graphs of the networks as ONNX, and the engines of boards.
pub mod lower;

pub use error::{Error, Result};

/// Name of a training's checkpoint in its work folder.
pub const CHECKPOINT: &str = "train.pt";
