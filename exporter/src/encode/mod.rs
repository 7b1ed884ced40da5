//! The encoder as a whole: what is asked for, and the steps that make a stream of it.

#[cfg(feature = "train")]
mod flow;
pub mod request;
#[cfg(feature = "train")]
pub mod simulcast;
#[cfg(feature = "train")]
pub mod size;

#[cfg(feature = "train")]
pub(crate) use flow::explicit_views;
#[cfg(feature = "train")]
pub use flow::{EncodeSettings, Encoded, ViewQuality, device, encode};
