//! Interleavings: in whatever order threads run, the pipeline gives its results in order, works no
//! further ahead than it may, ends all its threads whoever leaves first, and never hangs.
//!
//! `turns.rs` and `stages.rs` of the player are compiled here over shuttle's threads and queues, which
//! run one at a time in a random order and tell when none can go on.
#![cfg(feature = "player")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

#[path = "../src/stages.rs"]
mod stages;
#[path = "../src/turns.rs"]
mod turns;

mod sync {
    pub use shuttle::sync::mpsc::{Receiver, SyncSender as Sender, sync_channel as bounded};
    pub use shuttle::thread::{Builder, JoinHandle};
    pub use std::sync::mpsc::RecvTimeoutError;

    use std::sync::mpsc::TryRecvError;

    /// Time does not pass here: what is there at once, after whoever else runs first.
    pub fn receive_within<T>(
        queue: &Receiver<T>,
        _: std::time::Duration,
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

    pub type Result<T> = core::result::Result<T, Error>;
}

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use shuttle::rand::{Rng, thread_rng};

use error::{Error, Result};
use stages::{Pipeline, Room, Stage};
use turns::Taken;

/// Times of a GOP.
const TIMES: usize = 2;

/// Where an error is planted.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    Reader,
    Anchor,
    Painter,
}

/// A pipeline of numbers, and how much of it the consumer takes.
#[derive(Debug, Clone, Copy)]
struct Case {
    room: Room,
    times: usize,
    fault: Fault,
    fault_at: usize,
    taken: usize,
}

impl Case {
    fn random() -> Self {
        const FAULTS: [Fault; 4] = [Fault::None, Fault::Reader, Fault::Anchor, Fault::Painter];
        let mut random = thread_rng();
        let painters = random.gen_range(1..=3);
        let (decoded, queue) = (random.gen_range(0..=4), random.gen_range(0..=2));
        let times = TIMES * random.gen_range(0..=4);
        Self {
            room: Room { painters, decoded, queue },
            times,
            fault: FAULTS[random.gen_range(0..FAULTS.len())],
            fault_at: random.gen_range(0..=times),
            taken: random.gen_range(0..=times + 2),
        }
    }

    /// What `stage` makes of `time`.
    fn pass(self, stage: Fault, time: usize) -> Result<usize> {
        if self.fault == stage && self.fault_at == time { Err(Error::Planted) } else { Ok(time) }
    }

    /// The first time that is not shown, and whether an error is in its place.
    fn end(self) -> (usize, bool) {
        match self.fault {
            Fault::None => (self.times, false),
            _ if self.fault_at >= self.times => (self.times, false),
            Fault::Reader => (self.fault_at / TIMES * TIMES, true),
            _ => (self.fault_at, true),
        }
    }

    /// The pipeline. Stages hold `alive`; `asked` counts times asked for.
    fn start(self, alive: &Arc<()>, asked: &Arc<AtomicUsize>) -> Pipeline<usize> {
        let (r, a, p) = (alive.clone(), alive.clone(), alive.clone());
        let asked = Arc::clone(asked);
        let read = move |first: usize| {
            (first..first + TIMES).try_for_each(|time| self.pass(Fault::Reader, time).map(drop))?;
            Ok(first)
        };
        let decode = move |gop: Result<usize>| -> Vec<Result<usize>> {
            match gop {
                Ok(first) => {
                    (first..first + TIMES).map(|time| self.pass(Fault::Anchor, time)).collect()
                }
                Err(error) => vec![Err(error)],
            }
        };
        let paint = move |time: usize| {
            let Room { painters, queue, .. } = self.room;
            assert!(time < asked.load(Ordering::SeqCst) + painters + queue, "{time} is too early");
            self.pass(Fault::Painter, time)
        };
        stages::start(
            self.room,
            move || stage((0..self.times).step_by(TIMES).map(read), r),
            move |gops| stage(gops.flat_map(decode), a),
            move |jobs| stage(jobs.map(move |job| job.and_then(&paint)), p),
        )
        .unwrap()
    }

    fn check(self) {
        let (alive, asked) = (Arc::new(()), Arc::new(AtomicUsize::new(0)));
        let mut pipeline = self.start(&alive, &asked);
        let (end, fails) = self.end();
        for time in 0..self.taken {
            asked.fetch_add(1, Ordering::SeqCst);
            let expected = match time {
                time if time < end => Some(Ok(time)),
                time if time == end && fails => Some(Err(Error::Planted)),
                _ => None,
            };
            assert_eq!(next(&mut pipeline), expected, "{self:?}");
        }
        drop(pipeline);
        assert_eq!(Arc::strong_count(&alive), 1, "a stage is still there: {self:?}");
    }
}

/// The next result, with or without giving up on it a few times before.
fn next(pipeline: &mut Pipeline<usize>) -> Option<Result<usize>> {
    for _ in 0..thread_rng().gen_range(0..=2) {
        match pipeline.next_within(Duration::ZERO) {
            Taken::Item(result) => return Some(result),
            Taken::Ended => return None,
            Taken::NotYet => {}
        }
    }
    pipeline.next()
}

/// `results` as a stage that holds `alive`.
fn stage(results: impl Iterator<Item = Result<usize>> + 'static, alive: Arc<()>) -> Stage<usize> {
    Box::new(results.inspect(move |_| drop(Arc::clone(&alive))))
}

#[test]
fn the_pipeline_keeps_its_order_and_ends_however_threads_take_turns() {
    shuttle::check_random(|| Case::random().check(), 20_000);
    // Few, but far-reaching changes of who runs, which find what chance alone does not.
    shuttle::check_pct(|| Case::random().check(), 20_000, 4);
}

#[test]
fn items_come_out_in_the_order_in_which_they_went_in() {
    let deal = || {
        let (mut dealt, hands) = turns::queues(3, 1);
        let (done, gathered) = turns::queues(3, 0);
        for (hand, mut done) in hands.each().zip(done.each()) {
            shuttle::thread::spawn(move || hand.for_each(|item: usize| assert!(done.send(item))));
        }
        shuttle::thread::spawn(move || (0..10).for_each(|item| assert!(dealt.send(item))));
        assert!(gathered.eq(0..10));
    };
    shuttle::check_random(deal, 10_000);
}

#[test]
fn a_reader_that_left_is_noticed_in_its_turn() {
    let leave = || {
        let (mut dealt, hands) = turns::queues(2, 1);
        let mut hands = hands.each();
        let (mut first, second) = (hands.next().unwrap(), hands.next());
        drop(second);
        assert!(dealt.send(0));
        assert!(!dealt.send(1));
        assert_eq!(first.next(), Some(0));
    };
    shuttle::check_random(leave, 10);
}
