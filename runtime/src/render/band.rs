//! Some rows of a picture, rendered for themselves.

use std::ops::Range;

use super::MOST_SOURCES;
use super::holes::Holes;
use super::line::Line;
use super::relief::GRID;
use super::shot::{MAIN, Shot};
use super::warp::{NOTHING, Warped, close};

/// What a band takes to be rendered.
#[derive(Debug, Default)]
pub(super) struct Band {
    warped: [Warped; MOST_SOURCES],
    /// Of a row of cells, by source.
    closed: [Vec<f32>; MAIN],
    /// Nearness of what is seen in every cell.
    surface: Vec<f32>,
    /// Of the row that is painted.
    level: Vec<f32>,
    holes: Holes,
}

/// A band of the picture that is rendered.
pub(super) struct Part<'a> {
    pub band: &'a mut Band,
    pub rows: Range<usize>,
    pub columns: usize,
    /// Rows of the whole picture.
    pub height: usize,
    /// Of the band's rows; [`NOTHING`] in the end where no source sees what is there.
    pub nearness: &'a mut [f32],
    pub planes: [&'a mut [u8]; 3],
}

impl Part<'_> {
    /// Renders it out of `shots`, the best before others.
    pub(super) fn render(&mut self, shots: &[Shot<'_>]) {
        by_widest!(Part::render_rows, part: &mut Part<'_> = self, shots: &[Shot<'_>] = shots)
    }

    /// [`Self::render`], compiled once for every set of vector instructions.
    #[inline(always)]
    pub(super) fn render_rows(&mut self, shots: &[Shot<'_>]) {
        let (main, spare) = shots.split_at(shots.len().min(MAIN));
        let tolerance = shots.iter().fold(0.0, |most: f32, shot| most.max(shot.tolerance));
        let height = self.height.div_ceil(GRID);
        let rows = self.rows.start / GRID..self.rows.end.div_ceil(GRID);
        let rows = rows.start.saturating_sub(1)..(rows.end + 1).min(height);
        let cells = Cells { columns: self.columns.div_ceil(GRID), rows, height };
        self.band.find_surfaces(shots, &cells, tolerance);
        for row in self.rows.clone() {
            self.line(&cells, row, tolerance).paint(main, spare);
        }
    }

    /// A row of pixels at the surface of their cells.
    #[inline(always)]
    fn line(&mut self, cells: &Cells, row: usize, tolerance: f32) -> Line<'_> {
        let (columns, own) = (self.columns, row - self.rows.start);
        let chroma_columns = columns.div_ceil(2);
        let [luma, blue, red] = &mut self.planes;
        let nearness = &mut self.nearness[own * columns..][..columns];
        let surface = around(row / GRID, cells.height).map(|row| {
            &self.band.surface[(row - cells.rows.start) * cells.columns..][..cells.columns]
        });
        spread(surface, row % GRID, tolerance, (&mut self.band.level, nearness));
        Line {
            y: row as f32 + 0.5,
            nearness,
            surface,
            tolerance,
            luma: &mut luma[own * columns..][..columns],
            // A band begins at an even row.
            chroma: own.is_multiple_of(2).then(|| {
                [blue, red].map(|plane| &mut plane[own / 2 * chroma_columns..][..chroma_columns])
            }),
        }
    }
}

/// Nearness of a row of pixels from that of the cells above, around and below: between cells of one surface it changes evenly.
#[inline(always)]
fn spread(
    [above, here, below]: [&[f32]; 3],
    half: usize,
    tolerance: f32,
    (level, nearness): (&mut Vec<f32>, &mut [f32]),
) {
    let beside = if half == 0 { above } else { below };
    level.resize(here.len() + 2, NOTHING);
    for ((level, here), beside) in level[1..].iter_mut().zip(here).zip(beside) {
        *level = towards(*here, *beside, tolerance);
    }
    (level[0], level[here.len() + 1]) = (level[1], level[here.len()]);
    let (left, right) = (&level[..here.len()], &level[2..][..here.len()]);
    let middle = &level[1..][..here.len()];
    let (pairs, rest) = nearness.as_chunks_mut::<GRID>();
    for (((pair, middle), left), right) in pairs.iter_mut().zip(middle).zip(left).zip(right) {
        *pair = [towards(*middle, *left, tolerance), towards(*middle, *right, tolerance)];
    }
    for last in rest {
        *last = towards(middle[middle.len() - 1], left[middle.len() - 1], tolerance);
    }
}

/// A quarter of the way from the middle of a cell to that of another, if both are of one surface.
#[inline(always)]
fn towards(own: f32, other: f32, tolerance: f32) -> f32 {
    let alike = (own >= 0.0) & (other >= 0.0) & ((own - other).abs() < tolerance);
    let there = own + 0.25 * (other - own);
    if alike { there } else { own }
}

/// Cells of a band: rows of so many, and all rows of the picture.
struct Cells {
    columns: usize,
    rows: Range<usize>,
    height: usize,
}

impl Band {
    /// Finds what is seen in every cell.
    #[inline(always)]
    fn find_surfaces(&mut self, shots: &[Shot<'_>], cells: &Cells, tolerance: f32) {
        self.surface.resize(cells.columns * cells.rows.len(), NOTHING);
        self.warp(shots, cells, false);
        for row in cells.rows.clone() {
            self.find_surface(shots, cells, row, tolerance);
        }
        if self.holes.any() {
            self.warp(shots, cells, true);
            for row in cells.rows.clone() {
                self.mend_surface(shots, cells, row, tolerance);
            }
        }
    }

    /// Warps the main sources, or what the spare ones may have of holes.
    #[inline(always)]
    fn warp(&mut self, shots: &[Shot<'_>], cells: &Cells, spare: bool) {
        let Self { warped, holes, .. } = self;
        let rows = cells.rows.start.saturating_sub(1)..(cells.rows.end + 1).min(cells.height);
        if !spare {
            holes.clear(cells.columns, rows.clone());
        }
        for (shot, warped) in shots.iter().zip(warped).filter(|(shot, _)| shot.spare == spare) {
            warped.clear(cells.columns, rows.clone());
            for (tile, seen) in shot.relief.front.tiles().zip(shot.seen) {
                let here = seen.rows.start < rows.end && rows.start < seen.rows.end;
                if here && (!spare || holes.touch(seen)) {
                    warped.put(&shot.relief.front, tile, shot.forth, shot.zoom);
                }
            }
        }
    }

    /// Fills a row of the surface with that of the nearest surface that a main source trusts, as the mean of those
    /// that see it.
    #[inline(always)]
    fn find_surface(&mut self, shots: &[Shot<'_>], cells: &Cells, row: usize, tolerance: f32) {
        let columns = cells.columns;
        let Self { warped, closed, surface, holes, .. } = self;
        let mut weights = [0.0; MAIN];
        for (number, closed) in closed.iter_mut().enumerate() {
            closed.resize(columns, NOTHING);
            match shots.get(number) {
                Some(shot) => {
                    weights[number] = shot.weight;
                    close(
                        around(row, cells.height).map(|row| warped[number].row(row)),
                        shot.tolerance,
                        closed,
                    );
                }
                None => closed.fill(NOTHING),
            }
        }
        let [first, second] = closed;
        let (first, second) = (&first[..columns], &second[..columns]);
        let surface = &mut surface[(row - cells.rows.start) * columns..][..columns];
        let mut any = 0;
        for at in 0..columns {
            surface[at] = mean([first[at], second[at]], weights, tolerance);
            any |= u32::from(surface[at] < 0.0);
        }
        if any > 0 {
            holes.mark(row, surface);
        }
    }

    /// Fills the rest of the row with what a spare source trusts, else with what none does.
    #[inline(always)]
    fn mend_surface(&mut self, shots: &[Shot<'_>], cells: &Cells, row: usize, tolerance: f32) {
        let Self { warped, surface, .. } = self;
        let surface = &mut surface[(row - cells.rows.start) * cells.columns..][..cells.columns];
        for (at, nearness) in surface.iter_mut().enumerate().filter(|(_, n)| **n < 0.0) {
            let (mut own, mut weights) = ([NOTHING; MOST_SOURCES], [0.0; MOST_SOURCES]);
            let mut doubtful = NOTHING;
            for (number, shot) in shots.iter().enumerate() {
                doubtful = warped[number].row(row)[at].doubtful().max(doubtful);
                if shot.spare {
                    let rows = around(row, cells.height).map(|row| warped[number].row(row));
                    let around = at.saturating_sub(1)..(at + 2).min(cells.columns);
                    let mut three = [NOTHING; 3];
                    let three = &mut three[..around.len()];
                    close(rows.map(|row| &row[around.clone()]), shot.tolerance, three);
                    (own[number], weights[number]) = (three[at - around.start], shot.weight);
                }
            }
            let solid = mean(own, weights, tolerance);
            *nearness = if solid >= 0.0 { solid } else { doubtful };
        }
    }
}

/// The rows above, of and below a row; at an edge of the picture it is its own neighbour.
#[inline(always)]
fn around(row: usize, height: usize) -> [usize; 3] {
    [row.saturating_sub(1), row, (row + 1).min(height - 1)]
}

/// The nearest of what sources say about a pixel, as the mean of those that are of one surface; [`NOTHING`] where none
/// says anything.
#[inline(always)]
fn mean<const N: usize>(own: [f32; N], weights: [f32; N], tolerance: f32) -> f32 {
    let nearest =
        own.iter().fold(NOTHING, |nearest, own| if *own > nearest { *own } else { nearest });
    let (mut sum, mut total) = (0.0, 0.0);
    for (own, weight) in own.into_iter().zip(weights) {
        let counts = (own >= nearest - tolerance) & (own >= 0.0);
        let weight = if counts { weight } else { 0.0 };
        sum += weight * own;
        total += weight;
    }
    if nearest >= 0.0 { sum / total } else { NOTHING }
}
