//! The stages, chained in one thread or with a thread and a bounded queue each.
//!
//! A stage is an iterator adaptor over `Result`s. The serial decoder pulls through the chain; the
//! pipeline puts a bounded queue between every two stages. An error travels down the queue in its
//! turn, behind the good pictures; a consumer that leaves closes its queue and so ends the stages.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::anchor::AnchorStage;
use crate::error::{Error, Result};
use crate::format::header::Header;
use crate::fuse_stage::{FuseStage, Shown};
use crate::gop::GopReader;
use crate::pool::Pool;
use crate::reconstruct::{OpenNetwork, Painted, ReconstructStage};

/// What the stages share.
pub struct Chain {
    /// The first stage.
    pub reader: GopReader,
    /// The stream header.
    pub header: Arc<Header>,
    /// Bits of the views to show; looked at when a time is decoded and again when it is painted.
    pub shown: Arc<AtomicU32>,
    /// Opens the network of a scene.
    pub open: Arc<OpenNetwork>,
    /// Views per run of the network.
    pub batch: usize,
}

/// Buffers a pool keeps: key pictures of a GOP, and what is under way in the queues.
const POOL: usize = 256;
/// Batches a pool keeps; each is several pictures of floats.
const CANVASES: usize = 8;

impl Chain {
    /// Everything up to the blending in one thread, without pools: the oracle, with its layers.
    pub fn painted(self) -> impl Iterator<Item = Result<Painted>> {
        let Self { reader, header, shown, open, batch } = self;
        let anchors =
            AnchorStage::new(reader, Arc::clone(&header), Arc::clone(&shown), Pool::new(0));
        ReconstructStage::new(anchors, header, shown, open, batch, Pool::new(0))
    }

    /// All stages in the caller's thread, without pools: the oracle.
    pub fn serial(self) -> impl Iterator<Item = Result<Shown>> {
        let header = Arc::clone(&self.header);
        FuseStage::new(self.painted(), header, Pool::new(0))
    }

    /// A thread per stage, with at most `queue` jobs between two.
    ///
    /// # Errors
    /// [`Error::Backend`] when the system refuses a thread.
    pub fn pipelined(self, queue: usize) -> Result<Pipeline> {
        let Self { reader, header, shown, open, batch } = self;
        let mut threads = Vec::new();
        let (pictures, canvases) = (Pool::new(POOL), Pool::new(CANVASES));
        // The reader works one GOP ahead.
        let gops = spawn(&mut threads, GopReader::NAME, 1, move || reader)?;
        let (h, s, p) = (Arc::clone(&header), Arc::clone(&shown), pictures.clone());
        let stage = move || AnchorStage::new(gops.into_iter(), h, s, p);
        let jobs = spawn(&mut threads, "anchor", queue, stage)?;
        // A time is painted when the one before it has been asked for, `queue` times earlier if
        // there is a queue: work further ahead would show views that are no longer wanted.
        let (ask, asked) = bounded(queue + 2);
        (0..=queue)
            .for_each(|_| ask.try_send(()).unwrap_or_else(|_| unreachable!("there is room")));
        let h = Arc::clone(&header);
        let stage = move || {
            let jobs = asked.into_iter().zip(jobs).map(|((), job)| job);
            ReconstructStage::new(jobs, h, shown, open, batch, canvases)
        };
        let painted = spawn(&mut threads, "reconstruct", queue, stage)?;
        let stage = move || FuseStage::new(painted.into_iter(), header, pictures);
        let shown = spawn(&mut threads, "fuse", queue, stage)?;
        Ok(Pipeline { ends: Some((ask, shown)), threads })
    }
}

/// Runs the stage that `make` makes on a thread of its own.
fn spawn<T, S>(
    threads: &mut Vec<JoinHandle<()>>,
    name: &'static str,
    queue: usize,
    make: impl FnOnce() -> S + Send + 'static,
) -> Result<Receiver<Result<T>>>
where
    T: Send + 'static,
    S: Iterator<Item = Result<T>>,
{
    let (results, queued) = bounded(queue);
    let run = move || {
        for result in make() {
            let last = result.is_err();
            if results.send(result).is_err() || last {
                return;
            }
        }
    };
    let thread = std::thread::Builder::new().name(format!("iev-{name}")).spawn(run);
    let refused = |e| Error::Backend { what: format!("no thread for the {name} stage: {e}") };
    threads.push(thread.map_err(refused)?);
    Ok(queued)
}

/// A running pipeline: pictures in order, then the error or the end.
pub struct Pipeline {
    /// Where times are asked for, and where they come out.
    ends: Option<(Sender<()>, Receiver<Result<Shown>>)>,
    threads: Vec<JoinHandle<()>>,
}

impl Iterator for Pipeline {
    type Item = Result<Shown>;

    /// # Panics
    /// If a stage panicked: its panic goes on here.
    fn next(&mut self) -> Option<Self::Item> {
        let (ask, shown) = self.ends.as_ref()?;
        // Never full: at most every time in the queue and the one waited for are asked for.
        let _ = ask.try_send(());
        if let Ok(result) = shown.recv() {
            return Some(result);
        }
        self.ends = None;
        for thread in self.threads.drain(..) {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
        None
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
