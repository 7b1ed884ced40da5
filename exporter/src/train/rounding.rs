//! Quantisation in the loop and the rate it costs.

use iev_runtime::format::steps::{LOG2_RANGE, PER_OCTAVE};
use tch::{Kind, Tensor};

/// How levels are rounded while training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Uniform noise of one step: smooth, unbiased on average.
    Noise,
    /// To nearest forwards, identity backwards: what the decoder will see.
    Straight,
}

/// Smallest Laplace scale, in levels.
const LEAST_SCALE: f64 = 0.04;

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

/// Bits of `levels` under a Laplace distribution of the given scale, elementwise.
///
/// `P(x) = F(x + ½) − F(x − ½)`: `1 − e^(−½/b) · cosh(|x|/b)` inside ±½ and
/// `e^(−|x|/b) · sinh(½/b)` outside, both evaluated without overflow. It stands for the adaptive coder,
/// which learns such a shape for each of its contexts.
pub fn laplace_bits(levels: &Tensor, scale: &Tensor) -> Tensor {
    let x = levels.abs();
    let inverse = scale.clamp_min(LEAST_SCALE).reciprocal();
    let tail = (1f64 - (-&inverse).exp()).log() - std::f64::consts::LN_2;
    let outside = (&x - 0.5) * &inverse - tail;
    let near = x.clamp_max(0.5);
    let e_plus = (-(&near + 0.5) * &inverse).exp();
    let e_minus = ((&near - 0.5) * &inverse).exp();
    let inside = -(1f64 - (e_plus + e_minus) * 0.5).clamp_min(1e-9).log();
    inside.where_self(&x.lt(0.5), &outside) / std::f64::consts::LN_2
}

/// Logarithm of the Laplace scale that magnitudes have on average along `axes`, which stay; of none, a small one.
pub fn log_mean(magnitudes: &Tensor, axes: &[i64]) -> Tensor {
    magnitudes.mean_dim(axes, true, Kind::Float).clamp_min(LEAST_SCALE).log()
}
