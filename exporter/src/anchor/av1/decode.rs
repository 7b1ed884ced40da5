//! AV1 as the player will see it: checked and decoded by its own code.

use iev_runtime::Size;
use iev_runtime::anchor::av1::{Checker, Rav1d};

use crate::anchor::AnchorError;
use crate::picture::Picture;

/// Decodes one picture from each temporal unit, in order.
///
/// # Errors
/// Where the player would refuse a unit, or rav1d does.
pub(super) fn decode(units: &[Vec<u8>], size: Size) -> Result<Vec<Picture>, AnchorError> {
    let failed = |picture| move |source| AnchorError::Rav1d { picture, source };
    let mut checker = Checker::new(size);
    let mut decoder = Rav1d::start(size).map_err(|e| failed(0)(e.into()))?;
    let decode = |(index, unit): (usize, &Vec<u8>)| {
        checker.check(unit).map_err(AnchorError::RefusedAv1)?;
        let mut picture = Picture::new(size);
        decoder.decode(unit, &mut picture).map_err(failed(index))?;
        Ok(picture)
    };
    units.iter().enumerate().map(decode).collect()
}
