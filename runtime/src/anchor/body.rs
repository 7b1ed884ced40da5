//! A section of explicit pictures, taken apart and checked before a decoder sees it.

use std::ops::Range;

use super::av1;
use super::h264::checker::{Checker, Unit};
use crate::error::{Error, Result};
use crate::format::anchor::{
    AnchorSection, Codec, CodedPicture, KEY_BYTES, Key, coding_order, interleaved_order,
};
use crate::format::av1::{Av1Section, Views};
use crate::format::h264::START_CODE;
use crate::format::header::{Header, Role};
use crate::units::ViewId;

/// Most NAL units of an anchor section per picture: parameter sets, a delimiter and messages come before
/// its slice.
const MAX_NALS_PER_PICTURE: usize = 8;

/// A parsed section; each of its units has passed the checker of its codec.
#[derive(Debug)]
pub struct AnchorBody {
    /// What decodes it.
    pub codec: Codec,
    /// The explicit views, which take turns.
    pub views: Views,
    /// What its access units are, in coding order.
    pub order: Vec<CodedPicture>,
    body: Vec<u8>,
    units: Units,
}

/// Where the bytes of each access unit are.
#[derive(Debug, Default)]
struct Units {
    /// NAL units or temporal units.
    pieces: Vec<Range<usize>>,
    /// Pieces up to the end of each access unit.
    ends: Vec<usize>,
}

impl AnchorBody {
    /// Parses and checks a section of `views` covering `frames` pictures of each.
    ///
    /// # Errors
    /// [`Error::Malformed`] and [`Error::Unsupported`], counted from the start of the section.
    pub fn parse(
        codec: Codec,
        body: Vec<u8>,
        views: &[ViewId],
        frames: u32,
        header: &Header,
    ) -> Result<Self> {
        let (order, units) = match codec {
            Codec::H264 => h264(&body, views, frames, header)?,
            Codec::Av1 => av1(&body, views, frames, header)?,
        };
        let views = views.iter().copied().collect();
        Ok(Self { codec, views, order, body, units })
    }

    /// Fills `unit` with what the decoder is given for the coded picture `index`; false behind the last.
    pub fn access_unit(&self, index: usize, unit: &mut Vec<u8>) -> bool {
        let Units { pieces, ends } = &self.units;
        let Some(end) = ends.get(index) else { return false };
        let start = index.checked_sub(1).map_or(0, |before| ends[before]);
        let start_code: &[u8] = match self.codec {
            Codec::H264 => &START_CODE,
            Codec::Av1 => &[],
        };
        unit.clear();
        for piece in &pieces[start..*end] {
            unit.extend(start_code);
            unit.extend(&self.body[piece.clone()]);
        }
        true
    }
}

fn h264(
    body: &[u8],
    views: &[ViewId],
    frames: u32,
    header: &Header,
) -> Result<(Vec<CodedPicture>, Units)> {
    let section = AnchorSection::parse(body, frames)?;
    check_keys(&section.keys, 0, views, header)?;
    let pictures = section.keys.len() + frames as usize;
    let mut units = Units::default();
    // A decoder that reorders gives no key pictures out where the list has them.
    let mut checker = Checker::new(header.size, section.keys.is_empty());
    let most = MAX_NALS_PER_PICTURE * pictures;
    // Every NAL unit is checked before a decoder sees it; a slice ends its access unit.
    for nal in section.nal_units() {
        let (start, nal) = nal?;
        if units.pieces.len() == most {
            let rule = "an anchor section has at most 8 NAL units per picture";
            return Err(Error::malformed(start as u64, rule));
        }
        let unit = checker.check(nal).map_err(|e| e.moved_by(start as u64))?;
        units.pieces.push(start..start + nal.len());
        if matches!(unit, Unit::Idr | Unit::Slice) {
            units.ends.push(units.pieces.len());
        }
    }
    if units.ends.len() != pictures {
        let rule = "an anchor section has one slice per key and per picture";
        return Err(Error::malformed(0, rule));
    }
    checker.end()?;
    let order = views.iter().flat_map(|view| coding_order(*view, &section.keys, frames));
    Ok((order.collect(), units))
}

fn av1(
    body: &[u8],
    views: &[ViewId],
    frames: u32,
    header: &Header,
) -> Result<(Vec<CodedPicture>, Units)> {
    let section = Av1Section::parse(body, frames)?;
    if section.views != views {
        return Err(Error::malformed(0, "the views of a section stay the same while it is played"));
    }
    check_keys(&section.keys, section.keys_at, views, header)?;
    let mut units = Units::default();
    let mut checker = av1::Checker::new(header.size);
    // Every temporal unit is checked before a decoder sees it.
    for unit in section.temporal_units() {
        let (start, unit) = unit?;
        checker.check(unit).map_err(|e| e.moved_by(start as u64))?;
        units.pieces.push(start..start + unit.len());
        units.ends.push(units.pieces.len());
    }
    if units.ends.len() != section.keys.len() + views.len() * frames as usize {
        let rule = "an AV1 section has one temporal unit per key and per picture";
        return Err(Error::malformed(0, rule));
    }
    Ok((interleaved_order(views, &section.keys, frames).collect(), units))
}

/// Fails where a key in the list at byte `start` of a section of `views` is of a view that has nothing from it.
fn check_keys(keys: &[Key], start: usize, views: &[ViewId], header: &Header) -> Result<()> {
    for (index, key) in (0..).zip(keys) {
        let role = header.views.get(usize::from(key.view.0));
        let warps = matches!(role, Some(Role::Implicit { anchor, .. }) if views.contains(anchor));
        if !warps && !views.contains(&key.view) {
            let rule = "a key picture belongs to a section's own view or one that warps it";
            return Err(Error::malformed(start as u64 + 1 + index * KEY_BYTES, rule));
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
            AnchorBody::parse(Codec::H264, body, &[ViewId(0)], 1, &header).unwrap_err().to_string()
        };
        assert!(refusal(8).contains("one slice per key and per picture"), "{}", refusal(8));
        let said = refusal(9);
        assert!(
            said.contains("byte 18 breaks the rule that an anchor section has at most 8 NAL units"),
            "{said}"
        );
    }

    #[test]
    fn pictures_of_other_explicit_views_are_no_keys() {
        let header = header(Size { width_px: 16, height_px: 16 }, 1, &[Role::Explicit; 2]);
        let keys = [ViewId(0), ViewId(1)].map(|view| Key { view, frame: 0 });
        assert!(check_keys(&keys[..1], 0, &[ViewId(0)], &header).is_ok());
        let said = check_keys(&keys, 0, &[ViewId(0)], &header).unwrap_err().to_string();
        assert!(said.contains("byte 4 breaks the rule that a key picture belongs to"), "{said}");
    }
}
