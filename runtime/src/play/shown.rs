//! What is shown at one time.

use heapless::Vec as FixedVec;

use super::timing::Timings;
use crate::format::header::MAX_VIEWS;
use crate::picture::Picture;
use crate::picture::pool::Shared;
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
