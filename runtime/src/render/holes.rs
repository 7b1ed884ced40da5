//! Where a picture has holes, by cells of some pixels.

use std::ops::Range;

use super::relief::Rectangle;

/// Columns and rows of a cell.
const COLUMNS: usize = 16;
const ROWS: usize = 8;

/// Cells of a band.
#[derive(Debug, Default)]
pub(super) struct Holes {
    across: usize,
    rows: Range<usize>,
    cells: Vec<bool>,
}

impl Holes {
    /// None, in `rows` of a picture.
    pub(super) fn clear(&mut self, columns: usize, rows: Range<usize>) {
        self.across = columns.div_ceil(COLUMNS);
        self.cells.clear();
        self.cells.resize(self.across * rows.len().div_ceil(ROWS), false);
        self.rows = rows;
    }

    /// Takes those of a row.
    pub(super) fn mark(&mut self, row: usize, surface: &[f32]) {
        let start = (row - self.rows.start) / ROWS * self.across;
        for (cell, pixels) in
            self.cells[start..][..self.across].iter_mut().zip(surface.chunks(COLUMNS))
        {
            *cell |= pixels.iter().any(|nearness| *nearness < 0.0);
        }
    }

    pub(super) fn any(&self) -> bool {
        self.cells.contains(&true)
    }

    /// Whether one may be among these pixels.
    pub(super) fn touch(&self, pixels: &Rectangle) -> bool {
        let top = pixels.rows.start.max(self.rows.start) - self.rows.start;
        let bottom = pixels.rows.end.min(self.rows.end).saturating_sub(self.rows.start);
        let (left, right) = (pixels.columns.start / COLUMNS, pixels.columns.end.div_ceil(COLUMNS));
        let lines = (top / ROWS..bottom.div_ceil(ROWS)).map(|line| line * self.across);
        { lines }.any(|start| {
            self.cells[start..][..self.across]
                .get(left..right)
                .is_some_and(|cells| cells.contains(&true))
        })
    }
}
