//! Quantisation in the loop.

use iev_runtime::format::steps::{LOG2_RANGE, PER_OCTAVE};
use tch::Tensor;

/// How levels are rounded while training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Uniform noise of one step: smooth, unbiased on average.
    Noise,
    /// To nearest forwards, identity backwards: what the decoder will see.
    Straight,
}

/// Largest magnitude of a weight's or a grid's level (FORMAT.md §5, §6).
pub const LEVEL_LIMIT: i64 = 127;

impl Rounding {
    /// Levels of 8 bits as the decoder would have them.
    ///
    /// Clamped here too: a level the stream cannot hold must hurt while training, so that its step grows.
    pub fn apply(self, levels: &Tensor) -> Tensor {
        self.apply_wide(levels).clamp(-LEVEL_LIMIT, LEVEL_LIMIT)
    }

    /// Levels of 16 bits, which never get near their limit.
    pub fn apply_wide(self, levels: &Tensor) -> Tensor {
        match self {
            Self::Noise => levels + levels.rand_like() - 0.5,
            Self::Straight => levels + (levels.round() - levels).detach(),
        }
    }
}

/// Steps from trained log2 steps, rounded to the eighths of an octave the stream can hold.
pub fn steps(log2: &Tensor) -> Tensor {
    let (least, most) = LOG2_RANGE;
    let clamped = log2.clamp(f64::from(least), f64::from(most));
    let per_octave = PER_OCTAVE as f64;
    let eighths = (&clamped * per_octave).round() / per_octave;
    (&clamped + (eighths - &clamped).detach()).exp2()
}
