//! Pictures of the explicit views: their coded sections go to the decoder of their codec.
//!
//! A folder per codec; the decoder runs in this process or in the child of a `sandbox`.

pub mod av1;
pub mod body;
pub mod decoder;
pub mod h264;
#[cfg(target_os = "linux")]
pub mod sandbox;
