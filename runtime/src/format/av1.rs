//! AV1 section (FORMAT.md §8.1): explicit views over one GOP, in turn.
//!
//! Every picture is a temporal unit of its own, behind its length. [`interleaved_order`] says which picture
//! is which.
//!
//! [`interleaved_order`]: super::anchor::interleaved_order

use heapless::Vec;

use super::anchor::{Key, MAX_KEYS, put_keys, put_unit, take_keys, take_unit};
use super::header::MAX_VIEWS;
use crate::error::{Error, Result};
use crate::units::ViewId;

/// The explicit views of a section, in coding order.
pub type Views = Vec<ViewId, MAX_VIEWS>;

/// A parsed AV1 section.
#[derive(Debug, Clone)]
pub struct Av1Section<'a> {
    /// Its views.
    pub views: Views,
    /// Key pictures.
    pub keys: Vec<Key, MAX_KEYS>,
    /// Where the key list starts in the section.
    pub keys_at: usize,
    /// Temporal units behind their lengths.
    units: &'a [u8],
    /// Where they start in the section.
    units_at: usize,
}

impl<'a> Av1Section<'a> {
    /// Parses the body of a section covering `frames` pictures of each view.
    ///
    /// # Errors
    /// [`Error::Malformed`], at a byte counted from the start of the section.
    pub fn parse(body: &'a [u8], frames: u32) -> Result<Self> {
        let (views, list) = take_views(body)?;
        let keys_at = body.len() - list.len();
        let (keys, units) = take_keys(list, keys_at as u64, frames)?;
        Ok(Self { views, keys, keys_at, units, units_at: body.len() - units.len() })
    }

    /// The temporal units in decoding order, each with its byte in the section.
    pub fn temporal_units(&self) -> impl Iterator<Item = Result<(usize, &'a [u8])>> + use<'a> {
        let (units, units_at) = (self.units, self.units_at);
        let mut rest = units;
        core::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let end = |rest: &[u8]| units_at + units.len() - rest.len();
            let rule = "a temporal unit has at least one byte and ends inside its section";
            let taken = take_unit(rest, end(rest) as u64, rule);
            rest = taken.as_ref().map_or(&[][..], |(_, after)| *after);
            Some(taken.map(|(unit, after)| (end(after) - unit.len(), unit)))
        })
    }
}

/// The list of views at the start of a section, and what follows it.
///
/// # Errors
/// [`Error::Malformed`] when it is cut off, empty, too long or names a view twice.
pub fn take_views(body: &[u8]) -> Result<(Views, &[u8])> {
    let broken = |at, rule| Error::malformed(at, rule);
    let cut_off = || broken(0, "the list of views of an AV1 section is complete");
    let (count, rest) = body.split_first().ok_or_else(cut_off)?;
    let list = rest.get(..usize::from(*count)).ok_or_else(cut_off)?;
    let mut views = Views::new();
    for (at, view) in (1..).zip(list) {
        if views.contains(&ViewId(*view)) {
            return Err(broken(at, "an AV1 section names a view once"));
        }
        let too_many = broken(at, "an AV1 section has at most 32 views");
        views.push(ViewId(*view)).map_err(|_| too_many)?;
    }
    if views.is_empty() {
        return Err(broken(0, "an AV1 section has at least one view"));
    }
    Ok((views, &rest[list.len()..]))
}

/// Appends the body of an AV1 section of `views`, whose first is the view of its entry; `units` are as
/// `anchor::av1::obu::temporal_units` makes them, in the order of [`interleaved_order`].
///
/// # Panics
/// Without views, or with more than [`MAX_VIEWS`] of them or [`MAX_KEYS`] keys.
///
/// [`interleaved_order`]: super::anchor::interleaved_order
pub fn write_av1<'a>(
    sink: &mut impl Extend<u8>,
    views: &[ViewId],
    keys: &[Key],
    units: impl Iterator<Item = &'a [u8]>,
) {
    assert!((1..=MAX_VIEWS).contains(&views.len()), "an AV1 section has 1 to {MAX_VIEWS} views");
    sink.extend([views.len() as u8]);
    sink.extend(views.iter().map(|view| view.0));
    put_keys(sink, keys);
    units.for_each(|unit| put_unit(sink, unit));
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::super::anchor::{CodedPicture, interleaved_order};
    use super::*;

    #[test]
    fn views_keys_and_units_survive() {
        let views = [ViewId(2), ViewId(0)];
        let keys = [Key { view: ViewId(1), frame: 0 }, Key { view: ViewId(0), frame: 3 }];
        let long = std::vec![7u8; 1000];
        let units: [&[u8]; 2] = [&[1, 2], &long];
        let mut body = std::vec::Vec::new();
        write_av1(&mut body, &views, &keys, units.into_iter());
        let section = Av1Section::parse(&body, 4).unwrap();
        assert_eq!((&section.views[..], &section.keys[..]), (&views[..], &keys[..]));
        let read: Result<std::vec::Vec<_>> = section.temporal_units().collect();
        let read = read.unwrap();
        assert_eq!(read.iter().map(|(_, unit)| *unit).collect::<std::vec::Vec<_>>(), units);
        assert!(read.iter().all(|(at, unit)| &body[*at..at + unit.len()] == *unit));
        assert!(Av1Section::parse(&body, 3).is_err(), "a key outside its GOP");
        let cut = Av1Section::parse(&body[..body.len() - 1], 4).unwrap();
        assert!(cut.temporal_units().last().unwrap().is_err());
    }

    #[test]
    fn every_fault_of_the_list_of_views_is_named() {
        let many: std::vec::Vec<u8> = core::iter::once(33).chain(0..33).collect();
        let rows: [(&[u8], &str); 5] = [
            (&[], "is complete"),
            (&[2, 0], "is complete"),
            (&[0, 0], "at least one view"),
            (&[2, 5, 5], "byte 2 breaks the rule that an AV1 section names a view once"),
            (&many, "at most 32 views"),
        ];
        for (body, rule) in rows {
            let said = std::string::ToString::to_string(&take_views(body).unwrap_err());
            assert!(said.contains(rule), "{rule}: {said}");
        }
    }

    #[test]
    fn views_take_turns_and_their_backgrounds_stand_before_them() {
        use CodedPicture::{Hidden, Shown};
        let views = [ViewId(3), ViewId(1)];
        let other = Key { view: ViewId(0), frame: 1 };
        let keys = [other, Key { view: ViewId(1), frame: 0 }, Key { view: ViewId(3), frame: 1 }];
        let order: std::vec::Vec<_> = interleaved_order(&views[..], &keys, 2).collect();
        assert_eq!(order, [Shown, CodedPicture::Key(other), Hidden, Shown, Hidden, Shown, Shown]);
    }
}
