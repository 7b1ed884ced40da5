//! Encoder of IEV multi-view video. Modules in the order the data meets them.

pub mod ffmpeg;
pub mod picture;
pub mod y4m;

pub mod input;

pub mod plan;

pub mod anchor;
pub mod explicit;

pub mod matching;

#[cfg(feature = "train")]
pub mod dataset;
#[cfg(feature = "train")]
pub mod train;

#[cfg(feature = "train")]
pub mod pack;

#[cfg(feature = "train")]
pub mod encode;

pub mod lower;

pub mod bd_rate;
pub mod quality;
