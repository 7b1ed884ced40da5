//! Playing into nothing for a while, with a clock at every frame.

use std::time::{Duration, Instant};

use iev_runtime::Result;
use iev_runtime::format::views::ViewSet;
use iev_runtime::paint::timing::Timings;
use iev_runtime::play::deadline::{Counts, Late, Outcome};
use iev_runtime::play::paced::PacedPlayback;
use iev_runtime::play::player::{Playback, Player, Selection};
use serde_json::{Map, Value};

use super::super::statistics::{self, SPANS};
use super::super::ticks::Ticks;
use super::spread::Spread;
use super::{WARM_UP, machine, micros};

/// Most frames that room is made for beforehand: an hour at 1000 per second.
const MOST_FRAMES: usize = 3_600_000;
/// Spans of a [`statistics::Row`] that are left out: reading, which happens once per GOP.
const UNTIMED: usize = 1;
/// Spans that are measured per frame.
const STAGES: usize = SPANS.len() - UNTIMED;
/// The span from one frame in hand to the next.
const INTERVAL: &str = "interval_us";
/// The span from asking for a frame to having it in hand.
const WAIT: &str = "wait_us";

/// Names of what is measured per frame.
pub(super) fn spans() -> impl Iterator<Item = &'static str> {
    SPANS.into_iter().skip(UNTIMED).chain([INTERVAL, WAIT])
}

/// The display that asks for frames.
#[derive(Debug, Clone, Copy)]
pub(super) struct Display {
    /// Its rate.
    pub(super) hz: u16,
    /// What becomes of late frames; without it the display waits.
    pub(super) late: Option<Late>,
}

/// What playing gave.
pub(super) struct Played {
    pub(super) frames: usize,
    pub(super) seconds: f64,
    pub(super) cpu_seconds: Option<f64>,
    /// Ticks by outcome, where late frames were not waited for.
    pub(super) counts: Option<Counts>,
    /// In the order of [`spans`], all but the last two.
    stages: [Spread; STAGES],
    /// From one frame to the next.
    interval: Spread,
    /// What a display waits for.
    pub(super) wait: Spread,
    last: Instant,
}

impl Played {
    /// Plays into nothing for `length` after the warm-up, for `display` or as fast as it goes.
    pub(super) fn measure(
        player: &Player,
        views: ViewSet,
        length: Duration,
        display: Option<Display>,
    ) -> Result<Self> {
        let selection = Selection { repeat: true, ..Selection::new(views, player.frames()) };
        let mut playback = player.play(&selection)?;
        playback.by_ref().take(WARM_UP).try_for_each(|shown| shown.map(drop))?;
        let mut played = Self::begin(length);
        let (started, cpu) = (Instant::now(), machine::cpu_seconds());
        let ticks = display.map(|d| Ticks::every(Duration::from_secs(1) / u32::from(d.hz)));
        match (display.and_then(|d| d.late), ticks) {
            (Some(late), Some(ticks)) => {
                let paced = PacedPlayback::new(playback, late, ticks.period());
                played.at_ticks(paced, &ticks, length)?;
            }
            (_, ticks) => played.waiting(playback, ticks.as_ref(), length)?,
        }
        played.cpu_seconds = cpu.zip(machine::cpu_seconds()).map(|(a, b)| b - a);
        played.seconds = started.elapsed().as_secs_f64();
        Ok(played)
    }

    /// Room for what is measured in `length`, so that measuring allocates nothing.
    fn begin(length: Duration) -> Self {
        let most = (length.as_secs() as usize).saturating_mul(1000).min(MOST_FRAMES);
        let spread = || Spread::with_capacity(most);
        Self {
            frames: 0,
            seconds: 0.0,
            cpu_seconds: None,
            counts: None,
            stages: core::array::from_fn(|_| spread()),
            interval: spread(),
            wait: spread(),
            last: Instant::now(),
        }
    }

    /// Waits for every frame, however late.
    fn waiting(
        &mut self,
        mut playback: Playback,
        ticks: Option<&Ticks>,
        length: Duration,
    ) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < length {
            let tick = ticks.map_or_else(Instant::now, |ticks| ticks.next().1);
            let Some(shown) = playback.next() else { break };
            let shown = shown?;
            let (now, timings) = (Instant::now(), shown.timings);
            let latency_us = timings.age_us();
            drop(shown);
            self.add(&timings, (latency_us, micros(now)), tick, now);
        }
        Ok(())
    }

    /// Shows what there is at every tick.
    fn at_ticks(
        &mut self,
        mut paced: PacedPlayback,
        ticks: &Ticks,
        length: Duration,
    ) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < length {
            let (time, tick) = ticks.next();
            let Some(shown) = paced.tick(time, ticks.patience()) else { break };
            let shown = shown?;
            let new = !matches!(shown.outcome, Outcome::Repeated | Outcome::Unchanged);
            let timings = shown.shown.filter(|_| new).map(|shown| shown.timings);
            if let Some(timings) = timings {
                self.add(&timings, (timings.age_us(), 0), tick, Instant::now());
            }
        }
        self.counts = Some(paced.counts());
        Ok(())
    }

    /// Adds a frame that was asked for at `tick` and in hand `now`.
    fn add(
        &mut self,
        timings: &Timings,
        (latency_us, sink_us): (u64, u64),
        tick: Instant,
        now: Instant,
    ) {
        let values = statistics::row(timings, latency_us, sink_us).into_iter().skip(UNTIMED);
        self.stages.iter_mut().zip(values).for_each(|(s, us): (&mut Spread, _)| s.add(us));
        self.interval.add((now - self.last).as_micros() as u64);
        self.wait.add((now - tick).as_micros() as u64);
        (self.last, self.frames) = (now, self.frames + 1);
    }

    pub(super) fn spans(&self) -> Map<String, Value> {
        let spreads = self.stages.iter().chain([&self.interval, &self.wait]);
        spans().zip(spreads).map(|(n, s)| (n.to_owned(), s.summary())).collect()
    }

    pub(super) fn median_s(&self, span: &str) -> f64 {
        let place = spans().position(|s| s == span);
        place.map_or(0.0, |p| self.stages[p].median() as f64 / 1e6)
    }
}
