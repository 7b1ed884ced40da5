//! Percentiles and missed deadlines.

use serde::Serialize;

use super::super::statistics::{Percentiles, percentile};

/// Microseconds of one span, one value per frame.
#[derive(Debug, Clone, Default)]
pub(super) struct Spread(Vec<u64>);

/// Nearest-rank percentiles of one span.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Ranks {
    #[serde(flatten)]
    coarse: Percentiles,
    p95: u64,
    #[serde(rename = "p99.9")]
    p99_9: u64,
}

impl Ranks {
    /// Names in the order of [`Self::each`].
    pub(super) const NAMES: [&'static str; 6] = ["p50", "p90", "p95", "p99", "p99.9", "max"];

    pub(super) fn p50(self) -> u64 {
        self.coarse.p50
    }

    pub(super) fn each(self) -> [u64; 6] {
        let Percentiles { p50, p90, p99, max } = self.coarse;
        [p50, p90, self.p95, p99, self.p99_9, max]
    }
}

/// Values above a display's period.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Misses {
    pub(super) count: u64,
    pub(super) share: f64,
    pub(super) longest_run: u64,
}

impl Spread {
    pub(super) fn with_capacity(frames: usize) -> Self {
        Self(Vec::with_capacity(frames))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn add(&mut self, us: u64) {
        self.0.push(us);
    }

    /// Nearest-rank percentiles; none without values.
    pub(super) fn summary(&self) -> Option<Ranks> {
        if self.0.is_empty() {
            return None;
        }
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        Some(Ranks {
            coarse: Percentiles::of_sorted(&sorted),
            p95: percentile(&sorted, 0.95),
            p99_9: percentile(&sorted, 0.999),
        })
    }

    /// In seconds; 0 without values.
    pub(super) fn median_s(&self) -> f64 {
        self.summary().map_or(0, Ranks::p50) as f64 / 1e6
    }

    /// Values above the period of `hz`, and the longest run of them.
    pub(super) fn misses(&self, hz: u32) -> Misses {
        let period_us = 1e6 / f64::from(hz);
        let (mut count, mut run, mut longest) = (0u64, 0u64, 0u64);
        for us in &self.0 {
            run = if *us as f64 > period_us { run + 1 } else { 0 };
            count += u64::from(run > 0);
            longest = longest.max(run);
        }
        let share = count as f64 / self.0.len().max(1) as f64;
        Misses { count, share, longest_run: longest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks_up_to_the_thousandth() {
        let spread = Spread((1..=2000).rev().collect());
        let ranks = spread.summary().unwrap();
        assert_eq!(ranks.each(), [1000, 1800, 1900, 1980, 1998, 2000]);
        let written = serde_json::to_value(ranks).unwrap();
        for (name, us) in Ranks::NAMES.into_iter().zip(ranks.each()) {
            assert_eq!(written[name], us, "{name}");
        }
        assert_eq!(spread.median_s(), 0.001);
        assert!(Spread::default().summary().is_none());
    }

    #[test]
    fn a_miss_is_longer_than_the_period_and_runs_are_of_neighbours() {
        // 1/100 s is 10000 µs; equal is in time.
        let spread = Spread(vec![10_001, 10_000, 20_000, 30_000, 9_000, 10_002]);
        let misses = spread.misses(100);
        assert_eq!((misses.count, misses.longest_run), (4, 2));
        assert_eq!(spread.misses(10).count, 0);
    }
}
