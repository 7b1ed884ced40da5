//! Pixels of a viewpoint out of those of the sources, many at a time so that the loops vectorise.

use super::relief::Point;
use super::shot::Shot;
use super::viewpoint::LEAST_AHEAD;
use super::warp::whole;
use super::{cubic, linear};

/// Steps between two samples, in bits.
const BITS: u32 = cubic::PHASES.trailing_zeros();

/// Pixels of one row, by the middle of each.
pub(super) struct Run<const N: usize> {
    pub x: [f32; N],
    pub y: f32,
    /// Below zero for a place without a pixel.
    pub nearness: [f32; N],
}

/// Where a source sees the pixels of a run, and how much it counts there: nothing where it sees something else.
struct Seen<const N: usize> {
    x: [f32; N],
    y: [f32; N],
    weight: [f32; N],
}

/// Weighted sums of what sources see, chroma of `C` of the `N` pixels.
pub(super) struct Sums<const N: usize, const C: usize> {
    luma: [f32; N],
    chroma: [[f32; C]; 2],
    pub total: [f32; N],
}

impl<const N: usize, const C: usize> Sums<N, C> {
    /// Blends what `shots` see of a run, and of every `N / C`th pixel its chroma too.
    #[inline(always)]
    pub(super) fn of(shots: &[Shot<'_>], run: &Run<N>, with_chroma: bool) -> Self {
        let mut sums = Self { luma: [0.0; N], chroma: [[0.0; C]; 2], total: [0.0; N] };
        for shot in shots {
            let mut seen = see(shot, run);
            if shot.spare {
                for at in 0..N {
                    seen.weight[at] = if sums.total[at] > 0.0 { 0.0 } else { seen.weight[at] };
                }
            }
            sums.add_luma(shot, &seen);
            if with_chroma {
                sums.add_chroma(shot, &seen);
            }
            for at in 0..N {
                sums.total[at] += seen.weight[at];
            }
        }
        sums
    }

    /// Bicubic samples.
    #[inline(always)]
    fn add_luma(&mut self, shot: &Shot<'_>, seen: &Seen<N>) {
        let plane = &shot.picture.luma;
        let (mut place, mut across, mut down) = ([0; N], [0; N], [0; N]);
        for at in 0..N {
            (across[at], down[at]) = (fine(seen.x[at]), fine(seen.y[at]));
            place[at] = plane.place((across[at] >> BITS) - 1, (down[at] >> BITS) - 1);
        }
        let sums = cubic::sums(&plane.spots(place), &across, &down);
        for ((own, weight), sum) in self.luma.iter_mut().zip(&seen.weight).zip(&sums) {
            *own += weight * (*sum as f32 * (1.0 / cubic::SCALE));
        }
    }

    /// Bilinear samples; one is where the first of its luma pixels is.
    #[inline(always)]
    fn add_chroma(&mut self, shot: &Shot<'_>, seen: &Seen<N>) {
        let plane = &shot.picture.chroma;
        let (mut place, mut across, mut down) = ([0; C], [0; C], [0; C]);
        for at in 0..C {
            let [x, y] = [seen.x[at * (N / C)], seen.y[at * (N / C)]];
            (across[at], down[at]) = (fine_chroma(x), fine_chroma(y));
            place[at] = plane.place(across[at] >> BITS, down[at] >> BITS);
        }
        let sums = linear::sums(&plane.spots(place), &across, &down);
        for (own, sums) in self.chroma.iter_mut().zip(&sums) {
            for at in 0..C {
                own[at] += seen.weight[at * (N / C)] * (sums[at] as f32 * (1.0 / cubic::SCALE));
            }
        }
    }

    /// Luma of a pixel.
    #[inline(always)]
    pub(super) fn luma(&self, at: usize) -> u8 {
        whole_sample(self.luma[at] / self.total[at])
    }

    /// Chromas of the `at`th pixel that has them.
    #[inline(always)]
    pub(super) fn chroma(&self, at: usize) -> [u8; 2] {
        let ([blue, red], total) = (&self.chroma, self.total[at * (N / C)]);
        [whole_sample(blue[at] / total), whole_sample(red[at] / total)]
    }
}

/// The nearest sample to a value, and anything where there is none. Why not `as`: that is one pixel at a time.
#[inline(always)]
pub(super) fn whole_sample(value: f32) -> u8 {
    let above = if value > 0.0 { value } else { 0.0 };
    whole(if above < 255.0 { above } else { 255.0 }) as u8
}

/// Looks where a source has the pixels of a run.
#[inline(always)]
fn see<const N: usize>(shot: &Shot<'_>, run: &Run<N>) -> Seen<N> {
    let relief = shot.relief;
    let (columns, rows) = (relief.columns as f32, relief.rows as f32);
    let mut seen = Seen { x: [0.0; N], y: [0.0; N], weight: [0.0; N] };
    let (mut nearness, mut pixel) = ([0.0; N], [0_u32; N]);
    for at in 0..N {
        let [across, down, ahead] = shot.back.row(run.x[at], run.y, run.nearness[at]);
        let scale = 1.0 / ahead;
        let (x, y) = (across * scale, down * scale);
        let inside = (run.nearness[at] >= 0.0)
            & (ahead > LEAST_AHEAD)
            & (x >= 0.0)
            & (y >= 0.0)
            & (x < columns)
            & (y < rows);
        // Why not `if`: it would be a branch, and the loop one pixel at a time.
        let mask = u32::from(inside).wrapping_neg();
        let [x, y, weight] =
            [x, y, shot.weight].map(|number| f32::from_bits(number.to_bits() & mask));
        (seen.x[at], seen.y[at], seen.weight[at]) = (x, y, weight);
        nearness[at] = run.nearness[at] * scale;
        pixel[at] = (whole(y.floor()) * relief.columns as i32 + whole(x.floor())) as u32;
    }
    let closeness = 1.0 / shot.tolerance;
    let points: [Point; N] = relief.at(&pixel);
    for at in 0..N {
        let off = (points[at].nearness() - nearness[at]).abs() * closeness;
        let weight = seen.weight[at] * points[at].trust() * (1.0 - 0.5 * off);
        seen.weight[at] = if weight > 0.0 { weight } else { 0.0 };
    }
    seen
}

/// Samples before a place in a picture, in the steps that there are between two.
#[inline(always)]
pub(super) fn fine(place: f32) -> i32 {
    whole(place * cubic::PHASES as f32) - (cubic::PHASES / 2) as i32
}

/// The same of chroma.
#[inline(always)]
pub(super) fn fine_chroma(place: f32) -> i32 {
    whole(place * (0.5 * cubic::PHASES as f32)) - (cubic::PHASES / 4) as i32
}
