//! How far a long job is: a bar where somebody watches, a line a minute where a log is kept.

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Until the first line of a job that has no terminal; shorter jobs stay silent.
const FIRST_LINE: Duration = Duration::from_secs(5);
/// Between any two further ones.
const LINE_EVERY: Duration = Duration::from_secs(60);

/// Where jobs tell how far they are, handed down from the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Nowhere.
    Quiet,
    /// A bar on standard error, which is a terminal.
    Bar,
    /// Lines on standard error.
    Lines,
}

impl Progress {
    /// What suits this process' standard error; nothing where `quiet`.
    pub fn to_stderr(quiet: bool) -> Self {
        match quiet {
            true => Self::Quiet,
            false if std::io::stderr().is_terminal() => Self::Bar,
            false => Self::Lines,
        }
    }

    /// Prints a line, between jobs.
    pub fn say(self, line: impl Display) {
        if self != Self::Quiet {
            // A closed stderr leaves nothing to tell.
            let _ = writeln!(std::io::stderr(), "{}", one_line(&line.to_string()));
        }
    }

    /// Prints a warning. Why not to whoever asks for quiet: it changes nothing of the result, and whatever fails is an
    /// error; reports in JSON have it all the same.
    pub fn warn(self, warning: impl Display) {
        self.say(format_args!("iev-export: warning: {warning}"));
    }

    /// A job of `length` equal steps; it ends when it is dropped.
    pub fn job(self, name: &'static str, length: usize) -> Job {
        self.resumed(name, 0, length)
    }

    /// The same with the first `done` steps behind it already.
    pub fn resumed(self, name: &'static str, done: usize, length: usize) -> Job {
        let state = JobState {
            name,
            length,
            before: done,
            done: AtomicUsize::new(done),
            started: Instant::now(),
            message: Mutex::default(),
        };
        let state = Arc::new(state);
        let shown = match self {
            Self::Quiet => ProgressOutput::Nowhere,
            Self::Bar => ProgressOutput::Bar(bar(name, done, length)),
            Self::Lines => {
                ProgressOutput::Lines(Teller::start(Arc::clone(&state), FIRST_LINE, LINE_EVERY))
            }
        };
        Job { state, shown }
    }
}

/// A job under way; steps may be counted by any thread.
#[derive(Debug)]
pub struct Job {
    state: Arc<JobState>,
    shown: ProgressOutput,
}

impl Job {
    /// One step is done.
    pub fn step(&self) {
        self.state.done.fetch_add(1, Ordering::Relaxed);
        if let ProgressOutput::Bar(bar) = &self.shown {
            bar.inc(1);
        }
    }

    /// Says `message` beside the count from now on.
    pub fn tell(&self, message: String) {
        if let ProgressOutput::Bar(bar) = &self.shown {
            bar.set_message(format!(", {message}"));
        }
        *self.state.message() = message;
    }

    /// Prints a line without breaking the bar.
    pub fn say(&self, line: &str) {
        match &self.shown {
            ProgressOutput::Nowhere => {}
            ProgressOutput::Bar(bar) => bar.suspend(|| Progress::Bar.say(line)),
            ProgressOutput::Lines(_) => Progress::Lines.say(line),
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        match &mut self.shown {
            ProgressOutput::Nowhere => {}
            ProgressOutput::Bar(bar) => bar.finish_and_clear(),
            ProgressOutput::Lines(teller) => teller.end(),
        }
    }
}

#[derive(Debug)]
enum ProgressOutput {
    Nowhere,
    Bar(ProgressBar),
    Lines(Teller),
}

/// What a line says.
#[derive(Debug)]
struct JobState {
    name: &'static str,
    length: usize,
    /// Steps of an earlier run, which say nothing about this one's speed.
    before: usize,
    done: AtomicUsize,
    started: Instant,
    message: Mutex<String>,
}

impl JobState {
    fn message(&self) -> std::sync::MutexGuard<'_, String> {
        self.message.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self) -> String {
        let done = self.done.load(Ordering::Relaxed).min(self.length);
        let now = done.saturating_sub(self.before);
        let mut line = format!("{}: {done} of {}", self.name, self.length);
        if now > 0 {
            let each = self.started.elapsed().div_f64(now as f64);
            line += &format!(", {} left", span(each.mul_f64((self.length - done) as f64)));
        }
        match &*self.message() {
            message if message.is_empty() => line,
            message => format!("{line}, {message}"),
        }
    }
}

/// A thread that prints a line now and then, in the middle of a long step too.
#[derive(Debug)]
struct Teller {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Teller {
    fn start(state: Arc<JobState>, first: Duration, every: Duration) -> Self {
        let (end, ended) = channel();
        let tell = move || {
            let mut wait = first;
            while ended.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                Progress::Lines.say(state.line());
                wait = every;
            }
        };
        Self { end: Some(end), thread: Some(thread::spawn(tell)) }
    }

    fn end(&mut self) {
        drop(self.end.take());
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
            std::panic::resume_unwind(panic);
        }
    }
}

fn bar(name: &'static str, done: usize, length: usize) -> ProgressBar {
    let template = "{prefix} {elapsed} [{bar:30}] {pos}/{len}, {eta} left{msg}";
    let style = ProgressStyle::with_template(template);
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(length as u64).with_style(style).with_prefix(name);
    bar.set_position(done as u64);
    // Its speed is that of this run alone.
    bar.reset_eta();
    bar
}

/// `text` without line breaks and other control characters, as of a file's name, that a terminal would act on.
pub fn one_line(text: &str) -> String {
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
    text.chars().map(escaped).collect()
}

/// A length of time as a person says it.
pub fn span(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 99.5 => format!("{seconds:.0} s"),
        seconds if seconds < 99.5 * 60.0 => format!("{:.0} min", seconds / 60.0),
        seconds => format!("{:.1} h", seconds / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(before: usize, done: usize, ago: u64) -> JobState {
        JobState {
            name: "training",
            length: 600,
            before,
            done: AtomicUsize::new(done),
            started: Instant::now() - Duration::from_secs(ago),
            message: Mutex::default(),
        }
    }

    #[test]
    fn a_line_says_how_far_and_how_long_yet() {
        assert_eq!(state(0, 0, 30).line(), "training: 0 of 600");
        assert_eq!(state(0, 100, 60).line(), "training: 100 of 600, 5 min left");
        // What an earlier run has done took no time of this one.
        assert_eq!(state(300, 400, 60).line(), "training: 400 of 600, 2 min left");
        let told = state(0, 600, 60);
        *told.message() = "luma 33.10 dB".into();
        assert_eq!(told.line(), "training: 600 of 600, 0 s left, luma 33.10 dB");
    }

    #[test]
    fn spans_are_said_in_their_own_unit() {
        let said = |seconds| span(Duration::from_secs(seconds));
        assert_eq!(
            [9, 99, 100, 5_900, 6_000].map(said),
            ["9 s", "99 s", "2 min", "98 min", "1.7 h"]
        );
    }

    #[test]
    fn a_job_counts_from_many_threads_and_ends() {
        for progress in [Progress::Quiet, Progress::Lines] {
            let job = progress.job("counting", 8);
            thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(|| job.step()))));
            assert_eq!(job.state.done.load(Ordering::Relaxed), 8);
        }
    }
}
