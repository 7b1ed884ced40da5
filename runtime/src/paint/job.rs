//! What the anchor stage hands to the painters.

use std::sync::Arc;

use heapless::Vec as FixedVec;

use super::timing::Timings;
use crate::format::anchor::Key;
use crate::format::header::MAX_VIEWS;
use crate::format::views::ViewSet;
use crate::picture::Picture;
use crate::picture::pool::{Loan, SharedLoan};
use crate::stream::gop_reader::Gop;
use crate::units::{FrameIndex, ViewId};

/// Key pictures of one section, kept for its GOP.
pub type Keys = Vec<(Key, Loan<Picture>)>;

/// The picture of one explicit view at one frame.
#[derive(Debug, Clone)]
pub struct AnchorPicture {
    /// The explicit view.
    pub view: ViewId,
    /// Its decoded picture.
    pub picture: SharedLoan<Picture>,
    /// Key pictures of the views that warp it.
    pub keys: Arc<Keys>,
}

/// Everything needed to paint all shown views at one frame; clones share the pictures.
#[derive(Debug, Clone)]
pub struct FrameJob {
    /// The frame.
    pub frame: FrameIndex,
    /// How many frames the playback decoded before it.
    pub number: u64,
    /// The GOP it is in.
    pub gop: Arc<Gop>,
    /// Views to show.
    pub shown: ViewSet,
    /// Explicit pictures those views need.
    pub anchors: FixedVec<AnchorPicture, MAX_VIEWS>,
    /// Time taken so far.
    pub timings: Timings,
}

impl FrameJob {
    /// The picture of explicit view `view` and the keys of its section.
    ///
    /// # Panics
    /// If the view was not decoded: the anchor stage decodes what the shown views need.
    pub fn anchor(&self, view: ViewId) -> &AnchorPicture {
        let found = self.anchors.iter().find(|a| a.view == view);
        found.unwrap_or_else(|| panic!("the anchor stage decodes what the shown views need"))
    }
}
