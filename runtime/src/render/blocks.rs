//! Some blocks of a shrunk picture: those that changed, or whose depth is to be found.

use std::ops::Range;

/// Columns and rows of a block.
pub(super) const SIDE: usize = 4;

/// A block's place among so many in its row or column, and those beside it.
pub(super) fn around(at: usize, count: usize) -> Range<usize> {
    at.saturating_sub(1)..(at + 2).min(count)
}

/// A set of blocks.
#[derive(Debug, Clone)]
pub(super) struct Blocks {
    columns: usize,
    rows: usize,
    /// Blocks in a row of them.
    across: usize,
    marked: Vec<bool>,
}

impl Blocks {
    /// None of a picture.
    pub(super) fn new(columns: usize, rows: usize) -> Self {
        let across = columns.div_ceil(SIDE);
        Self { columns, rows, across, marked: vec![false; across * rows.div_ceil(SIDE)] }
    }

    pub(super) fn clear(&mut self) {
        self.marked.fill(false);
    }

    pub(super) fn mark_all(&mut self) {
        self.marked.fill(true);
    }

    /// Marks the block that has a pixel.
    pub(super) fn mark(&mut self, column: usize, row: usize) {
        self.marked[row / SIDE * self.across + column / SIDE] = true;
    }

    /// Marks one row of blocks, every row in its turn.
    pub(super) fn mark_row(&mut self, turn: usize) {
        let down = self.marked.len() / self.across;
        self.marked[turn % down * self.across..][..self.across].fill(true);
    }

    pub(super) fn add(&mut self, others: &Self) {
        self.marked.iter_mut().zip(&others.marked).for_each(|(own, other)| *own |= other);
    }

    /// Marks the blocks around those that are marked; `spare` is for its use.
    pub(super) fn grow(&mut self, spare: &mut Self) {
        spare.marked.copy_from_slice(&self.marked);
        let down = self.marked.len() / self.across;
        for (at, marked) in self.marked.iter_mut().enumerate() {
            let columns = around(at % self.across, self.across);
            *marked = around(at / self.across, down)
                .any(|row| spare.marked[row * self.across..][columns.clone()].contains(&true));
        }
    }

    /// Whether the block that has a pixel is marked.
    #[inline(always)]
    pub(super) fn has(&self, column: usize, row: usize) -> bool {
        self.marked[row / SIDE * self.across + column / SIDE]
    }

    /// From 0 to 1.
    pub(super) fn share(&self) -> f64 {
        self.marked.iter().filter(|marked| **marked).count() as f64 / self.marked.len() as f64
    }

    /// Every block: columns, rows, and whether it is marked.
    pub(super) fn each(&mut self) -> impl Iterator<Item = (Range<usize>, Range<usize>, &mut bool)> {
        let (across, columns, rows) = (self.across, self.columns, self.rows);
        self.marked.iter_mut().enumerate().map(move |(number, marked)| {
            let (left, top) = (number % across * SIDE, number / across * SIDE);
            (left..(left + SIDE).min(columns), top..(top + SIDE).min(rows), marked)
        })
    }

    /// Columns of a row in marked blocks, those of neighbours as one.
    #[inline(always)]
    pub(super) fn runs(&self, row: usize) -> impl Iterator<Item = Range<usize>> {
        self.runs_near(row..row + 1)
    }

    /// Columns of a row in marked blocks that have no marked one in another row, beside the first.
    pub(super) fn ends(&self, row: usize, beyond: usize) -> impl Iterator<Item = Range<usize>> {
        let across = if row / SIDE == beyond / SIDE { 0 } else { self.across };
        let [own, other] = [row, beyond].map(|row| row / SIDE * self.across);
        let ends = (0..across).filter(move |at| self.marked[own + at] && !self.marked[other + at]);
        ends.map(|at| at * SIDE..((at + 1) * SIDE).min(self.columns))
    }

    /// The runs of a row as they are counted from its end, or from its start.
    #[inline(always)]
    pub(super) fn runs_in(&self, row: usize, from_end: bool) -> impl Iterator<Item = Range<usize>> {
        let columns = self.columns;
        self.runs(row).map(
            move |run| {
                if from_end { columns - run.end..columns - run.start } else { run }
            },
        )
    }

    /// Columns in blocks that are marked in any of up to three rows; those beyond the picture are none.
    #[inline(always)]
    pub(super) fn runs_near(&self, rows: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let line = |row: usize| &self.marked[row / SIDE * self.across..][..self.across];
        let (first, last) = (line(rows.start), line(rows.end.min(self.rows) - 1));
        let mut at = 0;
        std::iter::from_fn(move || {
            let marked = |at: &usize| first[*at] || last[*at];
            let start = (at..self.across).find(marked)?;
            at = (start..self.across).find(|at| !marked(at)).unwrap_or(self.across);
            Some(start * SIDE..(at * SIDE).min(self.columns))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ends of runs.
    fn ends(runs: impl Iterator<Item = Range<usize>>) -> Vec<[usize; 2]> {
        runs.map(|run| [run.start, run.end]).collect()
    }

    #[test]
    fn runs_are_the_columns_of_marked_blocks() {
        let mut blocks = Blocks::new(15, 9);
        for (column, row) in [(1, 1), (4, 3), (14, 0), (8, 4)] {
            blocks.mark(column, row);
        }
        assert_eq!(ends(blocks.runs_near(0..1)), [[0, 8], [12, 15]]);
        assert_eq!(ends(blocks.runs_near(3..5)), [[0, 15]]);
        assert_eq!(ends(blocks.runs_near(7..9)), [[8, 12]]);
        assert_eq!(blocks.runs_near(8..10).count(), 0);
        assert_eq!(ends(blocks.runs_in(0, true)), [[7, 15], [0, 3]]);
        assert_eq!(ends(blocks.ends(3, 4)), [[0, 4], [4, 8], [12, 15]]);
        assert_eq!(blocks.ends(2, 3).count(), 0);
    }

    #[test]
    fn blocks_grow_by_one_on_all_sides() {
        let mut blocks = Blocks::new(15, 9);
        let mut spare = blocks.clone();
        blocks.mark(0, 8);
        blocks.grow(&mut spare);
        let marked: Vec<_> = (0..9).map(|row| ends(blocks.runs(row))).collect();
        assert!(marked[..4].iter().all(Vec::is_empty));
        assert!(marked[4..].iter().all(|runs| *runs == [[0, 8]]), "{marked:?}");
        assert!((blocks.share() - 4.0 / 12.0).abs() < 1e-9);
    }
}
