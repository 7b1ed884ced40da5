//! Encoder of IEV multi-view video.

#[cfg(feature = "train")]
pub mod train;
