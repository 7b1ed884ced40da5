//! The network: its templates, the weights of a GOP in them, and what runs them.
//!
//! ```text
//!           ┌ halves, byte_halves: motion ─► warps ─► refinement ─► fuse ─┐
//! latents ──┤                                                             ├─► pictures
//!           └ full:                one graph ─────────────────────────────┘
//! ```

#[cfg(feature = "player")]
pub mod backend;
pub mod blocks;
#[cfg(feature = "player")]
pub mod byte_halves;
#[cfg(feature = "player")]
pub mod engines;
#[cfg(feature = "player")]
pub mod halves;
#[cfg(feature = "player")]
pub mod opening;
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

#[cfg(feature = "player")]
use std::time::Instant;

use crate::error::Result;
use crate::kernel::fuse::Layers;
use crate::picture::Picture;
use crate::units::PictureId;

/// The network of a scene with the kernels around it: latents in, pictures out.
pub trait Network: Send {
    /// Latents at 1/16 and 1/8 of a whole batch, to be filled; the same memory every time.
    fn latents(&mut self) -> [&mut [f32]; 2];

    /// Paints `batch`, at most as many pictures as the network was opened for, from the latents in the same
    /// places, and computes no others. Only the split network in f32 has layers, and shows them to `witness`.
    ///
    /// # Errors
    /// The backend's.
    fn paint(
        &mut self,
        batch: &mut [Canvas<'_>],
        witness: Option<&mut Witness<'_>>,
    ) -> Result<Spans>;
}

/// A picture to be painted.
pub struct Canvas<'a> {
    /// Which it is.
    pub id: PictureId,
    /// The two pictures it may copy from.
    pub sources: [(PictureId, &'a Picture); 2],
    /// Where it goes; what is there is overwritten.
    pub picture: &'a mut Picture,
}

/// Sees what every implicit picture is blended from.
pub type Witness<'a> = dyn FnMut(PictureId, &Layers<'_>) + 'a;

/// Where the time of a batch went, and what crossed to the network and back.
#[derive(Debug, Clone, Copy)]
pub struct Spans {
    /// Inside the network.
    pub network_us: u64,
    /// Warping, where the network does not do it.
    pub warp_us: u64,
    /// Blending.
    pub fuse_us: u64,
    /// Bytes given to the network and taken from it: what crosses to a device and back where it runs on one.
    pub moved_bytes: u64,
}

#[cfg(feature = "player")]
impl Spans {
    /// Those of two halves, given by where motion, warp, refinement and fuse begin; the fuse ends now.
    fn of_halves([motion, warp, refine, fuse]: [Instant; 4], moved_bytes: u64) -> Self {
        let us = |from: Instant, to: Instant| (to - from).as_micros() as u64;
        let network_us = us(motion, warp) + us(refine, fuse);
        let (warp_us, fuse_us) = (us(warp, refine), us(fuse, Instant::now()));
        Self { network_us, warp_us, fuse_us, moved_bytes }
    }
}
