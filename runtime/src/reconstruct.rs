//! The reconstruct stage: latents → motion → warps → refinement, a batch of views at a time.

use std::sync::Arc;
use std::time::Instant;

use heapless::Vec as FixedVec;

use crate::anchor::TimeJob;
use crate::error::{Error, Result};
use crate::format::header::{Header, MAX_VIEWS};
use crate::fuse_stage::ShownView;
use crate::gop::Scene;
use crate::kernel::fuse::{Layers, MASKS};
use crate::kernel::warp::PackedSize;
use crate::painter::Painter;
use crate::picture::Picture;
use crate::pool::{Pool, Pooled};
use crate::profile::PACKED;
use crate::scene::NetworkLevels;
use crate::session::FullNetwork;
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

/// Where implicit pictures are painted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkPath {
    /// Motion and refinement in the network, warp and fuse in our own kernels: for CPUs, where these are
    /// far faster than the network's operators.
    #[default]
    Split,
    /// All of it in one graph, so that nothing in between leaves a GPU.
    Full,
}

impl NetworkPath {
    /// Name on the command line, in board profiles and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Split => "split",
            Self::Full => "full",
        }
    }
}

impl core::str::FromStr for NetworkPath {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        [Self::Split, Self::Full].into_iter().find(|path| path.name() == name).ok_or_else(|| {
            Error::Backend {
                what: format!("no path of the network is called {name:?}: use split or full"),
            }
        })
    }
}

/// The network of a scene.
pub enum Network {
    /// Its two halves.
    Split(Box<dyn Reconstruct>),
    /// All of it.
    Full(Box<FullNetwork>),
}

/// How the network of a scene is opened.
#[derive(Debug, Clone, Copy)]
pub struct Opening {
    /// Views in one run.
    pub batch: usize,
    /// The path wanted; an opener may answer with [`Network::Split`] all the same.
    pub path: NetworkPath,
}

/// Opens the network of a scene; every painter calls it once per scene.
pub type OpenNetwork = dyn Fn(&Header, &NetworkLevels, Opening) -> Result<Network> + Send + Sync;

/// What one run of the network left for the fuse: a batch of `[channel, rows, columns]`.
#[derive(Debug)]
pub struct Canvas {
    /// The views painted; slots past them are padding.
    pub views: FixedVec<ViewId, MAX_VIEWS>,
    pub(crate) warped0: Vec<f32>,
    pub(crate) warped1: Vec<f32>,
    pub(crate) implicit: Vec<f32>,
    pub(crate) masks: Vec<f32>,
}

impl Canvas {
    pub(crate) fn new(batch: usize, size: PackedSize) -> Self {
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
    /// Implicit views still to be blended, in batches.
    pub canvases: FixedVec<Pooled<Canvas>, MAX_VIEWS>,
    /// Implicit views that came out of the network as pictures.
    pub pictures: FixedVec<ShownView, MAX_VIEWS>,
}

/// The reconstruct stage.
pub struct ReconstructStage<I> {
    jobs: I,
    header: Arc<Header>,
    wanted: Arc<Wanted>,
    open: Arc<OpenNetwork>,
    opening: Opening,
    painter: Option<Painter>,
    pools: Pools,
}

/// Where the buffers of painted times come from.
#[derive(Clone)]
pub struct Pools {
    /// What a split network leaves for the fuse.
    pub canvases: Pool<Canvas>,
    /// What a full network paints.
    pub pictures: Pool<Picture>,
}

impl<I: Iterator<Item = Result<TimeJob>>> ReconstructStage<I> {
    /// Name in errors, traces and board profiles.
    pub const NAME: &'static str = "reconstruct";

    /// Paints the implicit views of `jobs` that are `wanted`, a batch in one run of the network.
    pub fn new(
        jobs: I,
        header: Arc<Header>,
        wanted: Arc<Wanted>,
        open: Arc<OpenNetwork>,
        opening: Opening,
        pools: Pools,
    ) -> Self {
        let opening = Opening { batch: opening.batch.clamp(1, MAX_VIEWS), ..opening };
        Self { jobs, header, wanted, open, opening, painter: None, pools }
    }

    fn paint(&mut self, mut job: TimeJob) -> Result<Painted> {
        let started = Instant::now();
        self.follow(&mut job);
        let degraded = self.degrade(&mut job);
        let mut painted =
            Painted { job, degraded, canvases: FixedVec::new(), pictures: FixedVec::new() };
        let implicit = painted.job.shown.implicit(&self.header);
        if let Some(scene) = painted.job.gop.scene.clone().filter(|_| !implicit.is_empty()) {
            let views: FixedVec<ViewId, MAX_VIEWS> = implicit.iter().collect();
            let pools = self.pools.clone();
            self.painter(&scene)?.paint(&views, &pools, &mut painted)?;
        }
        painted.job.timings.reconstruct_us = started.elapsed().as_micros() as u64;
        Ok(painted)
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
        let painter = match self.painter.take().filter(|p| p.scene() == scene.index) {
            Some(painter) => painter,
            None => Painter::new(&self.header, Arc::clone(scene), &*self.open, self.opening)?,
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
