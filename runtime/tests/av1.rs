//! AV1: the checker and rav1d turn a stream into its recorded pictures, and have an answer to a damaged one.
//!
//! Both streams are SVT-AV1's, of our own render of a room, with pictures that are hidden first and shown later:
//! `av1/room.obu` (preset 4, crf 50) is ten pictures of 79×47, short enough to damage it everywhere; `av1/pan.obu`
//! (preset 2, crf 45) is 24 of 318×178 cut out along a line, with tools and blocks of every kind for the assembly of
//! each processor. ffmpeg's libdav1d shows the same pictures.
#![cfg(feature = "player")]

use iev_runtime::Size;
use iev_runtime::anchor::av1::{Checker, Rav1d, obu};
use iev_runtime::picture::Picture;
use iev_runtime::sink::Digest;

const SIZE: Size = Size { width_px: 79, height_px: 47 };
const STREAM: &[u8] = include_bytes!("av1/room.obu");

#[test]
fn streams_decode_to_their_recorded_pictures() {
    let pan: &[u8] = include_bytes!("av1/pan.obu");
    let pan_size = Size { width_px: 318, height_px: 178 };
    let recorded = [
        (STREAM, SIZE, 10, "eecf0bdfd16579f41f20a8ff22bca269"),
        (pan, pan_size, 24, "e2b83f8a77695feb4318adcbe4840ee6"),
    ];
    for (stream, size, pictures, md5) in recorded {
        let units = obu::temporal_units(stream).unwrap();
        assert_eq!(units.len(), pictures);
        let (mut checker, mut decoder) = (Checker::new(size), Rav1d::start(size).unwrap());
        let (mut picture, mut digest) = (Picture::new(size), Digest::default());
        for unit in &units {
            checker.check(unit).unwrap();
            decoder.decode(unit, &mut picture).unwrap();
            digest.put(&picture);
        }
        assert_eq!(digest.hex(), md5);
    }
}

/// Pictures of `units` before the first that the checker refuses or rav1d fails at.
fn pictures(units: &[&[u8]]) -> usize {
    let Ok(mut decoder) = Rav1d::start(SIZE) else { panic!("rav1d does not start") };
    let (mut checker, mut picture) = (Checker::new(SIZE), Picture::new(SIZE));
    let decoded =
        |unit: &&&[u8]| checker.check(unit).is_ok() && decoder.decode(unit, &mut picture).is_ok();
    units.iter().take_while(decoded).count()
}

#[test]
fn every_cut_and_every_flipped_bit_is_an_error_or_pictures() {
    let units = obu::temporal_units(STREAM).unwrap();
    let (mut refused, mut shown) = (0, 0);
    let mut look_at = |place: usize, unit: &[u8]| {
        let mut damaged: Vec<&[u8]> = units.iter().map(Vec::as_slice).collect();
        damaged[place] = unit;
        // The next may be predicted from it.
        let until = (place + 2).min(units.len());
        *(if pictures(&damaged[..until]) < until { &mut refused } else { &mut shown }) += 1;
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
    println!("{refused} refused, {shown} shown");
    // Most bits are those of tiles, of which any are pictures.
    assert!(refused > 100 && shown > 1000, "{refused} refused, {shown} shown");
}
