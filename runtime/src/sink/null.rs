//! Nowhere: for measuring the decoder alone.

use super::PictureSink;
use crate::error::Result;
use crate::picture::Picture;
use crate::units::FrameIndex;

/// Drops every picture.
#[derive(Debug, Clone, Copy)]
pub struct NullSink;

impl PictureSink for NullSink {
    fn put(&mut self, _: FrameIndex, _: &Picture) -> Result<()> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
