//! Interleavings: in whatever order threads run, the pipeline gives its results whole and in order,
//! works no further ahead than it may, ends all its threads whichever side leaves first, and never hangs.
//!
//! `shares.rs`, `stages.rs` and `lanes.rs` of the player are compiled here over shuttle's threads and queues,
//! which run one at a time in a random order and tell when none can go on.
#![cfg(feature = "player")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

#[path = "../src/play/lanes.rs"]
mod lanes;
#[path = "../src/play/shares.rs"]
mod shares;
#[path = "../src/play/stages.rs"]
mod stages;

mod sync {
    pub use shuttle::sync::mpsc::{Receiver, SyncSender as Sender, sync_channel as bounded};
    pub use shuttle::thread::{Builder, JoinHandle};
    pub use std::sync::mpsc::{RecvTimeoutError, TryRecvError};

    /// Shuttle gives the turns.
    pub fn give_way() {}

    /// Time does not pass here: what is there at once, after the threads that run first.
    pub fn receive_until<T>(
        queue: &Receiver<T>,
        _: std::time::Instant,
    ) -> Result<T, RecvTimeoutError> {
        shuttle::thread::yield_now();
        queue.try_recv().map_err(|e| match e {
            TryRecvError::Empty => RecvTimeoutError::Timeout,
            TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
        })
    }
}

mod error {
    #[derive(Debug, PartialEq)]
    pub enum Error {
        Backend { what: String },
        Planted,
    }

    pub type Result<T, E = Error> = core::result::Result<T, E>;
}

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use shuttle::rand::{Rng, thread_rng};

use error::{Error, Result};
use shares::{Arrival, Join};
use stages::{Room, Stage};

/// Frames of a GOP.
const GOP_FRAMES: usize = 2;

/// Where an error is planted.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    Reader,
    Anchor,
    /// One of the painters.
    Painter(usize),
}

/// A frame as it comes out: which painters did their share, by the permit that they had.
#[derive(Debug, PartialEq)]
struct Shares {
    frame: usize,
    permit: usize,
    painters: Vec<usize>,
}

impl Join for Shares {
    fn join(&mut self, other: Self) {
        assert_eq!((self.frame, self.permit), (other.frame, other.permit), "shares of one frame");
        self.painters.extend(other.painters);
    }
}

type Pipeline = stages::Pipeline<usize, Shares>;

/// A pipeline of numbers, and how much of it the consumer takes.
#[derive(Debug, Clone, Copy)]
struct Case {
    room: Room,
    frames: usize,
    fault: Fault,
    fault_at: usize,
    taken: usize,
}

impl Case {
    fn random() -> Self {
        let mut random = thread_rng();
        let painters = random.gen_range(1..=3);
        let failing = Fault::Painter(random.gen_range(0..painters));
        let faults = [Fault::None, Fault::Reader, Fault::Anchor, failing];
        let (decoded, ahead) = (random.gen_range(0..=4), random.gen_range(1..=3));
        let frames = GOP_FRAMES * random.gen_range(0..=4);
        Self {
            room: Room { painters, decoded, ahead },
            frames,
            fault: faults[random.gen_range(0..faults.len())],
            fault_at: random.gen_range(0..=frames),
            taken: random.gen_range(0..=frames + 2),
        }
    }

    /// What `stage` makes of `frame`.
    fn pass(self, stage: Fault, frame: usize) -> Result<usize> {
        if self.fault == stage && self.fault_at == frame { Err(Error::Planted) } else { Ok(frame) }
    }

    /// The first frame that is not shown, and whether an error is in its place.
    fn end(self) -> (usize, bool) {
        match self.fault {
            Fault::None => (self.frames, false),
            _ if self.fault_at >= self.frames => (self.frames, false),
            Fault::Reader => (self.fault_at / GOP_FRAMES * GOP_FRAMES, true),
            _ => (self.fault_at, true),
        }
    }

    /// The pipeline. Stages hold `alive`; `asked` counts frames asked for.
    fn start(self, alive: &Arc<()>, asked: &Arc<AtomicUsize>) -> Pipeline {
        let (r, a, p) = (alive.clone(), alive.clone(), alive.clone());
        let asked = Arc::clone(asked);
        let read = move |first: usize| {
            (first..first + GOP_FRAMES)
                .try_for_each(|frame| self.pass(Fault::Reader, frame).map(drop))?;
            Ok(first)
        };
        let decode = move |gop: Result<usize>| -> Vec<Result<usize>> {
            match gop {
                Ok(first) => (first..first + GOP_FRAMES)
                    .map(|frame| self.pass(Fault::Anchor, frame))
                    .collect(),
                Err(error) => vec![Err(error)],
            }
        };
        let paint = move |painter: usize, (permit, frame): (usize, usize)| {
            let early = frame >= asked.load(Ordering::SeqCst) + self.room.ahead;
            assert!(!early, "{frame} is too early");
            self.pass(Fault::Painter(painter), frame)?;
            Ok(Shares { frame, permit, painters: vec![painter] })
        };
        stages::start(
            self.room,
            0,
            move || stage((0..self.frames).step_by(GOP_FRAMES).map(read), r),
            move |mut gops| {
                // The anchor stage looks now and then whether one is there.
                let next = move || {
                    let there = thread_rng().gen_ratio(1, 2).then(|| gops.now()).flatten();
                    there.or_else(|| gops.next())
                };
                stage(std::iter::from_fn(next).flat_map(decode), a)
            },
            move |painter, jobs| {
                stage(jobs.map(move |job| job.and_then(|job| paint(painter, job))), p)
            },
        )
        .unwrap()
    }

    fn check(self) {
        let (alive, asked) = (Arc::new(()), Arc::new(AtomicUsize::new(0)));
        let mut pipeline = self.start(&alive, &asked);
        let (end, fails) = self.end();
        for frame in 0..self.taken {
            asked.fetch_add(1, Ordering::SeqCst);
            let expected = match frame {
                frame if frame < end => {
                    // Permits are numbered by the frame asked for when they are given.
                    let permit = (frame + 1).saturating_sub(self.room.ahead);
                    let painters = (0..self.room.painters).collect();
                    Some(Ok(Shares { frame, permit, painters }))
                }
                frame if frame == end && fails => Some(Err(Error::Planted)),
                _ => None,
            };
            assert_eq!(next(&mut pipeline, frame + 1), expected, "{self:?}");
        }
        drop(pipeline);
        assert_eq!(Arc::strong_count(&alive), 1, "a stage is still there: {self:?}");
    }
}

/// The next result, with or without giving up on it a few times before.
fn next(pipeline: &mut Pipeline, permit: usize) -> Option<Result<Shares>> {
    for _ in 0..thread_rng().gen_range(0..=2) {
        match pipeline.next_within(permit, Duration::ZERO) {
            Arrival::Item(result) => return Some(result),
            Arrival::Ended => return None,
            Arrival::NotYet => {}
        }
    }
    pipeline.next(permit)
}

/// `results` as a stage that holds `alive`.
fn stage<T: 'static>(
    results: impl Iterator<Item = Result<T>> + 'static,
    alive: Arc<()>,
) -> Stage<T> {
    Box::new(results.inspect(move |_| drop(Arc::clone(&alive))))
}

#[test]
fn the_pipeline_keeps_its_order_and_ends_however_threads_take_turns() {
    shuttle::check_random(|| Case::random().check(), 20_000);
    // Few, but far-reaching changes of who runs, which find what chance alone does not.
    shuttle::check_pct(|| Case::random().check(), 20_000, 4);
}

/// What lanes make of a run: its numbers in order, up to the one that is planted to fail.
struct Numbers {
    key: usize,
    next: usize,
    end: usize,
    fails_at: usize,
}

/// What a lane has for its runs: the keys of those under way.
struct Hand {
    keys: Vec<usize>,
    _alive: Arc<()>,
}

impl lanes::Run<Hand> for Numbers {
    type Item = usize;

    fn key(&self) -> usize {
        self.key
    }

    fn make(&mut self, by: &mut Hand) -> Option<Result<usize>> {
        if self.next == self.end {
            return None;
        }
        let begins = self.next.is_multiple_of(RUN);
        assert_eq!(!by.keys.contains(&self.key), begins, "runs of a key come one after another");
        if begins {
            by.keys.push(self.key);
        }
        self.next += 1;
        let number = self.next - 1;
        Some(if number == self.fails_at { Err(Error::Planted) } else { Ok(number) })
    }

    fn end(self, by: &mut Hand) {
        by.keys.retain(|key| *key != self.key);
    }
}

/// Numbers of a run.
const RUN: usize = 3;
/// Numbers that a lane may be ahead.
const MOST: usize = 2;

type Lanes = lanes::Lanes<Numbers, usize>;
type Items = lanes::Items<Numbers, usize>;

/// A run of each key from `first` on, of which so many numbers may be made at once.
fn begin(
    lanes: &mut Lanes,
    keys: usize,
    first: usize,
    leave: usize,
    fault: (usize, usize),
) -> Vec<Items> {
    let mut begin = |key| {
        let fails_at = if fault.0 == key { fault.1 } else { usize::MAX };
        let run = Numbers { key, next: first, end: first + RUN, fails_at };
        lanes.begin(key, run, first as u64, (leave, MOST))
    };
    (0..keys).map(&mut begin).collect()
}

/// The number `wanted` of a run; those before it were not.
fn take(lanes: &mut Lanes, run: &Items, wanted: usize) -> Result<usize> {
    loop {
        match lanes.take(run) {
            Ok(number) if number < wanted => {}
            taken => return taken,
        }
    }
}

/// Runs of a few keys, each behind one of the same key that may be over or not, taken in order with some left out.
fn check_lanes() {
    let mut random = thread_rng();
    let (keys, runs) = (random.gen_range(1..=3), random.gen_range(1..=3));
    let fault = (random.gen_range(0..=keys), random.gen_range(0..runs * RUN));
    let leaves_at = random.gen_range(0..=runs * RUN);
    let alive = Arc::new(());
    let hand = |_| Hand { keys: Vec::new(), _alive: alive.clone() };
    let hands = (0..random.gen_range(1..=3)).map(hand).collect();
    let mut lanes = Lanes::start("lane", hands).unwrap();
    let (mut now, mut coming) = (Vec::new(), None);
    'taken: for wanted in 0..leaves_at {
        if wanted.is_multiple_of(RUN) {
            drop(now);
            now = match coming.take() {
                Some(early) => early,
                None => begin(&mut lanes, keys, wanted, 1, fault),
            };
            now.iter().for_each(|run| run.more(MOST - 1));
        }
        let next = wanted.next_multiple_of(RUN);
        if coming.is_none() && next > wanted && next < runs * RUN && random.gen_ratio(1, 2) {
            coming = Some(begin(&mut lanes, keys, next, 1, fault));
        }
        for (key, run) in now.iter().enumerate() {
            if random.gen_ratio(1, 4) {
                continue;
            }
            let taken = take(&mut lanes, run, wanted);
            let fails = fault.0 == key && fault.1 <= wanted && fault.1 >= wanted / RUN * RUN;
            assert_eq!(taken, if fails { Err(Error::Planted) } else { Ok(wanted) });
            if fails {
                break 'taken;
            }
        }
    }
    if random.gen_ratio(1, 2) {
        drop(lanes);
        drop((coming, now));
    } else {
        drop((now, coming));
        drop(lanes);
    }
    assert_eq!(Arc::strong_count(&alive), 1, "a lane is still there");
}

#[test]
fn lanes_give_every_run_in_order_and_end_however_threads_take_turns() {
    shuttle::check_random(check_lanes, 20_000);
    shuttle::check_pct(check_lanes, 20_000, 4);
}
