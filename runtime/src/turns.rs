//! Queues used in turn: what goes in first comes out first, however many workers are in between.
//!
//! ```text
//!            ┌─ queue ─ worker ─ queue ─┐
//! InTurn ────┤                          ├─── TakenInTurn
//!            └─ queue ─ worker ─ queue ─┘
//! ```

use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

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
        match self.queues[self.next].recv_timeout(patience) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_come_out_in_order_whoever_is_slow() {
        let (mut dealt, hands) = queues(3, 1);
        let (done, gathered) = queues(3, 0);
        std::thread::scope(|scope| {
            for (worker, (hand, mut done)) in hands.each().zip(done.each()).enumerate() {
                scope.spawn(move || {
                    for item in hand {
                        std::thread::sleep(std::time::Duration::from_millis(3 - worker as u64));
                        assert!(done.send((item, worker)));
                    }
                });
            }
            scope.spawn(move || (0..20).for_each(|item| assert!(dealt.send(item))));
            let order: Vec<_> = gathered.collect();
            assert_eq!(order, (0..20).map(|item| (item, item % 3)).collect::<Vec<_>>());
        });
    }

    #[test]
    fn an_item_that_is_not_there_in_time_keeps_its_turn() {
        let (mut dealt, mut taken) = queues(2, 1);
        assert!(matches!(taken.take_within(Duration::ZERO), Taken::NotYet));
        assert!(dealt.send(0) && dealt.send(1));
        assert!(matches!(taken.take_within(Duration::ZERO), Taken::Item(0)));
        assert_eq!(taken.next(), Some(1));
        drop(dealt);
        assert!(matches!(taken.take_within(Duration::ZERO), Taken::Ended));
    }

    #[test]
    fn a_reader_that_left_is_noticed_in_its_turn() {
        let (mut dealt, hands) = queues(2, 1);
        let mut hands = hands.each();
        let (first, second) = (hands.next(), hands.next());
        drop(second);
        assert!(dealt.send(0));
        assert!(!dealt.send(1));
        assert_eq!(first.unwrap_or_else(|| unreachable!()).next(), Some(0));
    }
}
