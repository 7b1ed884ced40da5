//! Steps of depth that are tried again in a block: those around what is known there.

use std::ops::Range;

use super::blocks::{SIDE, around};
use super::depth::DepthMap;
use super::sweep::{Depths, STEPS};

/// Steps more at each end.
const MARGIN: usize = 3;
/// No step; what it is joined with stays as it is.
const NONE: Range<usize> = Range { start: STEPS, end: 0 };

/// A span of steps for each block of a picture.
#[derive(Debug)]
pub(super) struct Spans {
    across: usize,
    spans: Vec<Range<usize>>,
    spare: Vec<Range<usize>>,
}

impl Spans {
    /// Of all steps, in a picture of so many pixels.
    pub(super) fn new(columns: usize, rows: usize) -> Self {
        let across = columns.div_ceil(SIDE);
        let spans = vec![0..STEPS; across * rows.div_ceil(SIDE)];
        Self { across, spare: spans.clone(), spans }
    }

    /// All steps.
    pub(super) fn fill(&mut self) {
        self.spans.fill(0..STEPS);
    }

    /// Those that `maps` of the picture have in a block and in those around it.
    pub(super) fn narrow(&mut self, maps: &[(&DepthMap, usize)], depths: Depths) {
        self.spare.fill(NONE);
        for (map, scale) in maps {
            for (row, line) in map.nearness.chunks_exact(map.columns).enumerate() {
                let spans = &mut self.spare[row * scale / SIDE * self.across..][..self.across];
                for (column, nearness) in line.iter().enumerate() {
                    let (step, span) = (depths.step_of(*nearness), column * scale / SIDE);
                    if let Some(span) = spans.get_mut(span) {
                        *span = joined(span, &(step..step + 1));
                    }
                }
            }
        }
        let down = self.spans.len() / self.across;
        for (at, span) in self.spans.iter_mut().enumerate() {
            *span = NONE;
            for row in around(at / self.across, down) {
                for column in around(at % self.across, self.across) {
                    *span = joined(span, &self.spare[row * self.across + column]);
                }
            }
            *span = span.start.saturating_sub(MARGIN)..(span.end + MARGIN).min(STEPS);
        }
    }

    /// That of some columns of a row.
    #[inline(always)]
    pub(super) fn of_run(&self, columns: Range<usize>, row: usize) -> Range<usize> {
        let line = &self.spans[row / SIDE * self.across..][..self.across];
        let blocks = &line[columns.start / SIDE..columns.end.div_ceil(SIDE)];
        blocks.iter().fold(NONE, |own, other| joined(&own, other))
    }
}

/// The steps of both and those between.
#[inline(always)]
fn joined(one: &Range<usize>, other: &Range<usize>) -> Range<usize> {
    one.start.min(other.start)..one.end.max(other.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_holds_what_is_known_around() {
        let depths = Depths::between(0.0, 63.0);
        let (mut map, mut coarse) = (DepthMap::new(20, 9), DepthMap::new(5, 3));
        map.nearness.fill(30.0);
        map.nearness[2 * 20 + 5] = 10.0;
        coarse.nearness.fill(30.0);
        coarse.nearness[4] = 60.0;
        let mut spans = Spans::new(20, 9);
        assert_eq!(spans.of_run(0..20, 8), 0..STEPS);
        spans.narrow(&[(&map, 1), (&coarse, 4)], depths);
        assert_eq!(spans.of_run(0..4, 0), 7..34);
        assert_eq!(spans.of_run(8..12, 7), 7..34);
        assert_eq!(spans.of_run(0..12, 8), 27..34);
        assert_eq!(spans.of_run(12..16, 0), 27..STEPS);
        assert_eq!(spans.of_run(8..16, 0), 7..STEPS);
    }
}
