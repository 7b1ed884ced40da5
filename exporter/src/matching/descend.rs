//! Integer refinement on one pyramid level: iterated conditional modes.
//!
//! Each cell in turn takes the cheapest of its own displacement, the eight around it, its
//! neighbours'; cost is the block difference plus a charge for each neighbour that
//! moves otherwise.

use super::layer::{self, PaddedLayer, PyramidLayer};
use super::{FlowStep, SearchRange};

/// Visits of every cell; most settle in the first.
const SWEEPS: usize = 2;

/// Charge per sample of difference to one neighbour, in sixteenths of a grey level per sample.
const STEP_PENALTY: u32 = 3;

/// Most that one neighbour can charge.
const EDGE_PENALTY: u32 = 128;

/// The two views on one level, with borders wide enough for every candidate.
pub(super) struct Pair {
    target: PaddedLayer,
    reference: PaddedLayer,
    level: usize,
    reach: (i32, i32),
    /// Where the reference may be sampled: its own rectangle and the borders.
    limit: (i32, i32),
}

/// Pixels beyond the search range that refinement may wander.
const SLACK_PX: usize = 8;

impl Pair {
    pub(super) fn new(
        target: &PyramidLayer,
        reference: &PyramidLayer,
        level: usize,
        search: SearchRange,
    ) -> Self {
        let side = layer::BLOCK[level];
        let reach = (search.x as usize + SLACK_PX, search.y as usize + SLACK_PX);
        let reach = (reach.0 >> level, reach.1 >> level);
        let extent = (target.width + 2 * layer::CELL, target.height + 2 * layer::CELL);
        Self {
            target: target.padded((side, side), extent),
            reference: reference.padded((reach.0 + side, reach.1 + side), extent),
            level,
            reach: (reach.0 as i32, reach.1 as i32),
            limit: (extent.0 as i32, extent.1 as i32),
        }
    }

    fn cost(&self, column: usize, row: usize, step: FlowStep) -> u32 {
        let x = layer::block_start(self.level, column);
        let y = layer::block_start(self.level, row);
        let block = (self.target.from(x, y), self.target.stride());
        let (to_x, to_y) = self.clamped(x + step.x, y + step.y);
        let other = (self.reference.from(to_x, to_y), self.reference.stride());
        layer::block_cost(self.level, block, other)
    }

    /// Beyond the border every sample repeats the edge, so a clamped block is the same block.
    fn clamped(&self, x: i32, y: i32) -> (i32, i32) {
        let side = layer::BLOCK[self.level] as i32;
        (
            x.clamp(-self.reach.0 - side, self.limit.0 + self.reach.0),
            y.clamp(-self.reach.1 - side, self.limit.1 + self.reach.1),
        )
    }
}

/// Moves every cell of `steps` to a local optimum.
pub(super) fn refine(pair: &Pair, cells: (usize, usize), steps: &mut [FlowStep]) {
    for sweep in 0..SWEEPS {
        for index in 0..steps.len() {
            // Every other sweep runs backwards, so that good displacements spread both ways.
            let cell = if sweep % 2 == 0 { index } else { steps.len() - 1 - index };
            steps[cell] = best(pair, cells, steps, cell);
        }
    }
}

fn best(pair: &Pair, cells: (usize, usize), steps: &[FlowStep], cell: usize) -> FlowStep {
    let (column, row) = (cell % cells.0, cell / cells.0);
    let own = steps[cell];
    let mut around = [own; 4];
    // The steps of the four cells around; beyond the border the cell's own, which costs nothing.
    let neighbours = [
        (column > 0).then(|| cell - 1),
        (column + 1 < cells.0).then_some(cell + 1),
        (row > 0).then(|| cell - cells.0),
        (row + 1 < cells.1).then_some(cell + cells.0),
    ];
    for (slot, neighbour) in around.iter_mut().zip(neighbours) {
        *slot = neighbour.map_or(own, |neighbour| steps[neighbour]);
    }
    let energy = |step: FlowStep| {
        let charge = |other: &FlowStep| (step.distance(*other) * STEP_PENALTY).min(EDGE_PENALTY);
        pair.cost(column, row, step) + around.iter().map(charge).sum::<u32>()
    };
    let mut best = (energy(own), own);
    // Candidates: a step of one in each direction, and what the neighbours have.
    let nearby = (0..9).map(|i| FlowStep { x: own.x + i % 3 - 1, y: own.y + i / 3 - 1 });
    for step in nearby.chain(around).filter(|&step| step != own) {
        let cost = energy(step);
        if cost < best.0 {
            best = (cost, step);
        }
    }
    best.1
}
