//! The first search: every displacement of every cell, smoothed semi-globally.

use super::layer::{self, PyramidLayer};
use super::{FlowStep, SearchRange};

/// Charge for a displacement that differs by one sample from the neighbour's, in sixteenths of a
/// grey level per sample; half a level is above the noise of a camera and below any texture.
const STEP_PENALTY: u16 = 10;

/// Most that a neighbour can charge: a depth edge costs as much as 20 grey levels.
const EDGE_PENALTY: u16 = 320;

/// Data costs are cut here, so that an occluded cell does not outvote its neighbours.
const MAX_COST: u32 = 16 * 20;

/// The four directions along which costs are passed on.
const DIRECTIONS: [(isize, isize); 4] = [(1, 0), (-1, 0), (0, 1), (0, -1)];

/// The displacements tried, row by row.
struct Labels {
    columns: usize,
    rows: usize,
}

impl Labels {
    fn len(&self) -> usize {
        self.columns * self.rows
    }

    fn step(&self, label: usize) -> FlowStep {
        let (x, y) = (label % self.columns, label / self.columns);
        FlowStep { x: x as i32 - (self.columns / 2) as i32, y: y as i32 - (self.rows / 2) as i32 }
    }
}

/// The best displacement of each cell, in samples of the level.
pub(super) fn search(
    target: &PyramidLayer,
    reference: &PyramidLayer,
    cells: (usize, usize),
    (search, level): (SearchRange, usize),
) -> Vec<FlowStep> {
    let (reach_x, reach_y) = (search.x as usize >> level, search.y as usize >> level);
    let labels = Labels { columns: 2 * reach_x + 1, rows: 2 * reach_y + 1 };
    let costs = block_costs(target, reference, cells, level, &labels);
    let mut sums = vec![0u16; costs.len()];
    for direction in DIRECTIONS {
        pass(&costs, cells, &labels, direction, &mut sums);
    }
    sums.chunks_exact(labels.len())
        .map(|sums| {
            let best = (0..sums.len()).min_by_key(|&label| sums[label]);
            labels.step(best.unwrap_or(labels.len() / 2))
        })
        .collect()
}

/// Cost of every displacement of every cell, `[cell, label]`.
fn block_costs(
    target: &PyramidLayer,
    reference: &PyramidLayer,
    cells: (usize, usize),
    level: usize,
    labels: &Labels,
) -> Vec<u16> {
    // Borders wide enough that no block leaves the layer.
    let side = layer::BLOCK[level];
    let extent = ((cells.0 * layer::CELL) >> level, (cells.1 * layer::CELL) >> level);
    let border = (labels.columns / 2 + side, labels.rows / 2 + side);
    let target = target.padded((side, side), extent);
    let reference = reference.padded(border, extent);
    let mut costs = Vec::with_capacity(cells.0 * cells.1 * labels.len());
    // Every label of every cell.
    for cell in 0..cells.0 * cells.1 {
        let x = layer::block_start(level, cell % cells.0);
        let y = layer::block_start(level, cell / cells.0);
        let block = (target.from(x, y), target.stride());
        costs.extend((0..labels.len()).map(|label| {
            let step = labels.step(label);
            let other = (reference.from(x + step.x, y + step.y), reference.stride());
            layer::block_cost(level, block, other).min(MAX_COST) as u16
        }));
    }
    costs
}

/// Adds to `sums` the cheapest path to each cell along one direction (Hirschmüller 2008, eq. 13,
/// with a truncated linear charge in both components).
fn pass(
    costs: &[u16],
    cells: (usize, usize),
    labels: &Labels,
    direction: (isize, isize),
    sums: &mut [u16],
) {
    let count = labels.len();
    let mut paths = costs.to_vec();
    let mut message = vec![0; count];
    // From the side that the paths come from.
    let order = |index: usize| {
        let backward = direction.0 < 0 || direction.1 < 0;
        if backward { cells.0 * cells.1 - 1 - index } else { index }
    };
    for index in 0..cells.0 * cells.1 {
        let cell = order(index);
        let (x, y) = (cell % cells.0, cell / cells.0);
        let before = (x.checked_add_signed(-direction.0), y.checked_add_signed(-direction.1));
        // What arrives from the cell before: its cheapest labels, and what a change of label costs.
        if let (Some(bx), Some(by)) = before
            && bx < cells.0
            && by < cells.1
        {
            let from = (by * cells.0 + bx) * count;
            message.copy_from_slice(&paths[from..from + count]);
            spread(&mut message, labels);
            for (path, charge) in paths[cell * count..][..count].iter_mut().zip(&message) {
                *path += charge;
            }
        }
        let path = &paths[cell * count..][..count];
        for (sum, path) in sums[cell * count..][..count].iter_mut().zip(path) {
            *sum += path;
        }
    }
}

/// Replaces each cost by the least of `cost(l') + charge(l, l')`, less the least of all.
///
/// The linear part is an L1 distance transform: one sweep each way along each axis.
fn spread(message: &mut [u16], labels: &Labels) {
    let least = message.iter().copied().min().unwrap_or(0);
    for cost in message.iter_mut() {
        *cost = (*cost - least).min(EDGE_PENALTY);
    }
    for row in message.chunks_exact_mut(labels.columns) {
        for x in 1..row.len() {
            row[x] = row[x].min(row[x - 1] + STEP_PENALTY);
        }
        for x in (1..row.len()).rev() {
            row[x - 1] = row[x - 1].min(row[x] + STEP_PENALTY);
        }
    }
    let columns = labels.columns;
    for label in columns..message.len() {
        message[label] = message[label].min(message[label - columns] + STEP_PENALTY);
    }
    for label in (columns..message.len()).rev() {
        message[label - columns] = message[label - columns].min(message[label] + STEP_PENALTY);
    }
}

// A path is at most a data cost and an edge charge, and four of them are added.
const _: () = assert!(4 * (MAX_COST + EDGE_PENALTY as u32) < u16::MAX as u32);

#[cfg(test)]
mod tests {
    use super::*;

    /// The distance transform against its definition.
    #[test]
    fn spreading_finds_the_least_charge() {
        let labels = Labels { columns: 9, rows: 5 };
        let costs: Vec<u16> = (0..45).map(|label: u16| 100 + label * 37 % 91).collect();
        let mut spread_costs = costs.clone();
        spread(&mut spread_costs, &labels);
        let least = *costs.iter().min().unwrap();
        for (label, &got) in spread_costs.iter().enumerate() {
            let charge = |other: usize| {
                let distance = labels.step(label).distance(labels.step(other)) as u16;
                costs[other] - least + (distance * STEP_PENALTY).min(EDGE_PENALTY)
            };
            let expected = (0..45).map(charge).min().unwrap().min(EDGE_PENALTY);
            assert_eq!(got, expected, "label {label}");
        }
    }
}
