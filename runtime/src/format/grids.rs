//! Grid sections (FORMAT.md §6): one sub-stream per grid, contexts from space, time, view and channel.

use super::mixing::{CONTEXTS, SymbolModel};
use super::network::code_step;
use super::range::BitCoder;
use super::steps::StepIndex;
use super::tensor::{class, pack, signed};
use crate::error::Result;

/// Sizes of one coded grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GridShape {
    /// Entries in time.
    pub times: usize,
    /// Entries per time: implicit views, or 1 when shared.
    pub views: usize,
    /// Channels.
    pub channels: usize,
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
}

impl GridShape {
    /// Cells of one channel of one entry.
    pub const fn plane(&self) -> usize {
        self.rows * self.columns
    }

    /// Values of one entry `[channel, row, column]`.
    pub const fn entry(&self) -> usize {
        self.channels * self.plane()
    }

    /// Values of the grid `[time, view, channel, row, column]`.
    pub const fn values(&self) -> usize {
        self.times * self.views * self.entry()
    }
}

/// Codes a grid: encodes `levels`, or fills it when `coder` decodes.
///
/// # Errors
/// [`crate::Error::Malformed`] when decoded steps leave the table.
///
/// # Panics
/// If the slices do not have the grid's sizes.
pub fn code_grid<C: BitCoder>(
    coder: &mut C,
    model: &mut SymbolModel,
    shape: GridShape,
    steps: &mut [StepIndex],
    levels: &mut [i8],
) -> Result<()> {
    assert_eq!(levels.len(), shape.values(), "levels are [time, view, channel, row, column]");
    let mut previous = 88;
    for step in steps.iter_mut() {
        *step = code_step(coder, model, *step, &mut previous)?;
    }
    for plane in 0..shape.times * shape.views * shape.channels {
        code_plane(coder, model, shape, plane, levels);
    }
    Ok(())
}

/// Codes one channel of one entry: a flag when all of it is zero, else every cell.
fn code_plane<C: BitCoder>(
    coder: &mut C,
    model: &mut SymbolModel,
    shape: GridShape,
    plane: usize,
    levels: &mut [i8],
) {
    let cells = shape.plane();
    let start = plane * cells;
    let channel = plane % shape.channels;
    let before_entry = (plane / shape.channels).is_multiple_of(shape.views);
    let references = References {
        channel: (channel > 0).then(|| start - cells),
        view: (!before_entry).then(|| start - shape.entry()),
        time: start.checked_sub(shape.entry() * shape.views),
    };
    let is_empty = |from: usize, levels: &[i8]| levels[from..from + cells].iter().all(|l| *l == 0);
    let known =
        |from: Option<usize>, levels: &[i8]| from.map_or(2, |f| u32::from(is_empty(f, levels)));
    let flag = pack(&[
        (known(references.time, levels), 3),
        (known(references.view, levels), 3),
        (known(references.channel, levels), 3),
    ]);
    let by_channel = channel.min(31) as u8;
    // Contexts 224 and above of the first two predictions are kept for flags and steps.
    let contexts =
        [224 + flag, 224 + by_channel, 224 + flag, 224 + by_channel, 224 + flag, 224 + flag];
    let empty = is_empty(start, levels);
    if model.code(coder, &contexts, i16::from(!empty)) == 0 {
        levels[start..start + cells].fill(0);
        return;
    }
    for row in 0..shape.rows {
        for column in 0..shape.columns {
            let here = Here { levels, shape, references, channel: channel as u32, row, column };
            let contexts = here.contexts(start);
            let at = start + row * shape.columns + column;
            levels[at] = model.code(coder, &contexts, i16::from(levels[at])).clamp(-127, 127) as i8;
        }
    }
}

/// Where the planes a plane may be predicted from start.
#[derive(Clone, Copy)]
struct References {
    channel: Option<usize>,
    view: Option<usize>,
    time: Option<usize>,
}

/// The neighbourhood of a cell about to be coded.
struct Here<'a> {
    levels: &'a [i8],
    shape: GridShape,
    references: References,
    channel: u32,
    row: usize,
    column: usize,
}

impl Here<'_> {
    /// Level at an offset in the plane starting at `start`; zero outside.
    fn at(&self, start: Option<usize>, down: isize, right: isize) -> i32 {
        let row = self.row.checked_add_signed(down).filter(|r| *r < self.shape.rows);
        let column = self.column.checked_add_signed(right).filter(|c| *c < self.shape.columns);
        match (start, row, column) {
            (Some(s), Some(r), Some(c)) => i32::from(self.levels[s + r * self.shape.columns + c]),
            _ => 0,
        }
    }

    fn contexts(&self, start: usize) -> [u8; CONTEXTS] {
        let this = Some(start);
        let (west, north) = (self.at(this, 0, -1), self.at(this, -1, 0));
        let (north_west, north_east) = (self.at(this, -1, -1), self.at(this, -1, 1));
        let (west2, north2) = (self.at(this, 0, -2), self.at(this, -2, 0));
        let References { channel, view, time } = self.references;
        let before = self.at(time, 0, 0);
        let before_near: u32 = [(0, 1), (1, 0), (0, -1), (-1, 0)]
            .iter()
            .map(|(d, r)| self.at(time, *d, *r).unsigned_abs())
            .sum();
        let beside = self.at(view, 0, 0);
        let under = self.at(channel, 0, 0);
        let magnitude = |v: i32| v.unsigned_abs();
        let near = magnitude(west) + magnitude(north);
        let around = 2 * near
            + magnitude(north_west)
            + magnitude(north_east)
            + magnitude(west2)
            + magnitude(north2)
            + 2 * magnitude(before);
        [
            pack(&[(self.channel, 28), (class(near), 8)]),
            pack(&[
                (signed(west, 2), 5),
                (signed(north, 2), 5),
                (magnitude(north_west), 3),
                (magnitude(north_east), 2),
            ]),
            pack(&[(signed(before, 6), 13), (class(before_near), 5), (class(near), 3)]),
            pack(&[(signed(beside, 4), 9), (signed(before, 2), 5), (near, 4)]),
            pack(&[
                (signed(under, 3), 7),
                (near, 3),
                (signed(before, 1), 3),
                (signed(beside, 1), 3),
            ]),
            pack(&[(self.channel, 14), (class(around), 16)]),
        ]
    }
}
