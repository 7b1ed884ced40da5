//! When each frame is shown, and which one at a time: in whole nanoseconds, and exact both ways.

use std::ops::Range;

use gst::ClockTime;
use iev_runtime::{Header, Result};

use crate::caps::unsupported;

/// The frames of a stream in time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeline {
    frames: u32,
    /// Frames per seconds, both above zero.
    rate: (u32, u32),
}

impl Timeline {
    /// # Errors
    /// [`iev_runtime::Error::Unsupported`] beyond 292 years, where GStreamer's times end.
    pub(crate) fn of(header: &Header) -> Result<Self> {
        let timeline = Self { frames: header.frames, rate: header.rate };
        match i64::try_from(timeline.nanoseconds(header.frames)) {
            Ok(_) => Ok(timeline),
            Err(_) => Err(unsupported("a duration beyond GStreamer's clock")),
        }
    }

    fn nanoseconds(&self, frame: u32) -> u128 {
        let (frames, seconds) = self.rate;
        u128::from(frame) * second() * u128::from(seconds) / u128::from(frames)
    }

    /// When `frame` begins; the one behind the last is the end.
    pub(crate) fn start(&self, frame: u32) -> ClockTime {
        let frame = frame.min(self.frames);
        ClockTime::from_nseconds(self.nanoseconds(frame) as u64)
    }

    /// The time of all frames.
    pub(crate) fn duration(&self) -> ClockTime {
        self.start(self.frames)
    }

    /// The frame that is shown at `time`: the last that begins by then. Behind the end it is the number of frames.
    ///
    /// A frame begins at its time rounded down: `⌊frame · s⌋ ≤ time` is `frame < (time + 1) / s`, with `s` the
    /// nanoseconds of a frame.
    fn at(&self, time: ClockTime) -> u32 {
        let (frames, seconds) = self.rate;
        let time = u128::from(time.nseconds()) + 1;
        let behind = (time * u128::from(frames)).div_ceil(second() * u128::from(seconds));
        u32::try_from(behind - 1).unwrap_or(u32::MAX).min(self.frames)
    }

    /// The frames that show in `segment`.
    pub(crate) fn within(&self, segment: &gst::FormattedSegment<ClockTime>) -> Range<u32> {
        let first = segment.start().map_or(0, |start| self.at(start));
        let end = match segment.stop().map(ClockTime::nseconds) {
            None => self.frames,
            Some(0) => 0,
            Some(stop) => self.at(ClockTime::from_nseconds(stop - 1)).saturating_add(1),
        };
        first..end.clamp(first, self.frames)
    }
}

fn second() -> u128 {
    ClockTime::SECOND.nseconds().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: [(u32, u32); 6] =
        [(24, 1), (24_000, 1001), (30_000, 1001), (1, 1), (90, 1), (1, 3600)];

    fn segment(start: u64, stop: Option<u64>) -> gst::FormattedSegment<ClockTime> {
        let mut segment = gst::FormattedSegment::new();
        segment.set_start(ClockTime::from_nseconds(start));
        segment.set_stop(stop.map(ClockTime::from_nseconds));
        segment
    }

    #[test]
    fn a_frame_shows_from_its_start_up_to_the_next() {
        for rate in RATES {
            let line = Timeline { frames: 100_000, rate };
            for frame in (0..300).chain(99_700..100_000) {
                let (start, next) = (line.start(frame), line.start(frame + 1));
                assert_eq!(line.at(start), frame, "{rate:?}");
                assert_eq!(line.at(next - ClockTime::NSECOND), frame, "{rate:?}");
            }
            assert_eq!(line.at(line.duration()), line.frames);
            assert_eq!(line.at(ClockTime::MAX), line.frames);
        }
    }

    #[test]
    fn a_segment_has_the_frames_that_begin_before_its_stop() {
        gst::init().unwrap();
        let line = Timeline { frames: 48, rate: (24, 1) };
        let starts = [29, 30, 31].map(|frame| line.start(frame).nseconds());
        assert_eq!(line.within(&segment(0, None)), 0..48);
        assert_eq!(line.within(&segment(starts[1], None)), 30..48);
        assert_eq!(line.within(&segment(starts[1] - 1, Some(starts[2]))), 29..31);
        assert_eq!(line.within(&segment(starts[0], Some(starts[2] + 1))), 29..32);
        assert_eq!(line.within(&segment(0, Some(0))), 0..0);
        let beyond = line.duration().nseconds() + 1;
        assert_eq!(line.within(&segment(beyond, Some(beyond + 1))), 48..48);
    }
}
