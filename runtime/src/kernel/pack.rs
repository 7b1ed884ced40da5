//! Picture to packed picture and back.

use super::sample_from_fixed;
use super::warp::PackedSize;
use crate::picture::{Picture, Plane};
use crate::profile::PACKED;

/// First packed channel and pixels per cell side of each plane.
pub const LAYOUT: [(Plane, usize, usize); 3] =
    [(Plane::Y, 0, 4), (Plane::U, 16, 2), (Plane::V, 20, 2)];

/// Packs `picture`, repeating its border into the padding.
///
/// # Panics
/// If `packed` is not `[24, rows, columns]`.
pub fn pack(picture: &Picture, size: PackedSize, packed: &mut [f32]) {
    assert_eq!(packed.len(), PACKED * size.plane(), "packed is [24, rows, columns]");
    for (plane, first, side) in LAYOUT {
        let (columns, rows) = picture.plane_size(plane);
        let samples = picture.plane(plane);
        for y in 0..size.rows * side {
            let line = &samples[y.min(rows - 1) * columns..][..columns];
            for x in 0..size.columns * side {
                let channel = first + (y % side) * side + x % side;
                let at = channel * size.plane() + (y / side) * size.columns + x / side;
                packed[at] = sample_from_fixed(i32::from(line[x.min(columns - 1)]), 0);
            }
        }
    }
}

/// A network sample as a pixel: to nearest, ties to even, clamped.
pub fn to_pixel(sample: f32) -> u8 {
    (sample * 128.0 + 128.0).round_ties_even() as u8
}

/// Unpacks into `picture`, cropping the padding.
///
/// # Panics
/// If `packed` is not `[24, rows, columns]`.
pub fn unpack(packed: &[f32], size: PackedSize, picture: &mut Picture) {
    assert_eq!(packed.len(), PACKED * size.plane(), "packed is [24, rows, columns]");
    for (plane, first, side) in LAYOUT {
        let (columns, _) = picture.plane_size(plane);
        for (at, pixel) in picture.plane_mut(plane).iter_mut().enumerate() {
            let (y, x) = (at / columns, at % columns);
            let channel = first + (y % side) * side + x % side;
            *pixel =
                to_pixel(packed[channel * size.plane() + (y / side) * size.columns + x / side]);
        }
    }
}
