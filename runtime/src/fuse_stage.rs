//! The fuse stage: blended pictures of every shown view.

use std::sync::Arc;
use std::time::Instant;

use heapless::Vec as FixedVec;

use crate::error::Result;
use crate::format::header::{Header, MAX_VIEWS};
use crate::kernel::fuse::fuse;
use crate::kernel::warp::PackedSize;
use crate::picture::Picture;
use crate::pool::{Pool, Pooled};
use crate::reconstruct::Painted;
use crate::timing::Timings;
use crate::units::{FrameId, TimeIndex, ViewId};

/// One decoded picture.
#[derive(Debug)]
pub struct ShownView {
    /// Its view.
    pub view: ViewId,
    /// Its pixels; dropping it returns the buffer.
    pub picture: Pooled<Picture>,
}

/// All shown views at one time.
#[derive(Debug)]
pub struct Shown {
    /// The time.
    pub time: TimeIndex,
    /// Pictures, ascending by view.
    pub pictures: FixedVec<ShownView, MAX_VIEWS>,
    /// Whether views that the network paints are left out, because the time came too late for them
    /// ([`Paced`](crate::paced::Paced)).
    pub degraded: bool,
    /// Where the time went.
    pub timings: Timings,
}

impl Shown {
    /// Every picture with its place in the stream.
    pub fn frames(&self) -> impl Iterator<Item = (FrameId, &Picture)> {
        let time = self.time;
        self.pictures.iter().map(move |p| (FrameId { view: p.view, time }, &*p.picture))
    }
}

/// The fuse stage.
pub struct FuseStage<I> {
    painted: I,
    header: Arc<Header>,
    pictures: Pool<Picture>,
}

impl<I: Iterator<Item = Result<Painted>>> FuseStage<I> {
    /// Name in errors, traces and board profiles.
    pub const NAME: &'static str = "fuse";

    /// Blends `painted`.
    pub fn new(painted: I, header: Arc<Header>, pictures: Pool<Picture>) -> Self {
        Self { painted, header, pictures }
    }

    fn blend(&mut self, painted: Painted) -> Shown {
        let started = Instant::now();
        let Painted { mut job, degraded, canvases, pictures: mut finished } = painted;
        let size = PackedSize::of(self.header.size);
        let mut pictures = FixedVec::new();
        let mut show = |view, picture| {
            let pushed = pictures.push(ShownView { view, picture });
            assert!(pushed.is_ok(), "a stream has at most {MAX_VIEWS} views");
        };
        for canvas in &canvases {
            for (slot, view) in canvas.views.iter().enumerate() {
                let mut picture = self.pictures.take_or(|| Picture::new(self.header.size));
                fuse(&canvas.layers(slot, size), size, &mut picture);
                show(*view, picture);
            }
        }
        while let Some(ShownView { view, picture }) = finished.pop() {
            show(view, picture);
        }
        while let Some(anchor) = job.anchors.pop() {
            if job.shown.contains(anchor.view) {
                show(anchor.view, anchor.picture);
            }
        }
        pictures.sort_unstable_by_key(|p| p.view);
        job.timings.fuse_us = started.elapsed().as_micros() as u64;
        Shown { time: job.time, pictures, degraded, timings: job.timings }
    }
}

impl<I: Iterator<Item = Result<Painted>>> Iterator for FuseStage<I> {
    type Item = Result<Shown>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.painted.next()?.map(|painted| self.blend(painted)))
    }
}
