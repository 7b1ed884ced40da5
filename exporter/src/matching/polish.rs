//! Fractions of a pixel: Gauss–Newton on the cells, judged by the flow between them.
//!
//! A pixel's displacement is a bilinear mix of four cells, so each pixel's normal equation goes
//! to its cells by their shares. Giving each the share itself, not its square, makes the block
//! diagonal of the normal matrix dominate the rest, and so makes plain Jacobi steps descend.

use super::flow::{FlowField, Tap};
use super::layer::{CELL, PyramidLayer};

/// Steps taken; half a pixel is usually done after five.
const STEPS: usize = 10;

/// Beyond this difference in grey levels a pixel pulls no harder (Huber): it is likely hidden.
const OUTLIER: f32 = 12.0;

/// One row of so many is looked at; each step takes the next, so that all count.
const ROWS_APART: usize = 2;

/// Pull towards the mean of the neighbours, in the unit of the normal equations: squared grey
/// levels per squared pixel, summed over the pixels of a cell that are looked at.
const SMOOTHNESS: f32 = 12.0 * (CELL * CELL / ROWS_APART) as f32;

/// Neighbours further away than this are across a depth edge and pull no harder.
const EDGE_PX: f32 = 1.5;

/// Longest step of one iteration.
const LONGEST_STEP_PX: f32 = 0.75;

/// Normal equation of one cell: `[xx xy; xy yy] · d = [x; y]`.
#[derive(Clone, Copy, Default)]
struct Normal {
    xx: f32,
    xy: f32,
    yy: f32,
    x: f32,
    y: f32,
    difference: f32,
    pixels: f32,
}

impl Normal {
    fn add(&mut self, pixel: &Self, share: f32) {
        self.xx += pixel.xx * share;
        self.xy += pixel.xy * share;
        self.yy += pixel.yy * share;
        self.x += pixel.x * share;
        self.y += pixel.y * share;
        self.difference += pixel.difference * share;
        self.pixels += share;
    }
}

/// Moves the cells to where the upsampled flow matches best, and rates them.
pub(super) fn refine(target: &PyramidLayer, reference: &PyramidLayer, flow: &mut FlowField) {
    for turn in 0..STEPS {
        let normals = accumulate(target, reference, flow, turn % ROWS_APART);
        step(flow, &normals);
    }
    let normals = accumulate(target, reference, flow, 0);
    flow.confidence = normals.iter().map(rate).collect();
}

/// `t / (t + 2 d + 1)`: texture against difference and a grey level of noise.
fn rate(normal: &Normal) -> f32 {
    if normal.pixels == 0.0 {
        return 0.0;
    }
    let texture = ((normal.xx + normal.yy) / normal.pixels).sqrt();
    texture / (texture + 2.0 * normal.difference / normal.pixels + 1.0)
}

/// The normal equations of all cells, from every [`ROWS_APART`]th row after `first_row`.
fn accumulate(
    target: &PyramidLayer,
    reference: &PyramidLayer,
    flow: &FlowField,
    first_row: usize,
) -> Vec<Normal> {
    let mut normals = vec![Normal::default(); flow.dx.len()];
    let taps: Vec<Tap> = (0..target.width).map(|x| Tap::new(x as f32 + 0.5, flow.width)).collect();
    let mut dx = vec![0.0; flow.width];
    let mut dy = vec![0.0; flow.width];
    for y in (first_row..target.height).step_by(ROWS_APART) {
        // Flow at this line, from the two rows of cells it lies between.
        let row = Tap::new(y as f32 + 0.5, flow.height);
        mix_rows(&flow.dx, row, &mut dx);
        mix_rows(&flow.dy, row, &mut dy);
        let mut line = vec![Normal::default(); flow.width];
        for (x, (&sample, tap)) in target.row(y).iter().zip(&taps).enumerate() {
            let at = |values: &[f32]| {
                values[tap.first] + (values[tap.second] - values[tap.first]) * tap.mix
            };
            let position = (x as f32 + at(&dx), y as f32 + at(&dy));
            let pixel = normal_of(f32::from(sample), reference, position);
            line[tap.first].add(&pixel, 1.0 - tap.mix);
            line[tap.second].add(&pixel, tap.mix);
        }
        // The line's equations go to the same two rows.
        for (column, normal) in line.iter().enumerate() {
            normals[row.first * flow.width + column].add_line(normal, 1.0 - row.mix);
            normals[row.second * flow.width + column].add_line(normal, row.mix);
        }
    }
    normals
}

impl Normal {
    /// Adds a sum of pixels, which brings its own count.
    fn add_line(&mut self, line: &Self, share: f32) {
        let pixels = self.pixels + line.pixels * share;
        self.add(line, share);
        self.pixels = pixels;
    }
}

fn mix_rows(values: &[f32], row: Tap, mixed: &mut [f32]) {
    let width = mixed.len();
    let (above, below) = (&values[row.first * width..], &values[row.second * width..]);
    for ((mixed, above), below) in mixed.iter_mut().zip(above).zip(below) {
        *mixed = above + (below - above) * row.mix;
    }
}

/// The pixel's own equation, with the slope of the bilinear surface it is sampled from.
fn normal_of(sample: f32, reference: &PyramidLayer, (x, y): (f32, f32)) -> Normal {
    let (width, height) = (reference.width, reference.height);
    let x = x.clamp(0.0, (width - 1) as f32);
    let y = y.clamp(0.0, (height - 1) as f32);
    let (left, top) = (x as usize, y as usize);
    let right = (left + 1).min(width - 1);
    let (above, below) = (reference.row(top), reference.row((top + 1).min(height - 1)));
    // The reference there and its slope, bilinear.
    let corners = [above[left], above[right], below[left], below[right]].map(f32::from);
    let (mix_x, mix_y) = (x - left as f32, y - top as f32);
    let slope_above = corners[1] - corners[0];
    let slope_below = corners[3] - corners[2];
    let (upper, lower) = (corners[0] + slope_above * mix_x, corners[2] + slope_below * mix_x);
    let (gx, gy) = (slope_above + (slope_below - slope_above) * mix_y, lower - upper);
    let difference = sample - (upper + gy * mix_y);
    // Large differences are occlusions rather than motion: their say is bounded.
    let weight = OUTLIER / difference.abs().max(OUTLIER);
    Normal {
        xx: weight * gx * gx,
        xy: weight * gx * gy,
        yy: weight * gy * gy,
        x: weight * gx * difference,
        y: weight * gy * difference,
        difference: difference.abs(),
        pixels: 1.0,
    }
}

fn step(flow: &mut FlowField, normals: &[Normal]) {
    let before = flow.clone();
    for (cell, normal) in normals.iter().enumerate() {
        let (pull_x, pull_y, stiffness) = pull(&before, cell);
        let (xx, yy) = (normal.xx + stiffness, normal.yy + stiffness);
        let (x, y) = (normal.x + pull_x, normal.y + pull_y);
        let determinant = (xx * yy - normal.xy * normal.xy).max(f32::MIN_POSITIVE);
        let dx = (yy * x - normal.xy * y) / determinant;
        let dy = (xx * y - normal.xy * x) / determinant;
        let scale = (LONGEST_STEP_PX / dx.hypot(dy).max(LONGEST_STEP_PX)).min(1.0);
        flow.dx[cell] += dx * scale;
        flow.dy[cell] += dy * scale;
    }
}

/// Force of the neighbours on a cell and its stiffness, both weaker across depth edges.
fn pull(flow: &FlowField, cell: usize) -> (f32, f32, f32) {
    let (column, row) = (cell % flow.width, cell / flow.width);
    let neighbours = [
        (column > 0).then(|| cell - 1),
        (column + 1 < flow.width).then_some(cell + 1),
        (row > 0).then(|| cell - flow.width),
        (row + 1 < flow.height).then_some(cell + flow.width),
    ];
    let (mut pull_x, mut pull_y, mut stiffness) = (0.0, 0.0, f32::EPSILON);
    for neighbour in neighbours.into_iter().flatten() {
        let (x, y) = (flow.dx[neighbour] - flow.dx[cell], flow.dy[neighbour] - flow.dy[cell]);
        let weight = SMOOTHNESS / 4.0 * EDGE_PX / x.hypot(y).max(EDGE_PX);
        pull_x += weight * x;
        pull_y += weight * y;
        stiffness += weight;
    }
    (pull_x, pull_y, stiffness)
}
