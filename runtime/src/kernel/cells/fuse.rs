//! Fuse: blends both warped sources of cells with the network's own picture, straight into pixels.
//!
//! With masks `m` in 1/2^15, a table of the sigmoid's, and `×` the upper half of a product,
//! `(a · b) >> 16`,
//! ```text
//! behind = 64·implicit + 128·(warped1 − implicit) × m1
//! pixel = (behind + 2·(64·warped0 − behind) × m0 + 33) >> 6
//! ```
//! All of it fits 16 bits, so that the compiler vectorises it well. Why 33: both products are cut, on
//! average by half of a unit. A pixel is within 0.52 of the exact blend under these masks.
//!
//! One mask value covers 2×2 luma pixels and their chroma sample, as in [`fuse`](super::super::fuse).

use super::super::fuse::MASKS;
use super::super::pack::LAYOUT;
use super::super::warp::PackedSize;
use super::Cells;
use super::sigmoid::SIGMOID;
use crate::picture::Picture;
use crate::profile::{HEAD, PACKED};

/// Luma pixels of a cell; its other bytes are chroma.
pub(super) const LUMA: usize = 16;

/// Blends `cells` and `head` into `picture`, cropping the padding: the definition, one pixel at a time.
///
/// # Shapes
/// | argument | shape | type |
/// |---|---|---|
/// | `cells` | `[rows, columns, stride]` | u8 |
/// | `head` | `[rows, columns, 32]` | u8 |
///
/// A cell of `head` has the implicit picture, packed, then both masks' logits in 1/16 from 128: that of mask k at
/// (dy, dx) in byte `24 + 4·k + 2·dy + dx`.
///
/// # Panics
/// If a slice has another size than `layout` and `picture` imply.
pub fn fuse_cells_scalar(layout: Cells, cells: &[u8], head: &[u8], picture: &mut Picture) {
    check(layout, cells, head, picture);
    for (plane, first, side) in LAYOUT {
        let (columns, _) = picture.plane_size(plane);
        for (at, pixel) in picture.plane_mut(plane).iter_mut().enumerate() {
            let (y, x) = (at / columns, at % columns);
            let cell = (y / side) * layout.size.columns + x / side;
            let byte = first + y % side * side + x % side;
            let (cell, head) = (&cells[cell * layout.stride()..], &head[cell * HEAD..]);
            // Luma pixels share a mask value in pairs, chroma samples have their own.
            let value = (y % side) * 2 / side * 2 + (x % side) * 2 / side;
            let mask = |k: usize| SIGMOID[usize::from(head[PACKED + 4 * k + value])];
            let warped = |source: usize| cell[layout.warped(source) + byte];
            *pixel = blend(warped(0), warped(1), head[byte], mask(0), mask(1));
        }
    }
}

fn check(layout: Cells, cells: &[u8], head: &[u8], picture: &Picture) {
    assert_eq!(PackedSize::of(picture.size()), layout.size, "picture and cells agree");
    assert_eq!(cells.len(), layout.bytes(), "cells are [rows, columns, stride]");
    assert_eq!(head.len(), layout.size.plane() * HEAD, "head is [rows, columns, 32]");
}

/// One blended pixel.
#[inline(always)]
fn blend(warped0: u8, warped1: u8, implicit: u8, m0: i16, m1: i16) -> u8 {
    let times = |a: i16, b: i16| ((i32::from(a) * i32::from(b)) >> 16) as i16;
    let [warped0, warped1, implicit] = [warped0, warped1, implicit].map(i16::from);
    let behind = (implicit << 6) + times((warped1 - implicit) << 7, m1);
    let blended = behind + times(2 * ((warped0 << 6) - behind), m0);
    ((blended + 33) >> 6) as u8
}

/// [`fuse_cells_scalar`] to the byte.
///
/// # Panics
/// If a slice has another size than `layout` and `picture` imply.
pub fn fuse_cells(layout: Cells, cells: &[u8], head: &[u8], picture: &mut Picture) {
    check(layout, cells, head, picture);
    #[cfg(target_arch = "x86_64")]
    if super::fuse_avx512::can_fuse(layout.size) {
        // SAFETY: the processor has what it takes.
        #[allow(unsafe_code, reason = "chosen at run time")]
        return unsafe { super::fuse_avx512::fuse_rows(layout, cells, head, picture) };
    }
    fuse_on_avx2(layout, cells, head, picture);
}

/// [`fuse_cells`] with AVX2 where the processor has it, else with what every one has.
fn fuse_on_avx2(layout: Cells, cells: &[u8], head: &[u8], picture: &mut Picture) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        #[target_feature(enable = "avx2")]
        fn wide(layout: Cells, cells: &[u8], head: &[u8], picture: &mut Picture) {
            fuse_rows(layout, cells, head, picture);
        }
        // SAFETY: the processor has AVX2.
        #[allow(unsafe_code, reason = "chosen at run time")]
        return unsafe { wide(layout, cells, head, picture) };
    }
    fuse_rows(layout, cells, head, picture);
}

/// Cells worked on at once.
const RUN: usize = 32;

/// [`fuse_cells`], compiled once for every set of vector instructions.
#[inline(always)]
fn fuse_rows(layout: Cells, cells: &[u8], head: &[u8], picture: &mut Picture) {
    let (heads, _) = head.as_chunks();
    let rows = cells.chunks_exact(layout.row_bytes()).zip(heads.chunks_exact(layout.size.columns));
    let mut masks = [[0; MASKS]; RUN];
    let mut blended = [[0; PACKED]; RUN];
    for (row, (cells, heads)) in rows.enumerate() {
        for (run, heads) in heads.chunks(RUN).enumerate() {
            look_up(heads, &mut masks);
            let cells = &cells[run * RUN * layout.stride()..];
            for (i, (head, masks)) in heads.iter().zip(&masks).enumerate() {
                let (warped, _) = cells[i * layout.stride() + layout.warped(0)..].as_chunks();
                blended[i] = blend_cell(&warped[0], &warped[1], head, masks);
            }
            write_run(&blended, (row, run * RUN), picture);
        }
    }
}

/// Masks of cells by their logits.
///
/// Why not with the blend: vectors would be read just after they were written in pieces, and wait.
#[inline(always)]
fn look_up(heads: &[[u8; HEAD]], masks: &mut [[i16; MASKS]; RUN]) {
    for (masks, head) in masks.iter_mut().zip(heads) {
        for (mask, logit) in masks.iter_mut().zip(&head[PACKED..]) {
            *mask = SIGMOID[usize::from(*logit)];
        }
    }
}

/// Blends a cell.
#[inline(always)]
fn blend_cell(
    warped0: &[u8; PACKED],
    warped1: &[u8; PACKED],
    head: &[u8; HEAD],
    masks: &[i16; MASKS],
) -> [u8; PACKED] {
    let [a0, b0, c0, d0, a1, b1, c1, d1] = *masks;
    let luma = |a, b, c, d| [a, a, b, b, a, a, b, b, c, c, d, d, c, c, d, d];
    let (m0, m1): ([_; LUMA], [_; LUMA]) = (luma(a0, b0, c0, d0), luma(a1, b1, c1, d1));
    let mut blended = [0; PACKED];
    for i in 0..LUMA {
        blended[i] = blend(warped0[i], warped1[i], head[i], m0[i], m1[i]);
    }
    let chroma = |a, b, c, d| [a, b, c, d, a, b, c, d];
    let (m0, m1) = (chroma(a0, b0, c0, d0), chroma(a1, b1, c1, d1));
    for (i, (m0, m1)) in (LUMA..PACKED).zip(m0.into_iter().zip(m1)) {
        blended[i] = blend(warped0[i], warped1[i], head[i], m0, m1);
    }
    blended
}

/// Writes a run of cells from (row, column) on, cropped.
#[inline(always)]
fn write_run(cells: &[[u8; PACKED]; RUN], (row, column): (usize, usize), picture: &mut Picture) {
    for (plane, first, side) in LAYOUT {
        let (columns, rows) = picture.plane_size(plane);
        let (from, to) = ((column * side).min(columns), ((column + RUN) * side).min(columns));
        let pixels = picture.plane_mut(plane);
        for down in 0..side.min(rows.saturating_sub(row * side)) {
            let line = &mut pixels[(row * side + down) * columns..][from..to];
            if side == 4 {
                write_line::<4>(cells, first + down * side, line);
            } else {
                write_line::<2>(cells, first + down * side, line);
            }
        }
    }
}

/// Writes bytes `first` and on of every cell.
#[inline(always)]
fn write_line<const SIDE: usize>(cells: &[[u8; PACKED]; RUN], first: usize, line: &mut [u8]) {
    let (whole, rest) = line.as_chunks_mut::<SIDE>();
    let count = whole.len();
    for (pixels, cell) in whole.iter_mut().zip(cells) {
        pixels.copy_from_slice(&cell[first..][..SIDE]);
    }
    if let Some(cell) = cells.get(count) {
        rest.copy_from_slice(&cell[first..][..rest.len()]);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fuse::{Layers, fuse};
    use super::*;
    use crate::Size;

    fn noise(count: usize, seed: u32) -> Vec<u8> {
        (0..count).map(|i| ((i as u32 ^ seed).wrapping_mul(2654435761) >> 24) as u8).collect()
    }

    #[test]
    fn the_fast_fuse_equals_the_scalar_one() {
        #[cfg(target_arch = "x86_64")]
        {
            let long = PackedSize { columns: 64, rows: 1 };
            iev_skips::processor("AVX2", std::arch::is_x86_feature_detected!("avx2"));
            iev_skips::processor("AVX-512 with VBMI", super::super::fuse_avx512::can_fuse(long));
        }
        let sizes =
            [(1, 1), (2, 17), (3, 40), (37, 19), (64, 48), (130, 35), (257, 16), (256, 144)];
        for (width_px, height_px) in sizes {
            let size = Size { width_px, height_px };
            for features in [8, 20] {
                let layout = Cells { size: PackedSize::of(size), features };
                let cells = noise(layout.bytes(), 1);
                let head = noise(layout.size.plane() * HEAD, 2);
                let mut slow = Picture::new(size);
                fuse_cells_scalar(layout, &cells, &head, &mut slow);
                for (name, fuse) in [
                    ("the widest vectors", fuse_cells as fn(_, &[u8], &[u8], &mut _)),
                    ("AVX2 at most", fuse_on_avx2),
                    ("portable", fuse_rows),
                ] {
                    let mut fast = Picture::new(size);
                    fuse(layout, &cells, &head, &mut fast);
                    assert!(slow == fast, "{width_px}×{height_px}, {features} features, {name}");
                }
            }
        }
    }

    #[test]
    fn it_is_the_fuse_of_planes_within_a_level() {
        let size = Size { width_px: 100, height_px: 60 };
        let layout = Cells { size: PackedSize::of(size), features: 8 };
        let plane = layout.size.plane();
        let cells = noise(layout.bytes(), 3);
        let head = noise(plane * HEAD, 4);
        let planar = |bytes: &[u8], stride: usize, first: usize, to: fn(f32) -> f32| -> Vec<f32> {
            let channel = |c: usize| bytes.iter().skip(first + c).step_by(stride);
            (0..PACKED).flat_map(|c| channel(c).map(|v| to(f32::from(*v) - 128.0))).collect()
        };
        let sample = |centred: f32| centred / 128.0;
        let sigmoid = |centred: f32| 1.0 / (1.0 + (-centred / 16.0).exp());
        let planes = Layers {
            warped0: &planar(&cells, layout.stride(), layout.warped(0), sample),
            warped1: &planar(&cells, layout.stride(), layout.warped(1), sample),
            implicit: &planar(&head, HEAD, 0, sample),
            masks: &planar(&head, HEAD, PACKED, sigmoid)[..MASKS * plane],
        };
        let (mut expected, mut fused) = (Picture::new(size), Picture::new(size));
        fuse(&planes, layout.size, &mut expected);
        fuse_cells(layout, &cells, &head, &mut fused);
        let pairs = expected.i420().iter().zip(fused.i420());
        assert!(pairs.clone().all(|(a, b)| a.abs_diff(*b) <= 1));
        let off = pairs.filter(|(a, b)| a != b).count();
        assert!(off * 50 < size.i420_bytes(), "{off} pixels differ");
    }
}
