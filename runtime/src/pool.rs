//! Buffers that come back by themselves: the return path is a bounded channel.

use core::ops::{Deref, DerefMut};

use crossbeam_channel::{Receiver, Sender, bounded};

/// Buffers ready for reuse; taking never waits, because the queues between stages already bound
/// how many are out.
#[derive(Debug)]
pub struct Pool<T> {
    home: Sender<T>,
    free: Receiver<T>,
}

impl<T> Clone for Pool<T> {
    /// Another handle to the same buffers, which need not be cloneable themselves.
    fn clone(&self) -> Self {
        Self { home: self.home.clone(), free: self.free.clone() }
    }
}

/// A buffer on loan; dropping it returns it to its pool.
#[derive(Debug)]
pub struct Pooled<T> {
    item: Option<T>,
    home: Sender<T>,
}

impl<T> Pool<T> {
    /// A pool that keeps at most `capacity` idle buffers; with none every buffer is new, which the
    /// serial decoder uses so that it cannot share a reuse bug with the pipeline.
    pub fn new(capacity: usize) -> Self {
        let (home, free) = bounded(capacity);
        Self { home, free }
    }

    /// An idle buffer, or a new one.
    pub fn take_or(&self, make: impl FnOnce() -> T) -> Pooled<T> {
        let item = self.free.try_recv().unwrap_or_else(|_| make());
        Pooled { item: Some(item), home: self.home.clone() }
    }
}

impl<T> Drop for Pooled<T> {
    fn drop(&mut self) {
        if let Some(item) = self.item.take() {
            // A full or closed pool lets the buffer go.
            let _ = self.home.try_send(item);
        }
    }
}

impl<T> Deref for Pooled<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.item.as_ref().unwrap_or_else(|| unreachable!("a loan holds its buffer until dropped"))
    }
}

impl<T> DerefMut for Pooled<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.item.as_mut().unwrap_or_else(|| unreachable!("a loan holds its buffer until dropped"))
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
}
