//! The stages, chained in one thread or with a thread and a bounded queue each.
//!
//! ```text
//!                   ┌─ reconstruct ─┐
//! reader ─ anchor ──┤   (painters)  ├── fuse ─ consumer
//!                   └─ reconstruct ─┘
//! ```
//! A stage is an iterator adaptor over `Result`s. The serial decoder pulls through the chain; the
//! pipeline puts a bounded queue between every two stages. An error travels down the queue in its
//! turn, behind the good pictures; a consumer that leaves closes its queue and so ends the stages.
//!
//! No time needs the picture of another, so painters take times in turn, each with a network of its
//! own. Why not one network on all cores: its convolutions are too small to be shared out one by
//! one, which leaves cores idle (benches/README.md).

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::anchor::AnchorStage;
use crate::anchor_decoder::AnchorDecoder;
use crate::error::{Error, Result};
use crate::format::header::Header;
use crate::fuse_stage::{FuseStage, Shown};
use crate::gop::GopReader;
use crate::pool::Pool;
use crate::reconstruct::{OpenNetwork, Opening, Painted, Pools, ReconstructStage};
use crate::turns::{InTurn, Taken, TakenInTurn, queues};
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
    /// Everything up to the blending in one thread, without pools: the oracle, with its layers.
    pub fn painted(self) -> impl Iterator<Item = Result<Painted>> {
        let Self { reader, header, wanted, anchors, open, opening } = self;
        let (h, w) = (Arc::clone(&header), Arc::clone(&wanted));
        let jobs = AnchorStage::new(reader, h, w, Pool::new(0), anchors);
        let pools = Pools { canvases: Pool::new(0), pictures: Pool::new(0) };
        ReconstructStage::new(jobs, header, wanted, open, opening, pools)
    }

    /// All stages in the caller's thread, without pools: the oracle.
    pub fn serial(self) -> impl Iterator<Item = Result<Shown>> {
        let header = Arc::clone(&self.header);
        FuseStage::new(self.painted(), header, Pool::new(0))
    }

    /// A thread per stage and per painter, with at most `queue` jobs between two.
    ///
    /// # Errors
    /// [`Error::Backend`] when the system refuses a thread.
    pub fn pipelined(self, painters: usize, queue: usize) -> Result<Pipeline> {
        let painters = painters.max(1);
        let Self { reader, header, wanted, anchors, open, opening } = self;
        let mut threads = Vec::new();
        let pictures = Pool::new(POOL);
        let pools = Pools { canvases: Pool::new(POOL), pictures: pictures.clone() };
        // The reader works one GOP ahead.
        let (to, gops) = queues(1, 1);
        spawn(&mut threads, GopReader::NAME, to, move || reader)?;
        let (to, jobs) = queues(painters, decoded_ahead(&header, queue).div_ceil(painters));
        let (h, w, p) = (Arc::clone(&header), Arc::clone(&wanted), pictures.clone());
        spawn(&mut threads, "anchor", to, move || AnchorStage::new(gops, h, w, p, anchors))?;
        // As many times are painted ahead of the one asked for as there are painters and places in
        // the queue: work further ahead would show views that are no longer wanted.
        let (mut ask, asked) = queues(painters, queue + 2);
        (0..painters + queue).for_each(|_| assert!(ask.send(()), "nobody has left yet"));
        let (to, painted) = queues(painters, queue);
        for ((jobs, asked), to) in jobs.each().zip(asked.each()).zip(to.each()) {
            let (header, wanted) = (Arc::clone(&header), Arc::clone(&wanted));
            let (open, pools) = (Arc::clone(&open), pools.clone());
            let stage = move || {
                let jobs = asked.zip(jobs).map(|((), job)| job);
                ReconstructStage::new(jobs, header, wanted, open, opening, pools)
            };
            spawn(&mut threads, "reconstruct", to, stage)?;
        }
        let (to, shown) = queues(1, queue);
        spawn(&mut threads, "fuse", to, move || FuseStage::new(painted, header, pictures))?;
        Ok(Pipeline { ends: Some((ask, shown)), asked: false, threads })
    }
}

/// Decoded times that may wait for a painter. The first time of a GOP takes as long as several others,
/// for it comes with the key pictures. With one explicit view all times are decoded alike, whatever
/// is shown, so more may wait without showing a switch of views later.
pub(crate) fn decoded_ahead(header: &Header, queue: usize) -> usize {
    if header.explicit_views().count() == 1 { queue.max(AHEAD) } else { queue }
}

/// Runs the stage that `make` makes on a thread of its own.
fn spawn<T, S>(
    threads: &mut Vec<JoinHandle<()>>,
    name: &'static str,
    mut to: InTurn<Result<T>>,
    make: impl FnOnce() -> S + Send + 'static,
) -> Result<()>
where
    T: Send + 'static,
    S: Iterator<Item = Result<T>>,
{
    let run = move || {
        for result in make() {
            let last = result.is_err();
            if !to.send(result) || last {
                return;
            }
        }
    };
    let thread = std::thread::Builder::new().name(format!("iev-{name}")).spawn(run);
    let refused = |e| Error::Backend { what: format!("no thread for the {name} stage: {e}") };
    threads.push(thread.map_err(refused)?);
    Ok(())
}

/// A running pipeline: pictures in order, then the error or the end.
pub struct Pipeline {
    /// Where times are asked for, and where they come out.
    ends: Option<(InTurn<()>, TakenInTurn<Result<Shown>>)>,
    /// Whether the next time has been asked for but did not come in the time given.
    asked: bool,
    threads: Vec<JoinHandle<()>>,
}

impl Pipeline {
    /// The next time if it comes within `patience`.
    ///
    /// # Panics
    /// If a stage panicked: its panic goes on here.
    pub fn next_within(&mut self, patience: Duration) -> Taken<Result<Shown>> {
        self.take(|shown| shown.take_within(patience))
    }

    fn take(
        &mut self,
        by: impl FnOnce(&mut TakenInTurn<Result<Shown>>) -> Taken<Result<Shown>>,
    ) -> Taken<Result<Shown>> {
        let Some((ask, shown)) = self.ends.as_mut() else { return Taken::Ended };
        if !self.asked {
            // Never waits: a painter's share of the times under way and the one asked for fit. A
            // painter that has left has said why, or is at the end.
            let _ = ask.send(());
        }
        let taken = by(shown);
        self.asked = matches!(taken, Taken::NotYet);
        if matches!(taken, Taken::Ended) {
            self.ends = None;
            for thread in self.threads.drain(..) {
                if let Err(panic) = thread.join() {
                    std::panic::resume_unwind(panic);
                }
            }
        }
        taken
    }
}

impl Iterator for Pipeline {
    type Item = Result<Shown>;

    /// # Panics
    /// If a stage panicked: its panic goes on here.
    fn next(&mut self) -> Option<Self::Item> {
        match self.take(|shown| shown.next().map_or(Taken::Ended, Taken::Item)) {
            Taken::Item(result) => Some(result),
            Taken::NotYet | Taken::Ended => None,
        }
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.ends = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
