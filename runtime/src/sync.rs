//! What threads and the queues between them are made of.
//!
//! Why a module: `tests/interleavings.rs` compiles `shares` and `stages` over threads and queues that
//! take turns as it says.

pub use std::thread::{Builder, JoinHandle};

pub use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

/// What `queue` gives up to the instant `latest`.
pub fn receive_until<T>(
    queue: &Receiver<T>,
    latest: std::time::Instant,
) -> Result<T, RecvTimeoutError> {
    queue.recv_deadline(latest)
}
