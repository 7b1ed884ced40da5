//! Anchor section (FORMAT.md §8): the H.264 of one explicit view over one GOP.
//!
//! NAL units carry a length instead of a start code. Every picture is one slice, so a slice NAL unit
//! ends its access unit. [`coding_order`] says which picture is which.

use heapless::Vec;

use crate::error::{Error, Result};
use crate::units::ViewId;

/// Most key pictures of one section.
pub const MAX_KEYS: usize = 96;

/// Bytes of a key in the list.
pub const KEY_BYTES: u64 = (size_of::<u8>() + size_of::<u16>()) as u64;

/// A picture that is coded and not shown: of an implicit view, which warps it, or of the section's own view, whose
/// later pictures are predicted from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Key {
    /// The implicit view, or the section's own.
    pub view: ViewId,
    /// Time from the start of the GOP; in the section's own view that of the picture it is coded before.
    pub time: u16,
}

/// What an access unit of an anchor section is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coded {
    /// The next picture of the view itself.
    Shown,
    /// A picture of the view itself that is only predicted from.
    Hidden,
    /// A key picture of another view.
    Key(Key),
}

/// The access units of a section of `view` over `frames` pictures, in coding order (FORMAT.md §8): the pictures of the
/// view, those of the list before that of their time; after the first of all these, the key pictures of other views.
pub fn coding_order(view: ViewId, keys: &[Key], frames: u32) -> impl Iterator<Item = Coded> {
    let (own, others) = (move |key: &&Key| key.view == view, move |key: &&Key| key.view != view);
    let mut pictures = (0..frames).flat_map(move |time| {
        let hidden = keys.iter().filter(own).filter(move |key| u32::from(key.time) == time);
        hidden.map(|_| Coded::Hidden).chain([Coded::Shown])
    });
    let first = pictures.next();
    first.into_iter().chain(keys.iter().filter(others).map(|key| Coded::Key(*key))).chain(pictures)
}

/// A parsed anchor section.
#[derive(Debug, Clone)]
pub struct AnchorSection<'a> {
    /// Key pictures; see [`coding_order`].
    pub keys: Vec<Key, MAX_KEYS>,
    /// Length-prefixed NAL units.
    nals: &'a [u8],
    /// Where they start in the section.
    nals_at: usize,
}

impl<'a> AnchorSection<'a> {
    /// Parses the body of a section covering `frames` pictures.
    ///
    /// # Errors
    /// [`Error::Malformed`], at a byte counted from the start of the section.
    pub fn parse(body: &'a [u8], frames: u32) -> Result<Self> {
        let cut_off = Error::malformed(0, "the key list of an anchor section is complete");
        let (count, mut rest) = body.split_first().ok_or(cut_off)?;
        let mut keys = Vec::new();
        for index in 0..u64::from(*count) {
            let at = 1 + index * KEY_BYTES;
            let Some(([view, low, high], after)) = rest.split_first_chunk::<3>() else {
                return Err(Error::malformed(
                    body.len() as u64,
                    "the key list of an anchor section is complete",
                ));
            };
            let key = Key { view: ViewId(*view), time: u16::from_le_bytes([*low, *high]) };
            if u32::from(key.time) >= frames {
                return Err(Error::malformed(at, "the time of a key picture is inside its GOP"));
            }
            keys.push(key).map_err(|_| {
                Error::malformed(at, "an anchor section has at most 96 key pictures")
            })?;
            rest = after;
        }
        Ok(Self { keys, nals: rest, nals_at: body.len() - rest.len() })
    }

    /// The NAL units in decoding order, without start codes, each with its byte in the section.
    pub fn nal_units(&self) -> impl Iterator<Item = Result<(usize, &'a [u8])>> + use<'a> {
        let (nals, nals_at) = (self.nals, self.nals_at);
        let mut rest = nals;
        core::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let at = nals_at + nals.len() - rest.len();
            let taken = take_nal(rest, at as u64);
            rest = taken.as_ref().map_or(&[][..], |(_, after)| *after);
            Some(taken.map(|(nal, after)| (nals_at + nals.len() - after.len() - nal.len(), nal)))
        })
    }
}

/// The NAL unit at the start of `rest`, which is byte `at` of the section, and what follows it.
fn take_nal(rest: &[u8], at: u64) -> Result<(&[u8], &[u8])> {
    let broken =
        || Error::malformed(at, "a NAL unit has at least one byte and ends inside its section");
    let (length, after) = postcard::take_from_bytes::<u32>(rest).map_err(|_| broken())?;
    let length = length as usize;
    if length == 0 || length > after.len() {
        return Err(broken());
    }
    Ok(after.split_at(length))
}

/// True when the NAL unit is a slice and so ends its access unit.
pub fn is_slice(nal: &[u8]) -> bool {
    nal.first().is_some_and(|b| matches!(b & 0x1f, 1 | 5))
}

/// Appends the body of an anchor section; `nals` have no start codes.
///
/// # Panics
/// If there are more than [`MAX_KEYS`] keys.
pub fn write_anchor<'a>(
    sink: &mut impl Extend<u8>,
    keys: &[Key],
    nals: impl Iterator<Item = &'a [u8]>,
) {
    assert!(keys.len() <= MAX_KEYS, "an anchor section has at most {MAX_KEYS} key pictures");
    sink.extend([keys.len() as u8]);
    for key in keys {
        let [low, high] = key.time.to_le_bytes();
        sink.extend([key.view.0, low, high]);
    }
    for nal in nals {
        let mut varint = [0; 5];
        let length = postcard::to_slice(&(nal.len() as u32), &mut varint);
        sink.extend(length.iter().flat_map(|v| v.iter().copied()));
        sink.extend(nal.iter().copied());
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    #[test]
    fn pictures_of_the_view_itself_stand_before_those_of_their_time() {
        use Coded::{Hidden, Shown};
        let [own, other] = [ViewId(2), ViewId(4)];
        let key = |view, time| Key { view, time };
        let order = |keys: &[Key]| coding_order(own, keys, 3).collect::<std::vec::Vec<_>>();
        let late = key(other, 2);
        assert_eq!(order(&[]), [Shown; 3]);
        assert_eq!(order(&[late]), [Shown, Coded::Key(late), Shown, Shown]);
        let keys = [key(own, 0), late, key(own, 0), key(own, 2)];
        let all = [Hidden, Coded::Key(late), Hidden, Shown, Shown, Hidden, Shown];
        assert_eq!(order(&keys), all);
    }

    #[test]
    fn keys_and_nal_units_survive() {
        let keys = [Key { view: ViewId(3), time: 0 }, Key { view: ViewId(0), time: 300 }];
        let long = std::vec![7u8; 1000];
        let nals: [&[u8]; 3] = [&[0x67, 1], &[0x65, 2, 3], &long];
        let mut body = std::vec::Vec::new();
        write_anchor(&mut body, &keys, nals.into_iter());
        let section = AnchorSection::parse(&body, 301).unwrap();
        assert_eq!(section.keys, keys);
        for (read, nal) in section.nal_units().zip(nals) {
            let (at, read) = read.unwrap();
            assert_eq!((read, &body[at..][..nal.len()]), (nal, nal));
        }
        assert_eq!(section.nal_units().count(), nals.len());
        assert!(AnchorSection::parse(&body, 300).is_err(), "key outside its GOP");
        let cut = AnchorSection::parse(&body[..body.len() - 1], 301).unwrap();
        let long_at = (body.len() - long.len() - 2) as u64;
        let Err(Error::Malformed { offset, .. }) = cut.nal_units().last().unwrap() else {
            panic!("it ends outside its section")
        };
        assert_eq!(offset, long_at);
    }
}
