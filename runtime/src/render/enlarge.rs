//! Depth of the whole picture from that of the shrunk one, along the picture's edges.

use super::depth::DepthMap;
use super::level::Level;
use crate::picture::{Picture, Plane};

/// Squared difference of luma at which a pixel around counts half.
const UNLIKE: f32 = 50.0;
/// Squared distance, in pixels of the shrunk picture, at which it does.
const AWAY: f32 = 0.3;
/// What an untrusted pixel counts.
const LEAST_TRUST: f32 = 0.1;
/// Steps of depth within which two pixels support each other.
const ALIKE_STEPS: f32 = 3.0;

/// Pixels at a time.
const RUN: usize = 32;
/// Pixels of the shrunk picture around one of the whole: 3×3.
const AROUND: usize = 9;

/// Pixels of the shrunk picture as those of a run see them.
struct Candidates {
    weight: [[f32; RUN]; AROUND],
    nearness: [[f32; RUN]; AROUND],
    trust: [[f32; RUN]; AROUND],
}

impl DepthMap {
    /// Fills the map of `picture` from `small`, that of `level`: every pixel takes the depth that has most weight
    /// among those around, which weigh by how near they are and how like in luma. Why not a mean: between two things
    /// there is none.
    pub(super) fn enlarge(
        &mut self,
        picture: &Picture,
        small: (&Level, &Self),
        scale: usize,
        step: f32,
    ) {
        by_widest!(
            enlarge,
            map: &mut DepthMap = self,
            picture: &Picture = picture,
            small: (&Level, &DepthMap) = small,
            scale: usize = scale,
            step: f32 = step
        )
    }
}

#[inline(always)]
fn enlarge(
    map: &mut DepthMap,
    picture: &Picture,
    (level, small): (&Level, &DepthMap),
    scale: usize,
    step: f32,
) {
    let (columns, shrink) = (map.columns, 1.0 / scale as f32);
    let lines = map.nearness.chunks_exact_mut(columns).zip(map.trust.chunks_exact_mut(columns));
    let lumas = picture.plane(Plane::Y).chunks_exact(columns);
    for (row, ((nearness, trust), luma)) in lines.zip(lumas).enumerate() {
        let y = (row as f32 + 0.5) * shrink - 0.5;
        let runs = nearness.chunks_mut(RUN).zip(trust.chunks_mut(RUN)).zip(luma.chunks(RUN));
        for (number, ((nearness, trust), luma)) in runs.enumerate() {
            let column = |at: usize| (number * RUN + at) as i32 as f32;
            let x = std::array::from_fn(|at| (column(at) + 0.5) * shrink - 0.5);
            let mut lumas = [0.0; RUN];
            lumas.iter_mut().zip(luma).for_each(|(own, luma)| *own = f32::from(*luma));
            let candidates = around(level, small, (&x, y), &lumas);
            let chosen = mode(&candidates, ALIKE_STEPS * step);
            nearness.iter_mut().zip(chosen[0]).for_each(|(own, chosen)| *own = chosen);
            trust.iter_mut().zip(chosen[1]).for_each(|(own, chosen)| *own = chosen);
        }
    }
}

/// The 3×3 pixels around each of `x` in a row at `y`, seen from pixels of the given luma.
#[inline(always)]
fn around(
    level: &Level,
    small: &DepthMap,
    (x, y): (&[f32; RUN], f32),
    luma: &[f32; RUN],
) -> Candidates {
    let (weight, nearness, trust) =
        ([[0.0; RUN]; AROUND], [[0.0; RUN]; AROUND], [[0.0; RUN]; AROUND]);
    let mut around = Candidates { weight, nearness, trust };
    let middle = (y + 0.5) as usize;
    for number in 0..AROUND {
        let row = (middle + number / 3).saturating_sub(1).min(small.rows - 1);
        let line = row * small.columns..(row + 1) * small.columns;
        let (lumas, depths, trusts) =
            (&level.luma[line.clone()], &small.nearness[line.clone()], &small.trust[line]);
        let (mut own, mut columns) = ([0.0; RUN], [0.0; RUN]);
        for at in 0..RUN {
            let column = ((x[at] + 0.5) as usize + number % 3).saturating_sub(1);
            let column = column.min(small.columns - 1);
            own[at] = f32::from(lumas[column]);
            columns[at] = column as f32;
            around.nearness[number][at] = depths[column];
            around.trust[number][at] = trusts[column];
        }
        for at in 0..RUN {
            let unlike = own[at] - luma[at];
            let (dx, dy) = (columns[at] - x[at], row as f32 - y);
            let far = (1.0 + unlike * unlike / UNLIKE) * (AWAY + dx * dx + dy * dy);
            around.weight[number][at] = (LEAST_TRUST + around.trust[number][at]) / far;
        }
    }
    around
}

/// Nearness and trust of the depth of most weight, each the mean of those within `reach` of it.
#[inline(always)]
fn mode(around: &Candidates, reach: f32) -> [[f32; RUN]; 2] {
    let (mut best, mut chosen) = ([0.0; RUN], [[0.0; RUN]; 2]);
    let closeness = 1.0 / reach;
    for centre in 0..AROUND {
        let (mut total, mut sums) = ([0.0; RUN], [[0.0; RUN]; 2]);
        for other in 0..AROUND {
            for at in 0..RUN {
                let off = around.nearness[other][at] - around.nearness[centre][at];
                let support = 1.0 - off.abs() * closeness;
                let weight = around.weight[other][at] * if support > 0.0 { support } else { 0.0 };
                total[at] += weight;
                sums[0][at] += weight * around.nearness[other][at];
                sums[1][at] += weight * around.trust[other][at];
            }
        }
        for at in 0..RUN {
            let better = total[at] > best[at];
            best[at] = if better { total[at] } else { best[at] };
            chosen[0][at] = if better { sums[0][at] } else { chosen[0][at] };
            chosen[1][at] = if better { sums[1][at] } else { chosen[1][at] };
        }
    }
    for at in 0..RUN {
        chosen[0][at] /= best[at];
        chosen[1][at] /= best[at];
    }
    chosen
}
