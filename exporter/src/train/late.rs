//! Adam of a grid, of which a step reads a few cells only.
//!
//! Where there is no gradient Adam goes on by what it remembers: `k` steps later its mean is `β₁ᵏ` and its square `β₂ᵏ` of
//! what they were, and the cell has moved by its last move times `ρ + ρ² + … + ρᵏ`, where `ρ = β₁ / √β₂`. So cells that a
//! step does not read are left alone and follow when they are read next: a step costs what its windows have, not what
//! the grid has, and ends where Adam over all of it would. But for the learning rate, which is that of the step that
//! last moved a cell: within the twenty steps that it goes on for, the schedule's changes by a hundredth at most, but for
//! the first steps of a training.

use tch::Tensor;

use super::cells::Cells;
use super::optimiser::{BETA1, BETA2, EPSILON, Moments, unbiased};

/// What Adam remembers of a grid.
#[derive(Debug)]
pub struct LateAdam {
    /// `[row, channel, y, x]`, as of the step that last moved a cell.
    moments: Moments,
    /// `[row, 1, y, x]`: that step, counted from 1.
    moved: Tensor,
    /// `[row, 1, y, x]`: learning rate of that step.
    pace: Tensor,
}

/// Cells as Adam over the whole grid would have them, `[channel, cell]`.
#[derive(Debug)]
pub struct UpToDate {
    /// Levels.
    pub value: Tensor,
    moments: Moments,
}

impl LateAdam {
    /// For a grid `[row, channel, y, x]`.
    pub fn new(grid: &Tensor) -> Self {
        let of_cells = grid.narrow(1, 0, 1).zeros_like().detach();
        Self { moments: Moments::zeros(grid), moved: of_cells.copy(), pace: of_cells }
    }

    /// What it remembers, in the order of the names.
    pub fn state(&self) -> [&Tensor; 4] {
        [&self.moments.mean, &self.moments.square, &self.moved, &self.pace]
    }

    /// `cells` of `grid` after so many steps.
    pub fn read(&self, grid: &Tensor, cells: &Cells, steps: usize) -> UpToDate {
        let Moments { mean, square } = &self.moments;
        let [value, mean, square] = [grid, mean, square].map(|t| cells.of(&t.detach()));
        let [moved, pace] =
            [&self.moved, &self.pace].map(|t| t.view(-1).index_select(0, &cells.places));
        up_to_date(value, Moments { mean, square }, &moved, &pace, steps)
    }

    /// Moves cells that were `read` down their `gradient`; `step` counts from 1.
    pub fn step(
        &mut self,
        grid: &Tensor,
        cells: &Cells,
        read: UpToDate,
        gradient: &Tensor,
        (rate, step): (f64, usize),
    ) {
        let UpToDate { value, mut moments } = read;
        let value = value.detach() + moments.update(gradient, step) * rate;
        cells.put(grid, &value);
        cells.put(&self.moments.mean, &moments.mean);
        cells.put(&self.moments.square, &moments.square);
        for (of_cells, now) in [(&self.moved, step as f64), (&self.pace, rate * unbiased(step))] {
            let _ = of_cells.view(-1).index_fill_(0, &cells.places, now);
        }
    }

    /// Brings all cells of `grid` up to date after so many steps.
    pub fn catch_up(&mut self, grid: &mut Tensor, steps: usize) {
        let Moments { mean, square } = &self.moments;
        let moments = Moments { mean: mean.shallow_clone(), square: square.shallow_clone() };
        let all = up_to_date(grid.detach(), moments, &self.moved, &self.pace, steps);
        grid.copy_(&all.value);
        self.moments = all.moments;
        let _ = self.moved.fill_(steps as f64);
    }
}

fn up_to_date(
    value: Tensor,
    then: Moments,
    moved: &Tensor,
    pace: &Tensor,
    steps: usize,
) -> UpToDate {
    let missed = -(moved - steps as f64);
    let power = |of: f64| (&missed * of.ln()).exp();
    let ratio = BETA1 / BETA2.sqrt();
    let goes_on = (1f64 - power(ratio)) * (ratio / (1.0 - ratio)) * pace;
    let Moments { mean, square } = then;
    let value = value - &mean / (square.sqrt() + EPSILON) * goes_on;
    UpToDate {
        value,
        moments: Moments { mean: mean * power(BETA1), square: square * power(BETA2) },
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;
    use crate::train::host::number;

    #[test]
    fn cells_read_now_and_then_end_where_adam_over_the_whole_grid_does() {
        let options = (Kind::Float, Device::Cpu);
        tch::manual_seed(3);
        let size = [3, 2, 4, 5];
        let start = Tensor::randn(size, options);
        let (mut whole, mut grid) = (start.copy(), start);
        let (mut moments, mut late) = (Moments::zeros(&whole), LateAdam::new(&grid));
        let rate = 0.02;
        // From where what began at zero is forgotten.
        let steps = 300..500usize;
        for step in steps.clone() {
            // Two rectangles that overlap in one row in turn, now and then none.
            let first = [(step % 3 * 20) as i64, (step % 3 * 20 + step / 3 % 2 + 5) as i64];
            let cells = Cells::new(&first, [3, 2], &size, Device::Cpu);
            let read = late.read(&grid, &cells, step - 1);
            let apart = number(&(cells.of(&whole) - &read.value).abs().max());
            assert!(apart < 1e-4, "step {step}: {apart}");
            if step % 40 > 20 {
                // No step at all: time goes on alone.
                whole += moments.update(&whole.zeros_like(), step) * rate;
                continue;
            }
            let gradient = Tensor::randn(read.value.size(), options);
            let all = whole.zeros_like();
            cells.put(&all, &gradient);
            whole += moments.update(&all, step) * rate;
            late.step(&grid, &cells, read, &gradient, (rate, step));
        }
        late.catch_up(&mut grid, steps.end - 1);
        let apart = number(&(&whole - &grid).abs().max());
        assert!(apart < 1e-4, "{apart}");
        let once = grid.copy();
        late.catch_up(&mut grid, steps.end - 1);
        assert!(grid.equal(&once));
    }
}
