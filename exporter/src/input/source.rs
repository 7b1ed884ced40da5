//! One source as it was read: frames, what it tells of them, and their times.

use std::io::BufRead;
use std::path::Path;

use iev_runtime::format::header::{Colour, Sampling};

use super::notice::Notice;
use super::room::Room;
use super::times::Times;
use super::y4m::{Header, Reader};
use super::{InputError, Reading};
use crate::picture::Picture;

/// Rate assumed where a source does not tell one; ffmpeg assumes the same.
pub const UNKNOWN_RATE: (u32, u32) = (25, 1);

/// What a source tells of its samples; what it does not is unknown or unspecified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceFacts {
    /// Colour primaries, a code point of ITU-T H.273.
    pub primaries: u8,
    /// Transfer characteristics, likewise.
    pub transfer: u8,
    /// Matrix coefficients, likewise.
    pub matrix: u8,
    /// Whether samples use 0‥255.
    pub full_range: Option<bool>,
    /// Pixel aspect and place of chroma.
    pub sampling: Sampling,
}

impl SourceFacts {
    /// A source that tells nothing.
    pub const NOTHING: Self = Self {
        primaries: Colour::UNKNOWN,
        transfer: Colour::UNKNOWN,
        matrix: Colour::UNKNOWN,
        full_range: None,
        sampling: Sampling::UNSPECIFIED,
    };
    /// Matrix of what this program converts from RGB.
    pub(super) const BT709_MATRIX: u8 = 1;

    /// Colour as a stream has it: limited range unless told.
    pub fn colour(&self) -> Colour {
        let Self { primaries, transfer, matrix, full_range, .. } = *self;
        Colour { primaries, transfer, matrix, full_range: full_range.unwrap_or(false) }
    }
}

/// What was read from one file or folder.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) frames: Vec<Picture>,
    /// Constant rate, where the source tells.
    pub(super) rate: Option<(u32, u32)>,
    /// Times of the frames, where the source tells.
    pub(super) times: Option<Times>,
    /// When the first frame is shown by the clock of the file, where there is one.
    pub(super) starts_at_ms: Option<i64>,
    pub(super) told: SourceFacts,
    pub(super) notices: Vec<Notice>,
    /// Whether frames are flagged as two fields.
    pub(super) interlaced: bool,
    /// Whether luma and colour differences were made of RGB here.
    pub(super) of_rgb: bool,
}

impl Source {
    /// Reads at most `limit` frames of a y4m stream.
    pub(super) fn from_y4m<R: BufRead>(
        path: &Path,
        from: R,
        limit: Option<usize>,
        room: &mut Room,
    ) -> Result<Self, InputError> {
        let wrap = |source| InputError::Y4m { path: path.to_owned(), source };
        let mut reader = Reader::new(from).map_err(wrap)?;
        let Header { rate, full_range, layout, mut sampling, interlaced, .. } = reader.header();
        let mut frames = Vec::new();
        while limit.is_none_or(|limit| frames.len() < limit) {
            let Some(frame) = reader.next_frame().map_err(wrap)? else { break };
            frames.push(room.keep(frame)?);
        }
        sampling.siting = layout.siting(sampling.siting);
        Ok(Self {
            times: rate.map(|rate| Times::even(frames.len(), rate)),
            frames,
            rate,
            starts_at_ms: None,
            told: SourceFacts { full_range, sampling, ..SourceFacts::NOTHING },
            notices: layout.losses(),
            interlaced,
            of_rgb: false,
        })
    }

    /// Gives the frames one constant rate: that of `reading`, or the source's own.
    pub(super) fn set_rate(&mut self, reading: &Reading) -> (u32, u32) {
        let Some(times) = &self.times else {
            let known = reading.rate.or(self.rate).or(reading.rate_of_unknown);
            return known.unwrap_or_else(|| {
                self.notices.push(Notice::NoRate(UNKNOWN_RATE));
                UNKNOWN_RATE
            });
        };
        let stated = self.rate.unwrap_or(UNKNOWN_RATE);
        let mean = times.mean_rate().unwrap_or(stated);
        let value = |(frames, seconds): (u32, u32)| f64::from(frames) / f64::from(seconds);
        // Containers state a rate they do not keep, as the finest that fits; the times are right then.
        let off = (value(stated) / value(mean) - 1.0).abs() > 0.01;
        let own = if off || !times.is_even() { mean } else { stated };
        let Some(rate) = reading.rate else {
            if !times.is_even() {
                self.notices.push(times.uneven(own));
            }
            return own;
        };
        if times.is_even() && value(own) == value(rate) {
            return rate;
        }
        let shown = times.resampled(rate, reading.limit);
        let (from, to) = (self.frames.len(), shown.len());
        self.frames = shown.iter().map(|source| self.frames[*source].clone()).collect();
        self.notices.push(Notice::Resampled { from, to, rate });
        rate
    }
}
