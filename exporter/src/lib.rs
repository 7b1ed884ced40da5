//! Encoder of IEV multi-view video.

pub mod picture;

pub mod y4m;

pub mod ffmpeg;

pub mod input;

pub mod anchor;

pub mod quality;

pub mod bd_rate;

pub mod matching;
