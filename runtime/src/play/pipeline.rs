//! The stages, chained in one thread or with a thread and a bounded queue each.
//!
//! ```text
//!                   ┌─ reconstruct ─┐
//! reader ─ anchor ──┤   (painters)  ├── consumer
//!             │     └─ reconstruct ─┘
//!         decoders
//! ```
//! A stage is an iterator adaptor over `Result`s. The serial decoder pulls through the chain; the
//! pipeline puts a bounded queue between every two stages (`stages`).
//!
//! Sections of explicit views need nothing of each other: the anchor stage has them decoded on `lanes`, a few frames
//! ahead, and joins what they show at each frame.
//!
//! No picture that is painted needs another, so painters share the views of every frame, each with a
//! network of its own. Why not one network on all cores: its convolutions are too small to be shared
//! out one by one, which leaves cores idle (benches/RESULTS.md).

use std::sync::Arc;

use super::anchor_stage::{Ahead, AnchorStage, Here};
use super::demand::Demand;
use super::paint_stage::{ReconstructStage, Share};
use super::painted::PaintedShare;
use super::shown::ShownFrame;
use super::stages::{self, Room, Stage, start};
use crate::anchor::decoder::AnchorDecoder;
use crate::error::Result;
use crate::format::header::Header;
use crate::format::views::ViewSet;
use crate::network::Witness;
use crate::network::opening::{OpenNetwork, Opening};
use crate::paint::job::FrameJob;
use crate::picture::pool::Pool;
use crate::stream::gop_reader::GopReader;

/// What the stages share.
pub struct Chain {
    /// The first stage.
    pub reader: GopReader,
    /// The stream header.
    pub header: Arc<Header>,
    /// What the consumer wants; looked at when a frame is decoded and again when it is painted.
    pub wanted: Arc<Demand>,
    /// Decode the anchors, at least one and each on a thread of its own.
    pub anchors: Vec<Box<dyn AnchorDecoder>>,
    /// Opens the network of a scene.
    pub open: Arc<OpenNetwork>,
    /// How it opens them.
    pub opening: Opening,
}

/// Most idle buffers of a pool; the queues bound how many there are at all.
const POOL: usize = 256;

/// Decoded frames that hide the start of a GOP.
const AHEAD: usize = 4;

impl Chain {
    /// All stages in the caller's thread, without pools: the oracle.
    pub fn serial<'w>(
        self,
        witness: Option<Box<Witness<'w>>>,
    ) -> impl Iterator<Item = Result<ShownFrame>> + use<'w> {
        let Self { reader, header, wanted, mut anchors, open, opening } = self;
        let (h, w) = (Arc::clone(&header), Arc::clone(&wanted));
        let anchors = Here(anchors.remove(0));
        let jobs = AnchorStage::new(reader, h, w, Pool::new(0), anchors);
        let jobs = jobs.map(|job: Result<FrameJob>| job.map(|job| (job.shown, job)));
        let (h, pool) = (Arc::clone(&header), Pool::new(0));
        ReconstructStage::new(jobs, Share::WHOLE, h, wanted, open, opening, pool)
            .seen_by(witness)
            .map(move |painted| Ok(painted?.show(&header)))
    }

    /// A thread per stage, per anchor decoder and per painter, with at most `queue` jobs between two.
    ///
    /// # Errors
    /// [`Error::Backend`](crate::Error::Backend) when the system refuses a thread.
    pub fn pipelined(self, painters: usize, queue: usize) -> Result<PlayerPipeline> {
        let Self { reader, header, wanted, anchors, open, opening } = self;
        let painters = painters.max(1);
        let shown = wanted.shown();
        let batches = shown.implicit(&header).len().div_ceil(opening.batch);
        let room = Room {
            painters,
            decoded: decoded_ahead(&header, queue),
            ahead: painted_ahead(painters, batches, queue),
        };
        let pictures = Pool::new(POOL);
        let (h, w, p) = (Arc::clone(&header), Arc::clone(&wanted), pictures.clone());
        let anchors = Ahead::start(anchors)?;
        let anchor = move |gops| Box::new(AnchorStage::new(gops, h, w, p, anchors)) as Stage<_>;
        let painter = move |painter, jobs| {
            let share = Share { painter, painters };
            let stage = ReconstructStage::new(jobs, share, header, wanted, open, opening, pictures);
            Box::new(stage) as Stage<_>
        };
        start(room, shown, move || Box::new(reader), anchor, painter)
    }
}

/// A thread per stage. A frame is painted with the views that the permit for it names.
pub type PlayerPipeline = stages::Pipeline<ViewSet, PaintedShare>;

/// Decoded frames that may wait for a painter. The first frame of a GOP takes as long as several others,
/// for it comes with the key pictures. With one explicit view all frames are decoded alike, whatever
/// is shown, so more may wait without showing a switch of views later.
pub(crate) fn decoded_ahead(header: &Header, queue: usize) -> usize {
    if header.explicit_views().count() == 1 { queue.max(AHEAD) } else { queue }
}

/// Frames painted before they are asked for: the next and those that may wait, or as many as give
/// every painter a batch of views.
pub(crate) fn painted_ahead(painters: usize, batches: usize, queue: usize) -> usize {
    painters.div_ceil(batches.max(1)).max(1 + queue)
}
