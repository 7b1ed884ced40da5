//! openh264, which decodes H.264 access units in this process.

use openh264::decoder::{DecodeOptions, DecodedYUV, Decoder, DecoderConfig, Flush};
use openh264::formats::YUVSource;

use crate::anchor::decoder::{Ready, SectionDecoder};
use crate::error::{BoxError, Error, Result};
use crate::picture::{Picture, Plane};

/// openh264 for one section.
pub struct Openh264(Decoder);

impl Openh264 {
    /// A fresh decoder.
    ///
    /// # Errors
    /// [`Error::Backend`] when openh264 does not start.
    pub fn start() -> Result<Self> {
        let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
        let api = openh264::OpenH264API::from_source();
        let decoder = Decoder::with_api_config(api, config);
        let refused = |e| Error::Backend { what: format!("openh264 does not start: {e}") };
        Ok(Self(decoder.map_err(refused)?))
    }
}

impl SectionDecoder for Openh264 {
    fn decode(&mut self, unit: &[u8], ready: &mut Ready) -> Result<(), BoxError> {
        match self.0.decode_with_options(unit, DecodeOptions::default())? {
            Some(yuv) => ready.push(|picture| crop(&yuv, picture)),
            None => Ok(()),
        }
    }

    fn finish(&mut self, ready: &mut Ready) -> Result<(), BoxError> {
        let held = self.0.flush_remaining()?;
        held.iter().try_for_each(|yuv| ready.push(|picture| crop(yuv, picture)))
    }
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
