//! Cells: what the 8-bit network reads of a picture, interleaved.
//!
//! A cell covers 4×4 luma pixels of the padded picture. Its bytes are features of the motion cut, then both
//! warped sources, packed: byte `4·dy + dx` of a source is luma pixel (4·column + dx, 4·row + dy),
//! bytes `16 + 2·dy + dx` and `20 + 2·dy + dx` are chroma. Bytes are pixel values, so that 128 is the
//! network's zero; features are above it by their level.

pub mod fuse;
#[cfg(target_arch = "x86_64")]
mod fuse_avx512;
pub mod padded;
mod patches;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod reach;
#[cfg(target_arch = "x86_64")]
mod sample_avx2;
#[cfg(target_arch = "aarch64")]
mod sample_neon;
mod sigmoid;
#[cfg(target_arch = "x86_64")]
mod walk_avx2;
#[cfg(target_arch = "aarch64")]
mod walk_neon;
pub mod warp;
#[cfg(target_arch = "x86_64")]
mod warp_avx2;
#[cfg(target_arch = "aarch64")]
mod warp_neon;

use super::warp::PackedSize;
use crate::profile::PACKED;
use crate::profile::ZERO;

/// Sources that are warped into a cell.
pub const SOURCES: usize = 2;

/// Layout of cells, `[rows, columns, stride]` u8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cells {
    /// Rows and columns.
    pub size: PackedSize,
    /// Bytes of features in a cell.
    pub features: usize,
}

impl Cells {
    /// Bytes of a cell.
    pub const fn stride(self) -> usize {
        self.features + SOURCES * PACKED
    }

    /// Bytes of a row of cells.
    pub const fn row_bytes(self) -> usize {
        self.size.columns * self.stride()
    }

    /// Bytes of all cells.
    pub const fn bytes(self) -> usize {
        self.size.rows * self.row_bytes()
    }

    /// First byte of warped source `source` in a cell.
    ///
    /// # Panics
    /// If there is no such source.
    pub const fn warped(self, source: usize) -> usize {
        assert!(source < SOURCES, "a cell has two sources");
        self.features + source * PACKED
    }

    /// Puts the features of 2×2 cells at a time into theirs: depth to space.
    ///
    /// # Shapes
    /// | argument | shape | type |
    /// |---|---|---|
    /// | `from` | `[rows / 2, columns / 2, 2, 2, features]`: last row and column in the 2×2, then feature | u8 |
    /// | `cells` (out) | `[rows, columns, stride]` | u8 |
    ///
    /// # Panics
    /// If a slice has another size.
    pub fn place_features(self, from: &[u8], cells: &mut [u8]) {
        let PackedSize { columns, rows } = self.size;
        assert!(columns.is_multiple_of(2) && rows.is_multiple_of(2), "cells come in 2×2");
        assert_eq!(from.len(), self.size.plane() * self.features, "features are one set per cell");
        assert_eq!(cells.len(), self.bytes(), "cells are [rows, columns, stride]");
        // A copy of known length is a few instructions, any other one a call.
        match self.features {
            8 => self.place::<8>(from, cells),
            20 => self.place::<20>(from, cells),
            _ => self.place_any(from, cells),
        }
    }

    /// [`Self::place_features`] of `FEATURES` bytes.
    fn place<const FEATURES: usize>(self, from: &[u8], cells: &mut [u8]) {
        let (from, _) = from.as_chunks::<FEATURES>();
        let lines = cells.chunks_exact_mut(self.row_bytes()).enumerate();
        for (row, line) in lines {
            let from = &from[row / 2 * 2 * self.size.columns..][..2 * self.size.columns];
            let twos = from.chunks_exact(4).map(|four| &four[row % 2 * 2..][..2]);
            for (two, cells) in twos.zip(line.chunks_exact_mut(2 * self.stride())) {
                cells[..FEATURES].copy_from_slice(&two[0].map(above_zero));
                cells[self.stride()..][..FEATURES].copy_from_slice(&two[1].map(above_zero));
            }
        }
    }

    /// [`Self::place_features`], one cell at a time: the definition.
    fn place_any(self, from: &[u8], cells: &mut [u8]) {
        for (at, cell) in cells.chunks_exact_mut(self.stride()).enumerate() {
            let (row, column) = (at / self.size.columns, at % self.size.columns);
            let four = row / 2 * (self.size.columns / 2) + column / 2;
            let set = 4 * four + row % 2 * 2 + column % 2;
            let levels = &from[set * self.features..][..self.features];
            cell.iter_mut().zip(levels).for_each(|(byte, level)| *byte = above_zero(*level));
        }
    }
}

/// A feature's byte.
#[inline(always)]
fn above_zero(level: u8) -> u8 {
    ZERO + level.min(u8::MAX - ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_land_in_their_cells_and_nowhere_else() {
        let size = PackedSize { columns: 8, rows: 4 };
        for features in [8, 20, 5] {
            let layout = Cells { size, features };
            let from: Vec<u8> = (0..size.plane() * features).map(|i| (i * 7 % 251) as u8).collect();
            let (mut cells, mut expected) = (vec![255; layout.bytes()], vec![255; layout.bytes()]);
            layout.place_features(&from, &mut cells);
            layout.place_any(&from, &mut expected);
            assert!(cells == expected, "{features} features");
            // Cell (3, 5) is the last of its 2×2, the 7th of 4 a row.
            let cell = &cells[(3 * 8 + 5) * layout.stride()..][..layout.stride()];
            let levels = &from[(4 * 6 + 3) * features..][..features];
            assert!(cell.iter().zip(levels).all(|(byte, level)| *byte == above_zero(*level)));
            assert!(cell[features..].iter().all(|byte| *byte == 255));
        }
    }
}
