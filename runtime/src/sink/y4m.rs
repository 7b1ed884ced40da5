//! YUV4MPEG2: a line of text, then `FRAME` and the planes of every picture.

use std::fmt::{Display, Formatter};

use super::{Output, PictureSink};
use crate::error::Result;
use crate::format::header::{Header, Sampling, Siting};
use crate::picture::Picture;
use crate::units::{FrameIndex, Size};

/// What the first line of a y4m file says; printed as that line without its line feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeaderLine {
    /// Size of luma.
    pub size: Size,
    /// Frames per second as numerator and denominator.
    pub rate: (u32, u32),
    /// Whether samples use 0‥255, where that is known.
    pub full_range: Option<bool>,
    /// Pixel aspect and place of chroma.
    pub sampling: Sampling,
}

impl Display for HeaderLine {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { size, rate: (pictures, seconds), full_range, sampling } = self;
        let (width, height) = (size.width_px, size.height_px);
        let (wide, high) = sampling.pixel_aspect;
        let chroma = match sampling.siting {
            Siting::Left => "420mpeg2",
            Siting::Centre => "420jpeg",
            Siting::TopLeft => "420paldv",
            // The format has no names for the others.
            _ => "420",
        };
        let range = match full_range {
            Some(true) => " XCOLORRANGE=FULL",
            Some(false) => " XCOLORRANGE=LIMITED",
            None => "",
        };
        let start = format_args!("YUV4MPEG2 W{width} H{height} F{pictures}:{seconds}");
        write!(f, "{start} Ip A{wide}:{high} C{chroma}{range}")
    }
}

/// Writes y4m with the stream's rate, range, pixel aspect and place of chroma.
pub struct Y4mSink(Output);

impl Y4mSink {
    /// Writes the header line for pictures of `size` to `output`.
    ///
    /// # Errors
    /// [`crate::Error::File`] when it cannot be written.
    pub fn new(mut output: Output, size: Size, header: &Header) -> Result<Self> {
        let full_range = Some(header.colour.full_range);
        let (rate, sampling) = (header.rate, header.sampling);
        let line = HeaderLine { size, rate, full_range, sampling };
        output.write(format!("{line}\n").as_bytes())?;
        Ok(Self(output))
    }
}

impl PictureSink for Y4mSink {
    fn put(&mut self, _: FrameIndex, picture: &Picture) -> Result<()> {
        self.0.write(b"FRAME\n")?;
        self.0.end_picture(picture.i420())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.0.finish()
    }
}
