//! openh264, which decodes H.264 access units in this process.

use heapless::Vec as FixedVec;
use openh264::decoder::{DecodeOptions, DecodedYUV, Decoder, DecoderConfig, Flush};
use openh264::formats::YUVSource;

use crate::anchor::decoder::{AnchorDecoder, Input, Ready, failed};
use crate::error::{BoxError, Error, Result};
use crate::format::header::MAX_VIEWS;
use crate::picture::{Picture, Plane};
use crate::units::{FrameId, ViewId};

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
