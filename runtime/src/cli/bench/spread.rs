//! Percentiles and missed deadlines.

use serde_json::{Value, json};

use super::super::statistics::percentile;

/// Microseconds of one span, one value per frame.
#[derive(Debug, Clone, Default)]
pub(super) struct Spread(Vec<u64>);

impl Spread {
    pub(super) fn with_capacity(frames: usize) -> Self {
        Self(Vec::with_capacity(frames))
    }

    pub(super) fn add(&mut self, us: u64) {
        self.0.push(us);
    }

    /// Nearest-rank percentiles; null without values.
    pub(super) fn summary(&self) -> Value {
        if self.0.is_empty() {
            return Value::Null;
        }
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = |share| percentile(&sorted, share);
        json!({
            "p50": at(0.50), "p90": at(0.90), "p95": at(0.95), "p99": at(0.99),
            "p99.9": at(0.999), "max": at(1.0),
        })
    }

    pub(super) fn median(&self) -> u64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        percentile(&sorted, 0.5)
    }

    /// Values above the period of `hz`, and the longest run of them.
    pub(super) fn misses(&self, hz: u32) -> Value {
        let period_us = 1e6 / f64::from(hz);
        let (mut count, mut run, mut longest) = (0u64, 0u64, 0u64);
        for us in &self.0 {
            run = if *us as f64 > period_us { run + 1 } else { 0 };
            count += u64::from(run > 0);
            longest = longest.max(run);
        }
        let share = count as f64 / self.0.len().max(1) as f64;
        json!({ "count": count, "share": share, "longest_run": longest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks_up_to_the_thousandth() {
        let spread = Spread((1..=2000).rev().collect());
        let summary = spread.summary();
        for (name, us) in [
            ("p50", 1000),
            ("p90", 1800),
            ("p95", 1900),
            ("p99", 1980),
            ("p99.9", 1998),
            ("max", 2000),
        ] {
            assert_eq!(summary[name], us, "{name}");
        }
        assert_eq!(spread.median(), 1000);
        assert!(Spread::default().summary().is_null());
    }

    #[test]
    fn a_miss_is_longer_than_the_period_and_runs_are_of_neighbours() {
        // 1/100 s is 10000 µs; equal is in time.
        let spread = Spread(vec![10_001, 10_000, 20_000, 30_000, 9_000, 10_002]);
        let misses = spread.misses(100);
        assert_eq!((&misses["count"], &misses["longest_run"]), (&json!(4), &json!(2)));
        assert_eq!(spread.misses(10)["count"], 0);
    }
}
