//! What levels cost: bits under a Laplace distribution, which stands for the adaptive coder, whose contexts each learn
//! such a shape.
//!
//! In two ways that are held equal, as `twins.rs` has them: tensor operations for a device, and one pass over plain
//! numbers for the processor, where some eighty passes over every grid and layer were a seventh of a step.

use std::f32::consts::LN_2;

use rayon::prelude::*;
use tch::{Kind, Tensor};

use super::host::to_vec;

/// Smallest Laplace scale, in levels.
const LEAST_SCALE: f64 = 0.04;
/// Least probability of a level.
const LEAST_SHARE: f64 = 1e-9;
/// Levels that one thread takes at a time.
const RUN: usize = 1 << 14;

/// Logarithm of the Laplace scale that magnitudes have on average along `axes`, which stay; of none, a small one.
pub fn log_mean(magnitudes: &Tensor, axes: &[i64]) -> Tensor {
    magnitudes.mean_dim(axes, true, Kind::Float).clamp_min(LEAST_SCALE).log()
}

/// Sum of the bits of `levels` under distributions of the given `scale`, each as often as it `counts`.
///
/// `P(x) = F(x + ½) − F(x − ½)`: `1 − e^(−½/b) · cosh(|x|/b)` inside ±½ and
/// `e^(−|x|/b) · sinh(½/b)` outside, both evaluated without overflow.
pub fn by_tensors(levels: &Tensor, scale: &Tensor, counts: Option<&Tensor>) -> Tensor {
    let x = levels.abs();
    let inverse = scale.clamp_min(LEAST_SCALE).reciprocal();
    let tail = (1f64 - (-&inverse).exp()).log() - std::f64::consts::LN_2;
    let outside = (&x - 0.5) * &inverse - tail;
    let near = x.clamp_max(0.5);
    let e_plus = (-(&near + 0.5) * &inverse).exp();
    let e_minus = ((&near - 0.5) * &inverse).exp();
    let inside = -(1f64 - (e_plus + e_minus) * 0.5).clamp_min(LEAST_SHARE).log();
    let bits = inside.where_self(&x.lt(0.5), &outside) / std::f64::consts::LN_2;
    match counts {
        Some(counts) => (bits * counts).sum(Kind::Float),
        None => bits.sum(Kind::Float),
    }
}

/// [`by_tensors`] on the processor.
pub fn in_one_pass(levels: &Tensor, scale: &Tensor, counts: Option<&Tensor>) -> Tensor {
    let flat = |tensor: &Tensor| to_vec(&tensor.expand_as(levels));
    let (x, scales, counts) = (to_vec(levels), flat(scale), counts.map(flat));
    let (mut by_level, mut by_scale) = (vec![0f32; x.len()], vec![0f32; x.len()]);
    let runs = by_level.par_chunks_mut(RUN).zip(by_scale.par_chunks_mut(RUN)).enumerate();
    let sums = runs.map(|(run, (by_level, by_scale))| {
        let mut sum = 0f64;
        for (place, (by_level, by_scale)) in by_level.iter_mut().zip(by_scale).enumerate() {
            let at = run * RUN + place;
            let cost = Cost::of(x[at], scales[at]);
            let count = counts.as_ref().map_or(1.0, |counts| counts[at]);
            sum += f64::from(cost.bits * count);
            (*by_level, *by_scale) = (cost.by_level * count, cost.by_scale * count);
        }
        sum
    });
    // In order, so that the sum is the same however many threads there are.
    let bits: f64 = sums.collect::<Vec<_>>().into_iter().sum();
    // A sum of that value, whose gradient is what was found.
    let pull =
        |of: &Tensor, by: &[f32]| (of * Tensor::from_slice(by).view_as(levels)).sum(Kind::Float);
    let slope = pull(levels, &by_level) + pull(scale, &by_scale);
    &slope - slope.detach() + bits
}

/// Bits of one level, and how they change with it and with the scale.
struct Cost {
    bits: f32,
    by_level: f32,
    by_scale: f32,
}

impl Cost {
    #[inline]
    fn of(level: f32, scale: f32) -> Self {
        const LEAST: f32 = LEAST_SCALE as f32;
        let inverse = scale.max(LEAST).recip();
        let x = level.abs();
        let (nats, by_x, by_inverse) = if x < 0.5 {
            let (plus, minus) = ((-(x + 0.5) * inverse).exp(), ((x - 0.5) * inverse).exp());
            let share = (1.0 - (plus + minus) * 0.5).max(LEAST_SHARE as f32);
            let pull = 0.5 / share;
            let by_inverse = (x + 0.5) * plus + (0.5 - x) * minus;
            (-share.ln(), inverse * (minus - plus) * pull, -by_inverse * pull)
        } else {
            let decay = (-inverse).exp();
            let nats = (x - 0.5) * inverse - (0.5 * (1.0 - decay)).ln();
            (nats, inverse, x - 0.5 - decay / (1.0 - decay))
        };
        let by_scale = if scale < LEAST { 0.0 } else { -inverse * inverse * by_inverse };
        Self { bits: nats / LN_2, by_level: by_x.copysign(level) / LN_2, by_scale: by_scale / LN_2 }
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::train::host::number;

    #[test]
    fn one_pass_has_the_bits_and_the_gradients_of_tensors() {
        tch::manual_seed(3);
        let options = (Kind::Float, Device::Cpu);
        let leaf = |t: Tensor| t.set_requires_grad(true);
        for (spread, scale_size) in [(0.3, [8, 5, 7, 9]), (4.0, [8, 5, 7, 9]), (40.0, [8, 5, 1, 1])]
        {
            let levels = leaf(Tensor::randn([8, 5, 7, 9], options) * spread);
            // From below the smallest scale to far above the levels.
            let scale = leaf((Tensor::randn(scale_size, options) * 2.0).exp());
            let counts = Tensor::rand([8, 1, 7, 9], options);
            for counts in [None, Some(&counts)] {
                let told = [by_tensors, in_one_pass].map(|way| {
                    let bits = way(&levels, &scale, counts);
                    bits.backward();
                    let pulls = [&levels, &scale].map(|leaf| leaf.grad().copy());
                    let _ = [&levels, &scale].map(|leaf| leaf.grad().zero_());
                    (number(&bits), pulls)
                });
                let [(bits, pulls), (bits_in_one_pass, pulls_in_one_pass)] = told;
                assert!((bits_in_one_pass / bits - 1.0).abs() < 1e-5, "{bits}, {bits_in_one_pass}");
                for (one, other) in pulls.iter().zip(&pulls_in_one_pass) {
                    let away = number(&(one - other).norm()) / number(&one.norm());
                    assert!(away < 1e-4, "{spread}: {away}");
                }
            }
        }
    }
}
