//! A playback at any pose: frames come in order with what they show at a camera, errors in their turn, and it ends.
#![cfg(feature = "player")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod small_stream;

use std::time::Duration;

use iev_runtime::format::cameras::{Camera, Cameras};
use iev_runtime::play::Arrival;
use iev_runtime::render::Viewpoint;
use iev_runtime::{
    Backend, Consumer, Error, FrameIndex, Options, Picture, Player, PosedPlayback, Selection,
    Source, ViewId, ViewSet,
};
use nalgebra::UnitQuaternion;
use small_stream::{FRAMES, SIZE, small_stream, stream_with_cameras};

fn player(stream: Vec<u8>) -> Player {
    Player::over(Source::from(stream), Options::new(Backend::default().opener())).unwrap()
}

/// Three cameras in a row, half a unit apart.
fn row() -> Player {
    let camera =
        |x| Camera::of_numbers([x, 0.0, 0.0], UnitQuaternion::identity(), [40.0; 2], [16.0; 2]);
    let views = [-0.5, 0.0, 0.5].into_iter().filter_map(camera).collect();
    player(stream_with_cameras(&Cameras { views }))
}

fn camera(player: &Player, view: usize) -> Viewpoint {
    Viewpoint::of_camera(&player.cameras().unwrap().unwrap().views[view], SIZE)
}

fn set(views: &[u8]) -> ViewSet {
    views.iter().copied().map(ViewId).collect()
}

#[test]
fn every_frame_comes_once_and_may_be_rendered_often() {
    let player = row();
    let poses = [camera(&player, 0), camera(&player, 1).moved_right(0.2), camera(&player, 1)];
    let views = player.views_at(&poses).unwrap();
    assert_eq!(views, set(&[0, 1, 2]));
    let mut posed =
        player.posed(&Selection::new(views, player.frames()), Consumer::Display).unwrap();
    let mut out = Picture::new(SIZE);
    assert_eq!(posed.render(&poses[0], &mut out), 0.0, "no frame is at hand");
    for number in 0..FRAMES {
        let frame = posed.next_frame().unwrap().unwrap();
        assert_eq!(frame, FrameIndex(number));
        for (at, view) in poses.iter().zip([Some(0), None, Some(1)]) {
            let seen = posed.render(at, &mut out);
            assert!((0.0..=1.0).contains(&seen), "{seen}");
            if let Some(view) = view {
                let shown = player.at(set(&[view]), frame).unwrap();
                assert!(out == *shown.pictures[0].picture, "frame {number}, view {view}");
            }
        }
    }
    assert!(posed.next_frame().is_none());
    assert!(posed.next_frame().is_none(), "and stays at its end");
    assert_eq!(posed.shown().unwrap().frame, FrameIndex(FRAMES - 1), "the last one stays at hand");
}

#[test]
fn a_frame_that_is_not_there_keeps_nobody_waiting() {
    let player = row();
    let at = camera(&player, 1).moved_right(0.2);
    let selection = Selection::new(player.views_at(&[at]).unwrap(), player.frames());
    let mut posed = player.posed(&selection, Consumer::Display).unwrap();
    let (mut out, mut frames, mut waits) = (Picture::new(SIZE), 0, 0);
    loop {
        match posed.next_frame_within(Duration::ZERO) {
            Arrival::Item(frame) => {
                assert_eq!(frame.unwrap(), FrameIndex(frames));
                frames += 1;
            }
            Arrival::NotYet => {
                waits += 1;
                let shown = posed.shown().map(|shown| shown.frame.0);
                assert_eq!(shown, frames.checked_sub(1), "the one at hand stays");
                posed.render(&at, &mut out);
            }
            Arrival::Ended => break,
        }
    }
    assert_eq!(frames, FRAMES);
    assert!(waits > 0, "no first frame is there at once");
    assert!(matches!(posed.next_frame_within(Duration::MAX), Arrival::Ended));
}

#[test]
fn frames_that_come_too_late_are_passed_over() {
    let player = row();
    let selection = Selection::new(set(&[0, 1]), player.frames());
    let numbers = |repeat, due, count| -> Vec<u64> {
        let mut posed =
            player.posed(&Selection { repeat, ..selection.clone() }, Consumer::Display).unwrap();
        assert_eq!(posed.number(), None);
        posed.skip_before(due);
        let frames = std::iter::from_fn(|| posed.next_frame().map(|frame| (frame, posed.number())));
        let numbers = frames.take(count).map(|(frame, number)| {
            assert_eq!(frame.unwrap().0, number.unwrap() as u32 % FRAMES, "of the playback");
            number.unwrap()
        });
        numbers.collect()
    };
    let due = 10 * u64::from(FRAMES);
    let mut some = numbers(true, due, 6);
    // Some are under way already.
    some.retain(|number| *number >= due);
    assert!(some.len() >= 3, "{some:?}");
    assert_eq!(some, (due..).take(some.len()).collect::<Vec<_>>());
    assert_eq!(
        numbers(false, due, 99).last(),
        Some(&(u64::from(FRAMES) - 1)),
        "the last one stays"
    );
}

#[test]
fn where_most_frames_come_late_depth_is_found_in_fewer_pixels() {
    let player = row();
    let selection = Selection::new(set(&[0, 1]), player.frames());
    let selection = Selection { repeat: true, ..selection };
    // How many are missed behind each; after how many of those that come it is so, of 60.
    let quick_after = |missed: fn(u32) -> u64| {
        let mut posed = player.posed(&selection, Consumer::Display).unwrap();
        (1..60).find(|taken| {
            posed.next_frame().unwrap().unwrap();
            posed.skip_before(posed.number().unwrap() + missed(*taken) + 1);
            posed.is_quick()
        })
    };
    assert!(quick_after(|_| 10).is_some_and(|frames| frames > 8));
    assert_eq!(quick_after(|_| 0), None);
    assert_eq!(quick_after(|taken| if taken == 20 { 40 } else { 0 }), None, "one gap");
}

#[test]
fn a_playback_under_way_goes_on_at_any_pose() {
    let player = row();
    let all = set(&[0, 1, 2]);
    let mut playback = player.play(&Selection::new(all, player.frames())).unwrap();
    let first = playback.next().unwrap().unwrap();
    let cameras = player.cameras().unwrap().unwrap();
    let mut posed =
        PosedPlayback::over(playback, Some(first), &cameras, Consumer::Display).unwrap();
    assert_eq!(posed.shown().unwrap().frame, FrameIndex(0));
    let (at, mut out) = (camera(&player, 2), Picture::new(SIZE));
    for number in 0..FRAMES {
        if number > 0 {
            assert_eq!(posed.next_frame().unwrap().unwrap(), FrameIndex(number));
        }
        assert_eq!(posed.render(&at, &mut out), 1.0);
        let shown = posed.shown().unwrap();
        assert!(out == *shown.pictures[2].picture, "frame {number}");
    }
    assert!(posed.next_frame().is_none());
}

#[test]
fn other_views_come_a_few_frames_later() {
    let player = row();
    let selection = Selection::switchable(set(&[0]), player.header(), player.frames());
    let mut posed =
        player.posed(&Selection { repeat: true, ..selection }, Consumer::Display).unwrap();
    posed.show(set(&[2]));
    let (at, mut out) = (camera(&player, 2), Picture::new(SIZE));
    let there = (0..20).any(|_| {
        let frame = posed.next_frame().unwrap().unwrap();
        posed.render(&at, &mut out);
        out == *player.at(set(&[2]), frame).unwrap().pictures[0].picture
    });
    assert!(there, "view 2 is shown within 20 frames");
}

#[test]
fn what_cannot_be_shown_is_an_error_and_the_end() {
    let player = row();
    let mut posed =
        player.posed(&Selection::new(set(&[0]), player.frames()), Consumer::Display).unwrap();
    posed.show(set(&[1]));
    let errors = std::iter::from_fn(|| posed.next_frame()).filter(|frame| frame.is_err()).count();
    assert_eq!(errors, 1);
    assert!(posed.next_frame().is_none());

    let without = self::player(small_stream());
    let answer = without.posed(&Selection::new(set(&[0]), without.frames()), Consumer::File);
    assert!(matches!(answer.err(), Some(Error::Usage { .. })));
}

#[test]
fn one_that_is_dropped_ends_its_threads() {
    let player = row();
    let selection = Selection::new(set(&[0, 1]), player.frames());
    for (frames, due) in [(0, 0), (1, 0), (2, 0), (0, u64::MAX), (1, u64::MAX)] {
        let mut posed = player
            .posed(&Selection { repeat: true, ..selection.clone() }, Consumer::Display)
            .unwrap();
        for _ in 0..frames {
            posed.next_frame().unwrap().unwrap();
        }
        // Whatever it is passing over.
        posed.skip_before(due);
    }
}
