//! Steady state: once warm, playing allocates nothing per time and memory does not grow.
#![cfg(feature = "player")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]
#![allow(unsafe_code, reason = "a global allocator is unsafe by nature")]

mod small_stream;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use iev_runtime::ViewId;
use iev_runtime::backend::Backend;
use iev_runtime::player::{Options, Playback, Player, Selection};
use iev_runtime::providers::Provider;
use iev_runtime::session::SessionOptions;
use iev_runtime::sink::{Muxer, Plan, Sink};
use iev_runtime::source::Source;
use iev_runtime::views::ViewSet;
use small_stream::small_stream;

/// Counts what Rust code asks of the heap. ONNX Runtime and openh264 have allocators of their own,
/// which it does not see; the test of resident memory does.
struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static HEAP: Counting = Counting;

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, bytes) }
    }
}

/// One test at a time: both look at the whole process.
static ALONE: Mutex<()> = Mutex::new(());

fn player() -> Player {
    let session =
        SessionOptions { providers: vec![Provider::Cpu], threads: 1, ..SessionOptions::default() };
    let options = Options { painters: 2, ..Options::new(Backend::new(None, session).opener()) };
    Player::over(Source::from(small_stream()), options).unwrap()
}

/// All views of the first `times` times, over and over, into a null sink.
struct Loop {
    playback: Playback,
    sink: Sink,
    times: usize,
}

impl Loop {
    fn over(player: &Player, times: u32) -> Self {
        let views = ViewSet::all(player.header());
        assert!(views.contains(ViewId(1)), "an implicit view, so that the network runs");
        let selection = Selection { repeat: true, ..Selection::new(views, 0..times) };
        let path = std::path::Path::new("-");
        let plan = Plan { muxer: Muxer::Null, path, header: player.header(), views, single: false };
        let sink = Sink::open(&plan).unwrap();
        Self { playback: player.play(&selection).unwrap(), sink, times: times as usize }
    }

    /// Plays the GOP `gops` times.
    fn play(&mut self, gops: usize) {
        for shown in self.playback.by_ref().take(gops * self.times) {
            self.sink.put(&shown.unwrap()).unwrap();
        }
    }

    /// Allocations of `gops` repeats once warm.
    fn allocations(&mut self, gops: usize) -> usize {
        self.play(20);
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        self.play(gops);
        ALLOCATIONS.load(Ordering::Relaxed) - before
    }
}

/// Why two lengths: the reader works a GOP ahead, so an allocation of its own may fall on any time.
/// What a time allocates is what playing three times of a GOP allocates more than playing one.
#[test]
fn a_time_allocates_nothing_once_warm() {
    let _alone = ALONE.lock();
    const GOPS: usize = 200;
    let player = player();
    let one = Loop::over(&player, 1).allocations(GOPS);
    let all = Loop::over(&player, small_stream::FRAMES).allocations(GOPS);
    let further = GOPS * (small_stream::FRAMES as usize - 1);
    println!("{one} allocations in {GOPS} GOPs of one time, {all} with {further} times more");
    // The reader may be up to two GOPs further in one of the counts.
    assert!(one <= GOPS * 40, "{one} allocations in {GOPS} GOPs");
    let slack = 2 * 40;
    assert!(
        all <= one + slack && slack < further,
        "{all} allocations, {one} without {further} times"
    );
}

/// Resident memory of this process in KiB.
fn resident_kib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_grow_over_ten_thousand_times() {
    let _alone = ALONE.lock();
    const TIMES: usize = 10_000;
    let player = player();
    let mut endless = Loop::over(&player, small_stream::FRAMES);
    let gops = TIMES / small_stream::FRAMES as usize;
    endless.play(gops / 10);
    let before = resident_kib();
    endless.play(gops);
    let slope = (resident_kib() - before) / TIMES as f64;
    println!("{slope:.4} KiB per time from {before} KiB on");
    assert!(slope < 1.0, "{slope:.3} KiB per time");
}
