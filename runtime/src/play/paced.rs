//! A playback on a display's clock: late frames are dropped, repeated or degraded, and counted.
//!
//! The clock is the caller's: [`PacedPlayback::tick`] is told the time and never sleeps longer than it is
//! allowed to wait for a picture. The rules are [`deadline`](crate::play::deadline)'s.

use std::time::{Duration, Instant};

use super::deadline::{Counts, InHand, Late, Outcome, Pace};
use super::player::Playback;
use super::shares::Arrival;
use super::shown::ShownFrame;
use crate::error::{Error, Result};

/// What a display shows from one tick to the next.
#[derive(Debug, Clone, Copy)]
pub struct Tick<'a> {
    /// How it came to that.
    pub outcome: Outcome,
    /// The pictures; none before the first frame is in hand.
    pub shown: Option<&'a ShownFrame>,
}

/// A playback whose frames are due one period after another.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// use iev_runtime::{Backend, Late, Options, PacedPlayback, Player, Selection, Source, ViewId};
///
/// # fn main() -> iev_runtime::Result<()> {
/// let stream = Source::from(iev_models::SAMPLE.to_vec());
/// let player = Player::over(stream, Options::new(Backend::default().opener()))?;
/// let selection = Selection::new([ViewId(2)].into_iter().collect(), 0..12);
/// let period = Duration::from_secs(1) / 90;
/// let mut paced = PacedPlayback::new(player.play(&selection)?, Late::Repeat, period);
/// // The display's clock; a real one waits for its refresh where this one sleeps.
/// let display = Instant::now();
/// while let Some(tick) = paced.tick(display.elapsed(), period / 4) {
///     if let Some(shown) = tick?.shown {
///         assert_eq!(shown.with_ids().count(), 1);
///     }
///     std::thread::sleep(period);
/// }
/// assert_eq!(paced.counts().on_time + paced.counts().late, 12);
/// # Ok(())
/// # }
/// ```
pub struct PacedPlayback {
    playback: Playback,
    pace: Pace,
    /// Frames taken from the playback before it was paced.
    before: u64,
    shown: Option<ShownFrame>,
    /// What came behind the frame now shown, for the next tick.
    failed: Option<Error>,
}

impl PacedPlayback {
    /// Plays `playback` with a frame due every `period`; the clock starts with the first one shown.
    ///
    /// # Panics
    /// If the period is zero.
    pub fn new(playback: Playback, late: Late, period: Duration) -> Self {
        let before = playback.taken();
        Self { playback, pace: Pace::new(late, period), before, shown: None, failed: None }
    }

    /// What the display shows when its clock reads `now`; waits for what is due, at most `patience`.
    ///
    /// A patience of zero takes what is in hand. Then a backlog may last for a few ticks longer, since
    /// the stages hand over one frame after another: a quarter of a period clears it at once.
    /// `None` once the last frame has had its turn; an error comes in its turn too.
    pub fn tick(&mut self, now: Duration, patience: Duration) -> Option<Result<Tick<'_>>> {
        if let Some(error) = self.failed.take() {
            return Some(Err(error));
        }
        // Frames are taken as long as the policy wants another; the newest that is fit stays.
        let due = self.pace.due(now);
        let started = Instant::now();
        let mut found: Option<InHand> = None;
        let mut ended = false;
        while self.pace.wants(due, found) {
            let left = patience.saturating_sub(started.elapsed());
            match self.playback.next_within(left) {
                Arrival::Item(Ok(shown)) => {
                    let (taken, fit) = self.pace.take(shown.degraded);
                    if fit {
                        self.shown = Some(shown);
                        if found.replace(taken).is_some() {
                            self.pace.pass_over();
                        }
                    }
                }
                Arrival::Item(Err(error)) if found.is_none() => return Some(Err(error)),
                Arrival::Item(Err(error)) => {
                    self.failed = Some(error);
                    break;
                }
                Arrival::NotYet => break,
                Arrival::Ended => {
                    ended = true;
                    break;
                }
            }
        }
        if ended && found.is_none() {
            return None;
        }
        // What the display shows, and what painters need not begin with.
        let outcome = self.pace.show(now, due, found);
        self.playback.skip_before(self.before + self.pace.unpainted_before());
        Some(Ok(Tick { outcome, shown: self.shown.as_ref() }))
    }

    /// What the last tick showed; none before the first frame is in hand.
    pub fn shown(&self) -> Option<&ShownFrame> {
        self.shown.as_ref()
    }

    /// The playback, to show other views.
    pub fn playback(&self) -> &Playback {
        &self.playback
    }

    /// What the ticks showed so far.
    pub fn counts(&self) -> Counts {
        self.pace.counts()
    }
}
