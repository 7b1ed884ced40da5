//! The ticks of a display, by this machine's clock.

use std::time::{Duration, Instant};

/// A display that ticks once per period from now on.
#[derive(Debug)]
pub(super) struct Ticks {
    started: Instant,
    period: Duration,
}

impl Ticks {
    /// # Panics
    /// If the period is zero.
    pub(super) fn every(period: Duration) -> Self {
        assert!(!period.is_zero(), "a display ticks at intervals");
        Self { started: Instant::now(), period }
    }

    /// From one tick to the next.
    pub(super) fn period(&self) -> Duration {
        self.period
    }

    /// Sleeps until the next tick; its time on the display's clock and on this machine's.
    ///
    /// A tick that has passed already is waited for by nobody: the display took another.
    pub(super) fn next(&self) -> (Duration, Instant) {
        let passed = self.started.elapsed().as_nanos() / self.period.as_nanos();
        let time = self.period * (passed as u32 + 1);
        let tick = self.started + time;
        std::thread::sleep(tick.saturating_duration_since(Instant::now()));
        (time, tick)
    }

    /// How long a tick may wait for its pictures: most of the period is left to show them.
    pub(super) fn patience(&self) -> Duration {
        self.period / 4
    }
}
