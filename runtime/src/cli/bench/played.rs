//! Playing into nothing for a while, with a clock at every frame.

use std::time::{Duration, Instant};

use iev_runtime::Result;
use iev_runtime::format::views::ViewSet;
use iev_runtime::paint::timing::Timings;
use iev_runtime::play::deadline::{Counts, Late, Outcome};
use iev_runtime::play::paced::PacedPlayback;
use iev_runtime::play::player::{Playback, Player, Selection};
use iev_runtime::play::posed::{Consumer, PosedPlayback};
use serde::Serialize;

use super::super::Failure;
use super::super::decode::period_of;
use super::super::statistics::{self, StageSpans};
use super::super::ticks::Ticks;
use super::eyes::{Head, Pairs};
use super::spread::{Ranks, Spread};
use super::{WARM_UP, machine, micros};

/// Most frames that room is made for beforehand: an hour at 1000 per second.
const MOST_FRAMES: usize = 3_600_000;

/// What is measured per frame; reading is not, since it happens once per GOP.
#[derive(Debug, Serialize)]
pub(super) struct FrameSpans<T> {
    #[serde(flatten)]
    pub(super) stages: StageSpans<T>,
    /// From one frame in hand to the next.
    pub(super) interval_us: T,
    /// From asking for a frame to having it in hand: what a display waits for.
    pub(super) wait_us: T,
}

impl<T> FrameSpans<T> {
    /// Every span with the name that text has for it.
    pub(super) fn named(&self) -> impl Iterator<Item = (&'static str, &T)> {
        let others = [("interval", &self.interval_us), ("wait", &self.wait_us)];
        StageSpans::<T>::NAMES.into_iter().zip(self.stages.each()).chain(others)
    }
}

/// The display that asks for frames.
pub(super) struct Display {
    /// Its rate.
    pub(super) hz: u16,
    pub(super) shows: Shows,
}

/// What a display shows at its ticks.
pub(super) enum Shows {
    /// A frame at each, however long it takes.
    Frames,
    /// What frame there is; this becomes of those that come late.
    InTime(Late),
    /// What two eyes see of the frame that is due.
    Eyes(Box<Head>),
}

/// What playing gave.
pub(super) struct Played {
    pub(super) frames: usize,
    pub(super) seconds: f64,
    pub(super) cpu_seconds: Option<f64>,
    /// Given to the network and taken from it.
    pub(super) moved_bytes: u64,
    /// Ticks by outcome, where late frames were not waited for.
    pub(super) counts: Option<Counts>,
    pub(super) spreads: FrameSpans<Spread>,
    /// Of two eyes, where those were asked for.
    pub(super) pairs: Option<Pairs>,
    last: Instant,
}

impl Played {
    /// Plays into nothing for `length` after the warm-up, for `display` or as fast as it goes.
    pub(super) fn measure(
        player: &Player,
        views: ViewSet,
        length: Duration,
        display: Option<&Display>,
    ) -> Result<Self, Failure> {
        let shows = display.map_or(&Shows::Frames, |display| &display.shows);
        let shown = if let Shows::Eyes(head) = shows { head.views_at_start() } else { views };
        let selection = Selection { shown, ..Selection::new(views, player.frames()) };
        let mut playback = player.play(&Selection { repeat: true, ..selection })?;
        playback.by_ref().take(WARM_UP).try_for_each(|shown| shown.map(drop))?;
        // Room is made before the clock starts.
        let mut played = Self::begin(length);
        let (started, cpu) = (Instant::now(), machine::cpu_seconds());
        let ticks = display.map(|d| Ticks::every(Duration::from_secs(1) / u32::from(d.hz)));
        match (shows, ticks) {
            (Shows::InTime(late), Some(ticks)) => {
                let paced = PacedPlayback::new(playback, *late, ticks.period());
                played.at_ticks(paced, &ticks, length)?;
            }
            (Shows::Eyes(head), Some(ticks)) => {
                let posed = PosedPlayback::over(playback, None, &head.cameras, Consumer::Display)?;
                let periods = (ticks.period(), period_of(player.header())?);
                played.in_pairs(posed, head, periods, length)?;
            }
            (_, ticks) => played.waiting(playback, ticks.as_ref(), length)?,
        }
        played.cpu_seconds = cpu.zip(machine::cpu_seconds()).map(|(a, b)| b - a);
        played.seconds = started.elapsed().as_secs_f64();
        Ok(played)
    }

    /// Room for what is measured in `length`, so that measuring allocates nothing.
    fn begin(length: Duration) -> Self {
        let spread = || Spread::with_capacity(room(length));
        Self {
            frames: 0,
            seconds: 0.0,
            cpu_seconds: None,
            moved_bytes: 0,
            counts: None,
            spreads: FrameSpans {
                stages: core::array::from_fn(|_| spread()).into(),
                interval_us: spread(),
                wait_us: spread(),
            },
            pairs: None,
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

    /// Renders a pair at every tick.
    fn in_pairs(
        &mut self,
        mut posed: PosedPlayback,
        head: &Head,
        periods: (Duration, Duration),
        length: Duration,
    ) -> Result<()> {
        let mut pairs = Pairs::with_capacity(room(length));
        pairs.render(&mut posed, head, periods, length, |posed, tick| {
            let Some(shown) = posed.shown() else { return };
            self.add(&shown.timings, (shown.timings.age_us(), 0), tick, Instant::now());
        })?;
        self.pairs = Some(pairs);
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
        let measured = statistics::spans(timings, latency_us, sink_us);
        let FrameSpans { stages, interval_us, wait_us } = &mut self.spreads;
        stages.each_mut().into_iter().zip(measured.each()).for_each(|(s, us)| s.add(*us));
        interval_us.add((now - self.last).as_micros() as u64);
        wait_us.add((now - tick).as_micros() as u64);
        self.moved_bytes += timings.moved_bytes;
        (self.last, self.frames) = (now, self.frames + 1);
    }

    /// Percentiles of every span.
    pub(super) fn spans(&self) -> FrameSpans<Option<Ranks>> {
        let FrameSpans { stages, interval_us, wait_us } = &self.spreads;
        FrameSpans {
            stages: stages.each().map(Spread::summary).into(),
            interval_us: interval_us.summary(),
            wait_us: wait_us.summary(),
        }
    }
}

/// Most frames or pairs in `length`.
fn room(length: Duration) -> usize {
    (length.as_secs() as usize).saturating_mul(1000).min(MOST_FRAMES)
}
