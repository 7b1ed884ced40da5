//! What threads and the queues between them are made of.
//!
//! Why a module: `tests/interleavings.rs` compiles `shares`, `stages` and `lanes` over threads and queues that
//! take turns as it says.

pub use std::thread::{Builder, JoinHandle};

pub use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded};

/// Lets this thread, when it is woken, wait for a processor instead of taking that of who runs on it.
///
/// Why: the consumer that asks for a frame wakes the stages, and one of them would often paint for 2 ms on its processor
/// before it has what it asked for. Where the system has no such thing, nothing changes.
pub fn give_way() {
    #[cfg(target_os = "linux")]
    set_policy(libc::SCHED_BATCH);
}

/// Lets every other thread of the machine go first, and take this one's processor whenever it has work.
pub fn go_last() {
    #[cfg(target_os = "linux")]
    set_policy(libc::SCHED_IDLE);
}

/// Of the calling thread. A system that refuses treats all threads alike.
#[cfg(target_os = "linux")]
fn set_policy(policy: libc::c_int) {
    let no_priority = libc::sched_param { sched_priority: 0 };
    // SAFETY: the calling thread's own policy; the parameter is read before the call returns.
    #[allow(unsafe_code, reason = "rustix does not wrap this call")]
    let _ = unsafe { libc::sched_setscheduler(0, policy, &raw const no_priority) };
}

/// What `queue` gives up to the instant `latest`.
pub fn receive_until<T>(
    queue: &Receiver<T>,
    latest: std::time::Instant,
) -> Result<T, RecvTimeoutError> {
    queue.recv_deadline(latest)
}
