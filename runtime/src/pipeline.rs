//! The stages, chained in one thread or with a thread and a bounded queue each.
//!
//! ```text
//!                   ┌─ reconstruct ─┐
//! reader ─ anchor ──┤   (painters)  ├── consumer
//!                   └─ reconstruct ─┘
//! ```
//! A stage is an iterator adaptor over `Result`s. The serial decoder pulls through the chain; the
//! pipeline puts a bounded queue between every two stages (`stages`).
//!
//! No time needs the picture of another, so painters take times in turn, each with a network of its
//! own. Why not one network on all cores: its convolutions are too small to be shared out one by
//! one, which leaves cores idle (benches/README.md).

use std::sync::Arc;

use crate::anchor::{AnchorStage, TimeJob};
use crate::anchor_decoder::AnchorDecoder;
use crate::error::Result;
use crate::format::header::Header;
use crate::gop::GopReader;
use crate::pool::Pool;
use crate::reconstruct::{OpenNetwork, Opening, ReconstructStage};
use crate::shown::Shown;
use crate::stages::{self, Room, Stage, start};
use crate::wanted::Wanted;

/// What the stages share.
pub struct Chain {
    /// The first stage.
    pub reader: GopReader,
    /// The stream header.
    pub header: Arc<Header>,
    /// What the consumer wants; looked at when a time is decoded and again when it is painted.
    pub wanted: Arc<Wanted>,
    /// Decodes the anchors.
    pub anchors: Box<dyn AnchorDecoder>,
    /// Opens the network of a scene.
    pub open: Arc<OpenNetwork>,
    /// How it opens them.
    pub opening: Opening,
}

/// Most idle buffers of a pool; the queues bound how many there are at all.
const POOL: usize = 256;

/// Decoded times that hide the start of a GOP.
const AHEAD: usize = 4;

impl Chain {
    /// All stages in the caller's thread, without pools: the oracle.
    pub fn serial<'w>(self) -> ReconstructStage<'w, impl Iterator<Item = Result<TimeJob>>> {
        let Self { reader, header, wanted, anchors, open, opening } = self;
        let (h, w) = (Arc::clone(&header), Arc::clone(&wanted));
        let jobs = AnchorStage::new(reader, h, w, Pool::new(0), anchors);
        ReconstructStage::new(jobs, header, wanted, open, opening, Pool::new(0))
    }

    /// A thread per stage and per painter, with at most `queue` jobs between two.
    ///
    /// # Errors
    /// [`Error::Backend`](crate::Error::Backend) when the system refuses a thread.
    pub fn pipelined(self, painters: usize, queue: usize) -> Result<Pipeline> {
        let Self { reader, header, wanted, anchors, open, opening } = self;
        let room =
            Room { painters: painters.max(1), decoded: decoded_ahead(&header, queue), queue };
        let pictures = Pool::new(POOL);
        let (h, w, p) = (Arc::clone(&header), Arc::clone(&wanted), pictures.clone());
        let anchor = move |gops| Box::new(AnchorStage::new(gops, h, w, p, anchors)) as Stage<_>;
        let h = Arc::clone(&header);
        let painter = move |jobs| {
            Box::new(ReconstructStage::new(jobs, h, wanted, open, opening, pictures)) as Stage<_>
        };
        start(room, move || Box::new(reader), anchor, painter)
    }
}

/// A thread per stage: pictures in order, then the error or the end.
pub type Pipeline = stages::Pipeline<Shown>;

/// Decoded times that may wait for a painter. The first time of a GOP takes as long as several others,
/// for it comes with the key pictures. With one explicit view all times are decoded alike, whatever
/// is shown, so more may wait without showing a switch of views later.
pub(crate) fn decoded_ahead(header: &Header, queue: usize) -> usize {
    if header.explicit_views().count() == 1 { queue.max(AHEAD) } else { queue }
}
