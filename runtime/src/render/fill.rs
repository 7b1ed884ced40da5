//! Pixels that no source sees, from the background beside them.

use std::ops::Range;

use crate::picture::{Picture, Plane};

/// Pixels beside a hole that are left out where others are there: at an outline they are a mixture of what is near and
/// its background.
const MIXED_PX: usize = 1;
/// Pixels that are looked through at a time: most rows have few holes.
const CHUNK: usize = 32;

/// Fills the pixels of `out` that have no nearness: along the row from the farther of both sides, for what comes to
/// light is behind what hid it; a row without any pixel as the one before. Returns how many there were.
pub(super) fn fill(nearness: &[f32], out: &mut Picture) -> usize {
    let (columns, rows) = out.plane_size(Plane::Y);
    let line = |row: usize| &nearness[row * columns..][..columns];
    let mut holes = 0;
    for row in 0..rows {
        for run in runs(line(row)) {
            holes += run.len();
            fill_run(line(row), (row, run), out);
        }
        // When the row below has been filled too.
        if let Some(above) = row.checked_sub(1).filter(|above| *above > 0) {
            smooth(line(above), above, out);
        }
    }
    holes
}

/// The holes of a row, those side by side as one.
fn runs(line: &[f32]) -> impl Iterator<Item = Range<usize>> {
    let any = |pixels: &[f32]| pixels.iter().fold(false, |any, nearness| any | (*nearness < 0.0));
    let mut at = 0;
    std::iter::from_fn(move || {
        while line.get(at..at + CHUNK).is_some_and(|chunk| !any(chunk)) {
            at += CHUNK;
        }
        let start = at + line[at..].iter().position(|nearness| *nearness < 0.0)?;
        let seen = line[start..].iter().position(|nearness| *nearness >= 0.0);
        at = seen.map_or(line.len(), |by| start + by);
        Some(start..at)
    })
}

/// Fills the pixels `run` of a row.
fn fill_run(line: &[f32], (row, run): (usize, Range<usize>), out: &mut Picture) {
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

/// Takes the streaks out of a row's filled luma: means of three rows.
fn smooth(line: &[f32], row: usize, out: &mut Picture) {
    let columns = line.len();
    let luma = out.plane_mut(Plane::Y);
    for at in runs(line).flatten() {
        let at = row * columns + at;
        let [above, here, below] = [at - columns, at, at + columns].map(|at| u16::from(luma[at]));
        luma[at] = ((above + 2 * here + below + 2) / 4) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holes_of_a_row_are_found_wherever_they_begin() {
        let rows: [(usize, &[[usize; 2]]); 5] = [
            (1, &[]),
            (1, &[[0, 1]]),
            (70, &[[0, 3], [31, 33], [69, 70]]),
            (64, &[[63, 64]]),
            (200, &[[1, 130]]),
        ];
        for (length, holes) in rows {
            let mut line = vec![0.0; length];
            holes.iter().for_each(|[start, end]| line[*start..*end].fill(-1.0));
            let found: Vec<_> = runs(&line).map(|run| [run.start, run.end]).collect();
            assert_eq!(found, holes);
        }
    }
}
