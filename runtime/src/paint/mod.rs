//! Pictures of the implicit views: latents through the network, sources through the warp, and the blend.

pub mod painted;
mod painter;
pub mod stage;
