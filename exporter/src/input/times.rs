//! When the frames of a source are shown, and their way to one constant rate.

use super::notice::Notice;

/// Presentation times of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Times {
    /// Start of each frame, ascending, in `tick`.
    pub(super) starts: Vec<i64>,
    /// How long the last frame is shown, in `tick`, where that is known.
    pub(super) last: Option<i64>,
    /// Seconds of a tick as numerator and denominator.
    pub(super) tick: (u32, u32),
}

impl Times {
    /// Times of `count` frames at a constant rate.
    pub(super) fn even(count: usize, rate: (u32, u32)) -> Self {
        let starts = (0..).take(count).collect();
        Self { starts, last: Some(1), tick: (rate.1, rate.0) }
    }

    fn intervals(&self) -> impl Iterator<Item = i64> + '_ {
        self.starts.windows(2).map(|pair| pair[1].saturating_sub(pair[0]))
    }

    /// Ticks from the first frame's start to the last one's end; an unknown last interval is the mean one.
    fn span(&self) -> i64 {
        let count = self.starts.len() as i64;
        let [first, .., last] = self.starts[..] else { return self.last.unwrap_or(0) };
        let between = last.saturating_sub(first);
        between.saturating_add(self.last.unwrap_or(between / (count - 1).max(1)))
    }

    /// Whether frames are evenly spaced, but for the rounding to ticks.
    pub(super) fn is_even(&self) -> bool {
        let count = self.intervals().count();
        if count == 0 {
            return true;
        }
        let mean = self.intervals().sum::<i64>() as f64 / count as f64;
        // A tick that is a large part of the interval does not blur it: files with one tick a frame are exact.
        let blur = f64::min(1.0, mean / 4.0) + mean / 50.0;
        self.intervals().all(|interval| (interval as f64 - mean).abs() <= blur)
    }

    /// Frames a second over all, a whole number where the ticks allow it, else in hundredths.
    pub(super) fn mean_rate(&self) -> Option<(u32, u32)> {
        let seconds = self.seconds(self.span());
        let mean = self.starts.len() as f64 / seconds;
        if !(0.01..=10_000.0).contains(&mean) {
            return None;
        }
        let whole = mean.round();
        let unsure = 2.0 * self.seconds(1) / seconds;
        if whole > 0.0 && (whole / mean - 1.0).abs() <= unsure {
            return Some((whole as u32, 1));
        }
        let hundredths = (mean * 100.0).round() as u32;
        let common = gcd(hundredths, 100);
        Some((hundredths / common, 100 / common))
    }

    fn seconds(&self, ticks: i64) -> f64 {
        ticks as f64 * f64::from(self.tick.0) / f64::from(self.tick.1)
    }

    /// What to say of frames that are not evenly spaced and are played at `rate`.
    pub(super) fn uneven(&self, rate: (u32, u32)) -> Notice {
        let milliseconds = |ticks: Option<i64>| {
            (self.seconds(ticks.unwrap_or(0)) * 1000.0).round().max(0.0) as u32
        };
        Notice::VariableRate {
            shortest_ms: milliseconds(self.intervals().min()),
            longest_ms: milliseconds(self.intervals().max()),
            rate,
        }
    }

    /// For each frame of the constant `rate` the frame of the source it shows, as by ffmpeg's filter `fps`: a
    /// start is rounded to the nearest frame, gaps repeat the frame before, and of several the last one stays.
    pub(super) fn resampled(&self, rate: (u32, u32), limit: Option<usize>) -> Vec<usize> {
        let Some(&zero) = self.starts.first() else { return Vec::new() };
        let place = |ticks: i64| {
            let numerator = i128::from(ticks) * i128::from(self.tick.0) * i128::from(rate.0);
            let denominator = i128::from(self.tick.1) * i128::from(rate.1);
            // Half a frame rounds up; times do not lie before the first one.
            ((2 * numerator + denominator) / (2 * denominator)).max(0)
        };
        let frames = place(self.span()).max(1);
        let frames = limit.map_or(frames, |limit| frames.min(limit as i128));
        let mut shown = Vec::new();
        let mut source = 0;
        for frame in 0..frames {
            while self
                .starts
                .get(source + 1)
                .is_some_and(|s| place(s.saturating_sub(zero)) <= frame)
            {
                source += 1;
            }
            shown.push(source);
        }
        shown
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}

/// The fraction in lowest terms.
pub(super) fn lowest((a, b): (u32, u32)) -> (u32, u32) {
    let common = gcd(a, b);
    (a / common, b / common)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(starts: &[i64], last: i64, tick: (u32, u32)) -> Times {
        Times { starts: starts.to_vec(), last: Some(last), tick }
    }

    #[test]
    fn even_times_are_told_from_uneven_ones_in_any_ticks() {
        let rounded =
            |fps: f64| (0..100).map(move |i| (f64::from(i) * 1000.0 / fps).round() as i64);
        for fps in [23.976, 24.0, 25.0, 29.97, 30.0, 50.0, 59.94, 60.0, 120.0, 240.0] {
            let starts: Vec<i64> = rounded(fps).collect();
            assert!(times(&starts, 1, (1, 1000)).is_even(), "{fps} a second in milliseconds");
            let mut dropped = starts.clone();
            dropped.remove(50);
            assert!(!times(&dropped, 1, (1, 1000)).is_even(), "{fps} a second, one dropped");
        }
        assert!(Times::even(9, (30_000, 1001)).is_even());
        assert!(!times(&[0, 1, 3, 4, 5], 1, (1, 24)).is_even(), "one tick a frame, one dropped");
        assert!(times(&[5], 1, (1, 24)).is_even() && times(&[], 0, (1, 24)).is_even());
    }

    #[test]
    fn the_mean_rate_does_not_depend_on_the_ticks() {
        let mp4 = times(&[0, 512, 1024, 3072, 3584, 4096], 2048, (1, 12_288));
        let mkv = times(&[0, 42, 83, 250, 292, 333], 167, (1, 1000));
        assert_eq!(mp4.mean_rate(), Some((12, 1)));
        assert_eq!(mkv.mean_rate(), Some((12, 1)));
        assert_eq!(times(&[0, 1, 2, 4], 1, (1, 10)).mean_rate(), Some((8, 1)));
        assert_eq!(times(&[0, 300, 1000], 80, (1, 1000)).mean_rate(), Some((139, 50)));
        assert_eq!(times(&[0, 0], 0, (1, 1000)).mean_rate(), None);
    }

    #[test]
    fn resampling_repeats_and_drops() {
        let film = Times::even(4, (24, 1));
        assert_eq!(film.resampled((24, 1), None), [0, 1, 2, 3]);
        assert_eq!(film.resampled((48, 1), None), [0, 0, 1, 1, 2, 2, 3, 3]);
        assert_eq!(film.resampled((12, 1), None), [0, 2]);
        let gap = times(&[1000, 1040, 1160, 1200], 40, (1, 1000));
        assert_eq!(gap.resampled((25, 1), None), [0, 1, 1, 1, 2, 3]);
        assert_eq!(gap.resampled((25, 1), Some(3)), [0, 1, 1]);
        assert_eq!(Times::even(1, (24, 1)).resampled((1, 60), None), [0], "one frame at least");
    }
}
