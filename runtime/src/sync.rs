//! What threads and the queues between them are made of.
//!
//! Why a module: `tests/interleavings.rs` compiles `turns` and `stages` over threads and queues that
//! take turns as it says.

pub use std::thread::{Builder, JoinHandle};

pub use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

/// What `queue` gives within `patience`.
pub fn receive_within<T>(
    queue: &Receiver<T>,
    patience: std::time::Duration,
) -> Result<T, RecvTimeoutError> {
    queue.recv_timeout(patience)
}
