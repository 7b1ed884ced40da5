//! Pixels that no source sees, from the background beside them.

use super::warp::NOTHING;
use crate::picture::{Picture, Plane};

/// Pixels beside a hole that are left out where others are there: at an outline they are a mixture of what is near and
/// its background.
const MIXED_PX: usize = 1;

/// Fills the pixels of `out` that have no nearness: along the row from the farther of both sides, for what comes to
/// light is behind what hid it; a row without any pixel as the one before. Returns how many there were.
pub(super) fn fill(nearness: &[f32], out: &mut Picture) -> usize {
    let (columns, rows) = out.plane_size(Plane::Y);
    let mut holes = 0;
    for row in 0..rows {
        let line = &nearness[row * columns..][..columns];
        if !has_holes(line) {
            continue;
        }
        let mut column = 0;
        while column < columns {
            if line[column] >= 0.0 {
                column += 1;
                continue;
            }
            let end =
                line[column..].iter().position(|n| *n >= 0.0).map_or(columns, |by| column + by);
            holes += end - column;
            fill_run(line, (row, column..end), out);
            column = end;
        }
    }
    smooth(nearness, out);
    holes
}

/// Whether a row has any. Most have none, and this is a vector at a time.
fn has_holes(line: &[f32]) -> bool {
    line.iter().fold(false, |any, nearness| any | (*nearness < 0.0))
}

/// Fills the pixels `run` of a row.
fn fill_run(line: &[f32], (row, run): (usize, std::ops::Range<usize>), out: &mut Picture) {
    let seen = |at: usize| line.get(at).is_some_and(|nearness| *nearness >= 0.0);
    let left = run
        .start
        .checked_sub(1)
        .map(|at| if at >= MIXED_PX && seen(at - MIXED_PX) { at - MIXED_PX } else { at });
    let right =
        seen(run.end).then(|| if seen(run.end + MIXED_PX) { run.end + MIXED_PX } else { run.end });
    let from = match (left, right) {
        (Some(left), Some(right)) => Some(if line[left] <= line[right] { left } else { right }),
        (one, other) => one.or(other),
    };
    for plane in Plane::ALL {
        let shift = usize::from(plane != Plane::Y);
        // Chroma of 2×2 pixels is that of the first, and so are its holes.
        if shift == 1 && row % 2 == 1 {
            continue;
        }
        let (columns, _) = out.plane_size(plane);
        let start = (row >> shift) * columns;
        let samples = out.plane_mut(plane);
        for column in run.clone().filter(|column| column & shift == 0).map(|c| c >> shift) {
            let value = match from {
                Some(from) => samples[start + (from >> shift)],
                None if start > 0 => samples[start - columns + column],
                None => 128,
            };
            samples[start + column] = value;
        }
    }
}

/// Takes the streaks out of filled luma: means of three rows.
fn smooth(nearness: &[f32], out: &mut Picture) {
    let (columns, rows) = out.plane_size(Plane::Y);
    let luma = out.plane_mut(Plane::Y);
    for row in 1..rows.saturating_sub(1) {
        if !has_holes(&nearness[row * columns..][..columns]) {
            continue;
        }
        for at in row * columns..(row + 1) * columns {
            if nearness[at] == NOTHING {
                let [above, here, below] =
                    [at - columns, at, at + columns].map(|at| u16::from(luma[at]));
                luma[at] = ((above + 2 * here + below + 2) / 4) as u8;
            }
        }
    }
}
