//! Some rows of a picture, rendered for themselves.

use std::ops::Range;

use super::MOST_SOURCES;
use super::holes::Holes;
use super::line::Line;
use super::shot::{MAIN, Shot};
use super::warp::{Key, NOTHING, Warped, close};

/// What a band takes to be rendered.
#[derive(Debug, Default)]
pub(super) struct Band {
    warped: [Warped; MOST_SOURCES],
    /// Of a row, by source.
    closed: [Vec<f32>; MAIN],
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
        self.warp(shots, false);
        for row in self.rows.clone() {
            self.find_surface(shots, row, tolerance);
        }
        if self.band.holes.any() {
            self.warp(shots, true);
            for row in self.rows.clone() {
                self.mend_surface(shots, row, tolerance);
            }
        }
        for row in self.rows.clone() {
            self.line(row).paint(main, spare);
        }
    }

    /// Warps the main sources, or what the spare ones may have of holes.
    #[inline(always)]
    fn warp(&mut self, shots: &[Shot<'_>], spare: bool) {
        let Band { warped, holes, .. } = &mut *self.band;
        let rows = self.rows.start.saturating_sub(1)..(self.rows.end + 1).min(self.height);
        if !spare {
            holes.clear(self.columns, rows.clone());
        }
        for (shot, warped) in shots.iter().zip(warped).filter(|(shot, _)| shot.spare == spare) {
            warped.clear(self.columns, rows.clone());
            for (tile, seen) in shot.relief.tiles().zip(shot.seen) {
                let here = seen.rows.start < rows.end && rows.start < seen.rows.end;
                if here && (!spare || holes.touch(seen)) {
                    warped.put(shot.relief, tile, shot.forth, shot.zoom);
                }
            }
        }
    }

    /// Fills a row of `nearness` with that of the nearest surface that a main source trusts, as the mean of those that
    /// see it.
    #[inline(always)]
    fn find_surface(&mut self, shots: &[Shot<'_>], row: usize, tolerance: f32) {
        let columns = self.columns;
        let Band { warped, closed, holes } = &mut *self.band;
        let mut weights = [0.0; MAIN];
        for (number, closed) in closed.iter_mut().enumerate() {
            closed.resize(columns, NOTHING);
            match shots.get(number) {
                Some(shot) => {
                    weights[number] = shot.weight;
                    close(around(&warped[number], row, self.height), shot.tolerance, closed);
                }
                None => closed.fill(NOTHING),
            }
        }
        let [first, second] = closed;
        let (first, second) = (&first[..columns], &second[..columns]);
        let start = (row - self.rows.start) * columns;
        let surface = &mut self.nearness[start..][..columns];
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
    fn mend_surface(&mut self, shots: &[Shot<'_>], row: usize, tolerance: f32) {
        let start = (row - self.rows.start) * self.columns;
        let warped = &self.band.warped;
        let surface = &mut self.nearness[start..][..self.columns];
        for (at, nearness) in surface.iter_mut().enumerate().filter(|(_, n)| **n < 0.0) {
            let (mut own, mut weights) = ([NOTHING; MOST_SOURCES], [0.0; MOST_SOURCES]);
            let mut doubtful = NOTHING;
            for (number, shot) in shots.iter().enumerate() {
                doubtful = warped[number].row(row)[at].doubtful().max(doubtful);
                if shot.spare {
                    let rows = around(&warped[number], row, self.height);
                    let around = at.saturating_sub(1)..(at + 2).min(self.columns);
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

    fn line(&mut self, row: usize) -> Line<'_> {
        let (columns, own) = (self.columns, row - self.rows.start);
        let chroma_columns = columns.div_ceil(2);
        let [luma, blue, red] = &mut self.planes;
        Line {
            y: row as f32 + 0.5,
            nearness: &mut self.nearness[own * columns..][..columns],
            luma: &mut luma[own * columns..][..columns],
            // A band begins at an even row.
            chroma: own.is_multiple_of(2).then(|| {
                [blue, red].map(|plane| &mut plane[own / 2 * chroma_columns..][..chroma_columns])
            }),
        }
    }
}

/// The rows above, of and below a row; at an edge of the picture it is its own neighbour.
#[inline(always)]
fn around(warped: &Warped, row: usize, height: usize) -> [&[Key]; 3] {
    [row.saturating_sub(1), row, (row + 1).min(height - 1)].map(|row| warped.row(row))
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
