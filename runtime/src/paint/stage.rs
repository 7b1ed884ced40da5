//! The reconstruct stage: latents → motion → warps → refinement → pictures, a batch of views at a time.
//!
//! Pictures are blended where the network left its planes, while they are in the cache.

use std::sync::Arc;
use std::time::Instant;

use heapless::Vec as FixedVec;

use super::painter::Painter;
use crate::anchor::stage::TimeJob;
use crate::error::{Error, Result};
use crate::format::header::{Header, MAX_VIEWS};
use crate::kernel::fuse::Layers;
use crate::named::by_name;
use crate::network::session::{FullNetwork, Int8Network};
use crate::network::tensors::Tensors;
use crate::picture::Picture;
use crate::picture::pool::Pool;
use crate::play::shown::{Painted, Pictures, ShownView};
use crate::play::wanted::Wanted;
use crate::stream::gop_reader::Scene;
use crate::stream::scene::NetworkLevels;
use crate::units::views::ViewSet;
use crate::units::{FrameId, ViewId};

/// The two halves of a network, opened for one scene and one batch size.
///
/// Features stay inside between `motion` and the `refine` that follows it. Why tensors in place: copies in
/// and out were a tenth of the time of a picture.
pub trait Reconstruct: Send {
    /// What it works in; the same memory every time.
    fn tensors(&mut self) -> Tensors<'_>;

    /// Latents to the flow of both sources.
    ///
    /// # Errors
    /// The backend's.
    fn motion(&mut self) -> Result<()>;

    /// Warped sources to the implicit picture and the masks.
    ///
    /// # Errors
    /// The backend's.
    fn refine(&mut self) -> Result<()>;
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
        by_name("path of the network", [Self::Split, Self::Full], Self::name, name)
    }
}

/// Numbers a network is computed in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floating point: what a stream means.
    #[default]
    F32,
    /// 16-bit floating point where TensorRT chooses to.
    F16,
    /// 8-bit integers for what paints, 32-bit floating point for what moves; on CPUs.
    Int8,
}

impl Precision {
    /// Name on the command line, in board profiles and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Int8 => "int8",
        }
    }
}

impl core::str::FromStr for Precision {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        by_name("precision", [Self::F32, Self::F16, Self::Int8], Self::name, name)
    }
}

/// The network of a scene.
pub enum Network {
    /// Its two halves.
    Split(Box<dyn Reconstruct>),
    /// Its two halves in 8 bits.
    Int8(Box<Int8Network>),
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
    /// The precision wanted; an opener may answer with another.
    pub precision: Precision,
}

impl Opening {
    /// Two halves in f32, for `batch` views.
    pub const fn split(batch: usize) -> Self {
        Self { batch, path: NetworkPath::Split, precision: Precision::F32 }
    }
}

/// Opens the network of a scene; every painter calls it once per scene.
pub type OpenNetwork = dyn Fn(&Header, &NetworkLevels, Opening) -> Result<Network> + Send + Sync;

/// Sees what every implicit picture is blended from.
pub type Witness<'a> = dyn FnMut(FrameId, &Layers<'_>) + 'a;

/// Which of the batches of views falls to a painter: they go around, on through the times, so that all
/// painters have as much to do whatever the number of views.
#[derive(Debug, Clone, Copy)]
pub struct Share {
    /// The painter.
    pub painter: usize,
    /// All painters.
    pub painters: usize,
}

impl Share {
    /// Every batch.
    pub const WHOLE: Self = Self { painter: 0, painters: 1 };

    /// Whether batch `index` out of `batches` of time `number` falls to the painter.
    fn has(self, number: u64, (index, batches): (usize, usize)) -> bool {
        let before = number.wrapping_mul(batches as u64);
        before.wrapping_add(index as u64) % self.painters as u64 == self.painter as u64
    }
}

/// The reconstruct stage of one painter.
pub struct ReconstructStage<'w, I> {
    jobs: I,
    share: Share,
    header: Arc<Header>,
    wanted: Arc<Wanted>,
    open: Arc<OpenNetwork>,
    opening: Opening,
    painter: Option<Painter>,
    pictures: Pool<Picture>,
    witness: Option<Box<Witness<'w>>>,
}

impl<'w, I: Iterator<Item = Result<(ViewSet, TimeJob)>>> ReconstructStage<'w, I> {
    /// Paints its `share` of `jobs`, each with the views wanted by now, a batch in one run of the network.
    pub fn new(
        jobs: I,
        share: Share,
        header: Arc<Header>,
        wanted: Arc<Wanted>,
        open: Arc<OpenNetwork>,
        opening: Opening,
        pictures: Pool<Picture>,
    ) -> Self {
        Self { jobs, share, header, wanted, open, opening, painter: None, pictures, witness: None }
    }

    /// The same stage, with somebody who sees the layers of a split network.
    pub fn seen_by(self, witness: Option<Box<Witness<'w>>>) -> Self {
        Self { witness, ..self }
    }

    fn paint(&mut self, wanted: ViewSet, mut job: TimeJob) -> Result<Painted> {
        let started = Instant::now();
        self.follow(&mut job, wanted);
        let views: FixedVec<ViewId, MAX_VIEWS> = job.shown.implicit(&self.header).iter().collect();
        let spared = !views.is_empty() && !self.wanted.painted(job.number);
        let mut pictures = Pictures::new();
        if let Some(scene) = job.gop.scene.clone().filter(|_| !spared) {
            let batches = views.chunks(self.opening.batch);
            let count = batches.len();
            let (share, number) = (self.share, job.number);
            let own = |(index, _): &(usize, _)| share.has(number, (*index, count));
            for (_, views) in batches.enumerate().filter(own) {
                let mut painter = self.painter(&scene)?;
                painter.paint(views, &mut job, &mut self.witness, |view, fill| {
                    let mut picture = self.pictures.take_or(|| Picture::new(self.header.size));
                    fill(&mut picture);
                    pictures.extend([ShownView { view, picture: picture.share() }]);
                })?;
                self.painter = Some(painter);
            }
        }
        job.timings.reconstruct_us = started.elapsed().as_micros() as u64 - job.timings.fuse_us;
        Ok(Painted { job, pictures, spared })
    }

    /// Shows the views wanted by now, unless they need an explicit picture that was not yet wanted
    /// when the time was decoded; those follow a time later.
    fn follow(&self, job: &mut TimeJob, wanted: ViewSet) {
        let decoded: ViewSet = job.anchors.iter().map(|a| a.view).collect();
        if decoded.includes(wanted.explicit_needed(&self.header)) {
            job.shown = wanted;
        }
    }

    /// The painter of `scene`, opened when the scene changes.
    fn painter(&mut self, scene: &Arc<Scene>) -> Result<Painter> {
        match self.painter.take().filter(|p| p.scene() == scene.index) {
            Some(painter) => Ok(painter),
            None => Painter::new(&self.header, Arc::clone(scene), &*self.open, self.opening),
        }
    }
}

impl<I: Iterator<Item = Result<(ViewSet, TimeJob)>>> Iterator for ReconstructStage<'_, I> {
    type Item = Result<Painted>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.jobs.next()?.and_then(|(wanted, job)| self.paint(wanted, job)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn painters_share_every_time_and_have_as_much_to_do_as_any_other() {
        for (painters, batches) in (1..=5).flat_map(|p| (0..=6).map(move |b| (p, b))) {
            let mut work = vec![0; painters];
            for (number, index) in (0..7).flat_map(|n| (0..batches).map(move |i| (n, i))) {
                let has = |painter: &usize| {
                    Share { painter: *painter, painters }.has(number, (index, batches))
                };
                let owners: Vec<usize> = (0..painters).filter(has).collect();
                assert_eq!(owners.len(), 1, "batch {index} of {batches}, {painters} painters");
                work[owners[0]] += 1;
            }
            let (least, most) = (work.iter().min(), work.iter().max());
            assert!(most <= least.map(|work| work + 1).as_ref(), "{work:?}");
        }
    }
}
