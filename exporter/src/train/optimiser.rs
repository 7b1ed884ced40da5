//! How a parameter goes down its gradient, by what it remembers of earlier ones.
//!
//! The weights of a layer are a matrix, of outputs by inputs and taps, and go by Muon: an orthogonal update learns
//! all directions alike, not only those that the pictures pull at most. All else, grids too, goes by Adam.
//!
//! # Source
//! D. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", 2015, Algorithm 1; K. Jordan et al., "Muon: An
//! optimizer for hidden layers in neural networks", 2024, with the coefficients there.

use tch::Tensor;

use super::late::LateAdam;

/// What Adam keeps of its mean gradient and of the mean of its square; shorter than usual, for a grid's entry meets the
/// pictures that it is of only now and then (EXPERIMENTS §47).
pub const BETA1: f64 = 0.8;
pub const BETA2: f64 = 0.95;
/// What Muon keeps of its mean gradient.
const MOMENTUM: f64 = 0.9;
/// Divides where nothing has pulled yet.
pub const EPSILON: f64 = 1e-10;
/// Newton–Schulz steps, which bring singular values to about 1.
const ORTHOGONAL_STEPS: usize = 5;
/// Divides a matrix of zeros.
const LEAST_NORM: f64 = 1e-20;
/// Coefficients of x, x³ and x⁵ in a step.
const QUINTIC: [f64; 3] = [3.4445, -4.7750, 2.0315];
/// Size of a weight's update beside Adam's: 0.2 √(longer side) would equal it, four times that is better (EXPERIMENTS §41).
const MUON_RATE: f64 = 0.8;

/// Names of what is remembered, behind that of the parameter.
const REMEMBERED: [&str; 4] = ["mean", "square", "moved", "pace"];

/// Whether a tensor of this name is what an optimiser remembers, not a parameter.
pub fn is_remembered(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, last)| REMEMBERED.contains(&last))
}

/// The rule of one parameter and what it remembers.
#[derive(Debug)]
pub enum Optimiser {
    /// By the mean gradient over its deviation.
    Adam(Moments),
    /// The same for a grid, of which a step reads a part.
    Late(LateAdam),
    /// By the mean gradient made orthogonal.
    Muon {
        /// Mean gradient.
        mean: Tensor,
    },
}

impl Optimiser {
    /// Adam for `value`.
    pub fn adam(value: &Tensor) -> Self {
        Self::Adam(Moments::zeros(value))
    }

    /// Muon for `value`, the weights of a layer.
    pub fn muon(value: &Tensor) -> Self {
        Self::Muon { mean: value.zeros_like().detach() }
    }

    /// What it remembers, named.
    pub fn state(&self) -> impl Iterator<Item = (&'static str, &Tensor)> {
        let tensors = match self {
            Self::Adam(Moments { mean, square }) => vec![mean, square],
            Self::Late(late) => late.state().to_vec(),
            Self::Muon { mean } => vec![mean],
        };
        REMEMBERED.into_iter().zip(tensors)
    }

    /// How far `gradient`, of the whole parameter, moves it at a learning rate of 1; `step` counts from 1.
    pub fn update(&mut self, gradient: &Tensor, step: usize) -> Tensor {
        match self {
            Self::Adam(moments) => moments.update(gradient, step),
            Self::Late(_) => unreachable!("a grid has gradients where a step reads it"),
            // Nesterov's mix of the mean and the gradient.
            Self::Muon { mean } => {
                let _ = mean.lerp_(gradient, 1.0 - MOMENTUM);
                let mix = gradient.lerp(mean, MOMENTUM);
                let rows = mix.size()[0];
                let matrix = mix.view([rows, -1]);
                let longer = matrix.size().into_iter().max().unwrap_or(1);
                let scale = -MUON_RATE * (longer as f64).sqrt();
                (orthogonal(&matrix) * scale).view_as(&mix)
            }
        }
    }
}

/// What Adam remembers.
#[derive(Debug)]
pub struct Moments {
    /// Mean gradient.
    pub mean: Tensor,
    /// Mean of its square.
    pub square: Tensor,
}

impl Moments {
    /// Of no gradient yet.
    pub fn zeros(value: &Tensor) -> Self {
        let zeros = || value.zeros_like().detach();
        Self { mean: zeros(), square: zeros() }
    }

    /// `−m̂ / (√v̂ + ε)` after `gradient`; `step` counts from 1.
    pub fn update(&mut self, gradient: &Tensor, step: usize) -> Tensor {
        let Self { mean, square } = self;
        let _ = mean.lerp_(gradient, 1.0 - BETA1);
        let _ = square.lerp_(&(gradient * gradient), 1.0 - BETA2);
        let mut divisor = square.sqrt();
        divisor += EPSILON * (1.0 - BETA2.powi(step as i32)).sqrt();
        &*mean / divisor * -unbiased(step)
    }
}

/// What the mean over the deviation is multiplied by, for both began at zero; `step` counts from 1.
pub fn unbiased(step: usize) -> f64 {
    (1.0 - BETA2.powi(step as i32)).sqrt() / (1.0 - BETA1.powi(step as i32))
}

/// The nearest matrix, or nearly, whose singular values are all 1; zero stays zero.
fn orthogonal(matrix: &Tensor) -> Tensor {
    let size = matrix.size();
    let tall = size[0] > size[1];
    // The shorter side first, so that the products are small.
    let mut x = if tall { matrix.tr() } else { matrix.shallow_clone() };
    x = &x / (x.norm() + LEAST_NORM);
    let [a, b, c] = QUINTIC;
    for _ in 0..ORTHOGONAL_STEPS {
        let squared = x.matmul(&x.tr());
        let odd = &squared * b + squared.matmul(&squared) * c;
        x = &x * a + odd.matmul(&x);
    }
    if tall { x.tr() } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::host::{number, to_vec};
    use tch::{Device, Kind};

    #[test]
    fn an_update_of_weights_is_orthogonal_and_goes_down() {
        tch::manual_seed(7);
        for size in [[12, 5, 3, 3], [64, 2, 1, 1], [8, 8, 3, 3]] {
            let gradient = Tensor::randn(size, (Kind::Float, Device::Cpu));
            let mut optimiser = Optimiser::muon(&gradient);
            let update = optimiser.update(&gradient, 1);
            assert_eq!(update.size(), gradient.size());
            assert!(number(&(&update * &gradient).sum(Kind::Double)) < 0.0);
            let matrix = update.view([size[0], -1]);
            let (_, singular, _) = matrix.svd(true, false);
            let longer = (matrix.size().into_iter().max().unwrap() as f64).sqrt();
            for value in to_vec(&singular) {
                let value = f64::from(value) / (MUON_RATE * longer);
                assert!((0.6..1.3).contains(&value), "{size:?}: {value}");
            }
        }
    }

    #[test]
    fn no_gradient_moves_nothing() {
        let zeros = Tensor::zeros([4, 3, 3, 3], (Kind::Float, Device::Cpu));
        for mut optimiser in [Optimiser::muon(&zeros), Optimiser::adam(&zeros)] {
            assert_eq!(number(&optimiser.update(&zeros, 1).abs().max()), 0.0);
        }
    }
}
