//! Named parameters, with state that can be saved and restored.

use tch::Tensor;

use super::cells::Cells;
use super::host::number;
use super::late::{LateAdam, UpToDate};
use super::optimiser::{self, Optimiser};

/// Index of a parameter in its [`Parameters`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterId(usize);

/// One trained tensor.
#[derive(Debug)]
struct Parameter {
    name: String,
    value: Tensor,
    /// Learning rate relative to the schedule's.
    rate: f64,
    optimiser: Optimiser,
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
    /// Steps done.
    steps: usize,
}

/// What a step reads of a grid.
#[derive(Debug)]
pub struct Read {
    id: ParameterId,
    cells: Cells,
    now: UpToDate,
}

impl Read {
    /// `[channel, cell]`, a leaf of the step's graph.
    pub fn value(&self) -> &Tensor {
        &self.now.value
    }

    /// Where its cells lie.
    pub fn cells(&self) -> &Cells {
        &self.cells
    }
}

impl Parameters {
    /// Adds a parameter that starts at `value`; `rate` scales the schedule's learning rate.
    pub fn add(&mut self, name: String, value: &Tensor, rate: f64) -> ParameterId {
        self.push(name, value, rate, Optimiser::adam(value))
    }

    /// Adds the weights of a layer; `rate` as that of others.
    pub fn add_weights(&mut self, name: String, value: &Tensor, rate: f64) -> ParameterId {
        self.push(name, value, rate, Optimiser::muon(value))
    }

    /// Adds the levels of a grid `[row, channel, y, x]`, which steps [`read`](Self::read) in parts.
    pub fn add_grid(&mut self, name: String, value: &Tensor, rate: f64) -> ParameterId {
        self.push(name, value, rate, Optimiser::Late(LateAdam::new(value)))
    }

    fn push(
        &mut self,
        name: String,
        value: &Tensor,
        rate: f64,
        optimiser: Optimiser,
    ) -> ParameterId {
        let value = value.detach().copy().set_requires_grad(true);
        self.list.push(Parameter { name, value, rate, optimiser, held: None });
        ParameterId(self.list.len() - 1)
    }

    /// The trained tensor; cells of a grid as the steps left them that last read them, until they
    /// [`catch up`](Self::catch_up).
    pub fn get(&self, id: ParameterId) -> &Tensor {
        &self.list[id.0].value
    }

    /// `cells` of a grid after all steps so far.
    pub fn read(&self, id: ParameterId, cells: Cells) -> Read {
        let Parameter { value, optimiser, .. } = &self.list[id.0];
        let Optimiser::Late(late) = optimiser else {
            unreachable!("grids alone are read in parts")
        };
        let mut now = tch::no_grad(|| late.read(value, &cells, self.steps));
        now.value = now.value.set_requires_grad(true);
        Read { id, cells, now }
    }

    /// Brings all cells of all grids to where the steps so far have them.
    pub fn catch_up(&mut self) {
        tch::no_grad(|| {
            for p in &mut self.list {
                if let Optimiser::Late(late) = &mut p.optimiser {
                    late.catch_up(&mut p.value, self.steps);
                }
            }
        });
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

    /// Applies the accumulated gradients, of grids those at what was `read`, and clears them.
    pub fn step(&mut self, rate: f64, read: Vec<Read>) {
        self.steps += 1;
        let step = self.steps;
        tch::no_grad(|| {
            for Read { id, cells, now } in read {
                let Parameter { value, rate: own, optimiser, .. } = &mut self.list[id.0];
                let Optimiser::Late(late) = optimiser else { continue };
                let gradient = now.value.grad();
                late.step(value, &cells, now, &gradient, (rate * *own, step));
            }
            for p in &mut self.list {
                let gradient = p.value.grad();
                if !gradient.defined() {
                    continue;
                }
                p.value += p.optimiser.update(&gradient, step) * (rate * p.rate);
                p.value.zero_grad();
            }
        });
    }

    /// The gradient of a whole grid from that at what was `read` of it.
    #[cfg(test)]
    pub fn gradient(&self, read: &Read) -> Tensor {
        let all = self.get(read.id).zeros_like();
        read.cells.put(&all, &read.value().grad());
        all
    }

    /// Forgets the accumulated gradients.
    pub fn forget_gradients(&mut self) {
        self.list.iter_mut().for_each(|p| p.value.zero_grad());
    }

    /// Whether all values, and what optimisers remember, are numbers.
    pub fn are_finite(&self) -> bool {
        let finite = |t: &Tensor| number(&t.isfinite().all()) != 0.0;
        self.list.iter().all(|p| finite(&p.value) && p.optimiser.state().all(|(_, t)| finite(t)))
    }

    /// Names, values and what optimisers remember, as a checkpoint holds them.
    pub fn state(&self) -> Vec<(String, Tensor)> {
        self.named().into_iter().map(|(name, t)| (name, t.detach().copy())).collect()
    }

    /// Each value, then what its optimiser remembers; the tensors themselves.
    fn named(&self) -> Vec<(String, Tensor)> {
        let all = self.list.iter().flat_map(|p| {
            let remembered = p.optimiser.state().map(|(of, t)| (format!("{}.{of}", p.name), t));
            std::iter::once((p.name.clone(), &p.value)).chain(remembered)
        });
        all.map(|(name, t)| (name, t.shallow_clone())).collect()
    }

    /// Takes over the values of what [`Parameters::state`] gave, not what optimisers remember, so that what other ones
    /// trained can be started from; false when names or shapes differ.
    pub fn take_over(&mut self, state: &[(String, Tensor)]) -> bool {
        let own = self.list.iter().map(|p| (p.name.clone(), p.value.shallow_clone())).collect();
        let is_value = |(name, _): &&(String, Tensor)| !optimiser::is_remembered(name);
        copy(own, state.iter().filter(is_value))
    }

    /// Takes over what [`Parameters::state`] gave after so many `steps`; false when names or shapes differ.
    pub fn restore(&mut self, state: &[(String, Tensor)], steps: usize) -> bool {
        self.steps = steps;
        copy(self.named(), state.iter())
    }
}

/// Copies `from` to `to`; false, and nothing is copied, when names or shapes differ.
fn copy<'a>(
    to: Vec<(String, Tensor)>,
    from: impl Iterator<Item = &'a (String, Tensor)> + Clone,
) -> bool {
    let named = |(name, t): &(String, Tensor)| (name.clone(), t.size());
    let fits = to.iter().map(named).eq(from.clone().map(named));
    if fits {
        tch::no_grad(|| {
            to.into_iter().zip(from).for_each(|((_, mut t), (_, saved))| t.copy_(saved))
        });
    }
    fits
}
