//! What painters make of one time, and what is shown of it.

use crate::anchor::stage::TimeJob;
use crate::format::header::Header;
use crate::play::shares::Join;
use crate::play::shown::{Pictures, Shown, ShownView};
use crate::units::views::ViewSet;

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
