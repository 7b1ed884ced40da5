//! Depth of the whole picture from that of the shrunk one, along the picture's edges.

use super::blocks::Blocks;
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

/// Pixels of the shrunk picture at a time.
const RUN: usize = 16;
/// Those around one: 3×3.
const AROUND: usize = 9;

/// The pixels around each of a run, and how much they support one another.
struct Around {
    columns: [[f32; RUN]; 3],
    rows: [f32; 3],
    luma: [[f32; RUN]; AROUND],
    nearness: [[f32; RUN]; AROUND],
    trust: [[f32; RUN]; AROUND],
    support: [[[f32; RUN]; AROUND]; AROUND],
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
        stale: &Blocks,
    ) {
        by_widest!(
            enlarge,
            map: &mut DepthMap = self,
            picture: &Picture = picture,
            small: (&Level, &DepthMap) = small,
            scale: usize = scale,
            step: f32 = step,
            stale: &Blocks = stale
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
    stale: &Blocks,
) {
    let (columns, rows) = (map.columns, map.rows);
    let luma = picture.plane(Plane::Y);
    let reach = ALIKE_STEPS * step;
    for small_row in 0..small.rows {
        for run in stale.runs(small_row) {
            for start in run.clone().step_by(RUN) {
                let count = RUN.min(run.end - start);
                let around = around(level, small, (start, small_row), reach);
                // All pixels of the whole picture that have the same around them.
                for row in (small_row * scale..rows).take(scale) {
                    let y = (row as f32 + 0.5) / scale as f32 - 0.5;
                    for by in 0..scale {
                        let first = row * columns + start * scale + by;
                        let count = count.min((columns - by).div_ceil(scale).saturating_sub(start));
                        let place = |at: usize| first + at * scale;
                        let off = (by as f32 + 0.5) / scale as f32 - 0.5;
                        let x = std::array::from_fn(|at| (start + at) as i32 as f32 + off);
                        let mut lumas = [0.0; RUN];
                        for at in 0..count {
                            lumas[at] = f32::from(luma[place(at)]);
                        }
                        let [nearness, trust] = mode(&around, (&x, y), &lumas, 1.0 / reach);
                        for at in 0..count {
                            map.nearness[place(at)] = nearness[at];
                            map.trust[place(at)] = trust[at];
                        }
                    }
                }
            }
        }
    }
}

/// What is around the pixels from `start` on in a row of the shrunk picture. Pixels further apart in depth than `reach`
/// do not support each other.
#[inline(always)]
fn around(level: &Level, small: &DepthMap, (start, row): (usize, usize), reach: f32) -> Around {
    let nothing = [[0.0; RUN]; AROUND];
    let mut around = Around {
        columns: [[0.0; RUN]; 3],
        rows: [0.0; 3],
        luma: nothing,
        nearness: nothing,
        trust: nothing,
        support: [nothing; AROUND],
    };
    for number in 0..AROUND {
        let row = (row + number / 3).saturating_sub(1).min(small.rows - 1);
        around.rows[number / 3] = row as f32;
        let line = row * small.columns..(row + 1) * small.columns;
        let (lumas, depths, trusts) =
            (&level.luma[line.clone()], &small.nearness[line.clone()], &small.trust[line]);
        for at in 0..RUN {
            let column = (start + at + number % 3).saturating_sub(1).min(small.columns - 1);
            around.columns[number % 3][at] = column as f32;
            around.luma[number][at] = f32::from(lumas[column]);
            around.nearness[number][at] = depths[column];
            around.trust[number][at] = trusts[column];
        }
    }
    let closeness = 1.0 / reach;
    for one in 0..AROUND {
        for other in one..AROUND {
            for at in 0..RUN {
                let off = around.nearness[one][at] - around.nearness[other][at];
                around.support[one][other][at] = support(off, closeness);
            }
            around.support[other][one] = around.support[one][other];
        }
    }
    around
}

#[inline(always)]
fn support(off: f32, closeness: f32) -> f32 {
    let support = 1.0 - off.abs() * closeness;
    if support > 0.0 { support } else { 0.0 }
}

/// Nearness and trust of the depth of most weight, each the mean of those within reach of it, for pixels at `x` and `y`
/// of a given luma.
#[inline(always)]
fn mode(
    around: &Around,
    (x, y): (&[f32; RUN], f32),
    luma: &[f32; RUN],
    closeness: f32,
) -> [[f32; RUN]; 2] {
    let mut weights = [[0.0; RUN]; AROUND];
    for (number, weights) in weights.iter_mut().enumerate() {
        let dy = around.rows[number / 3] - y;
        for at in 0..RUN {
            let unlike = around.luma[number][at] - luma[at];
            let dx = around.columns[number % 3][at] - x[at];
            let far = (1.0 + unlike * unlike * (1.0 / UNLIKE)) * (AWAY + dx * dx + dy * dy);
            weights[at] = (LEAST_TRUST + around.trust[number][at]) / far;
        }
    }
    let (mut best, mut centre) = ([0.0; RUN], [0.0; RUN]);
    for number in 0..AROUND {
        let mut total = [0.0; RUN];
        for (weights, support) in weights.iter().zip(&around.support[number]) {
            for at in 0..RUN {
                total[at] += weights[at] * support[at];
            }
        }
        for at in 0..RUN {
            let better = total[at] > best[at];
            best[at] = if better { total[at] } else { best[at] };
            centre[at] = if better { around.nearness[number][at] } else { centre[at] };
        }
    }
    let mut sums = [[0.0; RUN]; 2];
    for (other, weights) in weights.iter().enumerate() {
        for at in 0..RUN {
            let off = around.nearness[other][at] - centre[at];
            let weight = weights[at] * support(off, closeness);
            sums[0][at] += weight * around.nearness[other][at];
            sums[1][at] += weight * around.trust[other][at];
        }
    }
    for at in 0..RUN {
        sums[0][at] /= best[at];
        sums[1][at] /= best[at];
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Size;

    /// Nearness and trust of a pixel, as they are told.
    fn slow(
        (level, small): (&Level, &DepthMap),
        (column, row): (usize, usize),
        luma: f32,
        (scale, reach): (usize, f32),
    ) -> [f32; 2] {
        let middle = |at: usize| (at as f32 + 0.5) / scale as f32 - 0.5;
        let mut around = Vec::new();
        for number in 0..AROUND {
            let near =
                |at: usize, by: usize, end: usize| (at / scale + by).saturating_sub(1).min(end - 1);
            let x = near(column, number % 3, small.columns);
            let y = near(row, number / 3, small.rows);
            let at = y * small.columns + x;
            let unlike = f32::from(level.luma[at]) - luma;
            let (dx, dy) = (x as f32 - middle(column), y as f32 - middle(row));
            let far = (1.0 + unlike * unlike / UNLIKE) * (AWAY + dx * dx + dy * dy);
            around.push((
                (LEAST_TRUST + small.trust[at]) / far,
                small.nearness[at],
                small.trust[at],
            ));
        }
        let sums = around.iter().map(|(_, centre, _)| {
            around.iter().fold([0.0; 3], |[total, nearness, trust], (weight, own, own_trust)| {
                let weight = weight * (1.0 - (own - centre).abs() / reach).max(0.0);
                [total + weight, nearness + weight * own, trust + weight * own_trust]
            })
        });
        let most = sums.max_by(|one, other| one[0].total_cmp(&other[0]));
        most.map_or([0.0; 2], |[total, nearness, trust]| [nearness / total, trust / total])
    }

    #[test]
    fn every_pixel_takes_the_depth_of_most_weight() {
        let mut seed = 3_u32;
        let mut random = move || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as f32 / (1 << 24) as f32
        };
        for (width_px, height_px, scale) in [(1, 1, 2), (75, 21, 2), (70, 31, 4), (9, 40, 8)] {
            let size = Size { width_px, height_px };
            let mut picture = Picture::new(size);
            picture.i420_mut().iter_mut().for_each(|sample| *sample = (random() * 60.0) as u8);
            let mut level = Level::new(size, scale);
            level.fill(&picture);
            let mut small = DepthMap::new(level.columns, level.rows);
            for (nearness, trust) in small.nearness.iter_mut().zip(&mut small.trust) {
                (*nearness, *trust) = (random(), random());
            }
            let (columns, step) = (size.width(), 0.1);
            let mut map = DepthMap::new(columns, size.height());
            let mut stale = Blocks::new(level.columns, level.rows);
            stale.mark_all();
            map.enlarge(&picture, (&level, &small), scale, step, &stale);
            for (at, luma) in picture.plane(Plane::Y).iter().enumerate() {
                let place = (at % columns, at / columns);
                let reach = (scale, ALIKE_STEPS * step);
                let slow = slow((&level, &small), place, f32::from(*luma), reach);
                for (fast, slow) in [map.nearness[at], map.trust[at]].into_iter().zip(slow) {
                    assert!((fast - slow).abs() < 1e-4, "{size:?} {place:?}: {fast}, {slow}");
                }
            }
        }
    }
}
