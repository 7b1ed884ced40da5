//! What painters make of one frame, and what is shown of it.

use super::shares::Join;
use super::shown::{Pictures, ShownFrame, ShownView};
use crate::format::header::Header;
use crate::format::views::ViewSet;
use crate::paint::job::FrameJob;

/// What one painter, or several together, made of one frame.
pub struct PaintedShare {
    /// What it was painted from; its views are those to show.
    pub job: FrameJob,
    /// The implicit pictures.
    pub pictures: Pictures,
    /// Whether some were left out because the frame came too late for them.
    pub skipped: bool,
}

impl Join for PaintedShare {
    fn join(&mut self, other: Self) {
        self.pictures.extend(other.pictures);
        self.skipped |= other.skipped;
        self.job.timings.add_painting(&other.job.timings);
    }
}

impl PaintedShare {
    /// What is shown of it: implicit pictures all or none.
    pub fn show(self, header: &Header) -> ShownFrame {
        let Self { job, mut pictures, skipped } = self;
        let mut shown = job.shown;
        if skipped {
            let implicit = shown.implicit(header);
            let explicit: ViewSet = shown.iter().filter(|view| !implicit.contains(*view)).collect();
            let anchor = || shown.explicit_needed(header).iter().take(1).collect();
            shown = if explicit.is_empty() { anchor() } else { explicit };
            pictures.clear();
        }
        let explicit = job.anchors.into_iter().filter(|anchor| shown.contains(anchor.view));
        pictures.extend(explicit.map(|a| ShownView { view: a.view, picture: a.picture }));
        pictures.sort_unstable_by_key(|picture| picture.view);
        ShownFrame { frame: job.frame, pictures, degraded: skipped, timings: job.timings }
    }
}
