//! Buffers that come back by themselves: the return path is a bounded channel.

use core::ops::{Deref, DerefMut};
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};

/// Buffers ready for reuse; taking never waits, because the queues between stages already bound
/// how many are out.
///
/// Every handle to a buffer comes home when it is dropped, and the last one to come home finds it free.
/// Why not the last one dropped: two threads that drop theirs at once would each take the other's for it.
#[derive(Debug)]
pub struct Pool<T> {
    home: Sender<Arc<T>>,
    idle: Receiver<Arc<T>>,
}

impl<T> Clone for Pool<T> {
    /// Another handle to the same buffers, which need not be cloneable themselves.
    fn clone(&self) -> Self {
        Self { home: self.home.clone(), idle: self.idle.clone() }
    }
}

/// A buffer on loan, to be filled; dropping it returns it to its pool.
#[derive(Debug)]
pub struct Loan<T>(SharedLoan<T>);

/// A filled buffer on loan to any number of readers; it returns to its pool with the last of them.
#[derive(Debug)]
pub struct SharedLoan<T> {
    item: Option<Arc<T>>,
    home: Sender<Arc<T>>,
}

impl<T> Pool<T> {
    /// A pool that keeps at most `capacity` idle handles; with none every buffer is new, which the
    /// serial decoder uses so that it cannot share a reuse bug with the pipeline.
    pub fn new(capacity: usize) -> Self {
        let (home, idle) = bounded(capacity);
        Self { home, idle }
    }

    /// An idle buffer, or a new one.
    pub fn take_or(&self, make: impl FnOnce() -> T) -> Loan<T> {
        let idle = self.idle.try_iter().find(|item| Arc::strong_count(item) == 1);
        let item = idle.unwrap_or_else(|| Arc::new(make()));
        Loan(SharedLoan { item: Some(item), home: self.home.clone() })
    }
}

impl<T> Loan<T> {
    /// The buffer for readers.
    pub fn share(self) -> SharedLoan<T> {
        self.0
    }
}

impl<T> Clone for SharedLoan<T> {
    /// Another handle to the same buffer.
    fn clone(&self) -> Self {
        Self { item: self.item.clone(), home: self.home.clone() }
    }
}

impl<T> Drop for SharedLoan<T> {
    fn drop(&mut self) {
        if let Some(item) = self.item.take() {
            // A full or closed pool lets the buffer go.
            let _ = self.home.try_send(item);
        }
    }
}

impl<T> Deref for SharedLoan<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.item.as_ref().unwrap_or_else(|| unreachable!("a loan holds its buffer until dropped"))
    }
}

impl<T> Deref for Loan<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Loan<T> {
    fn deref_mut(&mut self) -> &mut T {
        let item = self.0.item.as_mut().and_then(Arc::get_mut);
        item.unwrap_or_else(|| unreachable!("a buffer to be filled has one handle"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_up_to_the_capacity() {
        let pool = Pool::new(1);
        let (first, second) = (pool.take_or(|| vec![1]), pool.take_or(|| vec![2]));
        drop(first);
        drop(second);
        assert_eq!(*pool.take_or(|| vec![9]), [1]);
        let none = Pool::new(0);
        drop(none.take_or(|| 1));
        assert_eq!(*none.take_or(|| 2), 2);
    }

    #[test]
    fn a_shared_buffer_comes_back_with_its_last_reader() {
        let pool = Pool::new(4);
        let first = pool.take_or(|| 1).share();
        let second = first.clone();
        drop(first);
        assert_eq!(*pool.take_or(|| 2), 2, "the first buffer is still being read");
        assert_eq!(*second, 1);
        drop(second);
        let both = [pool.take_or(|| 9), pool.take_or(|| 9)].map(|buffer| *buffer);
        assert_eq!(both, [2, 1]);
    }
}
