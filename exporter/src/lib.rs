//! Encoder of IEV multi-view video.

pub mod lower;
