//! Adam over named parameters, with state that can be saved and restored.
//!
//! # Source
//! D. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", 2015, Algorithm 1.

use tch::Tensor;

use super::host::number;

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.99;
const EPSILON: f64 = 1e-10;

/// Index of a parameter in its [`Parameters`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterId(usize);

/// One trained tensor and its moments.
#[derive(Debug)]
struct Parameter {
    name: String,
    value: Tensor,
    /// Learning rate relative to the schedule's.
    rate: f64,
    mean: Tensor,
    square: Tensor,
    held: Option<FrozenLevels>,
}

/// Levels that are not trained.
#[derive(Debug)]
struct FrozenLevels {
    /// 1 where levels are trained, 0 where they are held.
    free: Tensor,
    /// What they are held at, 0 where they are trained.
    at: Tensor,
}

/// All trained tensors.
#[derive(Debug, Default)]
pub struct Parameters {
    list: Vec<Parameter>,
}

impl Parameters {
    /// Adds a parameter that starts at `value`; `rate` scales the schedule's learning rate.
    pub fn add(&mut self, name: String, value: &Tensor, rate: f64) -> ParameterId {
        let value = value.detach().copy().set_requires_grad(true);
        let (mean, square) = (value.zeros_like().detach(), value.zeros_like().detach());
        self.list.push(Parameter { name, value, rate, mean, square, held: None });
        ParameterId(self.list.len() - 1)
    }

    /// The trained tensor.
    pub fn get(&self, id: ParameterId) -> &Tensor {
        &self.list[id.0].value
    }

    /// Begins at `value`, of as many entries.
    pub fn begin_at(&mut self, id: ParameterId, value: &Tensor) {
        tch::no_grad(|| {
            let own = &mut self.list[id.0].value;
            own.copy_(&value.view_as(own));
        });
    }

    /// The value called `name`.
    pub fn value(&self, name: &str) -> Option<&Tensor> {
        self.list.iter().find(|p| p.name == name).map(|p| &p.value)
    }

    /// Names and values, to be changed outside the graph.
    pub fn values(&mut self) -> impl Iterator<Item = (&str, &mut Tensor)> {
        self.list.iter_mut().map(|p| (p.name.as_str(), &mut p.value))
    }

    /// Holds `length` slices of dimension `axis`, from `first` on, at `level`.
    pub fn hold(
        &mut self,
        id: ParameterId,
        (axis, first, length): (i64, usize, usize),
        level: f64,
    ) {
        let parameter = &mut self.list[id.0];
        let free = parameter.value.ones_like().detach();
        let at = parameter.value.zeros_like().detach();
        let held = |t: &Tensor, value: f64| {
            let _ = t.narrow(axis, first as i64, length as i64).fill_(value);
        };
        held(&free, 0.0);
        held(&at, level);
        parameter.held = Some(FrozenLevels { free, at });
    }

    /// Rounded `levels`, which are what `of` takes from all of them, with those that are held in place.
    pub fn settle(
        &self,
        id: ParameterId,
        levels: Tensor,
        of: impl Fn(&Tensor) -> Tensor,
    ) -> Tensor {
        let Some(FrozenLevels { free, at }) = &self.list[id.0].held else { return levels };
        levels * of(free) + of(at)
    }

    /// Applies the accumulated gradients and clears them; `step` counts from 1.
    ///
    /// `θ ← θ − η · m̂ / (√v̂ + ε)`.
    pub fn step(&mut self, rate: f64, step: usize) {
        let unbias1 = 1.0 - BETA1.powi(step as i32);
        let unbias2 = 1.0 - BETA2.powi(step as i32);
        tch::no_grad(|| {
            for p in &mut self.list {
                let gradient = p.value.grad();
                if !gradient.defined() {
                    continue;
                }
                let _ = p.mean.lerp_(&gradient, 1.0 - BETA1);
                let _ = p.square.lerp_(&(&gradient * &gradient), 1.0 - BETA2);
                let scale = -rate * p.rate * unbias2.sqrt() / unbias1;
                let mut divisor = p.square.sqrt();
                divisor += EPSILON * unbias2.sqrt();
                p.value += &p.mean / divisor * scale;
                p.value.zero_grad();
            }
        });
    }

    /// Forgets the accumulated gradients.
    pub fn forget_gradients(&mut self) {
        self.list.iter_mut().for_each(|p| p.value.zero_grad());
    }

    /// Whether all values and moments are numbers.
    pub fn are_finite(&self) -> bool {
        let finite = |t: &Tensor| number(&t.isfinite().all()) != 0.0;
        self.list.iter().flat_map(|p| [&p.value, &p.mean, &p.square]).all(finite)
    }

    /// Names, values and moments, as a checkpoint holds them.
    pub fn state(&self) -> Vec<(String, Tensor)> {
        let all = self.list.iter().flat_map(|p| {
            [("", &p.value), (".mean", &p.mean), (".square", &p.square)]
                .map(|(suffix, t)| (format!("{}{suffix}", p.name), t.detach().copy()))
        });
        all.collect()
    }

    /// Whether `state` has these names and shapes.
    fn fits(&self, state: &[(String, Tensor)]) -> bool {
        state.len() == 3 * self.list.len()
            && self.list.iter().zip(state.chunks_exact(3)).all(|(p, saved)| {
                saved[0].0 == p.name && saved.iter().all(|(_, t)| t.size() == p.value.size())
            })
    }

    /// Takes over the values of what [`Parameters::state`] gave, not its moments; false when names
    /// or shapes differ.
    pub fn take_over(&mut self, state: &[(String, Tensor)]) -> bool {
        let fits = self.fits(state);
        if fits {
            let values = state.iter().step_by(3);
            tch::no_grad(|| {
                self.list.iter_mut().zip(values).for_each(|(p, (_, value))| p.value.copy_(value));
            });
        }
        fits
    }

    /// Takes over what [`Parameters::state`] gave; false when names or shapes differ.
    pub fn restore(&mut self, state: &[(String, Tensor)]) -> bool {
        let fits = self.fits(state);
        if fits {
            tch::no_grad(|| {
                for (p, saved) in self.list.iter_mut().zip(state.chunks_exact(3)) {
                    p.value.copy_(&saved[0].1);
                    p.mean.copy_(&saved[1].1);
                    p.square.copy_(&saved[2].1);
                }
            });
        }
        fits
    }
}
