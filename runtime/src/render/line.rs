//! A row of the picture that is rendered.

use super::paint::{Run, Sums};
use super::relief::GRID;
use super::shot::Shot;
use super::warp::{NOTHING, run_of};

/// Pixels that are painted at a time.
pub(super) const RUN: usize = 64;

/// A row, and what is known of its pixels.
pub(super) struct Line<'a> {
    /// From the upper edge of the picture to the middle of the row.
    pub y: f32,
    pub nearness: &'a mut [f32],
    /// Of the cells above, here and below.
    pub surface: [&'a [f32]; 3],
    /// Difference of nearness up to which two points are of one surface.
    pub tolerance: f32,
    pub luma: &'a mut [u8],
    /// None in every other row.
    pub chroma: Option<[&'a mut [u8]; 2]>,
}

impl Line<'_> {
    /// Paints it out of `main`, and what these do not see out of `spare`. What nobody sees is [`NOTHING`] then.
    #[inline(always)]
    pub(super) fn paint(&mut self, main: &[Shot<'_>], spare: &[Shot<'_>]) {
        let (mut rest, mut count) = ([0; RUN], 0);
        for start in (0..self.nearness.len()).step_by(RUN) {
            let total = self.paint_run(main, start);
            if total.iter().fold(true, |all, total| all & (*total > 0.0)) {
                continue;
            }
            for (at, total) in (start..self.nearness.len()).zip(total) {
                if total <= 0.0 && self.nearness[at] >= 0.0 {
                    rest[count] = at;
                    count += 1;
                    if count == RUN {
                        self.paint_rest(main, spare, &rest);
                        count = 0;
                    }
                }
            }
        }
        self.paint_rest(main, spare, &rest[..count]);
    }

    /// Paints pixels that `main` do not see: what they see there of a surface behind, else what `spare` see.
    #[inline(always)]
    fn paint_rest(&mut self, main: &[Shot<'_>], spare: &[Shot<'_>], places: &[usize]) {
        let (mut rest, mut count) = ([0; RUN], 0);
        let mut behind = [NOTHING; RUN];
        for (behind, place) in behind.iter_mut().zip(places) {
            *behind = self.behind(*place);
        }
        let painted = self.paint_some(main, places, &behind);
        for (at, place) in places.iter().enumerate() {
            if painted[at] {
                self.nearness[*place] = behind[at];
            } else {
                (rest[count], behind[count]) = (*place, self.nearness[*place]);
                count += 1;
            }
        }
        let painted = self.paint_some(spare, &rest[..count], &behind);
        for (place, _) in rest[..count].iter().zip(painted).filter(|(_, painted)| !painted) {
            self.nearness[*place] = NOTHING;
        }
    }

    /// The farthest surface around a pixel, where that is behind its own.
    fn behind(&self, place: usize) -> f32 {
        let cell = place / GRID;
        let around = cell.saturating_sub(1)..(cell + 2).min(self.surface[0].len());
        let all = self.surface.iter().flat_map(|row| &row[around.clone()]);
        let least = all.filter(|n| **n >= 0.0).fold(f32::MAX, |least, n| least.min(*n));
        if least < self.nearness[place] - self.tolerance { least } else { NOTHING }
    }

    /// Paints the pixels from `start` on, and says how much is known of each.
    #[inline(always)]
    fn paint_run(&mut self, shots: &[Shot<'_>], start: usize) -> [f32; RUN] {
        let count = RUN.min(self.nearness.len() - start);
        let mut run = Run { x: [0.0; RUN], y: self.y, nearness: run_of(&self.nearness[start..]) };
        for at in 0..RUN {
            run.x[at] = (start + at) as f32 + 0.5;
        }
        let sums = Sums::<RUN, { RUN / 2 }>::of(shots, &run, self.chroma.is_some());
        let luma = &mut self.luma[start..];
        match luma.first_chunk_mut::<RUN>() {
            Some(luma) => (0..RUN).for_each(|at| luma[at] = sums.luma(at)),
            None => luma.iter_mut().enumerate().for_each(|(at, luma)| *luma = sums.luma(at)),
        }
        if let Some([blue, red]) = &mut self.chroma {
            let (start, count) = (start / 2, count.div_ceil(2));
            for (at, (blue, red)) in
                blue[start..][..count].iter_mut().zip(&mut red[start..]).enumerate()
            {
                [*blue, *red] = sums.chroma(at);
            }
        }
        sums.total
    }

    /// Paints those of the pixels at `places`, at most [`RUN`], that are seen at a nearness, and says which.
    #[inline(always)]
    fn paint_some(
        &mut self,
        shots: &[Shot<'_>],
        places: &[usize],
        nearness: &[f32; RUN],
    ) -> [bool; RUN] {
        let mut run = Run { x: [0.0; RUN], y: self.y, nearness: [NOTHING; RUN] };
        for (at, place) in places.iter().enumerate() {
            (run.x[at], run.nearness[at]) = (*place as f32 + 0.5, nearness[at]);
        }
        let mut painted = [false; RUN];
        if run.nearness.iter().all(|nearness| *nearness < 0.0) {
            return painted;
        }
        let sums = Sums::<RUN, RUN>::of(shots, &run, self.chroma.is_some());
        for (at, place) in places.iter().enumerate().filter(|(at, _)| sums.total[*at] > 0.0) {
            painted[at] = true;
            self.luma[*place] = sums.luma(at);
            if let Some([blue, red]) = &mut self.chroma
                && place.is_multiple_of(2)
            {
                [blue[place / 2], red[place / 2]] = sums.chroma(at);
            }
        }
        painted
    }
}
