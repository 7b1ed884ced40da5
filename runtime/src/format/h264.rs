//! NAL units of H.264: what they are, and where they are in a byte stream (ITU-T H.264 §7.4.1 and Annex B).

/// What stands before a NAL unit in a byte stream.
pub const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// What a NAL unit is (table 7-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NalType {
    /// Slice of a picture that is no IDR.
    Slice,
    /// Slice of an IDR picture.
    IdrSlice,
    /// Sequence parameter set.
    SequenceParameters,
    /// Picture parameter set.
    PictureParameters,
    /// Messages, delimiters, end codes and filler, which change no sample.
    Ignored,
    /// Everything else, which no anchor section has.
    Other,
}

impl NalType {
    /// Type of a NAL unit without its start code.
    pub fn of(nal: &[u8]) -> Self {
        match nal.first().map_or(0, |head| head & 0x1f) {
            1 => Self::Slice,
            5 => Self::IdrSlice,
            7 => Self::SequenceParameters,
            8 => Self::PictureParameters,
            6 | 9..=12 => Self::Ignored,
            _ => Self::Other,
        }
    }

    /// Whether it is a slice of any picture, and so ends its access unit: a picture has one.
    pub const fn is_slice(self) -> bool {
        matches!(self, Self::Slice | Self::IdrSlice)
    }
}

/// The non-empty NAL units between start codes, without trailing zero bytes.
pub fn nal_units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(stream).unwrap_or(&[]);
    core::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = start_code(rest).unwrap_or(rest.len());
        let nal = &rest[..end];
        rest = after_start_code(rest).unwrap_or(&[]);
        let length = nal.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        Some(&nal[..length])
    })
    .filter(|nal| !nal.is_empty())
}

fn start_code(bytes: &[u8]) -> Option<usize> {
    bytes.windows(3).position(|window| window == [0, 0, 1])
}

fn after_start_code(bytes: &[u8]) -> Option<&[u8]> {
    start_code(bytes).map(|at| &bytes[at + 3..])
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    #[test]
    fn units_are_found_between_start_codes_of_both_lengths() {
        let stream = [9, 0, 0, 0, 1, 0x67, 42, 0, 0, 1, 0x68, 43, 0, 0, 0, 0, 1, 0, 0, 1, 0x65];
        let units: std::vec::Vec<&[u8]> = nal_units(&stream).collect();
        assert_eq!(units, [&[0x67, 42][..], &[0x68, 43], &[0x65]]);
        for none in [&[][..], &[1, 2, 3, 0, 0], &[0, 0, 1], &[0, 0, 1, 0, 0]] {
            assert_eq!(nal_units(none).count(), 0, "{none:?}");
        }
    }

    #[test]
    fn types_are_those_of_the_first_byte() {
        let types = [0x41, 0x65, 0x67, 0x68, 6, 9, 12, 2, 0].map(|head| NalType::of(&[head]));
        use NalType::{IdrSlice, Ignored, Other, PictureParameters, SequenceParameters, Slice};
        let parameters = [SequenceParameters, PictureParameters];
        assert_eq!(types[..4], [&[Slice, IdrSlice][..], &parameters].concat());
        assert_eq!(types[4..], [Ignored, Ignored, Ignored, Other, Other]);
        assert_eq!(NalType::of(&[]), Other);
    }
}
