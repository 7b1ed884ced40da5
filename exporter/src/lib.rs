//! Encoder of IEV multi-view video. Modules in the order the data meets them.

pub mod ffmpeg;
pub mod picture;
pub mod whole_file;
pub mod y4m;

pub mod input;

pub mod part;
pub mod plan;
pub mod request;

pub mod anchor;
pub mod temporal_filter;

pub mod key_picture;

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
#[cfg(feature = "train")]
pub mod simulcast;
#[cfg(feature = "train")]
pub mod size;

pub mod lower;

pub mod quality;

pub mod measure;
pub mod parts;
pub mod verify;

pub mod bd_rate;
pub mod curve;
pub mod machine;
pub mod peers;
pub mod rd;
pub mod report;
