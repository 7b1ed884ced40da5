//! Faults: whatever stage fails and whenever the consumer leaves, the player answers, its threads end
//! and nothing waits for ever.
#![cfg(feature = "player")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod small_stream;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use iev_runtime::player::{Options, Player, Selection};
use iev_runtime::views::ViewSet;
use iev_runtime::{Error, TimeIndex};
use small_stream::{FRAMES, options, small_stream};

/// Tests of this file count threads, so they take turns.
static TURN: Mutex<()> = Mutex::new(());

fn player(options: Options) -> Player {
    Player::over(small_stream().into(), options).unwrap()
}

fn all(player: &Player) -> Selection {
    Selection::new(ViewSet::all(player.header()), player.times())
}

/// Threads of stages that are still there.
fn stages() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.starts_with("iev-")).count()
}

/// A joined thread may stay listed for a moment.
fn assert_stages_end() {
    let started = Instant::now();
    while stages() > 0 {
        assert!(started.elapsed() < Duration::from_secs(10), "{} stages run on", stages());
        std::thread::yield_now();
    }
}

#[test]
fn a_failing_network_is_one_error_behind_the_good_pictures() {
    let _turn = TURN.lock().unwrap();
    for (fails_at, queue) in (0..FRAMES).flat_map(|at| [0, 1, 4].map(|queue| (at, queue))) {
        let player = player(Options { queue, ..options(Some(fails_at)) });
        let mut playback = player.play(&all(&player)).unwrap();
        let good = playback.by_ref().take(fails_at as usize).filter(Result::is_ok).count();
        assert_eq!(good, fails_at as usize);
        assert!(matches!(playback.next(), Some(Err(Error::Backend { .. }))));
        assert!(playback.next().is_none() && playback.next().is_none());
        assert_stages_end();
    }
}

#[test]
fn a_panicking_stage_panics_in_the_consumer_and_ends_the_others() {
    let _turn = TURN.lock().unwrap();
    let open = std::sync::Arc::new(|_: &_, _: &_, _| panic!("planted"));
    let player = player(Options::new(open));
    let playback = player.play(&all(&player)).unwrap();
    let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| playback.count()));
    assert_eq!(told.unwrap_err().downcast_ref(), Some(&"planted"));
    assert_stages_end();
}

#[test]
fn a_consumer_may_leave_or_rest_at_any_picture() {
    let _turn = TURN.lock().unwrap();
    for (taken, queue) in (0..=FRAMES).flat_map(|at| [0, 1, 4].map(|queue| (at, queue))) {
        let player = player(Options { queue, ..options(None) });
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
        let time = seek * 7919 % FRAMES;
        let mut playback = player.play(&Selection::new(views, time..FRAMES)).unwrap();
        if seek % 3 == 0 {
            let shown = playback.next().unwrap().unwrap();
            assert_eq!(shown.time, TimeIndex(time));
            assert!(shown.pictures[1].picture.i420() == whole[time as usize]);
        }
    }
    assert_stages_end();
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
