//! The picture of a viewpoint out of those of the sources.

use super::depth::DepthMap;
use super::sample::Samples;
use super::viewpoint::{Spot, Transfer};
use super::warp::{NOTHING, Warped};
use crate::picture::{Picture, Plane};

/// Sources that pictures are blended from; the others show what these do not.
pub(super) const MAIN: usize = 2;

/// A source as the viewpoint sees it.
pub(super) struct Shot<'a> {
    pub picture: &'a Picture,
    pub map: &'a DepthMap,
    pub warped: &'a Warped,
    /// From the viewpoint's pixels to the source's.
    pub back: Transfer,
    /// How much it counts among the others.
    pub weight: f32,
    /// Difference of nearness up to which two points are of one surface.
    pub tolerance: f32,
}

impl Shot<'_> {
    fn samples(&self, plane: Plane) -> Samples<'_> {
        let (columns, rows) = self.picture.plane_size(plane);
        Samples { samples: self.picture.plane(plane), columns, rows }
    }

    /// Where the source sees the point at `spot`, and how much it counts there: nothing where it sees another.
    #[inline]
    fn see(&self, spot: Spot) -> Option<(Spot, f32)> {
        let there = self.back.at(spot)?;
        let pixel = self.map.pixel_at(there.x, there.y)?;
        let off = (self.map.nearness[pixel] - there.nearness).abs() / self.tolerance;
        let weight = self.weight * self.map.trust[pixel] * (1.0 - 0.5 * off);
        (weight > 0.0).then_some((there, weight))
    }
}

/// Fills `nearness` with that of what the viewpoint sees: of every pixel the nearest surface that a source trusts, as
/// the mean of those that see it; else one that none trusts. Spare sources say what others do not.
pub(super) fn surface(shots: &[Shot<'_>], tolerance: f32, nearness: &mut [f32]) {
    let (main, spare) = shots.split_at(shots.len().min(MAIN));
    for (at, nearness) in nearness.iter_mut().enumerate() {
        let solid = |shots| trusted(shots, at, tolerance);
        let doubtful = || front(shots, |warped| warped.doubtful[at]);
        *nearness = solid(main).or_else(|| solid(spare)).unwrap_or_else(doubtful);
    }
}

/// The nearest surface that one of `shots` trusts at a pixel.
#[inline]
fn trusted(shots: &[Shot<'_>], at: usize, tolerance: f32) -> Option<f32> {
    let nearest = front(shots, |warped| warped.solid[at]);
    let (mut sum, mut total) = (0.0, 0.0);
    for shot in shots {
        let own = shot.warped.solid[at];
        if own >= nearest - tolerance {
            sum += shot.weight * own;
            total += shot.weight;
        }
    }
    (nearest >= 0.0).then(|| sum / total)
}

fn front(shots: &[Shot<'_>], nearness: impl Fn(&Warped) -> f32) -> f32 {
    shots.iter().fold(NOTHING, |front, shot| front.max(nearness(shot.warped)))
}

/// Paints every pixel whose `nearness` some source sees, and makes that of the others [`NOTHING`].
pub(super) fn paint(shots: &[Shot<'_>], nearness: &mut [f32], out: &mut Picture) {
    let (columns, _) = out.plane_size(Plane::Y);
    let (chroma_columns, _) = out.plane_size(Plane::U);
    let [luma, blue, red] = out.planes_mut();
    for (row, (nearness, luma)) in
        nearness.chunks_exact_mut(columns).zip(luma.chunks_exact_mut(columns)).enumerate()
    {
        for (column, (nearness, luma)) in nearness.iter_mut().zip(luma).enumerate() {
            let spot = Spot { x: column as f32 + 0.5, y: row as f32 + 0.5, nearness: *nearness };
            let with_chroma = row % 2 == 0 && column % 2 == 0;
            let painted = (*nearness >= 0.0).then(|| pixel(shots, spot, with_chroma)).flatten();
            let Some([y, u, v]) = painted else {
                *nearness = NOTHING;
                continue;
            };
            *luma = y;
            if with_chroma {
                let at = row / 2 * chroma_columns + column / 2;
                (blue[at], red[at]) = (u, v);
            }
        }
    }
}

/// Luma and chromas of a point; chroma of 2×2 pixels is that of the first.
#[inline]
fn pixel(shots: &[Shot<'_>], spot: Spot, with_chroma: bool) -> Option<[u8; 3]> {
    let (mut sums, mut total) = ([0.0; 3], 0.0);
    for (number, shot) in shots.iter().enumerate() {
        if number >= MAIN && total > 0.0 {
            break;
        }
        let Some((there, weight)) = shot.see(spot) else { continue };
        sums[0] += weight * shot.samples(Plane::Y).cubic(there.x - 0.5, there.y - 0.5);
        if with_chroma {
            for (sum, plane) in sums[1..].iter_mut().zip([Plane::U, Plane::V]) {
                // The sample of a chroma pixel is where the first of its luma pixels is.
                let (x, y) = (0.5 * there.x - 0.25, 0.5 * there.y - 0.25);
                *sum += weight * shot.samples(plane).linear(x, y);
            }
        }
        total += weight;
    }
    // From floating point to 8 bits `as` also keeps within them.
    (total > 0.0).then(|| sums.map(|sum| (sum / total + 0.5) as u8))
}
