//! Decodes anchors in a child process that has given up its rights.
//!
//! Why: openh264 is C++, rav1d has assembly, and both are fed by strangers. What breaks out of them in the child finds no
//! file, no socket, no other process and bounded memory; a child that crashes, hangs or talks nonsense is an
//! error of the anchor stage. The child is the `iev` program itself, by its hidden subcommand
//! `decode-anchors`. Each picture costs a copy through a pipe. Linux only.

mod child;
mod messages;
mod rights;

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_setfl};

use crate::anchor::decoder::{AnchorDecoder, Input, OpenAnchors, Ready, failed};
use crate::error::{Error, Result};
use crate::units::{FrameIndex, PictureId, Size, ViewId};

pub use child::serve;
use messages::{Answer, Head, MOST_PICTURES, Request};

/// Name of the hidden subcommand.
pub const SUBCOMMAND: &str = "decode-anchors";
/// Memory of the program itself, besides pictures and sections.
const PROGRAM_BYTES: u64 = 64 << 20;

/// Where and how patiently anchors are decoded.
#[derive(Debug, Clone)]
pub struct Sandbox {
    /// The `iev` program.
    pub program: PathBuf,
    /// Longest wait for what one access unit brings.
    pub patience: Duration,
}

impl Sandbox {
    /// A sandbox of the given `iev` program that waits half a minute.
    pub fn new(program: PathBuf) -> Self {
        Self { program, patience: Duration::from_secs(30) }
    }

    /// Opens a child per thread that decodes.
    pub fn opener(self) -> Arc<OpenAnchors> {
        Arc::new(move |size, bytes| Ok(Box::new(Sandboxed::start(&self, size, bytes)?)))
    }
}

/// The parent's end of a running child.
struct Sandboxed {
    child: Child,
    requests: ChildStdin,
    answers: ChildStdout,
    patience: Duration,
    /// First frame of the GOP under way, for errors.
    gop: FrameIndex,
}

impl Sandboxed {
    fn start(sandbox: &Sandbox, size: Size, bytes: u64) -> Result<Self> {
        let program = sandbox.program.display();
        let refused = |e| Error::Backend { what: format!("sandbox {program} does not start: {e}") };
        let mut command = Command::new(&sandbox.program);
        command.arg(SUBCOMMAND).args([size.width_px, size.height_px].map(|px| px.to_string()));
        command.arg(bytes.saturating_add(PROGRAM_BYTES).to_string());
        command.env_clear().current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(refused)?;
        let ends = child.stdin.take().zip(child.stdout.take());
        let (requests, answers) = ends.unwrap_or_else(|| unreachable!("both ends are piped"));
        let (patience, gop) = (sandbox.patience, FrameIndex(0));
        let sandboxed = Self { child, requests, answers, patience, gop };
        let no_waiting = |end: &dyn AsFd| fcntl_setfl(end.as_fd(), OFlags::NONBLOCK);
        no_waiting(&sandboxed.requests).map_err(|e| refused(e.into()))?;
        no_waiting(&sandboxed.answers).map_err(|e| refused(e.into()))?;
        Ok(sandboxed)
    }

    /// Sends one request and takes what comes back.
    fn exchange(
        &mut self,
        place: PictureId,
        input: Input<'_>,
        ready: &mut Ready,
    ) -> io::Result<Answer> {
        let until = Instant::now() + self.patience;
        // The request and the bytes that it announces.
        let (request, unit) = Request::of(place.view, input);
        let mut requests = Patient { end: &mut self.requests, flags: PollFlags::OUT, until };
        requests.write_all(&request.to_bytes())?;
        requests.write_all(unit)?;
        // The answer and the pictures that it announces, no more than a decoder holds.
        let mut answers = Patient { end: &mut self.answers, flags: PollFlags::IN, until };
        let mut head = [0; Answer::BYTES];
        answers.read_exact(&mut head)?;
        let answer = Answer::from_bytes(&head)?;
        if let Answer::Pictures(count) = answer {
            if count > MOST_PICTURES {
                return Err(io::Error::other("more pictures than a decoder holds"));
            }
            (0..count).try_for_each(|_| ready.push(|p| answers.read_exact(p.i420_mut())))?;
        }
        Ok(answer)
    }

    /// How the child ended: by itself, or by our signal where it still runs.
    fn end(&mut self) -> Option<ExitStatus> {
        // Its exit follows the closing of its pipes, which is what the caller has seen.
        let patient = Instant::now() + Duration::from_millis(100);
        while Instant::now() < patient {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        self.kill();
        None
    }

    fn kill(&mut self) {
        // Either fails only when the child is gone and waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl AnchorDecoder for Sandboxed {
    fn decode(&mut self, place: PictureId, input: Input<'_>, ready: &mut Ready) -> Result<()> {
        if let Input::First(..) = input {
            self.gop = place.frame;
        }
        match self.exchange(place, input, ready) {
            Ok(Answer::Pictures(_)) => Ok(()),
            Ok(Answer::Refused(words)) => Err(failed(place, printable(&words))),
            Err(error) => {
                let how = match self.end() {
                    Some(status) => format!("ended with {status}"),
                    None => format!("was stopped: {error}"),
                };
                let gop = self.gop.0;
                Err(failed(place, format!("the sandbox of the GOP from frame {gop} on {how}")))
            }
        }
    }

    fn forget(&mut self, view: ViewId) {
        let until = Instant::now() + self.patience;
        let mut requests = Patient { end: &mut self.requests, flags: PollFlags::OUT, until };
        // Where the child is gone, who asks for the next picture is told.
        let _ = requests.write_all(&Request::forget(view).to_bytes());
    }
}

impl Drop for Sandboxed {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Words of a process that may be a stranger's, fit for a terminal.
fn printable(words: &str) -> String {
    words.chars().filter(|c| !c.is_control()).collect()
}

/// One end of a pipe, waited for at most `until`.
struct Patient<'a, E> {
    end: &'a mut E,
    flags: PollFlags,
    until: Instant,
}

impl<E: AsFd> Patient<'_, E> {
    fn patiently<T>(&mut self, mut go: impl FnMut(&mut E) -> io::Result<T>) -> io::Result<T> {
        loop {
            match go(self.end) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
            let left = self.until.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).map_err(io::Error::other)?;
            let mut ends = [PollFd::from_borrowed_fd(self.end.as_fd(), self.flags)];
            match poll(&mut ends, Some(&left)) {
                Ok(0) => return Err(io::Error::other("it took too long")),
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }
}

impl<E: AsFd + Read> Read for Patient<'_, E> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.patiently(|end| end.read(buffer))
    }
}

impl<E: AsFd + Write> Write for Patient<'_, E> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.patiently(|end| end.write(buffer))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.end.flush()
    }
}
