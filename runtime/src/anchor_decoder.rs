//! H.264 access units to pictures, one decoder per view.
//!
//! The seam between the anchor stage and where openh264 runs: in this process, or in one without
//! rights (`sandbox`).

use std::collections::VecDeque;

use heapless::Vec as FixedVec;
use openh264::decoder::{DecodeOptions, DecodedYUV, Decoder, DecoderConfig, Flush};
use openh264::formats::YUVSource;

use crate::error::{BoxError, Error, Result};
use crate::format::header::MAX_VIEWS;
use crate::picture::{Picture, Plane};
use crate::pool::{Pool, Pooled};
use crate::units::{FrameId, Size, ViewId};

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
    /// [`Error::Stage`] of the anchor stage for what the stream causes, [`Error::Backend`] when
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
    Error::Stage { stage: "anchor", frame, source: source.into() }
}

/// openh264 in this process.
///
/// Why a decoder per section: no state of an earlier GOP can then leak into a picture, so seeking
/// equals playing.
#[derive(Default)]
pub struct Openh264 {
    sections: FixedVec<(ViewId, Decoder), MAX_VIEWS>,
}

impl Openh264 {
    /// A fresh decoder for a section of `view`.
    fn begin(&mut self, view: ViewId) -> Result<()> {
        self.sections.retain(|(of, _)| *of != view);
        let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
        let api = openh264::OpenH264API::from_source();
        let decoder = Decoder::with_api_config(api, config)
            .map_err(|e| Error::Backend { what: format!("openh264 does not start: {e}") })?;
        let added = self.sections.push((view, decoder));
        assert!(added.is_ok(), "a stream has at most {MAX_VIEWS} views");
        Ok(())
    }
}

impl AnchorDecoder for Openh264 {
    fn decode(&mut self, frame: FrameId, input: Input<'_>, ready: &mut Ready) -> Result<()> {
        if let Input::First(_) = input {
            self.begin(frame.view)?;
        }
        let section = self.sections.iter_mut().find(|(view, _)| *view == frame.view);
        let (_, decoder) = section.ok_or_else(|| failed(frame, "a section starts with an IDR"))?;
        let decoded = match input {
            Input::First(unit) | Input::Next(unit) => decode_unit(decoder, unit, ready),
            Input::End => flush(decoder, ready),
        };
        decoded.map_err(|e| failed(frame, e))
    }
}

fn decode_unit(decoder: &mut Decoder, unit: &[u8], ready: &mut Ready) -> Result<(), BoxError> {
    match decoder.decode_with_options(unit, DecodeOptions::default())? {
        Some(yuv) => ready.push(|picture| crop(&yuv, picture)),
        None => Ok(()),
    }
}

fn flush(decoder: &mut Decoder, ready: &mut Ready) -> Result<(), BoxError> {
    let held = decoder.flush_remaining()?;
    held.iter().try_for_each(|yuv| ready.push(|picture| crop(yuv, picture)))
}

/// Copies the top left of a decoded picture, which may be one larger on odd sides.
fn crop(yuv: &DecodedYUV<'_>, picture: &mut Picture) -> Result<(), BoxError> {
    let (columns, rows) = yuv.dimensions();
    let size = picture.size();
    let even = (size.width().next_multiple_of(2), size.height().next_multiple_of(2));
    if (columns, rows) != even {
        return Err(format!("a picture is {columns}×{rows}, not {}×{}", even.0, even.1).into());
    }
    let sources =
        [(yuv.y(), yuv.strides().0), (yuv.u(), yuv.strides().1), (yuv.v(), yuv.strides().2)];
    for (plane, (samples, stride)) in Plane::ALL.into_iter().zip(sources) {
        let (width, _) = picture.plane_size(plane);
        let lines = picture.plane_mut(plane).chunks_exact_mut(width);
        for (line, source) in lines.zip(samples.chunks(stride)) {
            let source = source.get(..width).ok_or("a decoded plane is cut off")?;
            line.copy_from_slice(source);
        }
    }
    Ok(())
}
