//! The reconstruct stage: latents → motion → warps → refinement → pictures, a batch of views at a time.

use std::sync::Arc;
use std::time::Instant;

use heapless::Vec as FixedVec;

use super::demand::Demand;
use super::painted::PaintedShare;
use super::shown::{Pictures, ShownView};
use crate::error::Result;
use crate::format::header::{Header, MAX_VIEWS};
use crate::format::views::ViewSet;
use crate::network::Witness;
use crate::network::opening::{OpenNetwork, Opening};
use crate::paint::job::FrameJob;
use crate::paint::painter::Painter;
use crate::picture::Picture;
use crate::picture::pool::Pool;
use crate::stream::gop_reader::Scene;
use crate::units::ViewId;

/// Which of the batches of views falls to a painter: they go around, on through the frames, so that all
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

    /// Whether batch `index` out of `batches` of frame `number` falls to the painter.
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
    wanted: Arc<Demand>,
    open: Arc<OpenNetwork>,
    opening: Opening,
    painter: Option<Painter>,
    pictures: Pool<Picture>,
    witness: Option<Box<Witness<'w>>>,
}

impl<'w, I: Iterator<Item = Result<(ViewSet, FrameJob)>>> ReconstructStage<'w, I> {
    /// Paints its `share` of `jobs`, each with the views wanted by now, a batch in one run of the network.
    pub fn new(
        jobs: I,
        share: Share,
        header: Arc<Header>,
        wanted: Arc<Demand>,
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

    fn paint(&mut self, wanted: ViewSet, mut job: FrameJob) -> Result<PaintedShare> {
        let started = Instant::now();
        self.follow(&mut job, wanted);
        let views: FixedVec<ViewId, MAX_VIEWS> = job.shown.implicit(&self.header).iter().collect();
        let skipped = !views.is_empty() && !self.wanted.painted(job.number);
        let mut pictures = Pictures::new();
        if let Some(scene) = job.gop.scene.clone().filter(|_| !skipped) {
            let batches = views.chunks(self.opening.batch);
            let count = batches.len();
            let (share, number) = (self.share, job.number);
            let own = |(index, _): &(usize, _)| share.has(number, (*index, count));
            for (_, views) in batches.enumerate().filter(own) {
                pictures.extend(self.paint_batch(&scene, views, &mut job)?);
            }
        }
        job.timings.reconstruct_us = started.elapsed().as_micros() as u64 - job.timings.fuse_us;
        Ok(PaintedShare { job, pictures, skipped })
    }

    /// Shows the views wanted by now, unless they need an explicit picture that was not yet wanted
    /// when the frame was decoded; those follow a frame later.
    fn follow(&self, job: &mut FrameJob, wanted: ViewSet) {
        let decoded: ViewSet = job.anchors.iter().map(|a| a.view).collect();
        if decoded.includes(wanted.explicit_needed(&self.header)) {
            job.shown = wanted;
        }
    }

    /// Paints `views`, at most a batch, into pictures of the pool.
    fn paint_batch(
        &mut self,
        scene: &Arc<Scene>,
        views: &[ViewId],
        job: &mut FrameJob,
    ) -> Result<impl Iterator<Item = ShownView> + use<I>> {
        let size = self.header.size;
        let painter = match &mut self.painter {
            Some(painter) if painter.scene() == scene.index => painter,
            other => {
                // The old network goes before the new one comes: memory holds one.
                *other = None;
                other.insert(Painter::new(&self.header, scene, &*self.open, self.opening)?)
            }
        };
        let blank = |view: &ViewId| (*view, self.pictures.take_or(|| Picture::new(size)));
        let mut batch: FixedVec<_, MAX_VIEWS> = views.iter().map(blank).collect();
        painter.paint(job, &mut batch, self.witness.as_deref_mut())?;
        let painted = batch.into_iter();
        Ok(painted.map(|(view, picture)| ShownView { view, picture: picture.share() }))
    }
}

impl<I: Iterator<Item = Result<(ViewSet, FrameJob)>>> Iterator for ReconstructStage<'_, I> {
    type Item = Result<PaintedShare>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.jobs.next()?.and_then(|(wanted, job)| self.paint(wanted, job)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn painters_share_every_frame_and_have_as_much_to_do_as_any_other() {
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
