//! Splits an Annex B byte stream into access units (ITU-T H.264 §7.4.1.2 and Annex B).

use iev_runtime::format::h264::{NalType, START_CODE, nal_units};

/// One chunk per picture: its parameter sets, then its slices.
///
/// A picture starts at a slice whose `first_mb_in_slice` is 0; parameter sets before it belong
/// to it. SEI, delimiters, end codes and filler change no sample and are dropped.
pub fn split_access_units(stream: &[u8]) -> Vec<Vec<u8>> {
    let mut units: Vec<Vec<u8>> = Vec::new();
    let mut parameter_sets = Vec::new();
    for nal in nal_units(stream) {
        match NalType::of(nal) {
            NalType::Ignored => {}
            NalType::Slice | NalType::IdrSlice => {
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
