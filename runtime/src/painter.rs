//! The network of one scene with what is around it: latents in, canvases or pictures out.
//!
//! ```text
//!           ┌ split: motion ─► warps ─► refinement ─► canvas (the fuse blends it)
//! latents ──┤
//!           └ full:  one graph ─► picture
//! ```

use std::sync::Arc;
use std::time::Instant;

use heapless::Vec as FixedVec;

use crate::anchor::TimeJob;
use crate::error::Result;
use crate::format::anchor::Key;
use crate::format::header::{Header, MAX_VIEWS, Role, Second};
use crate::fuse_stage::ShownView;
use crate::gop::Scene;
use crate::kernel::pack::unpack;
use crate::kernel::warp::PackedSize;
use crate::kernel::warp_fast::Warper;
use crate::model::sum_latent;
use crate::picture::Picture;
use crate::profile::{FLOW, PACKED, Profile};
use crate::reconstruct::{Canvas, Network, OpenNetwork, Opening, Painted, Pools};
use crate::scene::Grid;
use crate::timing::Timings;
use crate::units::ViewId;

/// The network of one scene with the buffers around it.
pub struct Painter {
    header: Header,
    profile: &'static Profile,
    scene: Arc<Scene>,
    network: Network,
    batch: usize,
    size: PackedSize,
    /// Place of every implicit view among the implicit ones.
    order: FixedVec<ViewId, MAX_VIEWS>,
    latent16: Vec<f32>,
    latent8: Vec<f32>,
    scratch: Vec<i64>,
    flow: Vec<f32>,
    warper: Warper,
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
        let cells8 = size.flow_plane();
        let latent16 = batch * profile.latent16 * cells8 / 4;
        let latent8 = batch * profile.latent8 * cells8;
        Ok(Self {
            network: open(header, &scene.network, opening)?,
            order: header.implicit_views().collect(),
            header: header.clone(),
            profile,
            scene,
            batch,
            size,
            latent16: vec![0.0; latent16],
            latent8: vec![0.0; latent8],
            scratch: vec![0; latent16.max(latent8) / batch],
            flow: vec![0.0; batch * FLOW * cells8],
            warper: Warper::new(size),
        })
    }

    /// The scene it paints, by its place in the stream.
    pub fn scene(&self) -> u16 {
        self.scene.index
    }

    /// Paints `views` of the time in `painted`, a batch at a time.
    ///
    /// # Errors
    /// The backend's, and the stream's when its grids turn out to be broken.
    pub fn paint(&mut self, views: &[ViewId], pools: &Pools, painted: &mut Painted) -> Result<()> {
        for views in views.chunks(self.batch) {
            self.all_latents(&painted.job, views)?;
            match self.network {
                Network::Split(_) => {
                    let mut canvas = pools.canvases.take_or(|| Canvas::new(self.batch, self.size));
                    self.halves(&mut painted.job, views, &mut canvas)?;
                    let room = painted.canvases.push(canvas).is_ok();
                    assert!(room, "a stream has at most {MAX_VIEWS} views");
                }
                Network::Full(_) => self.whole(views, pools, painted)?,
            }
        }
        Ok(())
    }

    /// Motion, warp and refinement of `views`, into `canvas`.
    fn halves(&mut self, job: &mut TimeJob, views: &[ViewId], canvas: &mut Canvas) -> Result<()> {
        let Network::Split(network) = &mut self.network else { unreachable!("as matched above") };
        canvas.views.clear();
        canvas.views.extend(views.iter().copied());
        let motion = Instant::now();
        network.motion(&self.latent16, &self.latent8, &mut self.flow)?;
        let warp = Instant::now();
        let (packed, flow) = (PACKED * self.size.plane(), 2 * self.size.flow_plane());
        for (slot, view) in views.iter().enumerate() {
            let [first, second] = sources(&self.header, job, *view);
            let (flow0, flow1) = self.flow[slot * 2 * flow..][..2 * flow].split_at(flow);
            let place = slot * packed..(slot + 1) * packed;
            self.warper.warp(first, flow0, &mut canvas.warped0[place.clone()]);
            self.warper.warp(second, flow1, &mut canvas.warped1[place]);
        }
        let Canvas { warped0, warped1, implicit, masks, .. } = canvas;
        let refine = Instant::now();
        let refined = network.refine(warped0, warped1, implicit, masks);
        let Timings { network_us, warp_us, .. } = &mut job.timings;
        *network_us += (warp - motion).as_micros() as u64 + refine.elapsed().as_micros() as u64;
        *warp_us += (refine - warp).as_micros() as u64;
        refined
    }

    /// The whole pictures of `views`.
    fn whole(&mut self, views: &[ViewId], pools: &Pools, painted: &mut Painted) -> Result<()> {
        let Network::Full(network) = &mut self.network else { unreachable!("as matched above") };
        let started = Instant::now();
        let pairs: FixedVec<[&Picture; 2], MAX_VIEWS> =
            views.iter().map(|view| sources(&self.header, &painted.job, *view)).collect();
        let packed = network.run(&self.latent16, &self.latent8, &pairs)?;
        drop(pairs);
        painted.job.timings.network_us += started.elapsed().as_micros() as u64;
        for (view, packed) in views.iter().zip(packed.chunks_exact(PACKED * self.size.plane())) {
            let mut picture = pools.pictures.take_or(|| Picture::new(self.header.size));
            unpack(packed, self.size, &mut picture);
            let room = painted.pictures.push(ShownView { view: *view, picture }).is_ok();
            assert!(room, "a stream has at most {MAX_VIEWS} views");
        }
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
        for (scale, latents) in [(16, &mut self.latent16), (8, &mut self.latent8)] {
            let length = latents.len() / self.batch;
            let latent = &mut latents[slot * length..][..length];
            let scratch = &mut self.scratch[..length];
            sum_latent(self.profile, scale, grids(), (time, view), scratch, latent);
        }
        Ok(())
    }
}

/// The anchor, and the nearest key or the second anchor, of an implicit view.
fn sources<'a>(header: &Header, job: &'a TimeJob, view: ViewId) -> [&'a Picture; 2] {
    let Role::Implicit { anchor, second } = header.views[usize::from(view.0)] else {
        panic!("only implicit views are painted");
    };
    let anchor = job.anchor(anchor);
    let second = match second {
        Second::Anchor(other) => &*job.anchor(other).picture,
        Second::Key => nearest_key(job, view, anchor.keys.iter().map(|(k, p)| (*k, &**p)))
            .unwrap_or(&anchor.picture),
    };
    [&anchor.picture, second]
}

/// The key picture of `view` nearest in time; of two equally near, the earlier.
fn nearest_key<'a>(
    job: &TimeJob,
    view: ViewId,
    keys: impl Iterator<Item = (Key, &'a Picture)>,
) -> Option<&'a Picture> {
    let time = job.time.0 - job.gop.first;
    let of_view = keys.filter(|(key, _)| key.view == view);
    of_view
        .min_by_key(|(key, _)| (u32::from(key.time).abs_diff(time), key.time))
        .map(|(_, picture)| picture)
}
