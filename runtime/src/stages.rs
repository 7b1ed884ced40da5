//! The threads of a pipeline and the queues between them, whatever the stages do.
//!
//! ```text
//!                   ┌─ painter ─┐
//! reader ─ anchor ──┤           ├── consumer
//!                   └─ painter ─┘      │
//!                         ▲── permits ─┘
//! ```
//! An error travels down the queues in its turn, behind the good pictures, and is the last that its
//! stage sends; a consumer that leaves closes its queue and so ends the stages. There is no lock and
//! no flag. `tests/interleavings.rs` checks this file and `turns` under orders of its own choice.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::sync::{Builder, JoinHandle};
use crate::turns::{InTurn, Taken, TakenInTurn, queues};

/// A stage: what it makes of what it takes, one result after another.
pub type Stage<T> = Box<dyn Iterator<Item = Result<T>>>;

/// How far the stages may work ahead of one another.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Painters, which take times in turn; at least 1.
    pub painters: usize,
    /// Decoded times that may wait for a painter.
    pub decoded: usize,
    /// Painted times that may wait behind every painter.
    pub queue: usize,
}

/// Starts a thread per stage and per painter; each makes its stage from what it takes.
///
/// # Errors
/// [`Error::Backend`] when the system refuses a thread.
pub fn start<Gop, Job, Shown>(
    room: Room,
    reader: impl FnOnce() -> Stage<Gop> + Send + 'static,
    anchor: impl FnOnce(TakenInTurn<Result<Gop>>) -> Stage<Job> + Send + 'static,
    painter: impl FnOnce(Permitted<Result<Job>>) -> Stage<Shown> + Clone + Send + 'static,
) -> Result<Pipeline<Shown>>
where
    Gop: Send + 'static,
    Job: Send + 'static,
    Shown: Send + 'static,
{
    let Room { painters, decoded, queue } = room;
    let mut threads = Vec::new();
    // The reader works one GOP ahead.
    let (to, gops) = queues(1, 1);
    spawn(&mut threads, "reader", to, reader)?;
    let (to, jobs) = queues(painters, decoded.div_ceil(painters));
    spawn(&mut threads, "anchor", to, move || anchor(gops))?;
    // As many times are painted ahead of the one asked for as there are painters and places in
    // the queue: work further ahead would show views that are no longer wanted.
    let (mut ask, asked) = queues(painters, queue + 2);
    (0..painters + queue).for_each(|_| assert!(ask.send(()), "nobody has left yet"));
    let (to, shown) = queues(painters, queue);
    for ((items, permits), to) in jobs.each().zip(asked.each()).zip(to.each()) {
        let painter = painter.clone();
        spawn(&mut threads, "reconstruct", to, move || painter(Permitted { permits, items }))?;
    }
    Ok(Pipeline { ends: Some((ask, shown)), asked: false, threads })
}

/// Runs the stage that `make` makes on a thread of its own, up to its first error.
fn spawn<T: Send + 'static>(
    threads: &mut Vec<JoinHandle<()>>,
    name: &'static str,
    mut to: InTurn<Result<T>>,
    make: impl FnOnce() -> Stage<T> + Send + 'static,
) -> Result<()> {
    let run = move || {
        for result in make() {
            let last = result.is_err();
            if !to.send(result) || last {
                return;
            }
        }
    };
    let thread = Builder::new().name(format!("iev-{name}")).spawn(run);
    let refused = |e| Error::Backend { what: format!("no thread for the {name} stage: {e}") };
    threads.push(thread.map_err(refused)?);
    Ok(())
}

/// Items that wait for a permit each.
pub struct Permitted<T> {
    permits: TakenInTurn<()>,
    items: TakenInTurn<T>,
}

impl<T> Iterator for Permitted<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.permits.next()?;
        self.items.next()
    }
}

/// A running pipeline: results in order, then the error or the end.
pub struct Pipeline<T> {
    /// Where times are asked for, and where they come out.
    ends: Option<(InTurn<()>, TakenInTurn<Result<T>>)>,
    /// Whether the next time has been asked for but did not come in the time given.
    asked: bool,
    threads: Vec<JoinHandle<()>>,
}

impl<T> Pipeline<T> {
    /// The next time if it comes within `patience`.
    ///
    /// # Panics
    /// If a stage panicked: its panic goes on here.
    pub fn next_within(&mut self, patience: Duration) -> Taken<Result<T>> {
        self.take(|shown| shown.take_within(patience))
    }

    fn take(
        &mut self,
        by: impl FnOnce(&mut TakenInTurn<Result<T>>) -> Taken<Result<T>>,
    ) -> Taken<Result<T>> {
        let Some((ask, shown)) = self.ends.as_mut() else { return Taken::Ended };
        if !self.asked {
            // Never waits: a painter's share of the times under way and the one asked for fit. A
            // painter that has left has said why, or is at the end.
            let _ = ask.send(());
        }
        let taken = by(shown);
        self.asked = matches!(taken, Taken::NotYet);
        // Behind an error other painters may have more to give, but it is the last that counts.
        if matches!(taken, Taken::Item(Err(_)) | Taken::Ended) {
            self.ends = None;
        }
        if matches!(taken, Taken::Ended) {
            for thread in self.threads.drain(..) {
                if let Err(panic) = thread.join() {
                    std::panic::resume_unwind(panic);
                }
            }
        }
        taken
    }
}

impl<T> Iterator for Pipeline<T> {
    type Item = Result<T>;

    /// # Panics
    /// If a stage panicked: its panic goes on here.
    fn next(&mut self) -> Option<Self::Item> {
        match self.take(|shown| shown.next().map_or(Taken::Ended, Taken::Item)) {
            Taken::Item(result) => Some(result),
            Taken::NotYet | Taken::Ended => None,
        }
    }
}

impl<T> Drop for Pipeline<T> {
    fn drop(&mut self) {
        self.ends = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
