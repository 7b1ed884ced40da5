//! The threads of a pipeline and the queues between them, whatever the stages do.
//!
//! ```text
//!                   ┌─ painter ─┐
//! reader ─ anchor ──┤           ├── consumer
//!                   └─ painter ─┘      │
//!                         ▲── permits ─┘
//! ```
//! Every painter is given each frame and does its share of it. A permit says that a frame may be painted,
//! and how; the consumer gives one whenever it asks for a frame.
//!
//! An error travels down the queues in its turn, behind the good pictures, and is the last that its
//! stage sends; a consumer that leaves closes its queues and so ends the stages. There is no lock and
//! no flag. `tests/interleavings.rs` checks this file and `shares` under orders of its own choice.

use std::time::Duration;

use super::shares::{Arrival, Gather, Join, WorkQueue, broadcast, gather};
use super::sync::{Builder, JoinHandle, Receiver, Sender, bounded, give_way};
use crate::error::{Error, Result};

/// A stage: what it makes of what it takes, one result after another.
pub type Stage<T> = Box<dyn Iterator<Item = Result<T>>>;

/// How far the stages may work ahead of one another.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Painters, which share every frame; at least 1.
    pub painters: usize,
    /// Decoded frames that may wait for a painter.
    pub decoded: usize,
    /// Frames that may be painted before they are asked for; at least 1. Permits for them are given
    /// at once, so they are the frames that come as they were wanted before.
    pub ahead: usize,
}

/// Starts a thread per stage and per painter; each makes its stage from what it takes. The first
/// frames have the permit `first`.
///
/// # Errors
/// [`Error::Backend`] when the system refuses a thread.
pub fn start<Gop, Job, Permit, Part>(
    room: Room,
    first: Permit,
    reader: impl FnOnce() -> Stage<Gop> + Send + 'static,
    anchor: impl FnOnce(WorkQueue<Gop>) -> Stage<Job> + Send + 'static,
    painter: impl FnOnce(usize, PermitGate<Permit, Job>) -> Stage<Part> + Clone + Send + 'static,
) -> Result<Pipeline<Permit, Part>>
where
    Gop: Send + 'static,
    Job: Clone + Send + 'static,
    Permit: Copy + Send + 'static,
    Part: Join + Send + 'static,
{
    let Room { painters, decoded, ahead } = room;
    let mut threads = Vec::new();
    // The reader works one GOP ahead.
    let (to, gops) = bounded(1);
    spawn(&mut threads, "reader", move |gop| to.send(gop).is_ok(), reader)?;
    let (to, jobs) = broadcast(painters, decoded);
    spawn(&mut threads, "anchor", move |job| to.send(job), move || anchor(WorkQueue(gops)))?;
    let (to, parts) = gather(painters, ahead);
    let mut permits = Vec::new();
    for (index, (jobs, to)) in jobs.into_iter().zip(to).enumerate() {
        // Those for the frames ahead, and the one that is given when a frame is asked for.
        let (permit, permitted) = bounded(ahead + 1);
        (0..ahead).for_each(|_| assert!(permit.send(first).is_ok(), "nobody has left yet"));
        permits.push(permit);
        let (painter, jobs) = (painter.clone(), PermitGate { permits: permitted, jobs });
        let send = move |part| to.send(part).is_ok();
        spawn(&mut threads, "reconstruct", send, move || painter(index, jobs))?;
    }
    Ok(Pipeline { ends: Some((permits, parts)), asked: false, threads })
}

/// Runs the stage that `make` makes on a thread of its own, up to its first error or until `send`
/// says that the last is sent.
fn spawn<T: 'static>(
    threads: &mut Vec<JoinHandle<()>>,
    name: &'static str,
    send: impl Fn(Result<T>) -> bool + Send + 'static,
    make: impl FnOnce() -> Stage<T> + Send + 'static,
) -> Result<()> {
    let run = move || {
        give_way();
        for result in make() {
            let last = result.is_err();
            if !send(result) || last {
                return;
            }
        }
    };
    let thread = Builder::new().name(format!("iev-{name}")).spawn(run);
    let refused = |e| Error::Backend { what: format!("no thread for the {name} stage: {e}") };
    threads.push(thread.map_err(refused)?);
    Ok(())
}

/// Jobs that wait for a permit each.
pub struct PermitGate<Permit, Job> {
    permits: Receiver<Permit>,
    jobs: WorkQueue<Job>,
}

impl<Permit, Job> Iterator for PermitGate<Permit, Job> {
    type Item = Result<(Permit, Job)>;

    fn next(&mut self) -> Option<Self::Item> {
        let permit = self.permits.recv().ok()?;
        Some(self.jobs.next()?.map(|job| (permit, job)))
    }
}

/// A running pipeline: results in order, then the error or the end.
pub struct Pipeline<Permit, Part> {
    /// Where permits are given, and where frames come out.
    ends: Option<(Vec<Sender<Permit>>, Gather<Part>)>,
    /// Whether the next frame has been asked for but did not come in the time given.
    asked: bool,
    threads: Vec<JoinHandle<()>>,
}

impl<Permit: Copy, Part: Join> Pipeline<Permit, Part> {
    /// The next frame; `permit` is for the frame that many frames ahead.
    ///
    /// # Panics
    /// If a stage panicked: its panic goes on here.
    pub fn next(&mut self, permit: Permit) -> Option<Result<Part>> {
        match self.take(permit, Gather::take) {
            Arrival::Item(result) => Some(result),
            Arrival::NotYet | Arrival::Ended => None,
        }
    }

    /// The same if it comes within `patience`.
    ///
    /// # Panics
    /// If a stage panicked: its panic goes on here.
    pub fn next_within(&mut self, permit: Permit, patience: Duration) -> Arrival<Result<Part>> {
        self.take(permit, |parts| parts.take_within(patience))
    }

    fn take(
        &mut self,
        permit: Permit,
        by: impl FnOnce(&mut Gather<Part>) -> Arrival<Result<Part>>,
    ) -> Arrival<Result<Part>> {
        let Some((permits, parts)) = self.ends.as_mut() else { return Arrival::Ended };
        if !self.asked {
            // Never waits: the frames ahead and the one asked for fit. A painter that has left has
            // said why, or is at the end.
            for painter in permits {
                let _ = painter.send(permit);
            }
        }
        let taken = by(parts);
        self.asked = matches!(taken, Arrival::NotYet);
        // Behind an error other painters may have more to give, but it is the last that counts.
        if matches!(taken, Arrival::Item(Err(_)) | Arrival::Ended) {
            self.ends = None;
        }
        if matches!(taken, Arrival::Ended) {
            for thread in self.threads.drain(..) {
                if let Err(panic) = thread.join() {
                    std::panic::resume_unwind(panic);
                }
            }
        }
        taken
    }
}

impl<Permit, Part> Drop for Pipeline<Permit, Part> {
    fn drop(&mut self) {
        self.ends = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
