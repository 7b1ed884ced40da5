//! Pictures at any pose: what is known of a scene comes out where it belongs, whatever the pose.
#![cfg(feature = "player")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod scene;

use iev_runtime::format::cameras::Cameras;
use iev_runtime::render::{Renderer, Viewpoint};
use iev_runtime::{Picture, Plane, Size, ViewId};
use nalgebra::{Point3, UnitQuaternion};
use scene::{BOX, SIZE, WALL, middle, picture, psnr};

/// A renderer that has the pictures of all its cameras.
fn renderer(cameras: &Cameras) -> Renderer {
    let mut renderer = Renderer::new(SIZE, cameras);
    show(&mut renderer, cameras);
    renderer
}

fn show(renderer: &mut Renderer, cameras: &Cameras) {
    let pictures: Vec<_> = viewpoints(cameras).iter().map(picture).collect();
    renderer.take((0..).map(ViewId).zip(&pictures));
}

fn viewpoints(cameras: &Cameras) -> Vec<Viewpoint> {
    cameras.views.iter().map(|camera| Viewpoint::of_camera(camera, SIZE)).collect()
}

fn rendered(renderer: &mut Renderer, at: &Viewpoint) -> (Picture, f64) {
    let mut out = Picture::new(at.size);
    let seen = renderer.render(at, &mut out);
    (out, seen)
}

#[test]
fn at_a_camera_nothing_is_lost() {
    let cameras = scene::cameras(3);
    let mut renderer = renderer(&cameras);
    for at in viewpoints(&cameras) {
        assert!(rendered(&mut renderer, &at) == (picture(&at), 1.0));
        // As typed, with fewer digits.
        assert!(rendered(&mut renderer, &at.moved_right(0.0001)).0 == picture(&at));
    }
}

#[test]
fn near_a_camera_its_picture_hardly_changes() {
    let cameras = scene::cameras(3);
    let mut renderer = renderer(&cameras);
    let at = viewpoints(&cameras)[1].moved_right(0.004);
    let (out, _) = rendered(&mut renderer, &at);
    assert!(psnr(&out, &picture(&at)) > 34.0, "{}", psnr(&out, &picture(&at)));
}

#[test]
fn between_cameras_things_are_where_they_belong() {
    for count in [2, 3, 4] {
        let cameras = scene::cameras(count);
        let mut renderer = renderer(&cameras);
        let first = viewpoints(&cameras)[0];
        for right in [0.05, 0.1, 0.13] {
            let at = first.moved_right(right);
            let (out, seen) = rendered(&mut renderer, &at);
            let truth = picture(&at);
            for (plane, tolerance) in [(Plane::U, 0.2), (Plane::V, 0.1)] {
                let off = std::iter::zip(middle(&out, plane), middle(&truth, plane));
                for (own, true_place) in off {
                    assert!(
                        (own - true_place).abs() < tolerance,
                        "{count} {right} {plane:?}: {own} {true_place}"
                    );
                }
            }
            assert!(psnr(&out, &truth) > 29.0, "{count} cameras, {right}: {}", psnr(&out, &truth));
            assert!(seen > 0.95, "{count} cameras, {right}: {seen}");
        }
    }
}

#[test]
fn depth_is_that_of_the_scene() {
    let cameras = scene::cameras(3);
    let mut renderer = renderer(&cameras);
    let blue = picture(&viewpoints(&cameras)[1]);
    let depth = renderer.depth(ViewId(1)).unwrap().to_vec();
    let right = depth.iter().enumerate().filter(|(at, nearness)| {
        let (row, column) = (at / SIZE.width(), at % SIZE.width());
        let on_box = blue.plane(Plane::U)[row / 2 * SIZE.chroma().0 + column / 2] > 160;
        let truth = if on_box { BOX } else { WALL };
        (truth * f64::from(**nearness) - 1.0).abs() < 0.02
    });
    let share = right.count() as f64 / depth.len() as f64;
    assert!(share > 0.85, "{share} of the pixels are within 2 %");
    assert!(renderer.depth(ViewId(7)).is_none());
}

#[test]
fn what_stands_still_keeps_its_depth() {
    let cameras = scene::cameras(3);
    let mut renderer = renderer(&cameras);
    let first = renderer.depth(ViewId(1)).unwrap().to_vec();
    show(&mut renderer, &cameras);
    let second = renderer.depth(ViewId(1)).unwrap();
    let moved = first.iter().zip(second).filter(|(a, b)| (**a - **b).abs() > 0.005).count();
    assert!(moved * 100 < first.len(), "{moved} of {} pixels moved", first.len());
}

#[test]
fn a_pair_is_what_each_eye_sees() {
    let cameras = scene::cameras(3);
    let mut renderer = renderer(&cameras);
    let camera = viewpoints(&cameras)[1];
    let tall = camera.moved_right(0.1).resized(Size { width_px: 90, height_px: 150 });
    for eyes in [[camera.moved_right(-0.04), camera], [camera.moved_right(0.02), tall]] {
        let mut out = eyes.map(|at| Picture::new(at.size));
        let [left, right] = &mut out;
        let seen = renderer.render_pair([(&eyes[0], left), (&eyes[1], right)]);
        for ((at, seen), out) in eyes.iter().zip(seen).zip(out) {
            let alone = rendered(&mut renderer, at);
            assert!(alone.0.i420() == out.i420() && alone.1.to_bits() == seen.to_bits());
        }
    }
}

#[test]
fn any_pose_gives_a_picture() {
    let cameras = scene::cameras(3);
    let mut renderer = renderer(&cameras);
    let at = viewpoints(&cameras)[1];
    let behind = UnitQuaternion::from_euler_angles(0.0, std::f64::consts::PI, 0.0);
    let places = [
        ("behind", Viewpoint { rotation: behind, ..at }),
        ("inside the wall", Viewpoint { position: Point3::new(0.0, 0.0, WALL), ..at }),
        ("on the box", Viewpoint { position: Point3::new(0.0, 0.0, BOX), ..at }),
        ("past the wall", Viewpoint { position: Point3::new(0.0, 0.0, 9.0), ..at }),
        ("far away", Viewpoint { position: Point3::new(-1e7, 1e9, -1e12), ..at }),
        ("a needle's eye", Viewpoint { focal_px: [1e9, 1e9], ..at }),
        ("all around", Viewpoint { focal_px: [1e-3, 1e-3], ..at }),
        ("a long way off the picture", Viewpoint { centre_px: [1e12, -1e12], ..at }),
        ("one pixel", at.resized(Size { width_px: 1, height_px: 1 })),
        ("odd", at.resized(Size { width_px: 161, height_px: 33 })),
    ];
    for (place, at) in places {
        let (_, seen) = rendered(&mut renderer, &at);
        assert!((0.0..=1.0).contains(&seen), "{place}: {seen}");
    }
    let near = at.moved_right(0.03);
    assert!(rendered(&mut renderer, &near).1 > 0.95, "and goes on");
}

#[test]
fn a_larger_picture_has_no_cracks() {
    let cameras = scene::cameras(3);
    let mut renderer = renderer(&cameras);
    let at = viewpoints(&cameras)[0].moved_right(0.1);
    let at = Viewpoint { position: at.position + nalgebra::Vector3::new(0.0, 0.0, 0.5), ..at };
    let at = at.resized(Size { width_px: 400, height_px: 240 });
    let (out, seen) = rendered(&mut renderer, &at);
    assert!(seen > 0.97, "{seen}");
    assert!(psnr(&out, &picture(&at)) > 27.0, "{}", psnr(&out, &picture(&at)));
}

#[test]
fn one_camera_alone_turns() {
    let cameras = scene::cameras(1);
    let mut renderer = renderer(&cameras);
    let at = viewpoints(&cameras)[0];
    let turned = Viewpoint { rotation: UnitQuaternion::from_euler_angles(0.0, 0.05, 0.0), ..at };
    let (out, seen) = rendered(&mut renderer, &turned);
    assert!(seen > 0.9 && seen < 1.0, "{seen}");
    assert!(psnr(&out, &picture(&turned)) > 21.0, "{}", psnr(&out, &picture(&turned)));
}

#[test]
fn pictures_of_the_smallest_sizes_are_rendered() {
    for (width_px, height_px) in [(1, 1), (2, 1), (1, 9), (3, 5), (16, 2)] {
        let size = Size { width_px, height_px };
        let cameras = scene::cameras(2);
        let mut renderer = Renderer::new(size, &cameras);
        let pictures = [Picture::new(size), Picture::new(size)];
        renderer.take((0..).map(ViewId).zip(&pictures));
        let at = Viewpoint::of_camera(&cameras.views[0], size).moved_right(0.1);
        let (out, _) = rendered(&mut renderer, &at);
        assert_eq!(out, pictures[0], "{size:?}");
    }
}

#[test]
fn the_views_of_a_pose_are_those_around_it() {
    let cameras = scene::cameras(5);
    let renderer = Renderer::new(SIZE, &cameras);
    let at = viewpoints(&cameras)[3].moved_right(0.02);
    assert_eq!(renderer.views(&at).as_slice(), [3, 4, 2, 1].map(ViewId));
}
