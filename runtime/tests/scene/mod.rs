//! A scene of which every picture is known: a wall with a disc on it, and a box before the wall.
#![allow(dead_code, reason = "every test file uses its own part")]

use iev_runtime::format::cameras::{Camera, Cameras};
use iev_runtime::render::Viewpoint;
use iev_runtime::{Picture, Plane, Size};
use nalgebra::{Point3, UnitQuaternion, Vector3};

/// Size of the cameras' pictures.
pub const SIZE: Size = Size { width_px: 160, height_px: 96 };
/// How far the wall and the front of the box are.
pub const WALL: f64 = 4.0;
pub const BOX: f64 = 2.5;
/// Half of the box's sides, which is where x and y are 0.
const HALF: [f64; 2] = [0.35, 0.3];
/// Centre and radius of the disc.
const DISC: ([f64; 2], f64) = ([1.0, -0.5], 0.25);
/// Blue difference of the box and of nothing else; red difference of the disc.
const BOX_BLUE: f64 = 200.0;
const DISC_RED: f64 = 200.0;

/// Cameras 20 cm apart that look straight at the wall.
pub fn cameras(count: usize) -> Cameras {
    let middle = (count - 1) as f64 / 2.0;
    let camera = |number: usize| {
        let position = [0.2 * (number as f64 - middle), 0.0, 0.0];
        Camera::of_numbers(position, UnitQuaternion::identity(), [150.0; 2], [80.0, 48.0])
    };
    Cameras { views: (0..count).filter_map(camera).collect() }
}

/// The same with pictures of `size`.
pub fn cameras_of(count: usize, size: Size) -> Cameras {
    let own = cameras(count).views;
    let views = own.iter().filter_map(|camera| {
        let at = Viewpoint::of_camera(camera, SIZE).resized(size);
        let position = at.position.coords.into();
        Camera::of_numbers(position, at.rotation, at.focal_px, at.centre_px)
    });
    Cameras { views: views.collect() }
}

/// What `at` sees.
pub fn picture(at: &Viewpoint) -> Picture {
    picture_with(at, 0.0)
}

/// What `at` sees with the box so far to the right.
pub fn picture_with(at: &Viewpoint, right: f64) -> Picture {
    let mut picture = Picture::new(at.size);
    for plane in Plane::ALL {
        let (columns, _) = picture.plane_size(plane);
        let side = if plane == Plane::Y { 1.0 } else { 2.0 };
        for (number, sample) in picture.plane_mut(plane).iter_mut().enumerate() {
            let (left, top) = ((number % columns) as f64 * side, (number / columns) as f64 * side);
            *sample =
                mean(|x, y| colour(at, right, left + x * side, top + y * side)[plane as usize]);
        }
    }
    picture
}

/// Of 4×4 points of a sample.
fn mean(value: impl Fn(f64, f64) -> f64) -> u8 {
    let places = [0.125, 0.375, 0.625, 0.875];
    let sum: f64 = places.iter().flat_map(|y| places.iter().map(|x| value(*x, *y))).sum();
    (sum / 16.0).round() as u8
}

/// Luma, blue and red difference.
fn colour(at: &Viewpoint, right: f64, x: f64, y: f64) -> [f64; 3] {
    let ([fx, fy], [cx, cy]) = (at.focal_px, at.centre_px);
    let ray = at.rotation * Vector3::new((x - cx) / fx, (y - cy) / fy, 1.0);
    let hit = |depth: f64| at.position + ray * ((depth - at.position.z) / ray.z);
    let mut front = hit(BOX);
    front.x -= right;
    if front.x.abs() < HALF[0] && front.y.abs() < HALF[1] {
        return [luma(front, 31.0), BOX_BLUE, 128.0];
    }
    let wall = hit(WALL);
    let ([left, top], radius) = DISC;
    let on_disc = (wall.x - left).hypot(wall.y - top) < radius;
    [luma(wall, 17.0), 128.0, if on_disc { DISC_RED } else { 128.0 }]
}

/// A pattern that does not repeat.
fn luma(at: Point3<f64>, pitch: f64) -> f64 {
    let (x, y) = (at.x, at.y);
    let wave =
        (pitch * x).sin() + (0.7 * pitch * y + 3.0 * x).sin() + (0.4 * pitch * (x - y)).cos();
    125.0 + 30.0 * wave
}

/// The middle of what is brighter than grey in a plane, in samples from its edge.
pub fn middle(picture: &Picture, plane: Plane) -> [f64; 2] {
    let (columns, _) = picture.plane_size(plane);
    let (mut sum, mut total) = ([0.0; 2], 0.0);
    for (at, sample) in picture.plane(plane).iter().enumerate() {
        let weight = f64::from(sample.saturating_sub(128));
        sum[0] += weight * (at % columns) as f64;
        sum[1] += weight * (at / columns) as f64;
        total += weight;
    }
    sum.map(|sum| sum / total)
}

/// Peak signal-to-noise ratio of luma.
pub fn psnr(a: &Picture, b: &Picture) -> f64 {
    let pairs = a.plane(Plane::Y).iter().zip(b.plane(Plane::Y));
    let squares: f64 = pairs.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
    10.0 * (255.0_f64.powi(2) * a.plane(Plane::Y).len() as f64 / squares).log10()
}
