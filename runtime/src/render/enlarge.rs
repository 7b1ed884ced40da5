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

/// A pixel of the shrunk picture as one of the whole sees it.
#[derive(Debug, Clone, Copy, Default)]
struct Candidate {
    weight: f32,
    nearness: f32,
    trust: f32,
}

impl DepthMap {
    /// Fills the map of `picture` from `small`, that of `level`: every pixel takes the depth that has most weight
    /// among those around, which weigh by how near they are and how like in luma. Why not a mean: between two things
    /// there is none.
    pub(super) fn enlarge(
        &mut self,
        picture: &Picture,
        (level, small): (&Level, &Self),
        scale: usize,
        step: f32,
    ) {
        let (luma, shrink) = (picture.plane(Plane::Y), 1.0 / scale as f32);
        for row in 0..self.rows {
            for column in 0..self.columns {
                let at = row * self.columns + column;
                let x = (column as f32 + 0.5) * shrink - 0.5;
                let y = (row as f32 + 0.5) * shrink - 0.5;
                let around = around(level, small, (x, y), f32::from(luma[at]));
                let chosen = mode(&around, ALIKE_STEPS * step);
                self.nearness[at] = chosen.nearness;
                self.trust[at] = chosen.trust;
            }
        }
    }
}

/// The 3×3 pixels around (`x`, `y`), seen from a pixel of the given luma.
fn around(level: &Level, small: &DepthMap, (x, y): (f32, f32), luma: f32) -> [Candidate; 9] {
    let mut around = [Candidate::default(); 9];
    let (middle_x, middle_y) = ((x + 0.5) as usize, (y + 0.5) as usize);
    for (number, candidate) in around.iter_mut().enumerate() {
        let column = (middle_x + number % 3).saturating_sub(1).min(small.columns - 1);
        let row = (middle_y + number / 3).saturating_sub(1).min(small.rows - 1);
        let at = row * small.columns + column;
        let unlike = f32::from(level.luma[at]) - luma;
        let (dx, dy) = (column as f32 - x, row as f32 - y);
        let trust = small.trust[at];
        let weight =
            (LEAST_TRUST + trust) / ((1.0 + unlike * unlike / UNLIKE) * (AWAY + dx * dx + dy * dy));
        *candidate = Candidate { weight, nearness: small.nearness[at], trust };
    }
    around
}

/// The depth of most weight, as the mean of those within `reach` of it.
fn mode(around: &[Candidate; 9], reach: f32) -> Candidate {
    let mut best = Candidate::default();
    for centre in around {
        let mut sum = Candidate::default();
        for other in around {
            let support = 1.0 - (other.nearness - centre.nearness).abs() / reach;
            let weight = other.weight * support.max(0.0);
            sum.weight += weight;
            sum.nearness += weight * other.nearness;
            sum.trust += weight * other.trust;
        }
        if sum.weight > best.weight {
            best = sum;
        }
    }
    Candidate {
        nearness: best.nearness / best.weight,
        trust: best.trust / best.weight,
        weight: 1.0,
    }
}
