//! The network of one scene with what is around it: latents in, pictures out.
//!
//! ```text
//!           ┌ split: motion ─► warps ─► refinement ─► fuse ─┐     (in f32 or in bytes)
//! latents ──┤                                               ├─► picture
//!           └ full:  one graph ─► unpack ───────────────────┘
//! ```

use std::sync::Arc;
use std::time::Instant;

use heapless::Vec as FixedVec;

use super::stage::{Network, OpenNetwork, Opening, Reconstruct, Witness};
use crate::anchor::stage::{Keys, TimeJob};
use crate::error::Result;
use crate::format::header::{Header, MAX_VIEWS, Role, Second};
use crate::kernel::cells::Cells;
use crate::kernel::cells::fuse::fuse_cells;
use crate::kernel::cells::padded::PaddedPicture;
use crate::kernel::cells::warp::CellWarper;
use crate::kernel::fuse::{Layers, fuse as blend};
use crate::kernel::pack::unpack;
use crate::kernel::warp::PackedSize;
use crate::kernel::warp_fast::Warper;
use crate::network::session::{FullNetwork, Int8Network, Int8Tensors};
use crate::network::tensors::Tensors;
use crate::picture::Picture;
use crate::play::timing::Timings;
use crate::profile::{HEAD, PACKED, Profile};
use crate::stream::gop_reader::Scene;
use crate::stream::latents::sum_latent;
use crate::stream::scene::Grid;
use crate::units::{FrameId, Size, TimeIndex, ViewId};

/// The network of one scene with the buffers around it.
pub struct Painter {
    header: Header,
    profile: &'static Profile,
    scene: Arc<Scene>,
    brush: Brush,
    batch: usize,
    size: PackedSize,
    /// Place of every implicit view among the implicit ones.
    order: FixedVec<ViewId, MAX_VIEWS>,
    scratch: Vec<i64>,
}

/// A network with what its kernels work in.
enum Brush {
    Floats {
        network: Box<dyn Reconstruct>,
        warper: Warper,
    },
    Bytes {
        network: Box<Int8Network>,
        layout: Cells,
        warper: CellWarper,
        sources: Box<[Padded; 2]>,
    },
    Whole(Box<FullNetwork>),
}

impl Brush {
    fn new(network: Network, header: &Header, profile: &Profile) -> Self {
        let size = PackedSize::of(header.size);
        match network {
            Network::Split(network) => Self::Floats { network, warper: Warper::new(size) },
            Network::Int8(network) => {
                let layout = Cells { size, features: profile.quarter };
                let (warper, sources) =
                    (CellWarper::new(layout), [0, 1].map(|_| Padded::new(header.size)).into());
                Self::Bytes { network, layout, warper, sources }
            }
            Network::Full(network) => Self::Whole(network),
        }
    }

    /// Latents at 1/16 and 1/8 of a whole batch, to be filled.
    fn latents(&mut self) -> [&mut [f32]; 2] {
        match self {
            Self::Floats { network, .. } => {
                let Tensors { latent16, latent8, .. } = network.tensors();
                [latent16, latent8]
            }
            Self::Bytes { network, .. } => network.latents(),
            Self::Whole(network) => network.latents(),
        }
    }
}

/// A source of the view painted last, for the next one that has the same.
struct Padded {
    of: Option<FrameId>,
    picture: PaddedPicture,
}

impl Padded {
    fn new(size: Size) -> Self {
        Self { of: None, picture: PaddedPicture::new(size) }
    }

    /// `picture`, which is that of `id`.
    fn with(&mut self, (id, picture): (FrameId, &Picture)) -> &PaddedPicture {
        if self.of.replace(id) != Some(id) {
            self.picture.copy(picture);
        }
        &self.picture
    }
}

impl Painter {
    /// Opens the network of `scene`.
    ///
    /// # Errors
    /// The backend's.
    ///
    /// # Panics
    /// If the header names no profile; it does where a view is implicit.
    pub fn new(
        header: &Header,
        scene: Arc<Scene>,
        open: &OpenNetwork,
        opening: Opening,
    ) -> Result<Self> {
        let batch = opening.batch;
        let profile = header.profile();
        let profile =
            profile.unwrap_or_else(|| panic!("a header with implicit views names a profile"));
        let size = PackedSize::of(header.size);
        let mut brush = Brush::new(open(header, &scene.network, opening)?, header, profile);
        let scratch = brush.latents().map(|latents| latents.len()).into_iter().max();
        Ok(Self {
            brush,
            order: header.implicit_views().collect(),
            header: header.clone(),
            profile,
            scene,
            batch,
            size,
            scratch: vec![0; scratch.unwrap_or(0) / batch],
        })
    }

    /// The scene it paints, by its place in the stream.
    pub fn scene(&self) -> u16 {
        self.scene.index
    }

    /// Paints `views`, at most a batch, of the time of `job`; `show` is given every view with what fills
    /// its picture.
    ///
    /// # Errors
    /// The backend's, and the stream's when its grids turn out to be broken.
    pub fn paint(
        &mut self,
        views: &[ViewId],
        job: &mut TimeJob,
        witness: &mut Option<Box<Witness<'_>>>,
        mut show: impl FnMut(ViewId, &mut dyn FnMut(&mut Picture)),
    ) -> Result<()> {
        self.all_latents(job, views)?;
        match self.brush {
            Brush::Floats { .. } => self.halves(job, views, witness, &mut show),
            Brush::Bytes { .. } => self.halves_in_bytes(job, views, &mut show),
            Brush::Whole(_) => self.whole(job, views, &mut show),
        }
    }

    /// Motion, warp, refinement and fuse of `views`.
    fn halves(
        &mut self,
        job: &mut TimeJob,
        views: &[ViewId],
        witness: &mut Option<Box<Witness<'_>>>,
        show: &mut impl FnMut(ViewId, &mut dyn FnMut(&mut Picture)),
    ) -> Result<()> {
        let Brush::Floats { network, warper } = &mut self.brush else {
            unreachable!("as matched above")
        };
        let size = self.size;
        let motion = Instant::now();
        network.motion()?;
        let warp = Instant::now();
        let (packed, flow) = (PACKED * size.plane(), 2 * size.flow_plane());
        let mut tensors = network.tensors();
        for (slot, view) in views.iter().enumerate() {
            let flows = tensors.flow[slot * 2 * flow..][..2 * flow].chunks_exact(flow);
            let pictures = sources(&self.header, job, *view).into_iter().zip(flows);
            for (((_, picture), flow), warped) in pictures.zip(&mut tensors.warped) {
                warper.warp(picture, flow, &mut warped[slot * packed..][..packed]);
            }
        }
        let refine = Instant::now();
        network.refine()?;
        let fuse = Instant::now();
        let Tensors { warped: [warped0, warped1], implicit, masks, .. } = network.tensors();
        let batch = Layers { warped0, warped1, implicit, masks };
        for (slot, view) in views.iter().enumerate() {
            let layers = batch.of(slot, size);
            if let Some(witness) = witness {
                witness(FrameId { view: *view, time: job.time }, &layers);
            }
            show(*view, &mut |picture| blend(&layers, size, picture));
        }
        account(&mut job.timings, [motion, warp, refine, fuse]);
        Ok(())
    }

    /// The same in 8 bits.
    fn halves_in_bytes(
        &mut self,
        job: &mut TimeJob,
        views: &[ViewId],
        show: &mut impl FnMut(ViewId, &mut dyn FnMut(&mut Picture)),
    ) -> Result<()> {
        let Brush::Bytes { network, layout, warper, sources: padded } = &mut self.brush else {
            unreachable!("as matched above")
        };
        let layout = *layout;
        let motion = Instant::now();
        network.motion()?;
        let warp = Instant::now();
        let tensors = network.tensors();
        let flow = 2 * self.size.flow_plane();
        let features = tensors.features.chunks_exact(layout.features * self.size.plane());
        let planes = tensors.planes.chunks_exact_mut(layout.bytes());
        for (slot, ((view, features), cells)) in views.iter().zip(features).zip(planes).enumerate()
        {
            layout.place_features(features, cells);
            let flows = tensors.flow[slot * 2 * flow..].chunks_exact(flow);
            let sources = sources(&self.header, job, *view).into_iter().zip(padded.iter_mut());
            for (place, ((source, padded), flow)) in sources.zip(flows).enumerate() {
                warper.warp(padded.with(source), flow, place, cells);
            }
        }
        let refine = Instant::now();
        network.refine()?;
        let fuse = Instant::now();
        let Int8Tensors { planes, picture: heads, .. } = network.tensors();
        let planes = planes.chunks_exact(layout.bytes());
        let heads = heads.chunks_exact(HEAD * self.size.plane());
        for (view, (cells, head)) in views.iter().zip(planes.zip(heads)) {
            show(*view, &mut |picture| fuse_cells(layout, cells, head, picture));
        }
        account(&mut job.timings, [motion, warp, refine, fuse]);
        Ok(())
    }

    /// The whole pictures of `views`.
    fn whole(
        &mut self,
        job: &mut TimeJob,
        views: &[ViewId],
        show: &mut impl FnMut(ViewId, &mut dyn FnMut(&mut Picture)),
    ) -> Result<()> {
        let Brush::Whole(network) = &mut self.brush else { unreachable!("as matched above") };
        let started = Instant::now();
        let pairs: FixedVec<[&Picture; 2], MAX_VIEWS> =
            views.iter().map(|view| sources(&self.header, job, *view).map(|s| s.1)).collect();
        let packed = network.run(&pairs)?;
        drop(pairs);
        let fuse = Instant::now();
        for (view, packed) in views.iter().zip(packed.chunks_exact(PACKED * self.size.plane())) {
            show(*view, &mut |picture| unpack(packed, self.size, picture));
        }
        job.timings.network_us += (fuse - started).as_micros() as u64;
        job.timings.fuse_us += fuse.elapsed().as_micros() as u64;
        Ok(())
    }

    /// Latents of `views` in their slots; the others repeat the last one: their result is not looked
    /// at. The batch stays the same, so a picture's bits do not depend on which others are shown.
    fn all_latents(&mut self, job: &TimeJob, views: &[ViewId]) -> Result<()> {
        for slot in 0..self.batch {
            let view = views[slot.min(views.len() - 1)];
            let index = self.order.iter().position(|v| *v == view);
            let index = index.unwrap_or_else(|| panic!("only implicit views are painted"));
            self.latents(job, slot, index)?;
        }
        Ok(())
    }

    fn latents(&mut self, job: &TimeJob, slot: usize, view: usize) -> Result<()> {
        let time = (job.time.0 - job.gop.first) as usize;
        let of_scene = self.scene.grids.get()?;
        let of_gop = job.gop.grids.as_ref().map_or(Ok(&[][..]), |grids| grids.get())?;
        let grids = || of_scene.iter().chain(of_gop).map(Grid::view);
        for (scale, latents) in [16, 8].into_iter().zip(self.brush.latents()) {
            let length = latents.len() / self.batch;
            let latent = &mut latents[slot * length..][..length];
            let scratch = &mut self.scratch[..length];
            sum_latent(self.profile, scale, grids(), (time, view), scratch, latent);
        }
        Ok(())
    }
}

/// Adds the spans of halves, given by where each begins; the fuse ends now.
fn account(timings: &mut Timings, [motion, warp, refine, fuse]: [Instant; 4]) {
    let us = |from: Instant, to: Instant| (to - from).as_micros() as u64;
    timings.network_us += us(motion, warp) + us(refine, fuse);
    timings.warp_us += us(warp, refine);
    timings.fuse_us += us(fuse, Instant::now());
}

/// The anchor, and the nearest key or the second anchor, of an implicit view.
fn sources<'a>(header: &Header, job: &'a TimeJob, view: ViewId) -> [(FrameId, &'a Picture); 2] {
    let Role::Implicit { anchor, second } = header.views[usize::from(view.0)] else {
        panic!("only implicit views are painted");
    };
    let explicit = |view: ViewId| (FrameId { view, time: job.time }, &*job.anchor(view).picture);
    let first = explicit(anchor);
    let second = match second {
        Second::Anchor(other) => explicit(other),
        Second::Key => nearest_key(job, view, &job.anchor(anchor).keys).unwrap_or(first),
    };
    [first, second]
}

/// The key picture of `view` nearest in time; of two equally near, the earlier.
fn nearest_key<'a>(job: &TimeJob, view: ViewId, keys: &'a Keys) -> Option<(FrameId, &'a Picture)> {
    let time = job.time.0 - job.gop.first;
    let of_view = keys.iter().filter(|(key, _)| key.view == view);
    let (key, picture) =
        of_view.min_by_key(|(key, _)| (u32::from(key.time).abs_diff(time), key.time))?;
    let time = TimeIndex(job.gop.first + u32::from(key.time));
    Some((FrameId { view, time }, picture))
}
