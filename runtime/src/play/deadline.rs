//! What a display shows at its ticks when pictures come late.
//!
//! Plain arithmetic on the display's clock: nothing here waits or knows a picture, so every rule is
//! a row of a table in the tests. [`PacedPlayback`](crate::play::paced::PacedPlayback) puts a playback behind it.
//!
//! Frames are numbered in the order they are played, from 0 on, whatever they are called in the
//! stream. Frame `n` is due `n` periods after the first one was shown.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::named::by_name;

/// What becomes of frames that are not in hand when they are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum Late {
    /// The newest in hand is shown; those passed over are never shown, and not painted where no
    /// painter has begun with them.
    Drop,
    /// Every frame is shown. What is on screen stays until the next one is in hand, and all later
    /// ones are due that much later.
    Repeat,
    /// As [`Late::Drop`], and after a miss the frames of the next [`RECOVERY`] ticks come without what the
    /// network paints: fewer views, or the anchor where no other was asked for.
    Degrade,
}

/// Frames shown degraded after a miss, before all views are tried again.
pub const RECOVERY: u64 = 8;

impl Late {
    /// All policies.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// Name on the command line and in reports.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

impl core::str::FromStr for Late {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        by_name("policy for late frames", name)
    }
}

/// What a tick shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The frame that is due.
    OnTime,
    /// A frame whose own tick has passed.
    Late,
    /// A frame without what the network paints.
    Degraded,
    /// What was shown before, since nothing that is due is in hand.
    Repeated,
    /// What was shown before, since nothing newer is due: the display is faster than the stream.
    /// Also before the first frame, when there is nothing to show.
    Unchanged,
}

/// Ticks by [`Outcome`], and frames that no tick showed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Ticks with the frame that was due.
    pub on_time: u64,
    /// Ticks with an older frame than was due.
    pub late: u64,
    /// Ticks with a frame that lacks what the network paints.
    pub degraded: u64,
    /// Ticks at which the display had to keep what it showed.
    pub repeated: u64,
    /// Frames never shown.
    pub dropped: u64,
}

/// A frame in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InHand {
    /// Its number.
    pub number: u64,
    /// Whether it lacks what the network paints.
    pub degraded: bool,
}

/// The schedule of a playback on a display's clock.
#[derive(Debug, Clone)]
pub struct Pace {
    late: Late,
    period: Duration,
    /// When frame 0 is due; `None` before anything was shown.
    start: Option<Duration>,
    /// Number of the next frame to come out of the decoder.
    next: u64,
    /// Number of frames that were due at the tick before.
    was_due: u64,
    /// Number after the one last shown.
    shown: u64,
    /// Frames before this one need not be painted.
    unpainted_before: u64,
    /// Since when the display has kept what it showed though more was due, and how many frames were still to come out
    /// of the decoder then.
    kept_since: Option<(Duration, u64)>,
    counts: Counts,
}

impl Pace {
    /// A schedule with a frame due every `period`.
    ///
    /// # Panics
    /// If the period is zero.
    pub fn new(late: Late, period: Duration) -> Self {
        assert!(!period.is_zero(), "frames are due one after another");
        let (start, counts) = (None, Counts::default());
        let (next, was_due, shown, unpainted_before) = (0, 0, 0, 0);
        let kept_since = None;
        Self { late, period, start, next, was_due, shown, unpainted_before, kept_since, counts }
    }

    /// Number of frames that are due at `now`; before anything was shown that is the first.
    pub fn due(&self, now: Duration) -> u64 {
        let Some(start) = self.start else { return 1 };
        let passed = now.saturating_sub(start).as_nanos() / self.period.as_nanos();
        u64::try_from(passed).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// Whether one more frame should be taken at a tick where `due` are due and `found` is in hand.
    pub fn wants(&self, due: u64, found: Option<InHand>) -> bool {
        self.next < due && (found.is_none() || self.late != Late::Repeat)
    }

    /// Counts a frame in; whether it is fit to be shown, and so replaces what was found before.
    pub fn take(&mut self, degraded: bool) -> (InHand, bool) {
        let number = self.next;
        self.next += 1;
        let fit = !degraded || self.late == Late::Degrade;
        self.counts.dropped += u64::from(!fit);
        (InHand { number, degraded }, fit)
    }

    /// A frame that was found gives way to a newer one of the same tick.
    pub fn pass_over(&mut self) {
        self.counts.dropped += 1;
    }

    /// What the tick at `now` shows, `due` being due then and `found` the newest in hand, if any.
    pub fn show(&mut self, now: Duration, due: u64, found: Option<InHand>) -> Outcome {
        let before = core::mem::replace(&mut self.was_due, due);
        let Some(found) = found else { return self.without(now, due) };
        self.kept_since = None;
        self.shown = found.number + 1;
        let behind = self.shown < due;
        let overdue = behind || found.number < before;
        if behind {
            self.hurry(due);
        }
        if self.start.is_none() || (self.late == Late::Repeat && overdue) {
            // The clock starts, or starts again, with the frame now shown.
            self.start_with(found.number, now);
        }
        let (outcome, count) = match (found.degraded, overdue) {
            (true, _) => (Outcome::Degraded, &mut self.counts.degraded),
            (false, true) => (Outcome::Late, &mut self.counts.late),
            (false, false) => (Outcome::OnTime, &mut self.counts.on_time),
        };
        *count += 1;
        outcome
    }

    fn without(&mut self, now: Duration, due: u64) -> Outcome {
        if self.start.is_none() {
            self.was_due = 0;
            return Outcome::Unchanged;
        }
        if self.shown >= due {
            return Outcome::Unchanged;
        }
        if self.late != Late::Repeat && !self.catches_up(now, due) {
            self.start_with(self.next, now);
            self.unpainted_before = self.next;
        } else {
            self.hurry(due);
        }
        self.counts.repeated += 1;
        Outcome::Repeated
    }

    /// Whether passing over frames may still help: half as fast again as they are due they come, over [`RECOVERY`] periods.
    /// Those of a source that had nothing for a while, or of a slow decoder, do not; the picture would stand still for ever.
    fn catches_up(&mut self, now: Duration, due: u64) -> bool {
        let behind = due.saturating_sub(self.next);
        let (since, before) = *self.kept_since.get_or_insert((now, behind));
        if now.saturating_sub(since) < self.after(RECOVERY) {
            return true;
        }
        self.kept_since = Some((now, behind));
        behind.saturating_add(RECOVERY / 2) <= before
    }

    /// The clock is such that frame `number` is due at `now`.
    fn start_with(&mut self, number: u64, now: Duration) {
        self.start = Some(now.saturating_sub(self.after(number)));
        self.was_due = number + 1;
    }

    /// Lets painters skip the frames that would come too late, `due` being due now.
    fn hurry(&mut self, due: u64) {
        let before = match self.late {
            // The newest that is due may still come late, and late is better than never.
            Late::Drop => due - 1,
            Late::Repeat => 0,
            Late::Degrade => due.saturating_add(RECOVERY),
        };
        self.unpainted_before = self.unpainted_before.max(before);
    }

    /// How long after frame 0 frame `number` is due.
    fn after(&self, number: u64) -> Duration {
        let nanos = self.period.as_nanos().saturating_mul(number.into());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Number of the first frame that is to be painted: those before it would come too late.
    pub fn unpainted_before(&self) -> u64 {
        self.unpainted_before
    }

    /// What the ticks showed so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_millis(10);

    /// Plays ticks at which the given frames come in hand, a `d` in front for degraded ones; gives the
    /// outcomes by their first letters.
    fn outcomes(pace: &mut Pace, ticks: &[(u32, &[&str])]) -> String {
        let letter = |(at, frames): &(u32, &[&str])| {
            let now = PERIOD * *at / 2;
            let due = pace.due(now);
            let mut found = None;
            for frame in *frames {
                assert!(pace.wants(due, found), "tick {at} takes {frame}");
                let (taken, fit) = pace.take(frame.starts_with('d'));
                assert_eq!(taken.number.to_string(), frame.trim_start_matches('d'));
                if fit && found.replace(taken).is_some() {
                    pace.pass_over();
                }
            }
            match pace.show(now, due, found) {
                Outcome::OnTime => 'o',
                Outcome::Late => 'l',
                Outcome::Degraded => 'd',
                Outcome::Repeated => 'r',
                Outcome::Unchanged => 'u',
            }
        };
        ticks.iter().map(letter).collect()
    }

    /// Half periods of ticks, and the frames that come in hand at them.
    type Ticks = &'static [(u32, &'static [&'static str])];

    #[test]
    fn every_rule_is_a_row() {
        const NO_TIME: &[&str] = &[];
        // Policy, ticks, outcomes, [on time, late, degraded, repeated, dropped], first to paint.
        let rows: &[(Late, Ticks, &str, [u64; 5], u64)] = &[
            // In time, whatever the policy.
            (Late::Drop, &[(0, &["0"]), (2, &["1"]), (4, &["2"])], "ooo", [3, 0, 0, 0, 0], 0),
            (Late::Repeat, &[(0, &["0"]), (2, &["1"])], "oo", [2, 0, 0, 0, 0], 0),
            (Late::Degrade, &[(0, &["0"]), (2, &["1"])], "oo", [2, 0, 0, 0, 0], 0),
            // The clock starts with the first picture; a display may be twice as fast.
            (
                Late::Drop,
                &[(0, NO_TIME), (5, NO_TIME), (7, &["0"]), (8, NO_TIME), (9, &["1"])],
                "uuouo",
                [2, 0, 0, 0, 0],
                0,
            ),
            // A miss, then all that was late comes at once: the newest is shown.
            (
                Late::Drop,
                &[(0, &["0"]), (2, NO_TIME), (4, NO_TIME), (6, &["1", "d2", "3"])],
                "orro",
                [2, 0, 0, 2, 2],
                2,
            ),
            // Late is better than never.
            (
                Late::Drop,
                &[(0, &["0"]), (2, NO_TIME), (4, &["1"]), (6, &["d2", "3"])],
                "orlo",
                [2, 1, 0, 1, 1],
                2,
            ),
            // What is not fit to be shown leaves the tick without.
            (Late::Drop, &[(0, &["0"]), (4, &["d1"])], "or", [1, 0, 0, 1, 1], 2),
            // A display that missed its own ticks finds two due.
            (Late::Drop, &[(0, &["0"]), (6, &["1", "2", "3"])], "oo", [2, 0, 0, 0, 2], 0),
            // The schedule moves by the two ticks missed.
            (
                Late::Repeat,
                &[(0, &["0"]), (2, NO_TIME), (4, NO_TIME), (6, &["1"]), (8, &["2"]), (9, NO_TIME)],
                "orrlou",
                [2, 1, 0, 2, 0],
                0,
            ),
            // A tick between two periods starts it anew too.
            (
                Late::Repeat,
                &[(0, &["0"]), (2, NO_TIME), (3, &["1"]), (4, NO_TIME), (5, &["2"])],
                "orluo",
                [2, 1, 0, 1, 0],
                0,
            ),
            (
                Late::Degrade,
                &[(0, &["0"]), (2, NO_TIME), (4, &["1", "d2"]), (6, &["d3"])],
                "ordd",
                [1, 0, 2, 1, 1],
                2 + RECOVERY,
            ),
            // A second miss keeps it degraded for longer.
            (
                Late::Degrade,
                &[(0, &["0"]), (2, NO_TIME), (4, &["1"]), (6, &["d2", "d3"])],
                "orld",
                [1, 1, 1, 1, 1],
                3 + RECOVERY,
            ),
        ];
        for (late, ticks, letters, [on_time, late_, degraded, repeated, dropped], before) in rows {
            let mut pace = Pace::new(*late, PERIOD);
            assert_eq!(outcomes(&mut pace, ticks), *letters, "{late:?} {ticks:?}");
            let (on_time, late_) = (*on_time, *late_);
            let (degraded, repeated, dropped) = (*degraded, *repeated, *dropped);
            let counts = Counts { on_time, late: late_, degraded, repeated, dropped };
            assert_eq!(pace.counts(), counts, "{late:?} {ticks:?}");
            assert_eq!(pace.unpainted_before(), *before, "{late:?} {ticks:?}");
        }
    }

    /// Plays 400 periods of ticks, dropping what is late, at which as many frames are out of the decoder as `out` says, those painted that were to
    /// be when they came out; gives the ticks that changed the picture, and the frame that the last one showed.
    fn changes(out: impl Fn(u32) -> u64) -> (Vec<u32>, u64) {
        let mut pace = Pace::new(Late::Drop, PERIOD);
        let (mut changed, mut painted) = (Vec::new(), Vec::new());
        for at in 0..400 {
            let now = PERIOD * at;
            let come = out(at);
            while (painted.len() as u64) < come {
                painted.push(painted.len() as u64 >= pace.unpainted_before());
            }
            let due = pace.due(now);
            let mut found = None;
            while pace.next < come && pace.wants(due, found) {
                let (taken, fit) = pace.take(!painted[pace.next as usize]);
                found = if fit { Some(taken) } else { found };
            }
            let outcome = pace.show(now, due, found);
            if matches!(outcome, Outcome::OnTime | Outcome::Late) {
                changed.push(at);
            }
        }
        (changed, pace.shown)
    }

    #[test]
    fn what_cannot_catch_up_is_waited_for() {
        // Nothing for a hundred periods, then again one in each, as a download or a recording goes on.
        let (changed, last) =
            changes(|at| u64::from(if at < 50 { at + 1 } else { at.max(150) - 99 }));
        assert!(changed.iter().filter(|at| **at > 150).count() > 235, "{changed:?}");
        assert!(last >= 300, "{last}");
        // A decoder that takes longer than a period for each.
        let (changed, last) = changes(|at| u64::from(at * 3 / 4 + 1));
        assert!(changed.len() > 90 && last > 290, "{} to {last}", changed.len());
        // Nothing for three periods, then twice as many as are due: the schedule stands, and some are passed over.
        let twice = |at: u32| match at {
            0..50 => at + 1,
            50..53 => 50,
            _ => (2 * at - 56).min(at + 1),
        };
        let (_, last) = changes(|at| twice(at).into());
        assert_eq!(last, 400);
    }

    #[test]
    fn every_frame_taken_is_counted_once() {
        for &late in Late::ALL {
            let mut pace = Pace::new(late, PERIOD);
            let mut ticks = 0;
            for at in 0..500u32 {
                let now = PERIOD * at;
                let due = pace.due(now);
                let mut found = None;
                // Between none and three frames are in hand, some degraded.
                for k in 0..at * 7 % 4 {
                    if pace.wants(due, found) {
                        let (taken, fit) = pace.take((at + k).is_multiple_of(5));
                        if fit && found.replace(taken).is_some() {
                            pace.pass_over();
                        }
                    }
                }
                ticks += u64::from(pace.show(now, due, found) != Outcome::Unchanged);
            }
            let Counts { on_time, late: late_, degraded, repeated, dropped } = pace.counts();
            let shown = on_time + late_ + degraded;
            assert_eq!(shown + dropped, pace.next, "{late:?}");
            assert_eq!(shown + repeated, ticks, "{late:?}");
        }
    }

    #[test]
    fn policies_go_by_name() {
        for &late in Late::ALL {
            assert_eq!(late.name().parse::<Late>().ok(), Some(late));
        }
        let refusal = "skip".parse::<Late>().err().map(|e| e.to_string()).unwrap_or_default();
        assert!(refusal.contains("drop, repeat or degrade"), "{refusal}");
    }
}
