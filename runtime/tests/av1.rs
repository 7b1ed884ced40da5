//! AV1: the checker and rav1d turn a stream into its recorded pictures, and the checker has an answer to a
//! damaged one.
//!
//! `av1/room.obu` is SVT-AV1's (preset 4, crf 50): ten pictures of 79×47 of our own render of a room, some
//! of them hidden first and shown later.
#![cfg(feature = "player")]

use iev_runtime::Size;
use iev_runtime::anchor::av1::{Checker, Rav1d, obu};
use iev_runtime::picture::Picture;
use iev_runtime::sink::Digest;

const SIZE: Size = Size { width_px: 79, height_px: 47 };
const STREAM: &[u8] = include_bytes!("av1/room.obu");

#[test]
fn the_stream_decodes_to_its_recorded_pictures() {
    let units = obu::temporal_units(STREAM).unwrap();
    assert_eq!(units.len(), 10);
    let (mut checker, mut decoder) = (Checker::new(SIZE), Rav1d::start(SIZE).unwrap());
    let (mut picture, mut digest) = (Picture::new(SIZE), Digest::default());
    for unit in &units {
        checker.check(unit).unwrap();
        decoder.decode(unit, &mut picture).unwrap();
        digest.put(&picture);
    }
    assert_eq!(digest.hex(), "eecf0bdfd16579f41f20a8ff22bca269");
}

#[test]
fn every_cut_and_every_flipped_bit_is_an_answer_of_the_checker() {
    let units = obu::temporal_units(STREAM).unwrap();
    let (mut refused, mut passed) = (0, 0);
    let mut look_at = |place: usize, unit: &[u8]| {
        let mut checker = Checker::new(SIZE);
        units[..place].iter().for_each(|unit| checker.check(unit).unwrap());
        *(if checker.check(unit).is_err() { &mut refused } else { &mut passed }) += 1;
    };
    for (place, unit) in units.iter().enumerate() {
        for length in 0..unit.len() {
            look_at(place, &unit[..length]);
        }
        for bit in 0..8 * unit.len() {
            let mut damaged = unit.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            look_at(place, &damaged);
        }
    }
    // Most bits are those of tiles, which it does not look at.
    assert!(refused > 100 && passed > 1000, "{refused} refused, {passed} passed");
}
