//! Pictures of the implicit views: latents through the network, sources through the warp, and the blend.

mod painter;
pub mod stage;
