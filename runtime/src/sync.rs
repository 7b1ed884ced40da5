//! What threads and the queues between them are made of.
//!
//! Why a module: `tests/interleavings.rs` compiles `turns` and `stages` over threads and queues that
//! take turns as it says.

pub use std::thread::{Builder, JoinHandle};

pub use crossbeam_channel::{Receiver, Sender, bounded};
