//! Convolutions that compute a block of neighbouring cells at once, for ONNX Runtime's CPU provider.
//!
//! A 3×3 convolution of stride 1 is also one of `(down + 2) × (across + 2)` and stride `(down, across)` that has the
//! outputs of a block of `down × across` cells, each with the kernel at its place among zeros. The provider computes
//! sixteen outputs of six cells at a time; with no more outputs than sixteen it waits for itself, and with fewer it
//! computes some that nobody asked for. So a third more products, or three quarters, take less time (benches/RESULTS.md).

use crate::profile::{FLOW, KERNEL};

/// Rows and columns of cells that a convolution computes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Rows.
    pub down: usize,
    /// Columns.
    pub across: usize,
}

impl Block {
    /// What other convolutions compute.
    pub const CELL: Self = Self { down: 1, across: 1 };
    /// Of `flow` in the motion cut in 8 bits, whose output is `[batch, 2, 2, 4, rows / 2, columns / 2]`: row and column
    /// in the block, then component.
    pub const OF_FLOW: Self = Self { down: 2, across: 2 };

    /// Of `mix4` in the refinement cut in 8 bits, of `width` outputs. Channels come last there, so that cells side by
    /// side in a block are so in memory.
    pub const fn of_mix4(width: usize) -> Self {
        if width <= 16 { Self { down: 1, across: 2 } } else { Self::CELL }
    }

    /// Of the residual blocks after it, which have fewer inputs.
    pub const fn of_res4(width: usize) -> Self {
        if width <= 16 { Self { down: 1, across: 4 } } else { Self::CELL }
    }

    /// Cells of a block.
    pub const fn cells(self) -> usize {
        self.down * self.across
    }

    /// Rows and columns of the kernel.
    pub const fn kernel(self) -> [usize; 2] {
        [KERNEL + self.down - 1, KERNEL + self.across - 1]
    }

    /// Weights `[cell, output, input, row, column]` from those of a cell, `[output, input, 3, 3]`.
    pub fn weights<T: Copy + Default>(self, of_cell: &[T]) -> Vec<T> {
        let [rows, columns] = self.kernel();
        let (kernels, _) = of_cell.as_chunks::<{ KERNEL * KERNEL }>();
        let mut weights = vec![T::default(); self.cells() * kernels.len() * rows * columns];
        for (at, to) in weights.chunks_exact_mut(rows * columns).enumerate() {
            let (cell, kernel) = (at / kernels.len(), &kernels[at % kernels.len()]);
            let (down, across) = (cell / self.across, cell % self.across);
            let lines = to.chunks_exact_mut(columns).skip(down);
            for (line, from) in lines.zip(kernel.as_chunks::<KERNEL>().0) {
                line[across..][..KERNEL].copy_from_slice(from);
            }
        }
        weights
    }
}

/// Blocks of flow back to rows: depth to space.
///
/// # Shapes
/// | argument | shape |
/// |---|---|
/// | `blocks` | `[2, 2, 4, rows / 2, columns / 2]` of one picture |
/// | `flow` (out) | `[4, rows, columns]` |
/// | `columns` | of the flow |
///
/// # Panics
/// If a slice has another size.
pub fn place_flow(blocks: &[f32], columns: usize, flow: &mut [f32]) {
    assert_eq!(blocks.len(), flow.len(), "blocks hold the flow");
    let (plane, wide) = (flow.len() / FLOW, columns / 2);
    for (at, line) in flow.chunks_exact_mut(columns).enumerate() {
        let (component, row) = (at * columns / plane, at * columns % plane / columns);
        let from = |across: usize| {
            let cell = row % 2 * 2 + across;
            &blocks[(cell * FLOW + component) * plane / 4 + row / 2 * wide..][..wide]
        };
        let (pairs, _) = line.as_chunks_mut::<2>();
        for (pair, (left, right)) in pairs.iter_mut().zip(from(0).iter().zip(from(1))) {
            *pair = [*left, *right];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Outputs `[output, row, column]` of one convolution over `[input, rows, columns]`, zeros around.
    fn convolve(
        values: &[i32],
        [rows, columns]: [usize; 2],
        weights: &[i32],
        outputs: usize,
        block: Block,
    ) -> Vec<i32> {
        let (inputs, [high, wide]) = (values.len() / (rows * columns), block.kernel());
        let at = |input: usize, row: isize, column: isize| {
            let inside =
                (0..rows as isize).contains(&row) && (0..columns as isize).contains(&column);
            if inside {
                values[(input * rows + row as usize) * columns + column as usize]
            } else {
                0
            }
        };
        let mut made = Vec::new();
        for output in 0..outputs {
            for row in (0..rows).step_by(block.down) {
                for column in (0..columns).step_by(block.across) {
                    let taps = (0..inputs * high * wide).map(|tap| {
                        let (input, y, x) = (tap / (high * wide), tap / wide % high, tap % wide);
                        let place =
                            (row as isize + y as isize - 1, column as isize + x as isize - 1);
                        weights[output * inputs * high * wide + tap] * at(input, place.0, place.1)
                    });
                    made.push(taps.sum());
                }
            }
        }
        made
    }

    fn noise(count: usize) -> Vec<i32> {
        (0..count).map(|i| (i as u32 + 1).wrapping_mul(2654435761) as i32 >> 24).collect()
    }

    #[test]
    fn a_block_has_the_outputs_of_its_cells() {
        let ([rows, columns], inputs, outputs) = ([4, 8], 3, 4);
        let (values, of_cell) = (noise(inputs * rows * columns), noise(outputs * inputs * 9));
        let want = convolve(&values, [rows, columns], &of_cell, outputs, Block::CELL);
        for block in [Block::OF_FLOW, Block::of_mix4(16), Block::of_res4(16), Block::of_mix4(32)] {
            let weights = block.weights(&of_cell);
            let made = convolve(&values, [rows, columns], &weights, block.cells() * outputs, block);
            let (high, wide) = (rows / block.down, columns / block.across);
            for (at, want) in want.iter().enumerate() {
                let (output, row, column) =
                    (at / (rows * columns), at / columns % rows, at % columns);
                let cell = row % block.down * block.across + column % block.across;
                let place = ((cell * outputs + output) * high + row / block.down) * wide;
                assert_eq!(made[place + column / block.across], *want, "{block:?} {at}");
            }
        }
    }

    #[test]
    fn flow_goes_back_to_its_rows() {
        let (rows, columns) = (4, 6);
        let of_cell: Vec<i32> = noise(FLOW * 9);
        let values = noise(rows * columns);
        let as_f32 = |values: Vec<i32>| -> Vec<f32> { values.iter().map(|v| *v as f32).collect() };
        let want = as_f32(convolve(&values, [rows, columns], &of_cell, FLOW, Block::CELL));
        let block = Block::OF_FLOW;
        let blocks = convolve(&values, [rows, columns], &block.weights(&of_cell), 4 * FLOW, block);
        let mut flow = vec![0.0; want.len()];
        place_flow(&as_f32(blocks), columns, &mut flow);
        assert_eq!(flow, want);
    }
}
