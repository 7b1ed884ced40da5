//! Faults: whatever stage fails and whenever the consumer leaves, the player answers, its threads end
//! and nothing waits for ever.
#![cfg(feature = "player")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod small_stream;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use iev_runtime::anchor::decoder::{AnchorDecoder, Input, Ready};
use iev_runtime::format::views::ViewSet;
use iev_runtime::network::{Canvas, Network, Spans, Witness};
use iev_runtime::play::options::Options;
use iev_runtime::play::player::{Player, Selection};
use iev_runtime::play::shown::ShownFrame;
use iev_runtime::{Error, FrameIndex, PictureId, Result, ViewId};
use small_stream::{FRAMES, options, small_stream};

/// Tests of this file count threads, so they take turns.
static TURN: Mutex<()> = Mutex::new(());

fn player(options: Options) -> Player {
    Player::over(small_stream().into(), options).unwrap()
}

fn all(player: &Player) -> Selection {
    Selection::new(ViewSet::all(player.header()), player.frames())
}

/// What `/proc/self/task/…/stat` says of the threads of stages that are still there.
fn tasks() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let stats = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("stat")).ok());
    stats.filter(|stat| stat.contains("(iev-")).collect()
}

/// Threads of stages that are still there.
fn stages() -> usize {
    tasks().len()
}

/// A joined thread may stay listed for a moment.
fn assert_stages_end() {
    let started = Instant::now();
    while stages() > 0 {
        assert!(started.elapsed() < Duration::from_secs(10), "{} stages run on", stages());
        std::thread::yield_now();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn stages_do_not_take_the_processor_of_who_wakes_them() {
    /// Place of the scheduling policy behind the name (proc_pid_stat(5)), and SCHED_BATCH.
    const POLICY: (usize, &str) = (38, "3");
    let _turn = TURN.lock().unwrap();
    let player = player(Options { painters: 2, ..options(None) });
    let mut playback = player.play(&Selection { repeat: true, ..all(&player) }).unwrap();
    playback.by_ref().take(8).for_each(|shown| drop(shown.unwrap()));
    let tasks = tasks();
    assert_eq!(tasks.len(), 5, "reader, anchor, its decoder and painters: {tasks:?}");
    for stat in &tasks {
        let (_, fields) = stat.rsplit_once(')').unwrap();
        assert_eq!(fields.split_whitespace().nth(POLICY.0), Some(POLICY.1), "{stat}");
    }
    drop(playback);
    assert_stages_end();
}

#[test]
fn a_failing_network_is_one_error_behind_the_good_pictures() {
    let _turn = TURN.lock().unwrap();
    let cases = [(1, 0), (1, 1), (1, 4), (2, 0), (3, 1)];
    for (fails_at, (painters, queue)) in (0..FRAMES).flat_map(|at| cases.map(|case| (at, case))) {
        // Every painter's network fails on its own picture `fails_at`; the first painter's is the earliest.
        let expected = fails_at as usize * painters;
        if expected >= FRAMES as usize {
            continue;
        }
        let player = player(Options { painters, queue, ..options(Some(fails_at)) });
        let mut playback = player.play(&all(&player)).unwrap();
        let good = playback.by_ref().take(expected).filter(Result::is_ok).count();
        assert_eq!(good, expected);
        assert!(matches!(playback.next(), Some(Err(Error::Backend { .. }))));
        assert!(playback.next().is_none() && playback.next().is_none());
        assert_stages_end();
    }
}

#[test]
fn a_panicking_stage_panics_in_the_consumer_and_ends_the_others() {
    let _turn = TURN.lock().unwrap();
    let open = Arc::new(|_: &_, _: &_, _| panic!("planted"));
    for painters in [1, 2] {
        let player = player(Options { painters, ..Options::new(open.clone()) });
        let playback = player.play(&all(&player)).unwrap();
        let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| playback.count()));
        assert_eq!(told.unwrap_err().downcast_ref(), Some(&"planted"));
        assert_stages_end();
    }
}

/// A decoder that panics.
struct Planted;

impl AnchorDecoder for Planted {
    fn decode(&mut self, _: PictureId, _: Input<'_>, _: &mut Ready) -> Result<()> {
        panic!("planted");
    }

    fn forget(&mut self, _: ViewId) {}
}

#[test]
fn a_panicking_decoder_panics_in_the_consumer_and_ends_the_others() {
    let _turn = TURN.lock().unwrap();
    for decoders in [1, 2] {
        let anchors = Arc::new(|_, _| Ok(Box::new(Planted) as Box<dyn AnchorDecoder>));
        let player = player(Options { anchors, decoders, ..options(None) });
        let playback = player.play(&all(&player)).unwrap();
        let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| playback.count()));
        assert_eq!(told.unwrap_err().downcast_ref(), Some(&"planted"));
        assert_stages_end();
    }
}

#[test]
fn a_consumer_may_leave_or_rest_at_any_picture() {
    let _turn = TURN.lock().unwrap();
    let cases = [(1, 0), (1, 1), (1, 4), (2, 0), (3, 1)];
    for (taken, (painters, queue)) in (0..=FRAMES).flat_map(|at| cases.map(|case| (at, case))) {
        let player = player(Options { painters, queue, ..options(None) });
        let mut playback = player.play(&all(&player)).unwrap();
        assert_eq!(playback.by_ref().take(taken as usize).count(), taken as usize);
        if queue == 1 {
            // The stages fill their queues and wait.
            std::thread::sleep(Duration::from_millis(20));
        }
        drop(player);
        drop(playback);
        assert_stages_end();
    }
}

#[test]
fn a_storm_of_seeks_leaves_no_thread() {
    let _turn = TURN.lock().unwrap();
    let player = player(options(None));
    let views = ViewSet::all(player.header());
    let whole: Vec<_> = player
        .play(&all(&player))
        .unwrap()
        .map(|shown| shown.unwrap().pictures[1].picture.i420().to_vec())
        .collect();
    for seek in 0..300u32 {
        let frame = seek * 7919 % FRAMES;
        let mut playback = player.play(&Selection::new(views, frame..FRAMES)).unwrap();
        if seek % 3 == 0 {
            let shown = playback.next().unwrap().unwrap();
            assert_eq!(shown.frame, FrameIndex(frame));
            assert!(shown.pictures[1].picture.i420() == whole[frame as usize]);
        }
    }
    assert_stages_end();
}

/// Rests of a thread, none to most of a millisecond, by a linear congruential generator.
#[derive(Debug, Clone)]
struct Rests(u32);

impl Rests {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1664525).wrapping_add(1013904223);
        self.0 >> 16
    }

    fn rest(&mut self) {
        match self.next() % 4 {
            0 => {}
            1 => std::thread::yield_now(),
            _ => std::thread::sleep(Duration::from_micros(u64::from(self.next() % 800))),
        }
    }
}

/// A stage that rests before it works.
struct Shaken<T>(T, Rests);

impl AnchorDecoder for Shaken<Box<dyn AnchorDecoder>> {
    fn decode(&mut self, place: PictureId, input: Input<'_>, ready: &mut Ready) -> Result<()> {
        self.1.rest();
        self.0.decode(place, input, ready)
    }

    fn forget(&mut self, view: ViewId) {
        self.0.forget(view);
    }
}

impl Network for Shaken<Box<dyn Network>> {
    fn latents(&mut self) -> [&mut [f32]; 2] {
        self.0.latents()
    }

    fn paint(
        &mut self,
        batch: &mut [Canvas<'_>],
        witness: Option<&mut Witness<'_>>,
    ) -> Result<Spans> {
        self.1.rest();
        let painted = self.0.paint(batch, witness);
        self.1.rest();
        painted
    }
}

/// Options whose anchor and network stages rest as `seed` has it.
fn shaken(seed: u32) -> Options {
    let Options { anchors, open, .. } = options(None);
    Options {
        anchors: Arc::new(move |size, bytes| {
            Ok(Box::new(Shaken(anchors(size, bytes)?, Rests(seed))))
        }),
        open: Arc::new(move |header, levels, opening| {
            Ok(Box::new(Shaken(open(header, levels, opening)?, Rests(!seed))))
        }),
        ..options(None)
    }
}

#[test]
fn however_the_threads_take_turns_the_pictures_are_the_same_and_they_end() {
    let _turn = TURN.lock().unwrap();
    let views = |shown: ShownFrame| -> Vec<Vec<u8>> {
        shown.with_ids().map(|(_, picture)| picture.i420().to_vec()).collect()
    };
    let plain = player(options(None));
    let whole: Vec<_> =
        plain.decode_serial(&all(&plain)).unwrap().map(|shown| views(shown.unwrap())).collect();
    for seed in 0..96 {
        let (queue, painters) = (seed as usize % 4, 1 + seed as usize / 4 % 3);
        let player = player(Options { queue, painters, ..shaken(seed) });
        let endless = Selection { repeat: true, ..all(&player) };
        let mut playback = player.play(&endless).unwrap();
        let mut rests = Rests(seed << 8);
        for frame in 0..rests.next() as usize % 24 {
            rests.rest();
            let shown = views(playback.next().unwrap().unwrap());
            assert!(shown == whole[frame % whole.len()], "seed {seed}, frame {frame}");
        }
        drop(playback);
        assert_stages_end();
    }
}

#[test]
fn a_hundred_players_at_once_all_finish() {
    let _turn = TURN.lock().unwrap();
    let bytes = small_stream();
    let played = std::thread::scope(|scope| {
        let play = || {
            let player = Player::over(bytes.clone().into(), options(None)).unwrap();
            player.play(&all(&player)).unwrap().map(|shown| shown.unwrap().pictures.len()).sum()
        };
        let players: Vec<_> = (0..100).map(|_| scope.spawn(play)).collect();
        players.into_iter().map(|p| p.join().unwrap()).collect::<Vec<usize>>()
    });
    assert!(played.iter().all(|pictures| *pictures == 2 * FRAMES as usize), "{played:?}");
    assert_stages_end();
}
