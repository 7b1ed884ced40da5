//! The reconstruct stage: latents → motion → warps → refinement, a batch of views at a time.

use std::sync::Arc;
use std::time::Instant;

use heapless::Vec as FixedVec;

use crate::anchor::TimeJob;
use crate::error::Result;
use crate::format::anchor::Key;
use crate::format::header::{Header, MAX_VIEWS, Role, Second};
use crate::gop::Scene;
use crate::kernel::fuse::{Layers, MASKS};
use crate::kernel::warp::PackedSize;
use crate::kernel::warp_fast::Warper;
use crate::model::sum_latent;
use crate::picture::Picture;
use crate::pool::{Pool, Pooled};
use crate::profile::{FLOW, PACKED, Profile};
use crate::scene::{Grid, NetworkLevels};
use crate::timing::Timings;
use crate::units::ViewId;
use crate::views::ViewSet;
use crate::wanted::Wanted;

/// The two halves of a network, opened for one scene and one batch size.
///
/// Features stay inside between `motion` and the `refine` that follows it.
pub trait Reconstruct: Send {
    /// Latents to the flow of both sources.
    ///
    /// # Shapes
    /// | argument | shape | type |
    /// |---|---|---|
    /// | `latent16` | `[batch, latent16, rows / 4, columns / 4]` | f32 |
    /// | `latent8` | `[batch, latent8, rows / 2, columns / 2]` | f32 |
    /// | `flow` (out) | `[batch, 4, rows / 2, columns / 2]` | f32, 8 pixels |
    ///
    /// # Errors
    /// The backend's.
    fn motion(&mut self, latent16: &[f32], latent8: &[f32], flow: &mut [f32]) -> Result<()>;

    /// Warped sources to the implicit picture and the masks.
    ///
    /// # Shapes
    /// | argument | shape | type |
    /// |---|---|---|
    /// | `warped0`, `warped1` | `[batch, 24, rows, columns]` | f32, −1‥1 |
    /// | `picture` (out) | `[batch, 24, rows, columns]` | f32 |
    /// | `masks` (out) | `[batch, 8, rows, columns]` | f32, 0‥1 |
    ///
    /// # Errors
    /// The backend's.
    fn refine(
        &mut self,
        warped0: &[f32],
        warped1: &[f32],
        picture: &mut [f32],
        masks: &mut [f32],
    ) -> Result<()>;
}

/// Opens the network of a scene for a batch size; the player calls it once per scene.
pub type OpenNetwork =
    dyn Fn(&Header, &NetworkLevels, usize) -> Result<Box<dyn Reconstruct>> + Send + Sync;

/// What one run of the network left for the fuse: a batch of `[channel, rows, columns]`.
#[derive(Debug)]
pub struct Canvas {
    /// The views painted; slots past them are padding.
    pub views: FixedVec<ViewId, MAX_VIEWS>,
    warped0: Vec<f32>,
    warped1: Vec<f32>,
    implicit: Vec<f32>,
    masks: Vec<f32>,
}

impl Canvas {
    fn new(batch: usize, size: PackedSize) -> Self {
        let packed = || vec![0.0; batch * PACKED * size.plane()];
        Self {
            views: FixedVec::new(),
            warped0: packed(),
            warped1: packed(),
            implicit: packed(),
            masks: vec![0.0; batch * MASKS * size.plane()],
        }
    }

    /// What the view in `slot` is blended from.
    pub fn layers(&self, slot: usize, size: PackedSize) -> Layers<'_> {
        let (packed, masks) = (PACKED * size.plane(), MASKS * size.plane());
        Layers {
            warped0: &self.warped0[slot * packed..][..packed],
            warped1: &self.warped1[slot * packed..][..packed],
            implicit: &self.implicit[slot * packed..][..packed],
            masks: &self.masks[slot * masks..][..masks],
        }
    }
}

/// A time with everything but the blending done.
#[derive(Debug)]
pub struct Painted {
    /// The job, with the explicit pictures.
    pub job: TimeJob,
    /// Whether implicit views were left out because the time comes too late.
    pub degraded: bool,
    /// Implicit views, in batches.
    pub canvases: FixedVec<Pooled<Canvas>, MAX_VIEWS>,
}

/// The reconstruct stage.
pub struct ReconstructStage<I> {
    jobs: I,
    header: Arc<Header>,
    wanted: Arc<Wanted>,
    open: Arc<OpenNetwork>,
    batch: usize,
    painter: Option<Painter>,
    canvases: Pool<Canvas>,
}

impl<I: Iterator<Item = Result<TimeJob>>> ReconstructStage<I> {
    /// Name in errors, traces and board profiles.
    pub const NAME: &'static str = "reconstruct";

    /// Paints the implicit views of `jobs` that are `wanted`, at most `batch` in one run of the network.
    pub fn new(
        jobs: I,
        header: Arc<Header>,
        wanted: Arc<Wanted>,
        open: Arc<OpenNetwork>,
        batch: usize,
        canvases: Pool<Canvas>,
    ) -> Self {
        let batch = batch.clamp(1, MAX_VIEWS);
        Self { jobs, header, wanted, open, batch, painter: None, canvases }
    }

    fn paint(&mut self, mut job: TimeJob) -> Result<Painted> {
        let started = Instant::now();
        self.follow(&mut job);
        let degraded = self.degrade(&mut job);
        let mut canvases = FixedVec::new();
        let implicit = job.shown.implicit(&self.header);
        if let Some(scene) = job.gop.scene.clone().filter(|_| !implicit.is_empty()) {
            let painter = self.painter(&scene)?;
            let (batch, size) = (painter.batch, painter.size);
            let views: FixedVec<ViewId, MAX_VIEWS> = implicit.iter().collect();
            for views in views.chunks(batch) {
                let mut canvas = self.canvases.take_or(|| Canvas::new(batch, size));
                let painter = self.painter(&scene)?;
                painter.paint(&mut job, views, &mut canvas)?;
                assert!(canvases.push(canvas).is_ok(), "a stream has at most {MAX_VIEWS} views");
            }
        }
        job.timings.reconstruct_us = started.elapsed().as_micros() as u64;
        Ok(Painted { job, degraded, canvases })
    }

    /// Leaves out what the network would paint of a time that comes too late; whether there was any.
    fn degrade(&self, job: &mut TimeJob) -> bool {
        let implicit = job.shown.implicit(&self.header);
        if implicit.is_empty() || self.wanted.painted(job.number) {
            return false;
        }
        let explicit: ViewSet = job.shown.iter().filter(|v| !implicit.contains(*v)).collect();
        let needed = job.shown.explicit_needed(&self.header);
        job.shown = if explicit.is_empty() { needed } else { explicit };
        true
    }

    /// Shows the views wanted by now, unless they need an explicit picture that was not yet wanted
    /// when the time was decoded; those follow a time later.
    fn follow(&self, job: &mut TimeJob) {
        let wanted = self.wanted.shown();
        let decoded: ViewSet = job.anchors.iter().map(|a| a.view).collect();
        if decoded.includes(wanted.explicit_needed(&self.header)) {
            job.shown = wanted;
        }
    }

    /// The painter of `scene`, opened when the scene changes.
    fn painter(&mut self, scene: &Arc<Scene>) -> Result<&mut Painter> {
        let painter = match self.painter.take().filter(|p| p.scene.index == scene.index) {
            Some(painter) => painter,
            None => Painter::new(&self.header, Arc::clone(scene), &*self.open, self.batch)?,
        };
        Ok(self.painter.insert(painter))
    }
}

impl<I: Iterator<Item = Result<TimeJob>>> Iterator for ReconstructStage<I> {
    type Item = Result<Painted>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.jobs.next()?.and_then(|job| self.paint(job)))
    }
}

/// The network of one scene with the buffers around it.
struct Painter {
    header: Header,
    profile: &'static Profile,
    scene: Arc<Scene>,
    network: Box<dyn Reconstruct>,
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
    fn new(header: &Header, scene: Arc<Scene>, open: &OpenNetwork, batch: usize) -> Result<Self> {
        let profile = header.profile();
        let profile =
            profile.unwrap_or_else(|| panic!("a header with implicit views names a profile"));
        let size = PackedSize::of(header.size);
        let cells8 = size.flow_plane();
        let latent16 = batch * profile.latent16 * cells8 / 4;
        let latent8 = batch * profile.latent8 * cells8;
        Ok(Self {
            network: open(header, &scene.network, batch)?,
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

    fn paint(&mut self, job: &mut TimeJob, views: &[ViewId], canvas: &mut Canvas) -> Result<()> {
        canvas.views.clear();
        canvas.views.extend(views.iter().copied());
        for slot in 0..self.batch {
            // Slots without a view repeat the last one: their result is not looked at. The batch
            // stays the same, so a picture's bits do not depend on which others are shown.
            let view = views[slot.min(views.len() - 1)];
            let index = self.order.iter().position(|v| *v == view);
            let index = index.unwrap_or_else(|| panic!("only implicit views are painted"));
            self.latents(job, slot, index)?;
        }
        let motion = Instant::now();
        self.network.motion(&self.latent16, &self.latent8, &mut self.flow)?;
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
        let refined = self.network.refine(warped0, warped1, implicit, masks);
        let Timings { network_us, warp_us, .. } = &mut job.timings;
        *network_us += (warp - motion).as_micros() as u64 + refine.elapsed().as_micros() as u64;
        *warp_us += (refine - warp).as_micros() as u64;
        refined
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
