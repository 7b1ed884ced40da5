//! The split path in 8 bits: the network's two halves, our warp into its cells and our blend out of them.

use std::time::Instant;

use super::session::{Int8Network, Int8Tensors};
use super::{Canvas, Network, Spans, Witness};
use crate::error::Result;
use crate::kernel::cells::Cells;
use crate::kernel::cells::fuse::fuse_cells;
use crate::kernel::cells::padded::PaddedPicture;
use crate::kernel::cells::warp::CellWarper;
use crate::picture::Picture;
use crate::profile::HEAD;
use crate::units::{PictureId, Size};

/// Two halves in bytes with the kernels between and behind them.
pub struct ByteHalves {
    network: Int8Network,
    layout: Cells,
    warper: CellWarper,
    sources: Box<[PaddedSource; 2]>,
}

/// A source of the picture painted last, for the next one that has the same.
struct PaddedSource {
    of: Option<PictureId>,
    picture: PaddedPicture,
}

impl PaddedSource {
    fn new(size: Size) -> Self {
        Self { of: None, picture: PaddedPicture::new(size) }
    }

    /// `picture`, which is that of `id`.
    fn with(&mut self, (id, picture): (PictureId, &Picture)) -> &PaddedPicture {
        if self.of.replace(id) != Some(id) {
            self.picture.copy(picture);
        }
        &self.picture
    }
}

impl ByteHalves {
    /// `network`, opened for pictures of `size`.
    pub fn new(network: Int8Network, size: Size) -> Self {
        let layout = network.layout();
        let sources = Box::new([0, 1].map(|_| PaddedSource::new(size)));
        Self { network, layout, warper: CellWarper::new(layout), sources }
    }

    /// Features and both sources, each moved by its flow, to the cells of every picture.
    fn warp(&mut self, batch: &[Canvas<'_>]) {
        let layout = self.layout;
        let tensors = self.network.tensors();
        let flow = 2 * layout.size.flow_plane();
        let features = tensors.features.chunks_exact(layout.features * layout.size.plane());
        let planes = tensors.planes.chunks_exact_mut(layout.bytes());
        let slots = batch.iter().zip(features).zip(planes).enumerate();
        for (slot, ((canvas, features), cells)) in slots {
            layout.place_features(features, cells);
            let flows = tensors.flow[slot * 2 * flow..].chunks_exact(flow);
            let sources = canvas.sources.into_iter().zip(self.sources.iter_mut());
            for (place, ((source, padded), flow)) in sources.zip(flows).enumerate() {
                self.warper.warp(padded.with(source), flow, place, cells);
            }
        }
    }

    fn blend(&mut self, batch: &mut [Canvas<'_>]) {
        let layout = self.layout;
        let Int8Tensors { planes, picture: heads, .. } = self.network.tensors();
        let planes = planes.chunks_exact(layout.bytes());
        let heads = heads.chunks_exact(HEAD * layout.size.plane());
        for (canvas, (cells, head)) in batch.iter_mut().zip(planes.zip(heads)) {
            fuse_cells(layout, cells, head, canvas.picture);
        }
    }
}

impl Network for ByteHalves {
    fn latents(&mut self) -> [&mut [f32]; 2] {
        self.network.latents()
    }

    // The five steps of `Halves::paint`: a trait over both would be longer than what it joins.
    fn paint(&mut self, batch: &mut [Canvas<'_>], _: Option<&mut Witness<'_>>) -> Result<Spans> {
        let moved_before = self.network.moved_bytes();
        let motion = Instant::now();
        self.network.motion(batch.len())?;
        let warp = Instant::now();
        self.warp(batch);
        let refine = Instant::now();
        self.network.refine(batch.len())?;
        let fuse = Instant::now();
        self.blend(batch);
        let moved_bytes = self.network.moved_bytes() - moved_before;
        Ok(Spans::of_halves([motion, warp, refine, fuse], moved_bytes))
    }
}
