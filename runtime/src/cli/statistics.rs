//! Latency statistics of a decode, and what reports share.

use std::collections::BTreeMap;
use std::time::Instant;

use iev_runtime::network::backend::{Backend, NetworkReport};
use iev_runtime::paint::timing::Timings;
use iev_runtime::play::deadline::{Counts, Late};
use iev_runtime::play::shown::ShownFrame;
use serde::Serialize;

/// One value of each span that is measured of every frame; `network_us` and `warp_us` are parts of `reconstruct_us`.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct StageSpans<T> {
    pub(crate) anchor_us: T,
    pub(crate) reconstruct_us: T,
    pub(crate) network_us: T,
    pub(crate) warp_us: T,
    pub(crate) fuse_us: T,
    pub(crate) sink_us: T,
    pub(crate) latency_us: T,
}

impl<T> StageSpans<T> {
    /// Names as text has them, without the unit, in the order of [`Self::each`].
    pub(crate) const NAMES: [&'static str; 7] =
        ["anchor", "reconstruct", "network", "warp", "fuse", "sink", "latency"];

    /// The spans in order.
    pub(crate) fn each(&self) -> [&T; 7] {
        let Self { anchor_us, reconstruct_us, network_us, warp_us, fuse_us, sink_us, latency_us } =
            self;
        [anchor_us, reconstruct_us, network_us, warp_us, fuse_us, sink_us, latency_us]
    }

    /// The spans to be changed, in order.
    pub(crate) fn each_mut(&mut self) -> [&mut T; 7] {
        let Self { anchor_us, reconstruct_us, network_us, warp_us, fuse_us, sink_us, latency_us } =
            self;
        [anchor_us, reconstruct_us, network_us, warp_us, fuse_us, sink_us, latency_us]
    }
}

impl<T> From<[T; 7]> for StageSpans<T> {
    fn from(each: [T; 7]) -> Self {
        let [anchor_us, reconstruct_us, network_us, warp_us, fuse_us, sink_us, latency_us] = each;
        Self { anchor_us, reconstruct_us, network_us, warp_us, fuse_us, sink_us, latency_us }
    }
}

/// The spans of a frame; latency and sink are the consumer's to measure.
pub(super) fn spans(t: &Timings, latency_us: u64, sink_us: u64) -> StageSpans<u64> {
    StageSpans {
        anchor_us: t.anchor_us,
        reconstruct_us: t.reconstruct_us,
        network_us: t.network_us,
        warp_us: t.warp_us,
        fuse_us: t.fuse_us,
        sink_us,
        latency_us,
    }
}

/// What was measured of one frame.
#[derive(Debug)]
struct FrameRow {
    /// Its place in the stream.
    frame: u32,
    pictures: usize,
    /// Time the reader took for its GOP, of the first frame; 0 of others.
    read_us: u64,
    moved_bytes: u64,
    spans: StageSpans<u64>,
}

/// What was measured, a row per frame.
#[derive(Debug)]
pub(crate) struct Statistics {
    started: Instant,
    rows: Vec<FrameRow>,
}

/// What `iev decode --stats json` says, and `iev demo --json` too.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) times: usize,
    pub(crate) pictures: usize,
    pub(crate) seconds: f64,
    pub(crate) times_per_second: f64,
    pub(crate) pictures_per_second: f64,
    warm_up_times: usize,
    pub(crate) stages: Stages,
    moved_bytes_per_time: f64,
    pub(crate) provider: Option<ProviderSummary>,
}

/// Percentiles of every span.
#[derive(Debug, Serialize)]
pub(crate) struct Stages {
    pub(crate) read_us: Percentiles,
    #[serde(flatten)]
    pub(crate) spans: StageSpans<Percentiles>,
}

/// What the network runs on.
#[derive(Debug, Serialize)]
pub(crate) struct ProviderSummary {
    pub(crate) in_use: &'static str,
    path: &'static str,
    precision: &'static str,
    nodes: BTreeMap<String, usize>,
    refused: BTreeMap<&'static str, String>,
}

impl Statistics {
    /// Starts the clock.
    pub(crate) fn start(frames: usize) -> Self {
        Self { started: Instant::now(), rows: Vec::with_capacity(frames.min(1 << 20)) }
    }

    /// Adds a frame; `latency` was read when it left the decoder.
    pub(crate) fn add(&mut self, shown: &ShownFrame, latency_us: u64, sink_us: u64) {
        self.rows.push(FrameRow {
            frame: shown.frame.0,
            pictures: shown.pictures.len(),
            read_us: shown.timings.read_us,
            moved_bytes: shown.timings.moved_bytes,
            spans: spans(&shown.timings, latency_us, sink_us),
        });
    }

    /// Percentiles per span over all frames but the first, which warms up.
    pub(crate) fn summary(&self, backend: &Backend) -> Summary {
        let seconds = self.started.elapsed().as_secs_f64();
        let pictures: usize = self.rows.iter().map(|row| row.pictures).sum();
        let moved: u64 = self.rows.iter().map(|row| row.moved_bytes).sum();
        let warm = self.rows.get(1..).filter(|w| !w.is_empty()).unwrap_or(&self.rows);
        let span = |at: usize| warm.iter().map(|row| *row.spans.each()[at]).collect();
        let stages = Stages {
            read_us: Percentiles::of(warm.iter().map(|row| row.read_us).collect()),
            spans: core::array::from_fn(|at| Percentiles::of(span(at))).into(),
        };
        Summary {
            times: self.rows.len(),
            pictures,
            seconds,
            times_per_second: self.rows.len() as f64 / seconds,
            pictures_per_second: pictures as f64 / seconds,
            warm_up_times: self.rows.len() - warm.len(),
            stages,
            moved_bytes_per_time: moved as f64 / self.rows.len().max(1) as f64,
            provider: backend.opened().map(ProviderSummary::of),
        }
    }

    /// A line per frame.
    pub(crate) fn csv(&self) -> String {
        let names = StageSpans::<u64>::NAMES.map(|name| format!("{name}_us")).join(",");
        let head = format!("time,pictures,read_us,{names}\n");
        self.rows.iter().fold(head, |mut text, FrameRow { frame, pictures, read_us, spans, .. }| {
            let spans = spans.each().map(|us| us.to_string()).join(",");
            text.push_str(&format!("{frame},{pictures},{read_us},{spans}\n"));
            text
        })
    }
}

impl ProviderSummary {
    fn of(NetworkReport { path, precision, report, .. }: NetworkReport) -> Self {
        let refusals = report.rungs.into_iter();
        let refused = refusals.filter_map(|rung| Some((rung.provider.name(), rung.refusal?)));
        Self {
            in_use: report.in_use.name(),
            path: path.name(),
            precision: precision.name(),
            nodes: report.nodes,
            refused: refused.collect(),
        }
    }
}

/// Nearest-rank percentiles of one span.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) p50: u64,
    pub(crate) p90: u64,
    pub(crate) p99: u64,
    pub(crate) max: u64,
}

impl Percentiles {
    /// Names in the order of [`Self::each`].
    pub(crate) const NAMES: [&'static str; 4] = ["p50", "p90", "p99", "max"];

    /// Of `values` in any order; 0 without any.
    fn of(mut values: Vec<u64>) -> Self {
        values.sort_unstable();
        Self::of_sorted(&values)
    }

    /// The same of sorted values.
    pub(super) fn of_sorted(values: &[u64]) -> Self {
        let at = |share| percentile(values, share);
        Self { p50: at(0.50), p90: at(0.90), p99: at(0.99), max: at(1.0) }
    }

    pub(crate) fn each(self) -> [u64; 4] {
        [self.p50, self.p90, self.p99, self.max]
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
#[derive(Debug, Serialize)]
pub(super) struct Deadlines {
    pub(super) policy: &'static str,
    pub(super) on_time: u64,
    pub(super) late: u64,
    pub(super) degraded: u64,
    pub(super) repeated: u64,
    pub(super) dropped: u64,
}

impl Deadlines {
    pub(super) fn of((policy, counts): (Late, Counts)) -> Self {
        let Counts { on_time, late, degraded, repeated, dropped } = counts;
        Self { policy: policy.name(), on_time, late, degraded, repeated, dropped }
    }

    /// The same as a line of text.
    pub(super) fn in_words(&self) -> String {
        let Self { on_time, late, degraded, repeated, dropped, .. } = self;
        format!(
            "ticks: {on_time} on time, {late} late, {degraded} degraded, {repeated} repeated; \
             {dropped} frames dropped"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        assert_eq!(Percentiles::of((1..=100).rev().collect()).each(), [50, 90, 99, 100]);
        assert_eq!(Percentiles::of(Vec::new()).p50, 0);
    }

    #[test]
    fn every_span_stands_in_its_place() {
        let spans = StageSpans::from(StageSpans::<u64>::NAMES);
        let written = serde_json::to_value(spans).unwrap();
        for (key, name) in written.as_object().unwrap() {
            assert_eq!(key.strip_suffix("_us"), name.as_str());
        }
        assert_eq!(spans.each().map(|name| *name), StageSpans::<u64>::NAMES);
    }
}
