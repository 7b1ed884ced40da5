//! The encoder as a whole: what is asked for, what that means for a clip, and the way from there to a stream.

pub mod request;

#[cfg(feature = "train")]
mod board;

#[cfg(feature = "train")]
mod settings;

#[cfg(feature = "train")]
mod explicit_views;

#[cfg(feature = "train")]
mod simulcast;

#[cfg(feature = "train")]
mod flow;

#[cfg(feature = "train")]
pub mod size;

#[cfg(feature = "train")]
pub use flow::{Encoded, ViewQuality, encode, plan};
#[cfg(feature = "train")]
pub use settings::{EncodeSettings, device};
