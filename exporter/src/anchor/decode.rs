//! Explicit pictures as the player will see them: by its own decoders.

use iev_runtime::Size;
use iev_runtime::anchor::decoder::{Ready, section_decoder};
use iev_runtime::format::anchor::Codec;
use iev_runtime::picture::pool::Pool;

use super::AnchorError;
use crate::picture::Picture;

/// Decodes one picture from each access unit of a section, in coding order.
///
/// # Errors
/// [`AnchorError::Decoder`] for a unit that is damaged or of another size, [`AnchorError::Count`] where a picture is
/// missing.
pub(super) fn decode(
    codec: Codec,
    units: &[Vec<u8>],
    size: Size,
) -> Result<Vec<Picture>, AnchorError> {
    let failed = |picture| move |source| AnchorError::Decoder { picture, source };
    let mut decoder = section_decoder(codec, size).map_err(|e| failed(0)(e.into()))?;
    let mut ready = Ready::new(size, Pool::new(0));
    for (picture, unit) in units.iter().enumerate() {
        decoder.decode(unit, &mut ready).map_err(failed(picture))?;
    }
    decoder.finish(&mut ready).map_err(failed(units.len()))?;
    let pictures: Vec<Picture> =
        std::iter::from_fn(|| ready.pop()).map(|picture| picture.clone()).collect();
    let (expected, got) = (units.len(), pictures.len());
    if expected != got {
        return Err(AnchorError::Count { stage: "anchor decoder", expected, got });
    }
    Ok(pictures)
}
