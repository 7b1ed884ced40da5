//! Bare samples: every picture in one packing, one after another.

use super::{Output, PictureSink};
use crate::error::Result;
use crate::format::colour::Colour;
use crate::picture::Picture;
use crate::picture::packing::Packing;
use crate::units::FrameIndex;

/// Writes samples and nothing else.
pub struct RawSink {
    output: Output,
    packing: Packing,
    colour: Colour,
    /// A picture as it is written, but for I420, which is written as it is held.
    packed: Vec<u8>,
}

impl RawSink {
    /// Writes to `output` in `packing`; `colour` counts where that is RGB.
    pub fn new(output: Output, packing: Packing, colour: Colour) -> Self {
        Self { output, packing, colour, packed: Vec::new() }
    }
}

impl PictureSink for RawSink {
    fn put(&mut self, _: FrameIndex, picture: &Picture) -> Result<()> {
        if self.packing == Packing::I420 {
            return self.output.end_picture(picture.i420());
        }
        self.packing.pack(picture, self.colour, &mut self.packed);
        self.output.end_picture(&self.packed)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.output.finish()
    }
}
