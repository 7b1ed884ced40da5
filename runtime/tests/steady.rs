//! Steady state: once warm, a frame allocates nothing, a GOP little, and memory does not grow. A frame in AV1 allocates
//! what rav1d does for it.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]
#![allow(unsafe_code, reason = "a global allocator is unsafe by nature")]

#[cfg(target_os = "linux")]
mod process_memory;
mod scene;
mod small_stream;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use iev_runtime::anchor::av1::{Rav1d, obu};
use iev_runtime::format::limits::Limits;
use iev_runtime::format::views::ViewSet;
use iev_runtime::network::backend::Backend;
use iev_runtime::network::opening::Precision;
use iev_runtime::network::providers::Provider;
use iev_runtime::network::session::SessionOptions;
use iev_runtime::play::deadline::Late;
use iev_runtime::play::options::Options;
use iev_runtime::play::paced::PacedPlayback;
use iev_runtime::play::player::{Playback, Player, Selection};
use iev_runtime::render::{Renderer, Viewpoint};
use iev_runtime::sink::{Muxer, Plan, Sink};
use iev_runtime::stream::source::Source;
use iev_runtime::{Picture, Size, ViewId};
use small_stream::{FRAMES, explicit_av1_stream, stream_of};

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

/// Why one test and not three: each looks at the whole process, and the harness allocates when a
/// test begins and ends.
#[test]
fn playing_on_takes_no_further_memory() {
    // First, while no thread of a player is left that may allocate.
    a_rendered_picture_allocates_nothing_once_warm();
    a_frame_allocates_nothing_once_warm(Precision::F32);
    // In f32 again where the processor lacks what 8 bits need.
    a_frame_allocates_nothing_once_warm(Precision::Int8);
    a_tick_allocates_nothing_once_warm();
    a_gop_allocates_little();
    a_frame_in_av1_allocates_what_rav1d_does();
    #[cfg(target_os = "linux")]
    memory_does_not_grow_over_ten_thousand_frames();
}

/// Networks on the CPU, one thread each.
fn backend() -> Backend {
    let session =
        SessionOptions { providers: vec![Provider::Cpu], threads: 1, ..SessionOptions::default() };
    Backend::new(None, session)
}

/// A player of a stream of one GOP with `frames` pictures.
fn player(backend: &Backend, frames: u32, precision: Precision) -> Player {
    let limits = Limits { gop_frames: frames.into(), ..Limits::DEFAULT };
    let options = Options { painters: 2, precision, limits, ..Options::new(backend.opener()) };
    Player::over(Source::from(stream_of(frames)), options).unwrap()
}

/// All views of all frames, over and over, into a null sink.
struct Loop {
    playback: Playback,
    sink: Sink,
}

impl Loop {
    fn over(player: &Player) -> Self {
        let views = ViewSet::all(player.header());
        assert!(views.contains(ViewId(1)), "an implicit view, so that the network runs");
        let selection = Selection { repeat: true, ..Selection::new(views, player.frames()) };
        let path = std::path::Path::new("-");
        let (header, order) = (player.header(), views.iter().collect::<Vec<_>>());
        let layout = Default::default();
        let plan = Plan { muxer: Muxer::Null, path, header, views: &order, layout, single: false };
        let sink = Sink::open(&plan).unwrap();
        Self { playback: player.play(&selection).unwrap(), sink }
    }

    fn play(&mut self, frames: usize) {
        for shown in self.playback.by_ref().take(frames) {
            self.sink.put(&shown.unwrap()).unwrap();
        }
    }

    /// Allocations while `frames` are played.
    fn allocations(&mut self, frames: usize) -> usize {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        self.play(frames);
        ALLOCATIONS.load(Ordering::Relaxed) - before
    }
}

/// More frames than all stages and queues hold at once.
const UNDER_WAY: usize = 20;

/// What is made once may be made late, when threads first meet in a certain way: a canvas per
/// painter and one at the fuse (5 allocations each), and what 6 threads and both ends of 8 channels
/// need to wait for the first time.
const LATE: usize = 3 * 5 + 6 + 2 * 8;

/// Why one long GOP: what a GOP allocates, and how far the stages work ahead into the next one, then
/// does not come into the count at all.
fn a_frame_allocates_nothing_once_warm(precision: Precision) {
    const PLAYED: usize = 2000;
    let backend = backend();
    let player = player(&backend, (PLAYED + 3 * UNDER_WAY) as u32, precision);
    let mut long = Loop::over(&player);
    // More pictures than are ever under way, all held at once: the pool has no need of another.
    let held: Vec<_> = long.playback.by_ref().take(UNDER_WAY).map(Result::unwrap).collect();
    assert_eq!(held.len(), UNDER_WAY);
    drop(held);
    long.play(UNDER_WAY);
    let allocations = long.allocations(PLAYED);
    println!("{precision:?}: {allocations} allocations in {PLAYED} frames");
    assert!(allocations <= LATE, "{allocations} allocations in {PLAYED} frames");
    let refusal = backend.opened().and_then(|opened| opened.instead).unwrap_or_default();
    iev_skips::processor("VNNI", !refusal.contains("VNNI"));
}

/// The same on a display's clock, whatever becomes of late frames.
fn a_tick_allocates_nothing_once_warm() {
    const TICKS: u32 = 600;
    const PERIOD: Duration = Duration::from_millis(1);
    // As many frames are due as there are ticks.
    let player = player(&backend(), UNDER_WAY as u32 + 3 * TICKS, Precision::F32);
    for &late in Late::ALL {
        let mut playback = Loop::over(&player).playback;
        let held: Vec<_> = playback.by_ref().take(UNDER_WAY).map(Result::unwrap).collect();
        drop(held);
        let mut paced = PacedPlayback::new(playback, late, PERIOD);
        let mut ticks = |range: std::ops::Range<u32>| {
            let before = ALLOCATIONS.load(Ordering::Relaxed);
            for at in range {
                // Every other tick waits for nothing, so some frames are late.
                let patience = Duration::from_secs(u64::from(at % 2));
                paced.tick(PERIOD * at, patience).unwrap().unwrap();
            }
            ALLOCATIONS.load(Ordering::Relaxed) - before
        };
        ticks(0..TICKS);
        let allocations = ticks(TICKS..2 * TICKS);
        println!("{late:?}: {allocations} allocations in {TICKS} ticks, {:?}", paced.counts());
        assert!(allocations <= LATE, "{late:?}: {allocations} allocations in {TICKS} ticks");
    }
}

/// A key frame, then the other nine temporal units of `av1/room.obu` over and over: pictures of whatever, in one GOP.
fn av1_units(frames: usize) -> Vec<Vec<u8>> {
    let units = obu::temporal_units(include_bytes!("av1/room.obu")).unwrap();
    let (first, others) = units.split_first().unwrap();
    let others = others.iter().cycle().take(frames - 1);
    std::iter::once(first).chain(others).cloned().collect()
}

/// Why not none: rav1d is Rust, so what it asks of the heap for every frame is counted. Its pictures are from a pool
/// of its own.
fn a_frame_in_av1_allocates_what_rav1d_does() {
    const COUNT: usize = 900;
    const SIZE: Size = Size { width_px: 79, height_px: 47 };
    let units = av1_units(COUNT + 5 * UNDER_WAY);
    let mut alone = Rav1d::start(SIZE).unwrap();
    let mut picture = Picture::new(SIZE);
    let mut decode = |units: &[Vec<u8>]| {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        units.iter().for_each(|unit| alone.decode(unit, &mut picture).unwrap());
        ALLOCATIONS.load(Ordering::Relaxed) - before
    };
    decode(&units[..100]);
    let own = decode(&units[100..][..COUNT]);

    let limits = Limits { gop_frames: units.len() as u64, ..Limits::DEFAULT };
    let options = Options { limits, ..Options::new(backend().opener()) };
    let player = Player::over(Source::from(explicit_av1_stream(SIZE, &units)), options).unwrap();
    let views = ViewSet::all(player.header());
    let mut playback = player.play(&Selection::new(views, player.frames())).unwrap();
    let held: Vec<_> = playback.by_ref().take(UNDER_WAY).map(Result::unwrap).collect();
    drop(held);
    playback.by_ref().take(3 * UNDER_WAY).for_each(|shown| drop(shown.unwrap()));
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    playback.by_ref().take(COUNT).for_each(|shown| drop(shown.unwrap()));
    let played = ALLOCATIONS.load(Ordering::Relaxed) - before;
    println!("{own} allocations of rav1d in {COUNT} frames, {played} while they play");
    // It may be further ahead at the end than at the start.
    let most = own + own.div_ceil(COUNT) * UNDER_WAY + LATE;
    assert!(played <= most, "{played} allocations in {COUNT} frames, of which {own} are rav1d's");
}

fn a_gop_allocates_little() {
    const GOPS: usize = 200;
    let player = player(&backend(), FRAMES, Precision::F32);
    let mut short = Loop::over(&player);
    short.play(UNDER_WAY);
    let allocations = short.allocations(GOPS * FRAMES as usize);
    println!("{allocations} allocations in {GOPS} GOPs");
    // The reader and the painters may be further ahead at the end than at the start.
    assert!(allocations <= (GOPS + UNDER_WAY) * 32, "{allocations} allocations in {GOPS} GOPs");
}

/// With depth found anew for every frame, and with a pose that moves.
fn a_rendered_picture_allocates_nothing_once_warm() {
    let cameras = scene::cameras(3);
    let mut renderer = Renderer::new(scene::SIZE, &cameras);
    let at = |number| Viewpoint::of_camera(&cameras.views[number], scene::SIZE);
    let pictures: Vec<_> = (0..3).map(|number| scene::picture(&at(number))).collect();
    let mut out = Picture::new(scene::SIZE);
    let mut render = |right: f64| {
        renderer.take((0..).map(ViewId).zip(&pictures));
        renderer.render(&at(0).moved_right(right), &mut out);
        renderer.render(&at(0).moved_right(right + 0.01), &mut out);
    };
    render(0.05);
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    (0..3).for_each(|step| render(0.06 + 0.1 * f64::from(step)));
    let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
    assert_eq!(allocations, 0, "allocations in 6 rendered pictures");
}

#[cfg(target_os = "linux")]
fn memory_does_not_grow_over_ten_thousand_frames() {
    const PLAYED: usize = 10_000;
    let player = player(&backend(), FRAMES, Precision::F32);
    let mut endless = Loop::over(&player);
    endless.play(PLAYED / 10);
    let resident_kib = || process_memory::status("VmRSS") as f64 / 1024.0;
    let before = resident_kib();
    endless.play(PLAYED);
    let slope = (resident_kib() - before) / PLAYED as f64;
    println!("{slope:.4} KiB per frame from {before} KiB on");
    assert!(slope < 1.0, "{slope:.3} KiB per frame");
}
