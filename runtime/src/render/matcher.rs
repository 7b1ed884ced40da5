//! What matching views needs besides the views: the volume of costs, the paths through it, and the range of depths.

use super::blocks::Blocks;
use super::depth::DepthMap;
use super::level::Level;
use super::paths::Paths;
use super::span::Spans;
use super::sweep::{Depths, Other, Volume};

/// Least trust of depths that the range has to hold.
const SURE: f32 = 0.7;
/// One pixel in so many has to be sure for there to be a range.
const FEWEST_SURE: usize = 20;
/// Shares of the sure pixels that are farther than the range's ends: few, for errors lie there.
const LEAST_QUANTILE: f32 = 0.01;
const MOST_QUANTILE: f32 = 0.995;
/// What the range has more at each end, as a share of it.
const MARGIN: f32 = 0.15;
/// Most times that the range is narrower than the whole.
const MOST_NARROWING: f32 = 32.0;

/// Finds depths of levels of one size.
#[derive(Debug)]
pub(super) struct Matcher {
    volume: Volume,
    paths: Paths,
    /// Steps that are tried.
    pub spans: Spans,
    spare: Vec<f32>,
}

impl Matcher {
    pub(super) fn new(level: &Level) -> Self {
        let spare = vec![0.0; level.columns * level.rows];
        let spans = Spans::new(level.columns, level.rows);
        Self { volume: Volume::new(level), paths: Paths::new(level), spans, spare }
    }

    /// Finds the depth of the blocks `stale` of `own` among `depths` by `others`. `map` has
    /// that of the others.
    pub(super) fn match_views(
        &mut self,
        own: &Level,
        others: &[Other<'_>],
        depths: Depths,
        stale: &Blocks,
        map: &mut DepthMap,
    ) {
        self.volume.sweep(own, others, depths, (stale, &self.spans));
        let known = (map.nearness.as_slice(), depths);
        let sums = self.paths.gather(own, &self.volume.costs, stale, known);
        map.choose(sums, depths, stale);
        map.recede(&self.volume, depths, &mut self.spare, stale);
        map.smooth(&mut self.spare, stale);
    }

    /// The range that holds the depths of `map`, and some more; none where too few are trusted.
    pub(super) fn range(&mut self, map: &DepthMap, whole: Depths) -> Option<Depths> {
        self.spare.clear();
        let pixels = map.nearness.iter().zip(&map.trust);
        self.spare
            .extend(pixels.filter(|(_, trust)| **trust >= SURE).map(|(nearness, _)| nearness));
        let (pixels, count) = (map.nearness.len(), self.spare.len());
        self.spare.sort_unstable_by(f32::total_cmp);
        let quantile = |share: f32| self.spare.get((count as f32 * share) as usize).copied();
        let ends = quantile(LEAST_QUANTILE).zip(quantile(MOST_QUANTILE));
        self.spare.resize(pixels, 0.0);
        let (low, high) = ends.filter(|_| count * FEWEST_SURE >= pixels)?;
        let narrowest = (whole.nearest() - whole.farthest) / MOST_NARROWING;
        let margin = ((high - low) * MARGIN).max(0.5 * (narrowest - (high - low)));
        Some(Depths::between((low - margin).max(whole.farthest), high + margin))
    }
}
