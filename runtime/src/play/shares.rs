//! Work shared out: every worker is given each item and does its share of it, and the shares come out
//! joined, in the order in which the items went in.
//!
//! ```text
//!               ┌─ queue ─ worker ─ queue ─┐
//! Broadcast ────┤                          ├─── Gather
//!               └─ queue ─ worker ─ queue ─┘
//! ```

use std::time::{Duration, Instant};

use super::sync::{Receiver, RecvTimeoutError, Sender, bounded, receive_until};
use crate::error::Result;

/// Gives every worker each item.
pub struct Broadcast<T>(Vec<Sender<Result<T>>>);

/// What one worker is given.
pub struct WorkQueue<T>(pub Receiver<Result<T>>);

/// What workers made of an item, to be joined with what the others made of it.
pub trait Join {
    /// Adds the share of a worker that comes after this one's.
    fn join(&mut self, other: Self);
}

/// Joins one share of every worker; ends with the first worker that has left.
pub struct Gather<T> {
    queues: Vec<Receiver<Result<T>>>,
    /// What the first `next` workers made of the item.
    joined: Option<T>,
    next: usize,
}

/// A queue of at most `capacity` items to each of `workers`.
pub fn broadcast<T>(workers: usize, capacity: usize) -> (Broadcast<T>, Vec<WorkQueue<T>>) {
    let queues = (0..workers).map(|_| bounded(capacity));
    let (senders, receivers) = queues.map(|(to, from)| (to, WorkQueue(from))).unzip();
    (Broadcast(senders), receivers)
}

/// A queue of at most `capacity` shares from each of `workers`.
pub fn gather<T>(workers: usize, capacity: usize) -> (Vec<Sender<Result<T>>>, Gather<T>) {
    let (senders, queues) = (0..workers).map(|_| bounded(capacity)).unzip();
    (senders, Gather { queues, joined: None, next: 0 })
}

impl<T: Clone> Broadcast<T> {
    /// Waits for room with every worker; false when there is no use in another item. An error goes to
    /// the first worker alone, since the first share is gathered first.
    pub fn send(&self, item: Result<T>) -> bool {
        match item {
            Ok(item) => self.0.iter().all(|queue| queue.send(Ok(item.clone())).is_ok()),
            Err(error) => {
                let _ = self.0[0].send(Err(error));
                false
            }
        }
    }
}

impl<T> WorkQueue<T> {
    /// The next item, if it is there.
    pub fn now(&self) -> Option<Result<T>> {
        self.0.try_recv().ok()
    }
}

impl<T> Iterator for WorkQueue<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.recv().ok()
    }
}

/// What came of waiting for an item.
#[derive(Debug)]
pub enum Arrival<T> {
    /// The next item.
    Item(T),
    /// It is not there yet.
    NotYet,
    /// There is none left.
    Ended,
}

impl<T: Join> Gather<T> {
    /// The next item.
    pub fn take(&mut self) -> Arrival<Result<T>> {
        self.take_by(|queue| queue.recv().map_err(|_| RecvTimeoutError::Disconnected))
    }

    /// The next item if it comes within `patience`.
    pub fn take_within(&mut self, patience: Duration) -> Arrival<Result<T>> {
        match Instant::now().checked_add(patience) {
            Some(latest) => self.take_by(|queue| receive_until(queue, latest)),
            // Later than clocks reach.
            None => self.take(),
        }
    }

    fn take_by(
        &mut self,
        receive: impl Fn(&Receiver<Result<T>>) -> Result<Result<T>, RecvTimeoutError>,
    ) -> Arrival<Result<T>> {
        while let Some(queue) = self.queues.get(self.next) {
            match receive(queue) {
                Ok(Ok(share)) => match &mut self.joined {
                    Some(joined) => joined.join(share),
                    none => *none = Some(share),
                },
                Ok(Err(error)) => return Arrival::Item(Err(error)),
                Err(RecvTimeoutError::Timeout) => return Arrival::NotYet,
                Err(RecvTimeoutError::Disconnected) => return Arrival::Ended,
            }
            self.next += 1;
        }
        self.next = 0;
        self.joined.take().map_or(Arrival::Ended, |joined| Arrival::Item(Ok(joined)))
    }
}
