//! How far the depth of a pixel is to be trusted: other views that see the point have to agree.

use super::depth::DepthMap;
use super::viewpoint::{Spot, Transfer};

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

impl DepthMap {
    /// Asks `others`, each with the way to its pixels, about every pixel; `step` is that of the depths.
    pub(super) fn ask(&self, others: &[(&Self, Transfer)], step: f32, answers: &mut [f32]) {
        for (at, answer) in answers.iter_mut().enumerate() {
            let (column, row) = (at % self.columns, at / self.columns);
            let (x, y) = (column as f32 + 0.5, row as f32 + 0.5);
            *answer = trust(others, Spot { x, y, nearness: self.nearness[at] }, step);
        }
    }
}

fn trust(others: &[(&DepthMap, Transfer)], spot: Spot, step: f32) -> f32 {
    let (mut agrees, mut sees_past) = (false, false);
    for (other, transfer) in others {
        let there = transfer.at(spot);
        let pixel = there.and_then(|there| Some((there, other.pixel_at(there.x, there.y)?)));
        if let Some((there, pixel)) = pixel {
            let off = (other.nearness[pixel] - there.nearness) / step;
            agrees |= off.abs() <= AGREEMENT_STEPS;
            // What is nearer there hides the point, which says nothing about it.
            sees_past |= off < -AGREEMENT_STEPS;
        }
    }
    match (agrees, sees_past) {
        (true, false) => AGREED,
        (true, true) => DISPUTED,
        (false, false) => UNKNOWN,
        (false, true) => REFUTED,
    }
}
