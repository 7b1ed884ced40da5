//! Depth that is kept from frame to frame: close to that from nothing while things move, equal to it after a cut, and a
//! function of the frames alone.
#![cfg(feature = "player")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod scene;

use iev_runtime::format::cameras::Cameras;
use iev_runtime::render::{Renderer, Viewpoint};
use iev_runtime::{Picture, ViewId};
use scene::{SIZE, picture_with, psnr};

/// By how much a sample of a frame may be off at random.
const NOISE: u8 = 3;
/// By how much a picture may be worse than with depth from nothing, which is above 40 dB here: outlines are all that
/// is off.
const MOST_LOSS_DB: f64 = 1.0;

/// Noise that is another one in every frame.
struct Filming {
    cameras: Cameras,
    seed: u32,
}

impl Filming {
    fn with(cameras: usize) -> Self {
        Self { cameras: scene::cameras(cameras), seed: 1 }
    }

    fn at(&self, view: usize) -> Viewpoint {
        Viewpoint::of_camera(&self.cameras.views[view], SIZE)
    }

    fn renderer(&self) -> Renderer {
        Renderer::new(SIZE, &self.cameras)
    }

    /// What `views` show of the next frame, with the box so far to the right.
    fn frame(&mut self, views: &[u8], right: f64) -> Vec<(ViewId, Picture)> {
        let film = |view: &u8| {
            let mut picture = picture_with(&self.at(usize::from(*view)), right);
            for sample in picture.i420_mut() {
                self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = (self.seed >> 24) as u8 % (2 * NOISE + 1);
                *sample = sample.saturating_add(noise).saturating_sub(NOISE);
            }
            (ViewId(*view), picture)
        };
        views.iter().map(film).collect()
    }
}

fn take(renderer: &mut Renderer, frame: &[(ViewId, Picture)]) {
    renderer.take(frame.iter().map(|(view, picture)| (*view, picture)));
}

fn depth(renderer: &mut Renderer, view: u8) -> Vec<f32> {
    renderer.depth(ViewId(view)).unwrap().to_vec()
}

fn rendered(renderer: &mut Renderer, at: &Viewpoint) -> Picture {
    let mut out = Picture::new(at.size);
    renderer.render(at, &mut out);
    out
}

/// Share of the pixels whose depth is the same within 2 %.
fn alike(one: &[f32], other: &[f32]) -> f64 {
    let pairs = one.iter().zip(other);
    let alike = pairs.filter(|(a, b)| (*a - *b).abs() <= 0.02 * b.abs()).count();
    alike as f64 / one.len() as f64
}

/// Asserts that `kept`, which has had frames before, is as good as a new start with `frame` is.
fn assert_good(film: &Filming, kept: &mut Renderer, frame: &[(ViewId, Picture)], right: f64) {
    let mut anew = film.renderer();
    take(&mut anew, frame);
    for (view, _) in frame {
        let share = alike(&depth(kept, view.0), &depth(&mut anew, view.0));
        assert!(share > 0.93, "view {}, box at {right}: {share} of the depths", view.0);
    }
    let at = film.at(1).moved_right(0.07);
    let truth = picture_with(&at, right);
    let [kept, anew] = [kept, &mut anew].map(|renderer| psnr(&rendered(renderer, &at), &truth));
    assert!(kept > anew - MOST_LOSS_DB, "box at {right}: {kept} dB, {anew} dB from nothing");
}

#[test]
fn what_moves_has_the_depth_of_a_new_start() {
    for cameras in [3, 4] {
        let mut film = Filming::with(cameras);
        let views: Vec<_> = (0..cameras as u8).collect();
        let mut kept = film.renderer();
        for number in 0..12 {
            let right = 0.05 * f64::from(number) - 0.3;
            let frame = film.frame(&views, right);
            take(&mut kept, &frame);
            kept.depth(ViewId(0));
            if number % 4 == 3 {
                assert_good(&film, &mut kept, &frame, right);
            }
        }
    }
}

#[test]
fn what_does_not_move_keeps_its_depth_in_noise() {
    let mut film = Filming::with(3);
    let mut renderer = film.renderer();
    take(&mut renderer, &film.frame(&[0, 1, 2], 0.0));
    let first = depth(&mut renderer, 1);
    take(&mut renderer, &film.frame(&[0, 1, 2], 0.0));
    let second = depth(&mut renderer, 1);
    let moved = first.iter().zip(&second).filter(|(a, b)| a != b).count();
    // One row of blocks is found anew in its turn.
    assert!(moved * 8 < first.len(), "{moved} of {} pixels moved", first.len());
}

#[test]
fn a_cut_is_a_new_start() {
    let mut film = Filming::with(3);
    let mut kept = film.renderer();
    for _ in 0..3 {
        take(&mut kept, &film.frame(&[0, 1, 2], 0.0));
        kept.depth(ViewId(0));
    }
    // Another scene: all that was bright is dark.
    let mut frame = film.frame(&[0, 1, 2], 0.2);
    for (_, picture) in &mut frame {
        picture.i420_mut().iter_mut().for_each(|sample| *sample = 255 - *sample);
    }
    let mut anew = film.renderer();
    for renderer in [&mut kept, &mut anew] {
        take(renderer, &frame);
    }
    for view in 0..3 {
        assert!(depth(&mut kept, view) == depth(&mut anew, view), "view {view}");
    }
}

#[test]
fn views_may_come_and_go() {
    let mut film = Filming::with(4);
    let mut kept = film.renderer();
    let sets: [&[u8]; 6] = [&[0, 1, 2], &[1, 2], &[1, 2, 3], &[0, 1, 2, 3], &[1, 3], &[0, 1, 2]];
    for (views, number) in sets.iter().zip(0_u8..) {
        let right = 0.1 * f64::from(number) - 0.3;
        let frame = film.frame(views, right);
        take(&mut kept, &frame);
        assert_good(&film, &mut kept, &frame, right);
    }
}

#[test]
fn frames_nobody_looked_at_are_no_loss() {
    let mut film = Filming::with(3);
    let mut kept = film.renderer();
    take(&mut kept, &film.frame(&[0, 1, 2], -0.3));
    kept.depth(ViewId(0));
    take(&mut kept, &film.frame(&[0, 1, 2], -0.1));
    let frame = film.frame(&[0, 1, 2], 0.1);
    take(&mut kept, &frame);
    assert_good(&film, &mut kept, &frame, 0.1);
}

#[test]
fn the_same_frames_give_the_same_depth() {
    let [mut one, mut other] = [(); 2].map(|()| {
        let mut film = Filming::with(3);
        let mut renderer = film.renderer();
        for number in 0..4 {
            take(&mut renderer, &film.frame(&[0, 1, 2], 0.05 * f64::from(number)));
            renderer.depth(ViewId(0));
        }
        renderer
    });
    for view in 0..3 {
        assert!(depth(&mut one, view) == depth(&mut other, view), "view {view}");
    }
}
