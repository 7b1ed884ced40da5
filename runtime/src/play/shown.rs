//! What is shown at one time.

use heapless::Vec as FixedVec;

use super::shares::Join;
use super::timing::Timings;
use crate::anchor::stage::TimeJob;
use crate::format::header::{Header, MAX_VIEWS};
use crate::picture::Picture;
use crate::picture::pool::Shared;
use crate::units::views::ViewSet;
use crate::units::{FrameId, TimeIndex, ViewId};

/// One decoded picture; clones share its pixels.
#[derive(Debug, Clone)]
pub struct ShownView {
    /// Its view.
    pub view: ViewId,
    /// Its pixels; dropping it returns the buffer.
    pub picture: Shared<Picture>,
}

/// Pictures of one time, one per view.
pub type Pictures = FixedVec<ShownView, MAX_VIEWS>;

/// What one painter, or several together, made of one time.
pub struct Painted {
    /// What it was painted from; its views are those to show.
    pub job: TimeJob,
    /// The implicit pictures.
    pub pictures: Pictures,
    /// Whether some were left out because the time came too late for them.
    pub spared: bool,
}

impl Join for Painted {
    fn join(&mut self, other: Self) {
        self.pictures.extend(other.pictures);
        self.spared |= other.spared;
        self.job.timings.add_painting(&other.job.timings);
    }
}

impl Painted {
    /// What is shown of it: implicit pictures all or none.
    pub fn show(self, header: &Header) -> Shown {
        let Self { job, mut pictures, spared } = self;
        let mut shown = job.shown;
        if spared {
            let implicit = shown.implicit(header);
            let explicit: ViewSet = shown.iter().filter(|view| !implicit.contains(*view)).collect();
            let anchor = || shown.explicit_needed(header).iter().take(1).collect();
            shown = if explicit.is_empty() { anchor() } else { explicit };
            pictures.clear();
        }
        let explicit = job.anchors.into_iter().filter(|anchor| shown.contains(anchor.view));
        pictures.extend(explicit.map(|a| ShownView { view: a.view, picture: a.picture }));
        pictures.sort_unstable_by_key(|picture| picture.view);
        Shown { time: job.time, pictures, degraded: spared, timings: job.timings }
    }
}

/// All shown views at one time.
#[derive(Debug)]
pub struct Shown {
    /// The time.
    pub time: TimeIndex,
    /// Pictures, ascending by view.
    pub pictures: Pictures,
    /// Whether views that the network paints are left out, because the time came too late for them
    /// ([`Paced`](crate::play::paced::Paced)).
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
