//! Bare I420: planes of every picture, one after another.

use super::{Output, PictureSink};
use crate::error::Result;
use crate::picture::Picture;
use crate::units::FrameIndex;

/// Writes samples and nothing else.
pub struct RawSink(Output);

impl RawSink {
    /// Writes to `output`.
    pub fn new(output: Output) -> Self {
        Self(output)
    }
}

impl PictureSink for RawSink {
    fn put(&mut self, _: FrameIndex, picture: &Picture) -> Result<()> {
        self.0.write(picture.i420())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.0.finish()
    }
}
