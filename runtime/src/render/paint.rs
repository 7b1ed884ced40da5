//! Pixels of a viewpoint out of those of the sources, many at a time so that the loops vectorise.

use super::relief::Point;
use super::shot::Shot;
use super::viewpoint::LEAST_AHEAD;
use super::warp::whole;

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

    /// Bicubic samples (Catmull–Rom).
    #[inline(always)]
    fn add_luma(&mut self, shot: &Shot<'_>, seen: &Seen<N>) {
        let plane = &shot.picture.luma;
        let (mut place, mut across, mut down) = ([0; N], [0.0; N], [0.0; N]);
        for at in 0..N {
            let (x, y) = (seen.x[at] - 0.5, seen.y[at] - 0.5);
            let (left, top) = (x.floor(), y.floor());
            (across[at], down[at]) = (x - left, y - top);
            place[at] = plane.place(whole(left) - 1, whole(top) - 1);
        }
        let lines: [_; 4] = plane.load(&place);
        for at in 0..N {
            let (across, down) = (taps(across[at]), taps(down[at]));
            let mut sum = 0.0;
            for line in 0..4 {
                let samples = lines[line][at];
                let mut row = 0.0;
                for (tap, weight) in across.into_iter().enumerate() {
                    row += (samples >> (8 * tap) & 255) as i32 as f32 * weight;
                }
                sum += row * down[line];
            }
            self.luma[at] += seen.weight[at] * sum;
        }
    }

    /// Bilinear samples; one is where the first of its luma pixels is.
    #[inline(always)]
    fn add_chroma(&mut self, shot: &Shot<'_>, seen: &Seen<N>) {
        let plane = &shot.picture.chroma;
        let (mut place, mut across, mut down) = ([0; C], [0.0; C], [0.0; C]);
        for at in 0..C {
            let (x, y) = (0.5 * seen.x[at * (N / C)] - 0.25, 0.5 * seen.y[at * (N / C)] - 0.25);
            let (left, top) = (x.floor(), y.floor());
            (across[at], down[at]) = (x - left, y - top);
            place[at] = plane.place(whole(left), whole(top));
        }
        let lines: [_; 2] = plane.load(&place);
        for (number, sums) in self.chroma.iter_mut().enumerate() {
            for at in 0..C {
                let sample = |line: usize, tap: usize| {
                    (lines[line][at] >> (16 * tap + 8 * number) & 255) as i32 as f32
                };
                let row = |line: usize| {
                    let (left, right) = (sample(line, 0), sample(line, 1));
                    left + (right - left) * across[at]
                };
                let (upper, lower) = (row(0), row(1));
                sums[at] += seen.weight[at * (N / C)] * (upper + (lower - upper) * down[at]);
            }
        }
    }

    /// Luma of a pixel. From floating point to 8 bits `as` also keeps within them.
    #[inline(always)]
    pub(super) fn luma(&self, at: usize) -> u8 {
        (self.luma[at] / self.total[at] + 0.5) as u8
    }

    /// Chromas of the `at`th pixel that has them.
    #[inline(always)]
    pub(super) fn chroma(&self, at: usize) -> [u8; 2] {
        let ([blue, red], total) = (&self.chroma, self.total[at * (N / C)]);
        [(blue[at] / total + 0.5) as u8, (red[at] / total + 0.5) as u8]
    }
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

/// Weights of the four samples around, `t` behind the second.
#[inline(always)]
pub(super) fn taps(t: f32) -> [f32; 4] {
    let (square, cube) = (t * t, t * t * t);
    [
        -0.5 * t + square - 0.5 * cube,
        1.0 - 2.5 * square + 1.5 * cube,
        0.5 * t + 2.0 * square - 1.5 * cube,
        -0.5 * square + 0.5 * cube,
    ]
}
