//! The network: its templates, the weights of a GOP in them, and what runs them.

#[cfg(feature = "player")]
pub mod backend;
pub mod blocks;
#[cfg(feature = "player")]
pub mod engines;
#[cfg(feature = "player")]
mod ort_library;
#[cfg(feature = "player")]
pub mod providers;
pub mod quantised;
#[cfg(feature = "player")]
pub mod session;
#[cfg(feature = "player")]
pub mod shared_library;
#[cfg(feature = "player")]
pub mod templates;
#[cfg(feature = "player")]
pub mod tensors;
