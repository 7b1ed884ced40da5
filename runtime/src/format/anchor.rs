//! Anchor section (FORMAT.md §8): the H.264 of one explicit view over one GOP.
//!
//! NAL units carry a length instead of a start code. Every picture is one slice, so a slice NAL unit
//! ends its access unit. [`coding_order`] says which picture is which.

use heapless::Vec;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::units::ViewId;

ceiling! {
    /// Most key pictures of one section.
    MAX_KEYS = 96; KEYS_RULE = "a section has at most ", " key pictures"
}

/// Bytes of a key in the list.
pub const KEY_BYTES: u64 = (size_of::<u8>() + size_of::<u16>()) as u64;

/// A picture that is coded and not shown: of an implicit view, which warps it, or of the section's own view, whose
/// later pictures are predicted from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Key {
    /// The implicit view, or the section's own.
    pub view: ViewId,
    /// Frame from the start of the GOP; in the section's own view that of the picture it is coded before.
    pub frame: u16,
}

/// What an access unit of an anchor section is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodedPicture {
    /// The next picture of the view itself, or of the section's next view.
    Shown,
    /// A picture of the view itself that is only predicted from.
    Hidden,
    /// A key picture of another view.
    Key(Key),
}

/// What explicit pictures are coded by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// ITU-T H.264.
    H264,
    /// AV1.
    Av1,
}

impl Codec {
    /// Both.
    pub const ALL: [Self; 2] = [Self::H264, Self::Av1];

    /// Why a player that does not list it refuses a stream.
    pub const fn not_played(self) -> &'static str {
        match self {
            Self::H264 => "H.264, which the board's profile does not list",
            Self::Av1 => "AV1, which the board's profile does not list",
        }
    }
}

/// The access units of a section of `view` over `frames` pictures, in coding order (FORMAT.md §8): the pictures of the
/// view, those of the list before that of their frame; after the first of all these, the key pictures of other views.
pub fn coding_order(view: ViewId, keys: &[Key], frames: u32) -> impl Iterator<Item = CodedPicture> {
    interleaved_order([view], keys, frames)
}

/// The same for a section of several `views` in turn: all pictures of a frame before those of the next.
pub fn interleaved_order<'a>(
    views: impl AsRef<[ViewId]> + Copy + 'a,
    keys: &'a [Key],
    frames: u32,
) -> impl Iterator<Item = CodedPicture> + 'a {
    let frames =
        (0..frames).flat_map(move |frame| (0..views.as_ref().len()).map(move |i| (frame, i)));
    let mut pictures = frames.flat_map(move |(frame, index)| {
        let place = (views.as_ref()[index], frame);
        let hidden = keys.iter().filter(move |key| (key.view, u32::from(key.frame)) == place);
        hidden.map(|_| CodedPicture::Hidden).chain([CodedPicture::Shown])
    });
    let first = pictures.next();
    let others = move |key: &&Key| !views.as_ref().contains(&key.view);
    first
        .into_iter()
        .chain(keys.iter().filter(others).map(|key| CodedPicture::Key(*key)))
        .chain(pictures)
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
        let (keys, rest) = take_keys(body, 0, frames)?;
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
            let rule = "a NAL unit has at least one byte and ends inside its section";
            let taken = take_unit(rest, at as u64, rule);
            rest = taken.as_ref().map_or(&[][..], |(_, after)| *after);
            Some(taken.map(|(nal, after)| (nals_at + nals.len() - after.len() - nal.len(), nal)))
        })
    }
}

/// The key list at the start of `list`, which is byte `start` of its section, and what follows it.
pub(super) fn take_keys(
    list: &[u8],
    start: u64,
    frames: u32,
) -> Result<(Vec<Key, MAX_KEYS>, &[u8])> {
    let rule = "the key list of a section is complete";
    // How many, then view and frame of each.
    let (count, mut rest) = list.split_first().ok_or(Error::malformed(start, rule))?;
    let mut keys = Vec::new();
    for index in 0..u64::from(*count) {
        let at = start + 1 + index * KEY_BYTES;
        let Some(([view, low, high], after)) = rest.split_first_chunk::<3>() else {
            return Err(Error::malformed(start + list.len() as u64, rule));
        };
        let key = Key { view: ViewId(*view), frame: u16::from_le_bytes([*low, *high]) };
        if u32::from(key.frame) >= frames {
            return Err(Error::malformed(at, "the frame of a key picture is inside its GOP"));
        }
        let too_many = Error::malformed(at, KEYS_RULE);
        keys.push(key).map_err(|_| too_many)?;
        rest = after;
    }
    Ok((keys, rest))
}

/// Appends a key list.
///
/// # Panics
/// If there are more than [`MAX_KEYS`] keys.
pub(super) fn put_keys(sink: &mut impl Extend<u8>, keys: &[Key]) {
    assert!(keys.len() <= MAX_KEYS, "{KEYS_RULE}");
    sink.extend([keys.len() as u8]);
    for key in keys {
        let [low, high] = key.frame.to_le_bytes();
        sink.extend([key.view.0, low, high]);
    }
}

/// The unit at the start of `rest`, which is byte `at` of the section, and what follows it.
pub(super) fn take_unit<'a>(
    rest: &'a [u8],
    at: u64,
    rule: &'static str,
) -> Result<(&'a [u8], &'a [u8])> {
    let broken = || Error::malformed(at, rule);
    let (length, after) = postcard::take_from_bytes::<u32>(rest).map_err(|_| broken())?;
    let length = length as usize;
    if length == 0 || length > after.len() {
        return Err(broken());
    }
    Ok(after.split_at(length))
}

/// Appends a unit behind its length.
pub(super) fn put_unit(sink: &mut impl Extend<u8>, unit: &[u8]) {
    let mut varint = [0; 5];
    let length = postcard::to_slice(&(unit.len() as u32), &mut varint);
    sink.extend(length.iter().flat_map(|v| v.iter().copied()));
    sink.extend(unit.iter().copied());
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
    put_keys(sink, keys);
    nals.for_each(|nal| put_unit(sink, nal));
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    #[test]
    fn pictures_of_the_view_itself_stand_before_those_of_their_frame() {
        use CodedPicture::{Hidden, Shown};
        let [own, other] = [ViewId(2), ViewId(4)];
        let key = |view, frame| Key { view, frame };
        let order = |keys: &[Key]| coding_order(own, keys, 3).collect::<std::vec::Vec<_>>();
        let late = key(other, 2);
        assert_eq!(order(&[]), [Shown; 3]);
        assert_eq!(order(&[late]), [Shown, CodedPicture::Key(late), Shown, Shown]);
        let keys = [key(own, 0), late, key(own, 0), key(own, 2)];
        let all = [Hidden, CodedPicture::Key(late), Hidden, Shown, Shown, Hidden, Shown];
        assert_eq!(order(&keys), all);
    }

    #[test]
    fn keys_and_nal_units_survive() {
        let keys = [Key { view: ViewId(3), frame: 0 }, Key { view: ViewId(0), frame: 300 }];
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
