//! A clean stop: the first INT, TERM or HUP is a wish that work meets at its next safe place, the second ends
//! the program at once. USR1 is the same wish and never more, for those who cannot know whether it was told already.
//!
//! Why not simply die: minutes of training since the last checkpoint would be lost, which a cluster
//! that takes its machine back would make a habit of.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;
use signal_hook::iterator::Signals;

/// Exit code of a run that was asked to stop: `EX_TEMPFAIL`, try again.
pub const EXIT_CODE: u8 = 75;

/// The work was stopped, not finished.
#[derive(Debug, thiserror::Error)]
#[error("stopped")]
pub struct Stopped;

static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();
/// Programs of others that run for us, by process id.
static CHILDREN: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// Listens to INT, TERM, HUP and USR1 from now on; a signal that the caller ignores, as a shell does for its
/// background jobs and nohup for HUP, stays ignored.
///
/// # Errors
/// The system's.
pub fn listen() -> io::Result<()> {
    let asked = ASKED.get_or_init(Arc::default);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut heard = vec![SIGINT, SIGTERM, SIGHUP, SIGUSR1];
    heard.retain(|signal| !ignores(&status, *signal));
    let insisted = Arc::default();
    for signal in &heard {
        if *signal != SIGUSR1 {
            // In this order: the second signal finds what the first has left, and ends the program.
            flag::register_conditional_default(*signal, Arc::clone(&insisted))?;
            flag::register(*signal, Arc::clone(&insisted))?;
        }
        flag::register(*signal, Arc::clone(asked))?;
    }
    let mut signals = Signals::new(heard)?;
    thread::spawn(move || {
        for _ in signals.forever() {
            // Whoever hangs up may have taken standard error along.
            let words = "stopping after the running step; a second signal stops at once";
            let _ = writeln!(io::stderr(), "{words}");
            end_children();
        }
    });
    Ok(())
}

/// Whether a process with this `/proc/PID/status` ignores `signal`.
fn ignores(status: &str, signal: i32) -> bool {
    let mask = iev_runtime::machine::field(status, "SigIgn");
    let mask = mask.and_then(|mask| u64::from_str_radix(mask, 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

/// Whether somebody has asked for it.
pub fn asked() -> bool {
    ASKED.get().is_some_and(|asked| asked.load(Ordering::Relaxed))
}

/// For the safe places of long work.
///
/// # Errors
/// [`Stopped`] once somebody has asked for it.
pub fn check() -> Result<(), Stopped> {
    if asked() { Err(Stopped) } else { Ok(()) }
}

/// A child process that does not outlive the wish to stop.
#[derive(Debug)]
pub struct Tied(u32);

impl Tied {
    /// Ties the process of this id, which nobody has waited for yet, as long as this lives.
    pub fn new(id: u32) -> Self {
        children().push(id);
        // One that came behind the signal.
        if asked() {
            end(id);
        }
        Self(id)
    }
}

impl Drop for Tied {
    fn drop(&mut self) {
        children().retain(|id| *id != self.0);
    }
}

fn children() -> std::sync::MutexGuard<'static, Vec<u32>> {
    CHILDREN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn end_children() {
    children().iter().for_each(|id| end(*id));
}

/// By KILL: what a child has made so far is of no use, and ffmpeg meets TERM by coding all that it was given, which takes
/// minutes.
#[allow(unsafe_code, reason = "the standard library signals only children that it owns")]
fn end(child: u32) {
    // SAFETY: a plain system call that touches no memory. The id is of a child that was alive when it was tied and is
    // taken out as soon as it has been waited for.
    unsafe { libc::kill(child as libc::pid_t, libc::SIGKILL) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_signal_is_known() {
        let status = "Name:\tiev-export\nSigIgn:\t0000000000001002\n";
        assert!(ignores(status, SIGINT) && !ignores(status, SIGTERM));
        assert!(!ignores("", SIGINT));
    }

    #[test]
    fn a_tied_child_is_known_as_long_as_it_lives() {
        let tied = Tied::new(u32::MAX);
        assert!(children().contains(&u32::MAX));
        drop(tied);
        assert!(!children().contains(&u32::MAX));
        assert!(check().is_ok(), "nobody has asked");
    }
}
