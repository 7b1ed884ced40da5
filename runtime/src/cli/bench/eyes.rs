//! A head that goes to and fro between the cameras, and how long its two eyes wait for their pictures.

use std::f64::consts::TAU;
use std::time::{Duration, Instant};

use iev_runtime::format::cameras::Cameras;
use iev_runtime::format::views::ViewSet;
use iev_runtime::play::Arrival;
use iev_runtime::play::posed::PosedPlayback;
use iev_runtime::render::{Renderer, Viewpoint};
use iev_runtime::{Picture, Result, Size};
use serde::Serialize;

use super::super::ticks::Ticks;
use super::spread::{Misses, Ranks, Spread};

/// How long a head takes to go to the other end and back.
const THERE_AND_BACK: Duration = Duration::from_secs(8);

/// A head between the first and the last of the views that play.
pub(super) struct Head {
    ends: [Viewpoint; 2],
    /// Between the eyes, in the units of the cameras.
    apart: f64,
    /// Tells which views a place is seen from.
    guide: Renderer,
    reachable: ViewSet,
    pub(super) cameras: Cameras,
}

impl Head {
    pub(super) fn new(cameras: Cameras, size: Size, reachable: ViewSet, apart: f64) -> Self {
        let mut own = reachable.iter().map(|view| &cameras.views[usize::from(view.0)]);
        let first = own.next().unwrap_or(&cameras.views[0]);
        let ends = [first, own.last().unwrap_or(first)].map(|at| Viewpoint::of_camera(at, size));
        Self { ends, apart, guide: Renderer::new(size, &cameras), reachable, cameras }
    }

    /// What the eyes see after `time`.
    fn eyes(&self, time: Duration) -> [Viewpoint; 2] {
        let along = 0.5 - 0.5 * (TAU * time.div_duration_f64(THERE_AND_BACK)).cos();
        let [from, to] = &self.ends;
        let position = from.position + (to.position - from.position) * along;
        // Cameras that look opposite ways have no way between them.
        let turned = from.rotation.try_slerp(&to.rotation, along, 1e-6);
        let rotation = turned.unwrap_or(from.rotation);
        let head = Viewpoint { position, rotation, ..*from };
        [-0.5, 0.5].map(|side| head.moved_right(side * self.apart))
    }

    /// The views among those that play which `eyes` are best rendered from; all, where none of the best ones plays.
    pub(super) fn views(&self, eyes: &[Viewpoint; 2]) -> ViewSet {
        let best = eyes.iter().flat_map(|eye| self.guide.views(eye));
        let best: ViewSet = best.filter(|view| self.reachable.contains(*view)).collect();
        if best.is_empty() { self.reachable } else { best }
    }

    pub(super) fn views_at_start(&self) -> ViewSet {
        self.views(&self.eyes(Duration::ZERO))
    }
}

/// What two eyes had at the ticks of a display.
pub(super) struct Pairs {
    from_tick_us: Spread,
    /// Ticks that showed an older frame than was due.
    stale: u64,
    /// Frames that were passed over, because later ones were due.
    dropped: u64,
    /// Whether depth was found in fewer pixels in the end, because most frames came late.
    quick_depth: bool,
}

/// The same as JSON has it.
#[derive(Debug, Serialize)]
pub(super) struct PairsReport {
    pub(super) times: usize,
    pub(super) from_tick_us: Option<Ranks>,
    pub(super) misses: Misses,
    pub(super) stale: u64,
    pub(super) dropped: u64,
    pub(super) quick_depth: bool,
}

impl Pairs {
    pub(super) fn with_capacity(most: usize) -> Self {
        let from_tick_us = Spread::with_capacity(most);
        Self { from_tick_us, stale: 0, dropped: 0, quick_depth: false }
    }

    /// Renders a pair at every tick, from the newest frame that is due; `taken` is told of each.
    pub(super) fn render(
        &mut self,
        posed: &mut PosedPlayback,
        head: &Head,
        (tick_period, frame_period): (Duration, Duration),
        length: Duration,
        mut taken: impl FnMut(&PosedPlayback, Instant),
    ) -> Result<()> {
        let size = head.ends[0].size;
        let [mut left, mut right] = [Picture::new(size), Picture::new(size)];
        // The clock starts with the first frame in hand.
        posed.next_frame().transpose()?;
        let Some(first) = posed.number() else { return Ok(()) };
        let (ticks, mut next) = (Ticks::every(tick_period), first + 1);
        loop {
            let (time, tick) = ticks.next();
            if time > length {
                return Ok(());
            }
            let due = first + time.div_duration_f64(frame_period) as u64;
            posed.skip_before(due);
            // A frame that is not there does not keep the head waiting.
            while next <= due {
                match posed.next_frame_within(Duration::ZERO) {
                    Arrival::Item(frame) => frame.map(drop)?,
                    Arrival::NotYet => {
                        self.stale += 1;
                        break;
                    }
                    Arrival::Ended => return Ok(()),
                }
                taken(posed, tick);
                let number = posed.number().unwrap_or(next);
                self.dropped += number.saturating_sub(next);
                next = number + 1;
            }
            self.quick_depth = posed.is_quick();
            let eyes = head.eyes(time);
            posed.show(head.views(&eyes));
            posed.render_pair([(&eyes[0], &mut left), (&eyes[1], &mut right)]);
            self.from_tick_us.add(tick.elapsed().as_micros() as u64);
        }
    }

    /// For a display of `hz`.
    pub(super) fn report(&self, hz: u16) -> PairsReport {
        PairsReport {
            times: self.from_tick_us.len(),
            from_tick_us: self.from_tick_us.summary(),
            misses: self.from_tick_us.misses(hz.into()),
            stale: self.stale,
            dropped: self.dropped,
            quick_depth: self.quick_depth,
        }
    }
}
