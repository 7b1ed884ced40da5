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
    pub entries: usize,
    /// Implicit views of an entry, or 1 when they share it.
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
        self.entries * self.views * self.entry()
    }
}

/// The step index that a grid's first one is coded as the difference to.
pub const FIRST_STEP: i16 = 88;

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
    let mut previous = FIRST_STEP;
    for step in steps.iter_mut() {
        *step = code_step(coder, model, *step, &mut previous)?;
    }
    for plane in 0..shape.entries * shape.views * shape.channels {
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
    let first_view = (plane / shape.channels).is_multiple_of(shape.views);
    let (earlier, rest) = levels.split_at_mut(start);
    let here = &mut rest[..cells];
    let reference = |exists: bool, back: usize| exists.then(|| &earlier[start - back..][..cells]);
    let time = reference(start >= shape.entry() * shape.views, shape.entry() * shape.views);
    let view = reference(!first_view, shape.entry());
    let under = reference(channel > 0, cells);
    let is_empty = |plane: &[i8]| plane.iter().all(|l| *l == 0);
    let [time_known, view_known, under_known] =
        [time, view, under].map(|p| p.map_or(2, |plane| u32::from(is_empty(plane))));
    let flag = pack(&[(time_known, 3), (view_known, 3), (under_known, 3)]);
    let by_channel = channel.min(31) as u8;
    // Contexts 224 and above of the first two predictions are kept for flags and steps.
    let contexts =
        [224 + flag, 224 + by_channel, 224 + flag, 224 + by_channel, 224 + flag, 224 + flag];
    if model.code(coder, &contexts, i16::from(!is_empty(here))) == 0 {
        here.fill(0);
        return;
    }
    let columns = shape.columns;
    for row in 0..shape.rows {
        let (above, rest) = here.split_at_mut(row * columns);
        let rows = Rows {
            channel: channel as u32,
            north: LevelRow::of(Some(above), columns, row.checked_sub(1)),
            north2: LevelRow::of(Some(above), columns, row.checked_sub(2)),
            before: [row.checked_sub(1), Some(row), Some(row + 1)]
                .map(|row| LevelRow::of(time, columns, row)),
            view: LevelRow::of(view, columns, Some(row)),
            under: LevelRow::of(under, columns, Some(row)),
        };
        let (mut west, mut west2) = (0, 0);
        for (column, level) in rest[..columns].iter_mut().enumerate() {
            let contexts = rows.contexts(column, west, west2);
            *level = model.code(coder, &contexts, i16::from(*level)).clamp(-127, 127) as i8;
            (west, west2) = (i32::from(*level), west);
        }
    }
}

/// A row of levels; outside of the plane all are zero.
#[derive(Clone, Copy)]
struct LevelRow<'a>(&'a [i8]);

impl<'a> LevelRow<'a> {
    fn of(plane: Option<&'a [i8]>, columns: usize, row: Option<usize>) -> Self {
        let row =
            plane.zip(row).and_then(|(plane, row)| plane.get(row * columns..)?.get(..columns));
        Self(row.unwrap_or_default())
    }

    /// The level in `column`, counted from one to the left of the first.
    fn at(self, column: usize) -> i32 {
        column.checked_sub(1).and_then(|c| self.0.get(c)).map_or(0, |level| i32::from(*level))
    }
}

/// Rows around the one about to be coded.
struct Rows<'a> {
    channel: u32,
    north: LevelRow<'a>,
    north2: LevelRow<'a>,
    /// Above, at and below the same place one entry earlier in time.
    before: [LevelRow<'a>; 3],
    /// The same place in the view before this one.
    view: LevelRow<'a>,
    /// The same place in the channel before this one.
    under: LevelRow<'a>,
}

impl Rows<'_> {
    fn contexts(&self, column: usize, west: i32, west2: i32) -> [u8; CONTEXTS] {
        // Neighbours in the plane itself, then those at the same place in other planes.
        let here = column + 1;
        let (north, north2) = (self.north.at(here), self.north2.at(here));
        let (north_west, north_east) = (self.north.at(here - 1), self.north.at(here + 1));
        let [up, level, down] = self.before;
        let before = level.at(here);
        let before_near: u32 = [level.at(here + 1), down.at(here), level.at(here - 1), up.at(here)]
            .iter()
            .map(|v| v.unsigned_abs())
            .sum();
        let (beside, under) = (self.view.at(here), self.under.at(here));
        // How much goes on nearby, in few values.
        let magnitude = |v: i32| v.unsigned_abs();
        let near = magnitude(west) + magnitude(north);
        let around = 2 * near
            + magnitude(north_west)
            + magnitude(north_east)
            + magnitude(west2)
            + magnitude(north2)
            + 2 * magnitude(before);
        [
            // One context for each model that is mixed (FORMAT.md §7).
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
