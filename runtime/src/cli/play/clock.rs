//! A clock that stops and changes its speed. A playback is told the time by it, so that a pause makes nothing late.

use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct Clock {
    /// What it read at `since`.
    read: Duration,
    since: Instant,
    speed: f64,
    running: bool,
}

impl Clock {
    /// Runs from zero on, as fast as this machine's.
    pub(super) fn new() -> Self {
        Self { read: Duration::ZERO, since: Instant::now(), speed: 1.0, running: true }
    }

    pub(super) fn now(&self) -> Duration {
        let passed = if self.running { self.since.elapsed() } else { Duration::ZERO };
        self.read + passed.mul_f64(self.speed)
    }

    pub(super) fn is_running(&self) -> bool {
        self.running
    }

    pub(super) fn speed(&self) -> f64 {
        self.speed
    }

    pub(super) fn run(&mut self, running: bool) {
        self.settle();
        self.running = running;
    }

    pub(super) fn set_speed(&mut self, speed: f64) {
        self.settle();
        self.speed = speed;
    }

    /// Moves it on at once.
    pub(super) fn advance(&mut self, by: Duration) {
        self.read += by;
    }

    /// When this machine's clock will be there as this one reads `moment`; never while it stands.
    pub(super) fn when(&self, moment: Duration) -> Option<Instant> {
        let left = moment.saturating_sub(self.now());
        self.running.then(|| Instant::now() + left.div_f64(self.speed))
    }

    fn settle(&mut self) {
        self.read = self.now();
        self.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stands_still_jumps_and_runs_on_from_there() {
        let mut clock = Clock::new();
        clock.run(false);
        let stopped = clock.now();
        std::thread::sleep(Duration::from_millis(2));
        assert_eq!((clock.now(), clock.when(stopped)), (stopped, None));
        let step = Duration::from_secs(10);
        clock.advance(step);
        assert_eq!(clock.now(), stopped + step);
        clock.run(true);
        assert!(clock.now() >= stopped + step && clock.now() < stopped + 2 * step);
    }

    #[test]
    fn at_twice_the_speed_a_moment_comes_in_half_the_time() {
        let mut clock = Clock::new();
        clock.set_speed(2.0);
        let wait = clock.when(clock.now() + Duration::from_secs(8)).unwrap() - Instant::now();
        assert!((3.9..=4.1).contains(&wait.as_secs_f64()), "{wait:?}");
    }
}
