//! Queues used in turn: what goes in first comes out first, however many workers are in between.
//!
//! ```text
//!            ┌─ queue ─ worker ─ queue ─┐
//! InTurn ────┤                          ├─── TakenInTurn
//!            └─ queue ─ worker ─ queue ─┘
//! ```

use std::time::Duration;

use crate::sync::{Receiver, RecvTimeoutError, Sender, bounded, receive_within};

/// Puts the first item into the first queue, the second into the second, and so on around.
pub struct InTurn<T> {
    queues: Vec<Sender<T>>,
    next: usize,
}

/// Takes items from queues in the order in which [`InTurn`] filled them; ends with the first queue
/// that is closed and empty in its turn.
pub struct TakenInTurn<T> {
    queues: Vec<Receiver<T>>,
    next: usize,
}

/// `queues` queues of at most `capacity` items each.
pub fn queues<T>(queues: usize, capacity: usize) -> (InTurn<T>, TakenInTurn<T>) {
    let (senders, receivers) = (0..queues).map(|_| bounded(capacity)).unzip();
    (InTurn { queues: senders, next: 0 }, TakenInTurn { queues: receivers, next: 0 })
}

impl<T> InTurn<T> {
    /// Waits for room in the next queue; false when its reader has left.
    pub fn send(&mut self, item: T) -> bool {
        let queue = &self.queues[self.next];
        self.next = (self.next + 1) % self.queues.len();
        queue.send(item).is_ok()
    }

    /// The writing end of every queue.
    pub fn each(self) -> impl Iterator<Item = InTurn<T>> {
        self.queues.into_iter().map(|queue| InTurn { queues: vec![queue], next: 0 })
    }
}

impl<T> TakenInTurn<T> {
    /// The reading end of every queue.
    pub fn each(self) -> impl Iterator<Item = TakenInTurn<T>> {
        self.queues.into_iter().map(|queue| TakenInTurn { queues: vec![queue], next: 0 })
    }
}

/// What came of waiting for an item.
#[derive(Debug)]
pub enum Taken<T> {
    /// The next item.
    Item(T),
    /// It is not there yet.
    NotYet,
    /// There is none left.
    Ended,
}

impl<T> TakenInTurn<T> {
    /// The next item if it comes within `patience`.
    pub fn take_within(&mut self, patience: Duration) -> Taken<T> {
        match receive_within(&self.queues[self.next], patience) {
            Ok(item) => {
                self.next = (self.next + 1) % self.queues.len();
                Taken::Item(item)
            }
            Err(RecvTimeoutError::Timeout) => Taken::NotYet,
            Err(RecvTimeoutError::Disconnected) => Taken::Ended,
        }
    }
}

impl<T> Iterator for TakenInTurn<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let queue = &self.queues[self.next];
        self.next = (self.next + 1) % self.queues.len();
        queue.recv().ok()
    }
}
