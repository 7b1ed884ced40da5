//! The encoder as a whole: what is asked for, what that means for a clip, and the way from there to a stream.

pub mod request;

mod codec;

#[cfg(feature = "train")]
mod board;

#[cfg(feature = "train")]
mod settings;

#[cfg(feature = "train")]
mod explicit_views;

#[cfg(feature = "train")]
mod implicit_views;

#[cfg(feature = "train")]
mod drafts;

#[cfg(feature = "train")]
mod floor;

#[cfg(feature = "train")]
mod figures;

#[cfg(feature = "train")]
mod flow;

#[cfg(feature = "train")]
pub mod size;

pub use codec::ChosenCodec;
#[cfg(feature = "train")]
pub use flow::{EncodeResult, encode, plan};
#[cfg(feature = "train")]
pub use settings::{EncodeSettings, device};
