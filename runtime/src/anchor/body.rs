//! A section of explicit pictures, taken apart and checked before a decoder sees it.

use std::ops::Range;

use super::h264::checker::{Checker, Unit};
use crate::error::{Error, Result};
use crate::format::anchor::{AnchorSection, Coded, KEY_BYTES, Key, coding_order};
use crate::format::header::{Header, Role};
use crate::units::ViewId;

/// Most NAL units of an anchor section per picture: parameter sets, a delimiter and messages come before
/// its slice.
const MAX_NALS_PER_PICTURE: usize = 8;

/// A parsed anchor section; every NAL unit has passed [`Checker::check`].
#[derive(Debug)]
pub struct AnchorBody {
    /// The explicit view.
    pub view: ViewId,
    /// What its access units are, in coding order.
    pub order: Vec<Coded>,
    body: Vec<u8>,
    nals: Vec<(Unit, Range<usize>)>,
}

impl AnchorBody {
    /// Parses and checks a section covering `frames` pictures.
    ///
    /// # Errors
    /// [`Error::Malformed`] and [`Error::Unsupported`], counted from the start of the section.
    pub fn parse(body: Vec<u8>, view: ViewId, frames: u32, header: &Header) -> Result<Self> {
        let section = AnchorSection::parse(&body, frames)?;
        check_keys(&section.keys, view, header)?;
        let pictures = section.keys.len() + frames as usize;
        let mut nals = Vec::new();
        let mut checker = Checker::new(header.size);
        let most = MAX_NALS_PER_PICTURE * pictures;
        for nal in section.nal_units() {
            let (start, nal) = nal?;
            if nals.len() == most {
                let rule = "an anchor section has at most 8 NAL units per picture";
                return Err(Error::malformed(start as u64, rule));
            }
            let unit = checker.check(nal).map_err(|e| e.moved_by(start as u64))?;
            nals.push((unit, start..start + nal.len()));
        }
        let is_picture = |(unit, _): &&(Unit, _)| matches!(unit, Unit::Idr | Unit::Slice);
        if nals.iter().filter(is_picture).count() != pictures {
            let rule = "an anchor section has one slice per key and per picture";
            return Err(Error::malformed(0, rule));
        }
        let order = coding_order(view, &section.keys, frames).collect();
        Ok(Self { view, order, body, nals })
    }

    /// NAL unit `index` and what it is.
    pub fn nal(&self, index: usize) -> Option<(Unit, &[u8])> {
        self.nals.get(index).map(|(unit, range)| (*unit, &self.body[range.clone()]))
    }
}

/// Fails where a key in the list of a section of `view` is of a view that has nothing from it.
fn check_keys(keys: &[Key], view: ViewId, header: &Header) -> Result<()> {
    for (index, key) in (0..).zip(keys) {
        let role = header.views.get(usize::from(key.view.0));
        let warps = matches!(role, Some(Role::Implicit { anchor, .. }) if *anchor == view);
        if !warps && key.view != view {
            let rule = "a key picture belongs to a section's own view or one that warps it";
            return Err(Error::malformed(1 + index * KEY_BYTES, rule));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::anchor::write_anchor;
    use crate::tests::streams::header;
    use crate::units::Size;

    #[test]
    fn units_that_hold_nothing_do_not_fill_memory() {
        let header = header(Size { width_px: 16, height_px: 16 }, 1, &[Role::Explicit]);
        let filler: &[u8] = &[12];
        let refusal = |count: usize| {
            let mut body = Vec::new();
            write_anchor(&mut body, &[], std::iter::repeat_n(filler, count));
            AnchorBody::parse(body, ViewId(0), 1, &header).unwrap_err().to_string()
        };
        assert!(refusal(8).contains("one slice per key and per picture"), "{}", refusal(8));
        let said = refusal(9);
        assert!(said.contains("at byte 18: an anchor section has at most 8 NAL units"), "{said}");
    }

    #[test]
    fn pictures_of_other_explicit_views_are_no_keys() {
        let header = header(Size { width_px: 16, height_px: 16 }, 1, &[Role::Explicit; 2]);
        let keys = [ViewId(0), ViewId(1)].map(|view| Key { view, time: 0 });
        assert!(check_keys(&keys[..1], ViewId(0), &header).is_ok());
        let said = check_keys(&keys, ViewId(0), &header).unwrap_err().to_string();
        assert!(said.contains("at byte 4: a key picture belongs to"), "{said}");
    }
}
