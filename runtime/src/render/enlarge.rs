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
/// Share of that within which all pixels around are of one surface, and that in the middle stands for all.
const EVEN: f32 = 1.0 / 3.0;

/// Pixels around one of the shrunk picture: 3×3.
const AROUND: usize = 9;
/// That one itself.
const MIDDLE: usize = 4;

/// The pixels around one, and how much they support one another.
struct Around {
    luma: [f32; AROUND],
    nearness: [f32; AROUND],
    trust: [f32; AROUND],
    support: [[f32; AROUND]; AROUND],
    even: bool,
}

/// What counts for how far each of those around is from so many pixels of the whole picture.
type Away<const RUN: usize> = [[f32; RUN]; AROUND];

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
    small: (&Level, &DepthMap),
    scale: usize,
    step: f32,
    stale: &Blocks,
) {
    // A pixel of the shrunk picture is 4, 16, 64 … of the whole.
    if scale == 2 {
        enlarge_by::<4>(map, picture, small, scale, step, stale);
    } else {
        enlarge_by::<16>(map, picture, small, scale, step, stale);
    }
}

/// [`enlarge`], `RUN` of the pixels at a time that have the same around them.
#[inline(always)]
fn enlarge_by<const RUN: usize>(
    map: &mut DepthMap,
    picture: &Picture,
    (level, small): (&Level, &DepthMap),
    scale: usize,
    step: f32,
    stale: &Blocks,
) {
    let (luma, reach) = (picture.plane(Plane::Y), ALIKE_STEPS * step);
    let (columns, rows) = (map.columns, map.rows);
    for first in (0..scale * scale).step_by(RUN) {
        let inner = away::<RUN>((first, scale), [[-1.0, 0.0, 1.0]; 2]);
        for row in 0..small.rows {
            for column in stale.runs(row).flatten() {
                let near = [near(column, small.columns), near(row, small.rows)];
                let around = around(level, small, near, reach);
                let off: [[f32; 3]; 2] = std::array::from_fn(|axis| {
                    near[axis].map(|near| near as f32 - [column, row][axis] as f32)
                });
                let inside = off == [[-1.0, 0.0, 1.0]; 2];
                let away = if inside { inner } else { away((first, scale), off) };
                // Lines of the pixels, as far as there are such in the picture.
                let side = scale.min(RUN);
                let (left, top) = (column * scale + first % scale, row * scale + first / scale);
                let (left, right) = (left.min(columns), (left + side).min(columns));
                let lines = (top.min(rows)..(top + RUN / side).min(rows))
                    .map(|row| row * columns + left..row * columns + right);
                let mut lumas = [0.0; RUN];
                for (lumas, line) in lumas.chunks_exact_mut(side).zip(lines.clone()) {
                    let samples = lumas.iter_mut().zip(&luma[line]);
                    samples.for_each(|(own, sample)| *own = f32::from(*sample));
                }
                let [nearness, trust] = mode(&around, &away, &lumas, 1.0 / reach);
                for (number, line) in lines.enumerate() {
                    let own = number * side..number * side + line.len();
                    map.nearness[line.clone()].copy_from_slice(&nearness[own.clone()]);
                    map.trust[line].copy_from_slice(&trust[own]);
                }
            }
        }
    }
}

/// A column or a row and those beside it, of so many; at an edge it is its own neighbour.
#[inline(always)]
fn near(at: usize, count: usize) -> [usize; 3] {
    [at.saturating_sub(1), at, (at + 1).min(count - 1)]
}

/// How far the columns and rows that are so far `off` count as from the pixels from the one numbered `first` on.
#[inline(always)]
fn away<const RUN: usize>(
    (first, scale): (usize, usize),
    [across, down]: [[f32; 3]; 2],
) -> Away<RUN> {
    let place = |by: usize| (by as f32 + 0.5) / scale as f32 - 0.5;
    let mut away = [[0.0; RUN]; AROUND];
    for (number, away) in away.iter_mut().enumerate() {
        for (at, away) in away.iter_mut().enumerate() {
            let dx = across[number % 3] - place((first + at) % scale);
            let dy = down[number / 3] - place((first + at) / scale);
            *away = AWAY + dx * dx + dy * dy;
        }
    }
    away
}

/// What is around a pixel of the shrunk picture: those in three columns of three rows. Pixels further apart in depth than
/// `reach` do not support each other.
#[inline(always)]
fn around(level: &Level, small: &DepthMap, [columns, rows]: [[usize; 3]; 2], reach: f32) -> Around {
    let places: [usize; AROUND] =
        std::array::from_fn(|number| rows[number / 3] * small.columns + columns[number % 3]);
    let nearness = places.map(|place| small.nearness[place]);
    let fold = |one: fn(f32, f32) -> f32| nearness.into_iter().fold(nearness[0], one);
    let mut around = Around {
        luma: places.map(|place| f32::from(level.luma[place])),
        nearness,
        trust: places.map(|place| small.trust[place]),
        support: [[0.0; AROUND]; AROUND],
        even: fold(f32::max) - fold(f32::min) <= EVEN * reach,
    };
    for one in 0..AROUND {
        if !around.even || one == MIDDLE {
            around.support[one] = nearness.map(|other| support(nearness[one] - other, 1.0 / reach));
        }
    }
    around
}

#[inline(always)]
fn support(off: f32, closeness: f32) -> f32 {
    let support = 1.0 - off.abs() * closeness;
    if support > 0.0 { support } else { 0.0 }
}

/// Nearness and trust of the depth of most weight, each the mean of those within reach of it, for pixels of a given luma.
#[inline(always)]
fn mode<const RUN: usize>(
    around: &Around,
    away: &Away<RUN>,
    luma: &[f32; RUN],
    closeness: f32,
) -> [[f32; RUN]; 2] {
    let mut weights = [[0.0; RUN]; AROUND];
    for (number, weights) in weights.iter_mut().enumerate() {
        let support = if around.even { around.support[MIDDLE][number] } else { 1.0 };
        let most = support * (LEAST_TRUST + around.trust[number]);
        for at in 0..RUN {
            let unlike = around.luma[number] - luma[at];
            let far = (1.0 + unlike * unlike * (1.0 / UNLIKE)) * away[number][at];
            weights[at] = most / far;
        }
    }
    if around.even {
        return means(around, &weights);
    }
    let (mut best, mut centre) = ([0.0; RUN], [0.0; RUN]);
    for number in 0..AROUND {
        let mut total = [0.0; RUN];
        for (weights, support) in weights.iter().zip(around.support[number]) {
            for at in 0..RUN {
                total[at] += weights[at] * support;
            }
        }
        for at in 0..RUN {
            let better = total[at] > best[at];
            best[at] = if better { total[at] } else { best[at] };
            centre[at] = if better { around.nearness[number] } else { centre[at] };
        }
    }
    for (number, weights) in weights.iter_mut().enumerate() {
        for at in 0..RUN {
            weights[at] *= support(around.nearness[number] - centre[at], closeness);
        }
    }
    means(around, &weights)
}

/// Means of nearness and trust.
#[inline(always)]
fn means<const RUN: usize>(around: &Around, weights: &[[f32; RUN]; AROUND]) -> [[f32; RUN]; 2] {
    let (mut sums, mut total) = ([[0.0; RUN]; 2], [0.0; RUN]);
    for (number, weights) in weights.iter().enumerate() {
        for at in 0..RUN {
            sums[0][at] += weights[at] * around.nearness[number];
            sums[1][at] += weights[at] * around.trust[number];
            total[at] += weights[at];
        }
    }
    for at in 0..RUN {
        sums[0][at] /= total[at];
        sums[1][at] /= total[at];
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
        let depths = || around.iter().map(|(_, own, _)| *own);
        let even = depths().fold(0.0, f32::max) - depths().fold(1.0, f32::min) <= EVEN * reach;
        let middle = around[MIDDLE].1;
        let sums = around.iter().map(|(_, centre, _)| {
            let centre = if even { middle } else { *centre };
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
        for (width_px, height_px, scale) in
            [(1, 1, 2), (75, 21, 2), (70, 31, 4), (9, 40, 8), (50, 40, 16)]
        {
            let size = Size { width_px, height_px };
            let mut picture = Picture::new(size);
            picture.i420_mut().iter_mut().for_each(|sample| *sample = (random() * 60.0) as u8);
            let mut level = Level::new(size, scale);
            level.fill(&picture);
            let mut small = DepthMap::new(level.columns, level.rows);
            for (nearness, trust) in small.nearness.iter_mut().zip(&mut small.trust) {
                (*nearness, *trust) = (random(), random());
            }
            // One surface above, any depth below.
            let half = small.nearness.len() / 2;
            small.nearness[..half].iter_mut().for_each(|nearness| *nearness *= 0.1);
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
