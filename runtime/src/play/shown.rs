//! What is shown at one frame.

use heapless::Vec as FixedVec;

use crate::format::header::MAX_VIEWS;
use crate::paint::timing::Timings;
use crate::picture::Picture;
use crate::picture::pool::SharedLoan;
use crate::units::{FrameIndex, PictureId, ViewId};

/// One decoded picture; clones share its pixels.
#[derive(Debug, Clone)]
pub struct ShownView {
    /// Its view.
    pub view: ViewId,
    /// Its pixels; dropping it returns the buffer.
    pub picture: SharedLoan<Picture>,
}

/// Pictures of one frame, one per view.
pub type Pictures = FixedVec<ShownView, MAX_VIEWS>;

/// All shown views at one frame.
#[derive(Debug)]
pub struct ShownFrame {
    /// The frame.
    pub frame: FrameIndex,
    /// Pictures, ascending by view.
    pub pictures: Pictures,
    /// Whether views that the network paints are left out, because the frame came too late for them
    /// ([`PacedPlayback`](crate::play::paced::PacedPlayback)).
    pub degraded: bool,
    /// Where the time went.
    pub timings: Timings,
}

impl ShownFrame {
    /// Every picture with the id that it has in the stream.
    pub fn with_ids(&self) -> impl Iterator<Item = (PictureId, &Picture)> {
        let frame = self.frame;
        self.pictures.iter().map(move |p| (PictureId { view: p.view, frame }, &*p.picture))
    }
}
