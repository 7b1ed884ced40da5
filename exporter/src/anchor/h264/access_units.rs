//! Splits an Annex B byte stream into access units (ITU-T H.264 §7.4.1.2 and Annex B).

/// NAL unit types (H.264 table 7-1).
const SLICE: u8 = 1;
const PARTITION_A: u8 = 2;
const IDR_SLICE: u8 = 5;
const SEI: u8 = 6;
const ACCESS_UNIT_DELIMITER: u8 = 9;
const END_OF_SEQUENCE: u8 = 10;
const FILLER: u8 = 12;

const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// One chunk per picture: its parameter sets, then its slices.
///
/// A picture starts at a slice whose `first_mb_in_slice` is 0; parameter sets before it belong
/// to it. SEI, delimiters, end codes and filler change no sample and are dropped.
pub fn split_access_units(stream: &[u8]) -> Vec<Vec<u8>> {
    let mut units: Vec<Vec<u8>> = Vec::new();
    let mut parameter_sets = Vec::new();
    for nal in nal_units(stream) {
        match nal[0] & 31 {
            SEI | ACCESS_UNIT_DELIMITER..=FILLER => {}
            SLICE | PARTITION_A | IDR_SLICE => {
                if starts_picture(nal) {
                    units.push(std::mem::take(&mut parameter_sets));
                }
                if let Some(unit) = units.last_mut() {
                    append(unit, nal);
                }
            }
            _ => append(&mut parameter_sets, nal),
        }
    }
    units
}

/// `first_mb_in_slice` is the first Exp-Golomb number, and 0 is the single bit 1 (H.264 §9.1).
fn starts_picture(slice: &[u8]) -> bool {
    slice.get(1).is_some_and(|byte| byte & 0x80 != 0)
}

fn append(unit: &mut Vec<u8>, nal: &[u8]) {
    unit.extend_from_slice(&START_CODE);
    unit.extend_from_slice(nal);
}

/// The non-empty NAL units between start codes, without trailing zero bytes.
pub(crate) fn nal_units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(stream).unwrap_or(&[]);
    std::iter::from_fn(move || {
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

const _: () = assert!(ACCESS_UNIT_DELIMITER < END_OF_SEQUENCE && END_OF_SEQUENCE < FILLER);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameter_sets_go_with_the_next_slice_and_sei_goes_nowhere() {
        let stream = [
            &[0, 0, 0, 1, 9, 0x10][..],
            &[0, 0, 0, 1, 0x67, 42],
            &[0, 0, 1, 0x68, 43, 0],
            &[0, 0, 1, 6, 5, 99],
            &[0, 0, 1, 0x65, 0x88, 1],
            &[0, 0, 1, 0x65, 0x40, 2],
            &[0, 0, 1, 0x41, 0x9a, 3],
        ]
        .concat();
        let first = [0, 0, 0, 1, 0x67, 42, 0, 0, 0, 1, 0x68, 43];
        let slices = [0, 0, 0, 1, 0x65, 0x88, 1, 0, 0, 0, 1, 0x65, 0x40, 2];
        let expected = [[&first[..], &slices].concat(), vec![0, 0, 0, 1, 0x41, 0x9a, 3]];
        assert_eq!(split_access_units(&stream), expected);
    }

    #[test]
    fn garbage_gives_no_units() {
        assert!(split_access_units(&[]).is_empty());
        assert!(split_access_units(&[1, 2, 3, 0, 0]).is_empty());
        assert!(split_access_units(&[0, 0, 1]).is_empty());
        assert!(split_access_units(&[0, 0, 1, 0x65]).is_empty());
    }
}
