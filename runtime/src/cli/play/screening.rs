//! What plays in the window, and what wishes make of it.

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use iev_runtime::format::cameras::Cameras;
use iev_runtime::format::views::ViewSet;
use iev_runtime::paint::timing::Timings;
use iev_runtime::play::deadline::{Counts, Late, Outcome};
use iev_runtime::play::paced::PacedPlayback;
use iev_runtime::play::player::{Player, Selection};
use iev_runtime::play::shown::ShownFrame;
use iev_runtime::render::Viewpoint;
use iev_runtime::{Picture, Result, ViewId};

use super::clock::Clock;
use super::head::Place;
use super::keys::Wish;
use super::posed::Posed;
use crate::cli::Failure;
use crate::cli::decode::period_of;
use crate::cli::statistics::Deadlines;

const SPEEDS: RangeInclusive<f64> = 0.125..=8.0;

/// Longest wait for the frame that a step asks for.
const STEP: Duration = Duration::from_secs(2);

/// What is to be shown, and how.
pub(super) struct Program {
    pub late: Late,
    pub once: bool,
    /// In the order in which they stand in the window.
    pub views: Vec<ViewId>,
}

/// A stream on the window's clock.
pub(super) struct Screening<'p> {
    pub player: &'p Player,
    program: Program,
    cameras: Option<Cameras>,
    /// Where the head is, once it has left the cameras.
    posed: Option<Posed>,
    paced: PacedPlayback,
    clock: Clock,
    period: Duration,
    /// When the first frame of the playback was shown: the others are due whole periods later.
    started: Option<Duration>,
    /// Of playbacks before this one.
    counts: Counts,
}

/// What a tick brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Brought {
    Nothing,
    Pictures,
    End,
}

impl<'p> Screening<'p> {
    pub(super) fn start(player: &'p Player, program: Program) -> Result<Self, Failure> {
        let period = period_of(player.header())?;
        let paced = playback(player, &program, period, 0)?;
        let (clock, counts) = (Clock::new(), Counts::default());
        let cameras = player.cameras()?;
        Ok(Self {
            player,
            program,
            cameras,
            posed: None,
            paced,
            clock,
            period,
            started: None,
            counts,
        })
    }

    /// Shows what is due, if anything new is.
    pub(super) fn tick(&mut self) -> Result<Brought> {
        self.tick_within(self.period / 4)
    }

    fn tick_within(&mut self, patience: Duration) -> Result<Brought> {
        let now = self.clock.now();
        let Some(tick) = self.paced.tick(now, patience) else { return Ok(Brought::End) };
        let tick = tick?;
        if tick.shown.is_some() {
            self.started.get_or_insert(now);
        }
        Ok(match tick.outcome {
            Outcome::OnTime | Outcome::Late | Outcome::Degraded => Brought::Pictures,
            Outcome::Repeated | Outcome::Unchanged => Brought::Nothing,
        })
    }

    /// When to tick next: at once before the first picture, and never while the clock stands behind it.
    pub(super) fn next_tick(&self) -> Option<Instant> {
        let Some(started) = self.started else { return Some(Instant::now()) };
        let passed = self.clock.now().saturating_sub(started).as_nanos() / self.period.as_nanos();
        let periods = u32::try_from(passed + 1).unwrap_or(u32::MAX);
        self.clock.when(started + self.period * periods)
    }

    pub(super) fn shown(&self) -> Option<&ShownFrame> {
        self.paced.shown()
    }

    pub(super) fn cameras(&self) -> Option<&Cameras> {
        self.cameras.as_ref()
    }

    /// Views in the window, in order.
    pub(super) fn views(&self) -> &[ViewId] {
        &self.program.views
    }

    fn is_paused(&self) -> bool {
        !self.clock.is_running()
    }

    /// What became of frames at the window's ticks.
    pub(super) fn deadlines(&self) -> Deadlines {
        Deadlines::of((self.program.late, sum(self.counts, self.paced.counts())))
    }

    /// What it does, for the window's title.
    pub(super) fn in_words(&self) -> String {
        let views: Vec<String> = self.views().iter().map(|view| view.0.to_string()).collect();
        let mut words = match (&self.posed, views.len()) {
            (Some(_), _) => format!("near view {}", views[0]),
            (None, 1) => format!("view {}", views[0]),
            (None, _) => format!("views {}", views.join(", ")),
        };
        if self.clock.speed() != 1.0 {
            words += &format!(", {}x", self.clock.speed());
        }
        match self.shown() {
            Some(shown) if self.is_paused() => words + &format!(", paused at {}", shown.frame.0),
            _ => words,
        }
    }

    /// Lines to be written over the picture.
    pub(super) fn statistics(&self) -> Vec<String> {
        let mut lines = vec![self.in_words(), self.deadlines().in_words()];
        if let Some(shown) = self.shown() {
            let Timings { anchor_us, network_us, warp_us, fuse_us, .. } = shown.timings;
            let [anchor, network, warp, fuse] =
                [anchor_us, network_us, warp_us, fuse_us].map(|us| us as f64 / 1000.0);
            lines.push(format!("frame {} of {}", shown.frame.0, self.player.frames().end));
            lines.push(format!(
                "ms: explicit {anchor:.1}, network {network:.1}, warp {warp:.1}, fuse {fuse:.1}"
            ));
        }
        lines
    }

    /// Does what keys ask for, but for what the window does itself.
    pub(super) fn grant(&mut self, wish: Wish) -> Result<()> {
        match wish {
            Wish::Pause => self.clock.run(self.is_paused()),
            Wish::StepOn => self.step()?,
            Wish::StepBack => {
                self.clock.run(false);
                let frame = self.frame();
                let last = self.player.frames().end - 1;
                self.seek(frame.checked_sub(1).unwrap_or(last))?;
            }
            Wish::View(view) => self.show(ViewId(view))?,
            Wish::ViewBefore => self.show(self.beside(-1))?,
            Wish::NextView => self.show(self.beside(1))?,
            Wish::Faster => self.set_speed(self.clock.speed() * 2.0),
            Wish::Slower => self.set_speed(self.clock.speed() / 2.0),
            Wish::Start => self.seek(0)?,
            Wish::Statistics | Wish::Close => {}
        }
        Ok(())
    }

    /// Shows one view, if there is such a one.
    pub(super) fn show(&mut self, view: ViewId) -> Result<()> {
        if usize::from(view.0) >= self.player.header().views.len() {
            return Ok(());
        }
        self.posed = None;
        self.change_views(vec![view])
    }

    /// Where the head is: a pose where the stream has cameras.
    pub(super) fn place(&self) -> Place {
        let view = self.views().first().map_or(ViewId(0), |view| *view);
        let size = self.player.header().size;
        let at_camera = |cameras: &Cameras| {
            cameras.views.get(usize::from(view.0)).map(|camera| Viewpoint::of_camera(camera, size))
        };
        let at = self.posed.as_ref().map(|posed| posed.at);
        at.or_else(|| self.cameras.as_ref().and_then(at_camera))
            .map_or(Place::View(view), Place::At)
    }

    /// Moves the head.
    pub(super) fn go(&mut self, to: Place) -> Result<()> {
        match (to, &self.cameras) {
            (Place::View(view), _) => self.show(view),
            (Place::At(at), Some(cameras)) => {
                let size = self.player.header().size;
                let posed = self.posed.get_or_insert_with(|| Posed::new(cameras, size, at));
                posed.at = at;
                let views = posed.views();
                self.change_views(views)
            }
            (Place::At(_), None) => Ok(()),
        }
    }

    /// What the head sees, where it has left the cameras.
    pub(super) fn seen(&mut self) -> Option<&Picture> {
        let Self { posed, paced, period, .. } = self;
        Some(posed.as_mut()?.render(paced.shown()?, *period))
    }

    fn change_views(&mut self, views: Vec<ViewId>) -> Result<()> {
        let [before, now] = [self.views(), &views].map(|v| v.iter().copied().collect::<ViewSet>());
        self.program.views = views;
        if self.is_paused() {
            // The same frame comes with what it lacks, which may be on its way as the clock is stopped.
            let shown = self.shown().map(|shown| shown.pictures.iter().map(|p| p.view).collect());
            let there = shown.is_some_and(|shown: ViewSet| shown.includes(now));
            return if there { Ok(()) } else { self.seek(self.frame()) };
        }
        if before == now { Ok(()) } else { self.paced.playback().show(now) }
    }

    fn beside(&self, by: i16) -> ViewId {
        let views = self.player.header().views.len() as i16;
        let first = self.views().first().map_or(0, |view| i16::from(view.0));
        ViewId((first + by).rem_euclid(views) as u8)
    }

    fn set_speed(&mut self, speed: f64) {
        if SPEEDS.contains(&speed) {
            self.clock.set_speed(speed);
        }
    }

    fn frame(&self) -> u32 {
        self.shown().map_or(0, |shown| shown.frame.0)
    }

    fn step(&mut self) -> Result<()> {
        self.clock.run(false);
        if self.started.is_some() {
            self.clock.advance(self.period);
        }
        self.tick_within(STEP).map(drop)
    }

    fn seek(&mut self, frame: u32) -> Result<()> {
        let next = playback(self.player, &self.program, self.period, frame)?;
        let last = std::mem::replace(&mut self.paced, next);
        self.counts = sum(self.counts, last.counts());
        self.started = None;
        Ok(())
    }
}

/// Plays from `frame` on.
fn playback(
    player: &Player,
    program: &Program,
    period: Duration,
    frame: u32,
) -> Result<PacedPlayback> {
    let views: ViewSet = program.views.iter().copied().collect();
    let all = Selection::switchable(views, player.header(), player.frames());
    let selection = Selection { repeat: !program.once, skip_to: frame, ..all };
    Ok(PacedPlayback::new(player.play(&selection)?, program.late, period))
}

fn sum(a: Counts, b: Counts) -> Counts {
    Counts {
        on_time: a.on_time + b.on_time,
        late: a.late + b.late,
        degraded: a.degraded + b.degraded,
        repeated: a.repeated + b.repeated,
        dropped: a.dropped + b.dropped,
    }
}
