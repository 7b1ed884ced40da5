//! Access units to pictures, one decoder per section.
//!
//! The seam between the anchor stage and where the decoders of the codecs run: in this process, or in one
//! without rights (`sandbox`).

use std::collections::VecDeque;
use std::sync::Arc;

use heapless::Vec as FixedVec;

use crate::anchor::av1::Rav1d;
use crate::anchor::h264::openh264::Openh264;
use crate::error::{BoxError, Error, Result};
use crate::format::anchor::Codec;
use crate::format::header::MAX_VIEWS;
use crate::picture::Picture;
use crate::picture::pool::{Loan, Pool};
use crate::units::{PictureId, Size, ViewId};

/// What a decoder is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input<'a> {
    /// The first access unit of a section, and its codec; what the view had before is over.
    First(Codec, &'a [u8]),
    /// A further access unit.
    Next(&'a [u8]),
    /// The section's end: pictures that were held back come out.
    End,
}

/// Decodes anchor sections, one of each view at a time.
pub trait AnchorDecoder: Send {
    /// Appends to `ready` what comes out when `input` goes in; `place` names the picture in errors
    /// and the section by its view.
    ///
    /// # Errors
    /// [`Error::Anchor`] for what the stream causes, [`Error::Backend`] when
    /// the decoder does not start.
    fn decode(&mut self, place: PictureId, input: Input<'_>, ready: &mut Ready) -> Result<()>;

    /// Nothing more comes of the section of `view`.
    fn forget(&mut self, view: ViewId);
}

/// Opens a decoder of a playback, one for each thread that decodes: the size of its pictures, and the bytes that it may
/// hold.
pub type OpenAnchors = dyn Fn(Size, u64) -> Result<Box<dyn AnchorDecoder>> + Send + Sync;

/// Pictures that have come out of a decoder, oldest first.
#[derive(Debug)]
pub struct Ready {
    size: Size,
    pool: Pool<Picture>,
    pictures: VecDeque<Loan<Picture>>,
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

    /// Has `make` append pictures, but for the first `skip` of them, which counts down.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn behind<E>(
        &mut self,
        skip: &mut usize,
        make: impl FnOnce(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        let before = self.pictures.len();
        let made = make(self);
        let known = (*skip).min(self.pictures.len() - before);
        self.pictures.drain(before..before + known);
        *skip -= known;
        made
    }

    /// All of them, oldest first.
    pub fn pictures(&self) -> impl ExactSizeIterator<Item = &Picture> {
        self.pictures.iter().map(|picture| &**picture)
    }

    /// Takes the oldest.
    pub fn pop(&mut self) -> Option<Loan<Picture>> {
        self.pictures.pop_front()
    }
}

/// A decoder of the access units of one section.
pub trait SectionDecoder: Send {
    /// Appends to `ready` what comes out when `unit` goes in.
    ///
    /// # Errors
    /// The decoder's own.
    fn decode(&mut self, unit: &[u8], ready: &mut Ready) -> Result<(), BoxError>;

    /// Appends to `ready` what was held back.
    ///
    /// # Errors
    /// The decoder's own.
    fn finish(&mut self, ready: &mut Ready) -> Result<(), BoxError>;
}

/// Opens a decoder for a section of a codec with pictures of a size.
pub type OpenSection = dyn Fn(Codec, Size) -> Result<Box<dyn SectionDecoder>> + Send + Sync;

/// A fresh decoder for a section of `codec` with pictures of `size`.
///
/// # Errors
/// [`Error::Backend`] when it does not start.
pub fn section_decoder(codec: Codec, size: Size) -> Result<Box<dyn SectionDecoder>> {
    Ok(match codec {
        Codec::H264 => Box::new(Openh264::start()?),
        Codec::Av1 => Box::new(Rav1d::start(size)?),
    })
}

/// The decoders of all codecs, in this process.
///
/// Why a decoder per section: no state of an earlier GOP can then leak into a picture, so seeking
/// equals playing.
pub struct InProcess {
    /// Each section by its first view.
    sections: FixedVec<(ViewId, Box<dyn SectionDecoder>), MAX_VIEWS>,
    open: Arc<OpenSection>,
}

/// By [`section_decoder`].
impl Default for InProcess {
    fn default() -> Self {
        Self::by(Arc::new(section_decoder))
    }
}

impl InProcess {
    /// Each section by what `open` opens.
    pub fn by(open: Arc<OpenSection>) -> Self {
        Self { sections: FixedVec::new(), open }
    }

    /// A fresh decoder for a section of `codec` that starts with `view`.
    fn begin(&mut self, view: ViewId, codec: Codec, size: Size) -> Result<()> {
        self.forget(view);
        let added = self.sections.push((view, (self.open)(codec, size)?));
        assert!(added.is_ok(), "a stream has at most {MAX_VIEWS} views");
        Ok(())
    }
}

impl AnchorDecoder for InProcess {
    fn decode(&mut self, place: PictureId, input: Input<'_>, ready: &mut Ready) -> Result<()> {
        if let Input::First(codec, _) = input {
            self.begin(place.view, codec, ready.size)?;
        }
        let section = self.sections.iter_mut().find(|(view, _)| *view == place.view);
        let started = || failed(place, "a section starts with its first access unit");
        let (_, decoder) = section.ok_or_else(started)?;
        let decoded = match input {
            Input::First(_, unit) | Input::Next(unit) => decoder.decode(unit, ready),
            Input::End => decoder.finish(ready),
        };
        decoded.map_err(|e| failed(place, e))
    }

    fn forget(&mut self, view: ViewId) {
        self.sections.retain(|(of, _)| *of != view);
    }
}

/// An error of the anchor stage on `place`.
pub(crate) fn failed(place: PictureId, source: impl Into<BoxError>) -> Error {
    Error::Anchor { picture: place, source: source.into() }
}
