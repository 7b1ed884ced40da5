//! Pictures of the implicit views: latents through the network, sources through the warp, and the blend.

pub mod job;
pub(crate) mod painter;
pub mod timing;
