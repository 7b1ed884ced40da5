//! Access units to pictures, one decoder per view.
//!
//! The seam between the anchor stage and where openh264 runs: in this process, or in one without
//! rights (`sandbox`).

use std::collections::VecDeque;

use crate::error::{BoxError, Error, Result};
use crate::picture::Picture;
use crate::picture::pool::{Pool, Pooled};
use crate::units::{FrameId, Size};

/// What a decoder is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input<'a> {
    /// The first access unit of a section; what the view had before is over.
    First(&'a [u8]),
    /// A further access unit.
    Next(&'a [u8]),
    /// The section's end: pictures that were held back come out.
    End,
}

/// Decodes anchor sections, one of each view at a time.
pub trait AnchorDecoder: Send {
    /// Appends to `ready` what comes out when `input` goes in; `frame` names the picture in errors
    /// and the section by its view.
    ///
    /// # Errors
    /// [`Error::Anchor`] for what the stream causes, [`Error::Backend`] when
    /// openh264 does not start.
    fn decode(&mut self, frame: FrameId, input: Input<'_>, ready: &mut Ready) -> Result<()>;
}

/// Opens the decoder of a playback: the size of its pictures, and the bytes that it may hold.
pub type OpenAnchors = dyn Fn(Size, u64) -> Result<Box<dyn AnchorDecoder>> + Send + Sync;

/// Pictures that have come out of a decoder, oldest first.
#[derive(Debug)]
pub struct Ready {
    size: Size,
    pool: Pool<Picture>,
    pictures: VecDeque<Pooled<Picture>>,
}

impl Ready {
    /// Nothing yet; pictures have `size` and come from `pool`.
    pub fn new(size: Size, pool: Pool<Picture>) -> Self {
        Self { size, pool, pictures: VecDeque::new() }
    }

    /// Appends the picture that `fill` writes; without one when that fails.
    ///
    /// # Errors
    /// Those of `fill`.
    pub fn push<E>(&mut self, fill: impl FnOnce(&mut Picture) -> Result<(), E>) -> Result<(), E> {
        let mut picture = self.pool.take_or(|| Picture::new(self.size));
        fill(&mut picture)?;
        self.pictures.push_back(picture);
        Ok(())
    }

    /// All of them, oldest first.
    pub fn pictures(&self) -> impl ExactSizeIterator<Item = &Picture> {
        self.pictures.iter().map(|picture| &**picture)
    }

    /// Takes the oldest.
    pub fn pop(&mut self) -> Option<Pooled<Picture>> {
        self.pictures.pop_front()
    }
}

/// An error of the anchor stage on `frame`.
pub(crate) fn failed(frame: FrameId, source: impl Into<BoxError>) -> Error {
    Error::Anchor { frame, source: source.into() }
}
