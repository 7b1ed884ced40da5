//! A row of the picture that is rendered.

use heapless::Vec as FixedVec;

use super::paint::{Run, Sums};
use super::relief::GRID;
use super::shot::Shot;
use super::warp::{NOTHING, run_of};

/// Pixels that are painted at a time.
pub(super) const RUN: usize = 64;
/// Pixels here and there that are: few are left of most rows.
const REST: usize = 16;

/// Some of them, and the nearness that they are looked for at.
type Places = FixedVec<(usize, f32), REST>;

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
        let (mut behind, mut rest) = (Places::new(), Places::new());
        for start in (0..self.nearness.len()).step_by(RUN) {
            let total = self.paint_run(main, start);
            if total.iter().fold(true, |all, total| all & (*total > 0.0)) {
                continue;
            }
            for (at, total) in (start..self.nearness.len()).zip(total) {
                if total <= 0.0 && self.nearness[at] >= 0.0 {
                    self.put_off(at, (main, &mut behind), (spare, &mut rest));
                }
            }
        }
        self.paint_behind((main, &behind), (spare, &mut rest));
        self.paint_rest(spare, &rest);
    }

    /// A pixel that `main` do not see at its surface: what they see there of a surface behind, else what `spare` see.
    #[inline(always)]
    fn put_off(
        &mut self,
        at: usize,
        (main, behind): (&[Shot<'_>], &mut Places),
        (spare, rest): (&[Shot<'_>], &mut Places),
    ) {
        let Some(nearness) = self.behind(at) else { return self.put_last(at, spare, rest) };
        if behind.is_full() {
            self.paint_behind((main, behind), (spare, rest));
            behind.clear();
        }
        // There is room by now.
        let _ = behind.push((at, nearness));
    }

    /// A pixel that `main` do not see at all.
    #[inline(always)]
    fn put_last(&mut self, at: usize, spare: &[Shot<'_>], rest: &mut Places) {
        if rest.is_full() {
            self.paint_rest(spare, rest);
            rest.clear();
        }
        let _ = rest.push((at, self.nearness[at]));
    }

    /// Paints what `main` see of the surfaces behind.
    #[inline(always)]
    fn paint_behind(
        &mut self,
        (main, behind): (&[Shot<'_>], &Places),
        (spare, rest): (&[Shot<'_>], &mut Places),
    ) {
        let painted = self.paint_some(main, behind);
        for ((at, nearness), painted) in behind.iter().zip(painted) {
            if painted {
                self.nearness[*at] = *nearness;
            } else {
                self.put_last(*at, spare, rest);
            }
        }
    }

    /// Paints what `spare` see, and nothing of the others.
    #[inline(always)]
    fn paint_rest(&mut self, spare: &[Shot<'_>], rest: &Places) {
        let painted = self.paint_some(spare, rest);
        for ((at, _), _) in rest.iter().zip(painted).filter(|(_, painted)| !painted) {
            self.nearness[*at] = NOTHING;
        }
    }

    /// The farthest surface around a pixel, where that is behind its own.
    fn behind(&self, place: usize) -> Option<f32> {
        let cell = place / GRID;
        let around = cell.saturating_sub(1)..(cell + 2).min(self.surface[0].len());
        let all = self.surface.iter().flat_map(|row| &row[around.clone()]);
        let least = all.filter(|n| **n >= 0.0).fold(f32::MAX, |least, n| least.min(*n));
        (least < self.nearness[place] - self.tolerance).then_some(least)
    }

    /// Paints the pixels from `start` on, and says how much is known of each.
    #[inline(always)]
    fn paint_run(&mut self, shots: &[Shot<'_>], start: usize) -> [f32; RUN] {
        let count = RUN.min(self.nearness.len() - start);
        let mut run = Run { x: [0.0; RUN], y: self.y, nearness: run_of(&self.nearness[start..]) };
        for at in 0..RUN {
            run.x[at] = (start as i32 + at as i32) as f32 + 0.5;
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

    /// Paints those pixels that are seen at a nearness, and says which.
    #[inline(always)]
    fn paint_some(&mut self, shots: &[Shot<'_>], places: &Places) -> [bool; REST] {
        let mut painted = [false; REST];
        if places.is_empty() || shots.is_empty() {
            return painted;
        }
        let mut run = Run { x: [0.0; REST], y: self.y, nearness: [NOTHING; REST] };
        for (at, (place, nearness)) in places.iter().enumerate() {
            (run.x[at], run.nearness[at]) = (*place as f32 + 0.5, *nearness);
        }
        let sums = Sums::<REST, REST>::of(shots, &run, self.chroma.is_some());
        for (at, (place, _)) in places.iter().enumerate().filter(|(at, _)| sums.total[*at] > 0.0) {
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
