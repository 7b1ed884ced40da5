//! How far the depth of a pixel is to be trusted: other views that see the point have to agree.

use super::blocks::Blocks;
use super::depth::DepthMap;
use super::viewpoint::{LEAST_AHEAD, Transfer};
use super::warp::{run_of, whole};

/// Steps of depth by which two views may differ about a point.
const AGREEMENT_STEPS: f32 = 1.5;
/// Where at least one view agrees, and none or some sees past the point.
const AGREED: f32 = 1.0;
const DISPUTED: f32 = 0.7;
/// Where no view agrees, and none or some sees past the point.
const UNKNOWN: f32 = 0.4;
const REFUTED: f32 = 0.1;
/// Least trust of a point that may hide others.
pub(super) const SOLID: f32 = 0.5;

/// Pixels at a time.
const RUN: usize = 32;

impl DepthMap {
    /// Asks `others`, each with the way to its pixels, about every pixel; `step` is that of the depths. Blocks that have
    /// another answer now, or beside them, are `stale` too.
    pub(super) fn ask(
        &self,
        others: &[(&Self, Transfer)],
        step: f32,
        answers: &mut [f32],
        stale: &mut Blocks,
    ) {
        by_widest!(
            ask,
            map: &DepthMap = self,
            others: &[(&DepthMap, Transfer)] = others,
            step: f32 = step,
            answers: &mut [f32] = answers,
            stale: &mut Blocks = stale
        )
    }
}

#[inline(always)]
fn ask(
    map: &DepthMap,
    others: &[(&DepthMap, Transfer)],
    step: f32,
    answers: &mut [f32],
    stale: &mut Blocks,
) {
    let columns = map.columns;
    for (row, answers) in answers.chunks_exact_mut(columns).enumerate() {
        let line = &map.nearness[row * columns..][..columns];
        for (number, answers) in answers.chunks_mut(RUN).enumerate() {
            let start = number * RUN;
            let run = Run { start, row, nearness: run_of(&line[start..]) };
            let trust = trust(others, &run, 1.0 / step);
            for (at, answer) in answers.iter_mut().enumerate() {
                if trust[at] != std::mem::replace(answer, trust[at]) {
                    let column = start + at;
                    for row in [row.saturating_sub(1), (row + 1).min(map.rows - 1)] {
                        stale.mark(column.saturating_sub(1), row);
                        stale.mark((column + 1).min(columns - 1), row);
                    }
                }
            }
        }
    }
}

/// Pixels of a row.
struct Run {
    start: usize,
    row: usize,
    nearness: [f32; RUN],
}

#[inline(always)]
fn trust(others: &[(&DepthMap, Transfer)], run: &Run, per_step: f32) -> [f32; RUN] {
    let (mut agrees, mut sees_past) = ([false; RUN], [false; RUN]);
    let y = run.row as f32 + 0.5;
    for (other, transfer) in others {
        let (columns, rows) = (other.columns as f32, other.rows as f32);
        let (mut pixels, mut there, mut found) = ([-1; RUN], [0.0; RUN], [0.0; RUN]);
        for at in 0..RUN {
            let x = (run.start + at) as i32 as f32 + 0.5;
            let [across, down, ahead] = transfer.row(x, y, run.nearness[at]);
            let scale = 1.0 / ahead;
            let (x, y) = (across * scale, down * scale);
            let inside =
                (ahead > LEAST_AHEAD) & (x >= 0.0) & (y >= 0.0) & (x < columns) & (y < rows);
            let pixel = whole(y.floor()) * other.columns as i32 + whole(x.floor());
            pixels[at] = if inside { pixel } else { -1 };
            there[at] = run.nearness[at] * scale;
        }
        for at in 0..RUN {
            found[at] = other.nearness.get(pixels[at] as usize).copied().unwrap_or(0.0);
        }
        for at in 0..RUN {
            let (seen, off) = (pixels[at] >= 0, (found[at] - there[at]) * per_step);
            agrees[at] |= seen & (off.abs() <= AGREEMENT_STEPS);
            // What is nearer there hides the point, which says nothing about it.
            sees_past[at] |= seen & (off < -AGREEMENT_STEPS);
        }
    }
    let mut trust = [UNKNOWN; RUN];
    for at in 0..RUN {
        let sure = if sees_past[at] { DISPUTED } else { AGREED };
        let unsure = if sees_past[at] { REFUTED } else { UNKNOWN };
        trust[at] = if agrees[at] { sure } else { unsure };
    }
    trust
}
