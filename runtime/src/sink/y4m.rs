//! YUV4MPEG2: a line of text, then `FRAME` and the planes of every picture.

use super::{Output, PictureSink};
use crate::error::Result;
use crate::format::header::Header;
use crate::picture::Picture;
use crate::units::{Size, TimeIndex};

/// Writes y4m with the stream's rate and colour range.
pub struct Y4mSink(Output);

impl Y4mSink {
    /// Writes the header line for pictures of `size` to `output`.
    ///
    /// # Errors
    /// [`crate::Error::File`] when it cannot be written.
    pub fn new(mut output: Output, size: Size, header: &Header) -> Result<Self> {
        let (numerator, denominator) = header.rate;
        let range = if header.colour.full_range { "FULL" } else { "LIMITED" };
        let line = format!(
            "YUV4MPEG2 W{} H{} F{numerator}:{denominator} Ip A1:1 C420 XCOLORRANGE={range}\n",
            size.width_px, size.height_px
        );
        output.write(line.as_bytes())?;
        Ok(Self(output))
    }
}

impl PictureSink for Y4mSink {
    fn put(&mut self, _: TimeIndex, picture: &Picture) -> Result<()> {
        self.0.write(b"FRAME\n")?;
        self.0.write(picture.i420())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.0.finish()
    }
}
