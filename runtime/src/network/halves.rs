//! The split path: the network's two halves in f32, our warp between them and our blend behind.

use std::time::Instant;

use super::tensors::Tensors;
use super::{Canvas, Network, Spans, Witness};
use crate::error::Result;
use crate::format::header::Header;
use crate::kernel::fuse::{Layers, fuse};
use crate::kernel::warp::PackedSize;
use crate::kernel::warp_fast::Warper;
use crate::profile::PACKED;

/// The two halves of a network, opened for one scene and a batch of the most pictures at once.
///
/// Features stay inside between `motion` and the `refine` that follows it. Why tensors in place: copies in
/// and out were a tenth of the time of a picture.
pub trait Reconstruct: Send {
    /// What it works in; the same memory every time.
    fn tensors(&mut self) -> Tensors<'_>;

    /// Latents to the flow of both sources, of the first `pictures`.
    ///
    /// # Errors
    /// The backend's.
    fn motion(&mut self, pictures: usize) -> Result<()>;

    /// Warped sources to the implicit picture and the masks, of the first `pictures`.
    ///
    /// # Errors
    /// The backend's.
    fn refine(&mut self, pictures: usize) -> Result<()>;

    /// Bytes given to the backend and taken from it by all runs so far; plain arithmetic has none.
    fn moved_bytes(&self) -> u64 {
        0
    }
}

/// Two halves with the kernels between and behind them.
pub struct Halves<N> {
    network: N,
    warper: Warper,
    size: PackedSize,
}

impl<N: Reconstruct> Halves<N> {
    /// `network`, opened for pictures of the header's size.
    pub fn new(network: N, header: &Header) -> Self {
        let size = PackedSize::of(header.size);
        Self { network, warper: Warper::new(size), size }
    }

    /// Both sources of every picture, each moved by its flow.
    fn warp(&mut self, batch: &[Canvas<'_>]) {
        let (packed, flow) = (PACKED * self.size.plane(), 2 * self.size.flow_plane());
        let mut tensors = self.network.tensors();
        for (slot, canvas) in batch.iter().enumerate() {
            let flows = tensors.flow[slot * 2 * flow..][..2 * flow].chunks_exact(flow);
            let sources = canvas.sources.into_iter().zip(flows);
            for (((_, picture), flow), warped) in sources.zip(&mut tensors.warped) {
                self.warper.warp(picture, flow, &mut warped[slot * packed..][..packed]);
            }
        }
    }

    /// Blends every picture where the network left its planes, while they are in the cache.
    fn blend(&mut self, batch: &mut [Canvas<'_>], mut witness: Option<&mut Witness<'_>>) {
        let Tensors { warped: [warped0, warped1], implicit, masks, .. } = self.network.tensors();
        let of_batch = Layers { warped0, warped1, implicit, masks };
        for (slot, canvas) in batch.iter_mut().enumerate() {
            let layers = of_batch.of(slot, self.size);
            if let Some(witness) = &mut witness {
                witness(canvas.id, &layers);
            }
            fuse(&layers, self.size, canvas.picture);
        }
    }
}

impl<N: Reconstruct> Network for Halves<N> {
    fn latents(&mut self) -> [&mut [f32]; 2] {
        let Tensors { latent16, latent8, .. } = self.network.tensors();
        [latent16, latent8]
    }

    fn paint(
        &mut self,
        batch: &mut [Canvas<'_>],
        witness: Option<&mut Witness<'_>>,
    ) -> Result<Spans> {
        let moved_before = self.network.moved_bytes();
        let motion = Instant::now();
        self.network.motion(batch.len())?;
        let warp = Instant::now();
        self.warp(batch);
        let refine = Instant::now();
        self.network.refine(batch.len())?;
        let fuse = Instant::now();
        self.blend(batch, witness);
        let moved_bytes = self.network.moved_bytes() - moved_before;
        Ok(Spans::of_halves([motion, warp, refine, fuse], moved_bytes))
    }
}
