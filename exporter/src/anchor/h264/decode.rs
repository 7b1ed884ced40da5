//! The anchor as the player will see it: decoded by openh264, cropped to the picture's size.

use iev_runtime::picture::Plane;
use openh264::OpenH264API;
use openh264::decoder::{DecodedYUV, Decoder, DecoderConfig, Flush};
use openh264::formats::YUVSource;

use crate::anchor::AnchorError;
use crate::picture::{Picture, PictureExt};

/// Decodes one picture from each access unit, in order.
///
/// # Errors
/// [`AnchorError::OpenH264`] for a damaged unit, [`AnchorError::Count`] where a picture is
/// missing, [`AnchorError::Size`] where the stream's pictures are smaller than the crop.
pub fn decode_anchor(
    units: &[Vec<u8>],
    width: usize,
    height: usize,
) -> Result<Vec<Picture>, AnchorError> {
    let failed = |picture| move |source| AnchorError::OpenH264 { picture, source };
    // CABAC streams come out one picture late; flushing after each unit would break them.
    let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
    let mut decoder =
        Decoder::with_api_config(OpenH264API::from_source(), config).map_err(failed(0))?;
    let mut pictures = Vec::with_capacity(units.len());
    for (index, unit) in units.iter().enumerate() {
        if let Some(decoded) = decoder.decode(unit).map_err(failed(index))? {
            pictures.push(cropped(&decoded, width, height)?);
        }
    }
    for decoded in decoder.flush_remaining().map_err(failed(units.len()))? {
        pictures.push(cropped(&decoded, width, height)?);
    }
    if pictures.len() != units.len() {
        let (expected, got) = (units.len(), pictures.len());
        return Err(AnchorError::Count { stage: "anchor decoder", expected, got });
    }
    Ok(pictures)
}

fn cropped(decoded: &DecodedYUV<'_>, width: usize, height: usize) -> Result<Picture, AnchorError> {
    let size = decoded.dimensions();
    if size.0 < width || size.1 < height {
        return Err(AnchorError::Size { decoded: size, wanted: (width, height) });
    }
    let (y_stride, u_stride, v_stride) = decoded.strides();
    let mut picture = Picture::zeros(width, height);
    let (chroma_width, _) = picture.plane_size(Plane::U);
    let [y, u, v] = picture.planes_mut();
    copy_rows(decoded.y(), y_stride, y, width);
    copy_rows(decoded.u(), u_stride, u, chroma_width);
    copy_rows(decoded.v(), v_stride, v, chroma_width);
    Ok(picture)
}

fn copy_rows(from: &[u8], stride: usize, to: &mut [u8], width: usize) {
    for (line, source) in to.chunks_exact_mut(width).zip(from.chunks(stride)) {
        line.copy_from_slice(&source[..width]);
    }
}
