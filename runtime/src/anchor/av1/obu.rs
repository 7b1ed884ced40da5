//! The frame of a temporal unit: its open bitstream units (AV1 specification, sections 5.3 and 7.5).
//!
//! In a section a temporal unit has no temporal delimiter, because the section says where it ends, and
//! for the same reason its last unit has no size.

use crate::error::{Error, Result};

/// `obu_type` (6.2.2), as far as a section has them or an encoder writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObuKind {
    /// `OBU_SEQUENCE_HEADER`
    Sequence,
    /// `OBU_TEMPORAL_DELIMITER`
    Delimiter,
    /// `OBU_FRAME_HEADER`
    FrameHeader,
    /// `OBU_FRAME`
    Frame,
    /// Any other.
    Other,
}

/// `obu_has_size_field` in the first byte of a unit.
pub(super) const HAS_SIZE: u8 = 0x02;

/// One open bitstream unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Obu<'a> {
    /// What it is.
    pub kind: ObuKind,
    /// Where it starts among the bytes that were split.
    pub at: usize,
    /// What follows its header and size.
    pub payload: &'a [u8],
    /// The whole of it.
    pub whole: &'a [u8],
}

/// The units of `bytes` in order, and the first error.
pub fn split(bytes: &[u8]) -> impl Iterator<Item = Result<Obu<'_>>> {
    let mut at = 0;
    core::iter::from_fn(move || {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let obu = take(rest, at);
        at = obu.as_ref().map_or(bytes.len(), |obu| at + obu.whole.len());
        Some(obu.map_err(|e| e.moved_by((bytes.len() - rest.len()) as u64)))
    })
}

/// The first unit of `bytes` (5.3.1), which start `at` somewhere.
fn take(bytes: &[u8], at: usize) -> Result<Obu<'_>> {
    // `obu_header()`.
    let (&head, rest) = bytes.split_first().unwrap_or((&0, &[]));
    let fault = |rule| Err(Error::malformed(0, rule));
    if head & 0x81 != 0 {
        return fault("the forbidden and the reserved bit of an OBU are zero");
    }
    if head & 0x04 != 0 {
        return Err(Error::unsupported(0, "temporal and spatial layers in an AV1 section"));
    }
    // `obu_size`, or all that is left.
    let (size, rest) = if head & HAS_SIZE == 0 { (rest.len(), rest) } else { leb128(rest)? };
    let Some(payload) = rest.get(..size) else {
        return fault("an OBU ends inside its temporal unit");
    };
    let kind = match (head >> 3) & 0xf {
        1 => ObuKind::Sequence,
        2 => ObuKind::Delimiter,
        3 => ObuKind::FrameHeader,
        6 => ObuKind::Frame,
        _ => ObuKind::Other,
    };
    let whole = &bytes[..bytes.len() - rest.len() + size];
    Ok(Obu { kind, at, payload, whole })
}

/// `leb128()` (4.10.5), and what follows it.
fn leb128(bytes: &[u8]) -> Result<(usize, &[u8])> {
    let mut value = 0u64;
    for (index, byte) in bytes.iter().enumerate().take(8) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let size = u32::try_from(value);
            let too_long = |_| Error::malformed(0, "the size of an OBU has at most 32 bits");
            return Ok((size.map_err(too_long)? as usize, &bytes[index + 1..]));
        }
    }
    Err(Error::malformed(0, "the size of an OBU is complete"))
}

/// Cuts what an encoder wrote into temporal units as a section has them.
///
/// # Errors
/// [`Error::Malformed`] and [`Error::Unsupported`] when it is no low-overhead AV1 stream.
pub fn temporal_units(stream: &[u8]) -> Result<Vec<Vec<u8>>> {
    let mut units: Vec<Vec<Obu<'_>>> = Vec::new();
    for obu in split(stream) {
        let obu = obu?;
        match (obu.kind, units.last_mut()) {
            (ObuKind::Delimiter, _) => units.push(Vec::new()),
            (_, Some(unit)) => unit.push(obu),
            (_, None) => {
                return Err(Error::malformed(0, "an AV1 stream starts with a temporal delimiter"));
            }
        }
    }
    Ok(units.iter().map(|unit| joined(unit)).collect())
}

/// The units one after another, the last without its size.
fn joined(unit: &[Obu<'_>]) -> Vec<u8> {
    let Some((last, first)) = unit.split_last() else { return Vec::new() };
    let mut bytes: Vec<u8> = first.iter().flat_map(|obu| obu.whole).copied().collect();
    bytes.push(last.whole[0] & !HAS_SIZE);
    bytes.extend(last.payload);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8]) -> String {
        split(bytes).find_map(Result::err).expect("a fault").to_string()
    }

    #[test]
    fn units_are_split_and_joined_without_delimiters_and_last_sizes() {
        let stream = [0x12, 0, 0x0a, 2, 7, 8, 0x32, 0x81, 0, 9, 0x12, 0, 0x1a, 1, 5];
        let units = temporal_units(&stream).unwrap();
        assert_eq!(units, [vec![0x0a, 2, 7, 8, 0x30, 9], vec![0x18, 5]]);
        let obus: Vec<_> = split(&units[0]).map(|obu| obu.unwrap()).collect();
        assert_eq!(
            obus.iter().map(|o| o.kind).collect::<Vec<_>>(),
            [ObuKind::Sequence, ObuKind::Frame]
        );
        assert_eq!((obus[1].at, obus[1].payload), (4, &[9][..]));
        assert!(temporal_units(&stream[2..]).is_err(), "no delimiter first");
    }

    #[test]
    fn every_fault_of_the_framing_is_named_with_its_byte() {
        let rows: [(&[u8], &str); 6] = [
            (&[0x0a, 0, 0x92, 0], "byte 2 breaks the rule that the forbidden"),
            (&[0x13, 0], "byte 0 breaks the rule that the forbidden and the reserved"),
            (&[0x36, 0, 0], "layers"),
            (&[0x0a, 0, 0x32, 3, 1, 2], "byte 2 breaks the rule that an OBU ends inside"),
            (&[0x32, 0x80, 0x80], "is complete"),
            (&[0x32, 0xff, 0xff, 0xff, 0xff, 0x7f], "at most 32 bits"),
        ];
        for (bytes, rule) in rows {
            assert!(refusal(bytes).contains(rule), "{bytes:?}: {}", refusal(bytes));
        }
    }
}
