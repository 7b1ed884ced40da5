//! Decoded numbers of a scene and of a GOP, and the latents they add up to.
//!
//! Everything here is integer arithmetic on quantised levels; [`steps::to_f32`] is the last step.

use crate::format::grids::GridShape;
use crate::format::steps::{self, StepIndex};
use crate::profile::{GridSpec, Profile, Sharing};
use crate::units::Size;

/// Sizes of `grid` for a GOP of `frames` pictures and `views` implicit views of `size`.
pub fn grid_shape(grid: &GridSpec, size: Size, frames: usize, views: usize) -> GridShape {
    let (entries, per_entry) = grid.entries(frames, views);
    let (columns, rows) = size.cells(grid.scale);
    GridShape { entries, views: per_entry, channels: grid.channels, rows, columns }
}

/// A decoded grid, borrowed.
#[derive(Debug, Clone, Copy)]
pub struct GridLevels<'a> {
    /// What it is.
    pub spec: &'a GridSpec,
    /// Its sizes.
    pub shape: GridShape,
    /// One step per channel.
    pub steps: &'a [StepIndex],
    /// `[entry, view, channel, row, column]`.
    pub levels: &'a [i8],
}

impl GridLevels<'_> {
    /// Adds this grid's part of picture `frame` (within the GOP) of implicit view `view` to `latent`,
    /// `[channel, row, column]` in fixed point with [`steps::FRACTION_BITS`].
    ///
    /// Between two entries the value is linear in time: `a + (b − a) · (frame mod period) / period`.
    fn add_to(&self, latent: &mut [i64], frame: usize, view: usize) {
        let GridShape { entries, views, channels, .. } = self.shape;
        let period = self.spec.period();
        let plane = self.shape.plane();
        let view = if matches!(self.spec.sharing, Sharing::Temporal { .. }) { 0 } else { view };
        let frame = if self.spec.in_scene() { 0 } else { frame };
        let (before, phase) = (frame / period, (frame % period) as i64);
        let after = (before + 1).min(entries - 1);
        let (period, shift) = (period as i64, period.trailing_zeros());
        for channel in 0..channels {
            let of = |t: usize| {
                &self.levels[((t * views + view) * channels + channel) * plane..][..plane]
            };
            let out = &mut latent[(self.spec.first + channel) * plane..][..plane];
            let step = self.steps[channel].dequantise(1);
            for ((value, a), b) in out.iter_mut().zip(of(before)).zip(of(after)) {
                let level = i64::from(*a) * (period - phase) + i64::from(*b) * phase;
                *value += shift_towards_zero(level * step, shift);
            }
        }
    }
}

/// `value / 2^shift` truncated towards zero, as FORMAT.md §6 has it, without a division.
#[inline(always)]
fn shift_towards_zero(value: i64, shift: u32) -> i64 {
    let below = (1i64 << shift) - 1;
    (value + (value >> 63 & below)) >> shift
}

/// Sums the grids at `scale` into the latent of one picture, `[channel, row, column]`.
///
/// `scratch` needs the latent's length; both are reused from picture to picture.
///
/// # Panics
/// If the slices do not have the latent's size.
pub fn sum_latent<'a>(
    profile: &Profile,
    scale: usize,
    grids: impl Iterator<Item = GridLevels<'a>>,
    (frame, view): (usize, usize),
    scratch: &mut [i64],
    latent: &mut [f32],
) {
    assert_eq!(scratch.len(), latent.len(), "the scratch has the latent's length");
    scratch.fill(0);
    for grid in grids.filter(|g| g.spec.scale == scale) {
        assert_eq!(
            latent.len(),
            profile.latent(scale) * grid.shape.plane(),
            "latent is [channel, row, column]"
        );
        grid.add_to(scratch, frame, view);
    }
    for (out, fixed) in latent.iter_mut().zip(scratch.iter()) {
        *out = steps::to_f32(*fixed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifting_towards_zero_is_dividing() {
        for value in (-40..=40).chain([1 << 40, -(1 << 40) - 1, i64::from(i32::MIN)]) {
            for shift in 0..6 {
                assert_eq!(shift_towards_zero(value, shift), value / (1 << shift), "{value}");
            }
        }
    }
}
