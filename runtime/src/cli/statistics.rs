//! Latency statistics of a decode.

use std::time::Instant;

use iev_runtime::network::backend::{Backend, NetworkReport};
use iev_runtime::paint::timing::Timings;
use iev_runtime::play::deadline::{Counts, Late};
use iev_runtime::play::shown::ShownFrame;
use serde_json::{Value, json};

/// Names of the measured spans, in order of a [`FrameRow`].
///
/// `network_us` and `warp_us` are parts of `reconstruct_us`.
pub(crate) const SPANS: [&str; 8] = [
    "read_us",
    "anchor_us",
    "reconstruct_us",
    "network_us",
    "warp_us",
    "fuse_us",
    "sink_us",
    "latency_us",
];

/// Microseconds of one frame, by span.
pub(crate) type FrameRow = [u64; SPANS.len()];

/// The spans of a frame; latency and sink are the consumer's to measure.
pub(super) fn row(t: &Timings, latency_us: u64, sink_us: u64) -> FrameRow {
    let (reconstruct, network, warp) = (t.reconstruct_us, t.network_us, t.warp_us);
    [t.read_us, t.anchor_us, reconstruct, network, warp, t.fuse_us, sink_us, latency_us]
}

/// What was measured, a row per frame.
#[derive(Debug)]
pub(crate) struct Statistics {
    started: Instant,
    /// Frame of the stream, pictures, spans.
    rows: Vec<(u32, usize, FrameRow)>,
}

impl Statistics {
    /// Starts the clock.
    pub(crate) fn start(frames: usize) -> Self {
        Self { started: Instant::now(), rows: Vec::with_capacity(frames.min(1 << 20)) }
    }

    /// Adds a frame; `latency` was read when it left the decoder.
    pub(crate) fn add(&mut self, shown: &ShownFrame, latency_us: u64, sink_us: u64) {
        let row = row(&shown.timings, latency_us, sink_us);
        self.rows.push((shown.frame.0, shown.pictures.len(), row));
    }

    /// Percentiles per span over all frames but the first, which warms up.
    pub(crate) fn summary(&self, backend: &Backend) -> Value {
        let seconds = self.started.elapsed().as_secs_f64();
        let pictures: usize = self.rows.iter().map(|(_, count, _)| count).sum();
        let warm = self.rows.get(1..).filter(|w| !w.is_empty()).unwrap_or(&self.rows);
        let spans = SPANS.iter().enumerate().map(|(span, name)| {
            let mut values: Vec<u64> = warm.iter().map(|(_, _, row)| row[span]).collect();
            values.sort_unstable();
            let at = |share: f64| percentile(&values, share);
            let figures = json!({
                "p50": at(0.50), "p90": at(0.90), "p99": at(0.99), "max": at(1.0),
            });
            ((*name).to_owned(), figures)
        });
        json!({
            "times": self.rows.len(),
            "pictures": pictures,
            "seconds": seconds,
            "times_per_second": self.rows.len() as f64 / seconds,
            "pictures_per_second": pictures as f64 / seconds,
            "warm_up_times": self.rows.len() - warm.len(),
            "stages": spans.collect::<serde_json::Map<_, _>>(),
            "provider": provider(backend),
        })
    }

    /// A line per frame.
    pub(crate) fn csv(&self) -> String {
        let head = format!("time,pictures,{}\n", SPANS.join(","));
        self.rows.iter().fold(head, |mut text, (frame, pictures, row)| {
            let spans = row.map(|us| us.to_string()).join(",");
            text.push_str(&format!("{frame},{pictures},{spans}\n"));
            text
        })
    }
}

/// Nearest-rank percentile of sorted `values`.
pub(super) fn percentile(values: &[u64], share: f64) -> u64 {
    let rank = (share * values.len() as f64).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}

/// `10·log10(255² / MSE)` of `samples` with the sum `squares` of their squared errors, above 0.
pub(super) fn psnr_db(squares: u64, samples: u64) -> f64 {
    10.0 * (255.0f64.powi(2) * samples as f64 / squares as f64).log10()
}

/// What became of frames at a display's ticks.
pub(super) fn deadlines(late: Late, counts: Counts) -> Value {
    let Counts { on_time, late: after, degraded, repeated, dropped } = counts;
    json!({
        "policy": late.name(), "on_time": on_time, "late": after, "degraded": degraded,
        "repeated": repeated, "dropped": dropped,
    })
}

/// The same as a line of text.
pub(super) fn in_words(counts: Counts) -> String {
    let Counts { on_time, late, degraded, repeated, dropped } = counts;
    format!(
        "ticks: {on_time} on time, {late} late, {degraded} degraded, {repeated} repeated; \
         {dropped} frames dropped"
    )
}

fn provider(backend: &Backend) -> Value {
    let Some(NetworkReport { path, precision, report, .. }) = backend.opened() else {
        return Value::Null;
    };
    let refused = report.rungs.iter().filter_map(|r| {
        r.refusal.as_ref().map(|reason| (r.provider.name().to_owned(), json!(reason)))
    });
    json!({
        "in_use": report.in_use.name(),
        "path": path.name(),
        "precision": precision.name(),
        "nodes": report.nodes,
        "refused": refused.collect::<serde_json::Map<_, _>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let values: Vec<u64> = (1..=100).collect();
        assert_eq!([0.5, 0.9, 0.99, 1.0].map(|p| percentile(&values, p)), [50, 90, 99, 100]);
        assert_eq!(percentile(&[], 0.5), 0);
    }
}
