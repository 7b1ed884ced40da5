//! What the checker lets through and how it names what it does not.

use super::*;
use crate::units::Size;

/// Two superblocks by one.
const SIZE: Size = Size { width_px: 79, height_px: 48 };

/// Bytes of a string of 0, 1 and spaces, filled up with zeros.
fn bytes(text: &str) -> Vec<u8> {
    let mut bits: Vec<u8> = text.bytes().filter(|b| *b != b' ').map(|b| b - b'0').collect();
    bits.resize(bits.len().next_multiple_of(8), 0);
    bits.chunks(8).map(|c| c.iter().fold(0, |byte, bit| (byte << 1) | bit)).collect()
}

/// An OBU of `kind` with a size.
fn obu(kind: u8, text: &str) -> Vec<u8> {
    let payload = bytes(text);
    [vec![kind << 3 | 2, payload.len() as u8], payload].concat()
}

/// Main profile, one operating point, 79 × 48, order hints of 7 bits, screen content per frame.
const SEQUENCE: &str = "000 0 0 0 0 00000 000000000000 00000 0110 0101 1001110 101111 \
     0 0 000000 1 11 1 1 110 0 11 0 0 0 0 00 0 0 1";
/// Shown, one tile.
const KEY: &str = "0 00 1 0 0 0 0000000 0 0 1 0";
/// Shown, one tile; refreshes one reference.
const INTER: &str = "0 01 1 0 0 0 0 0000001 000 00000001 0 000000000000000000000 0 0 1 0 0 0 1 0";
/// The same, but shown later.
const HIDDEN: &str =
    "0 01 0 1 0 0 0 0 0000001 000 00000001 0 000000000000000000000 0 0 1 0 0 0 1 0";
/// Shows a reference.
const EXISTING: &str = "1 010 1";

/// A checker that has seen the first unit.
fn ready() -> Checker {
    let mut checker = Checker::new(SIZE);
    checker.check(&[obu(1, SEQUENCE), obu(6, KEY)].concat()).unwrap();
    checker
}

/// What is said about `unit`, of a section or after its first.
fn refusal(mut checker: Checker, unit: &[u8]) -> String {
    checker.check(unit).expect_err("an offence").to_string()
}

#[test]
fn units_of_hidden_and_shown_frames_pass() {
    let mut checker = ready();
    checker.check(&[obu(6, HIDDEN), obu(6, HIDDEN), obu(6, INTER)].concat()).unwrap();
    checker.check(&obu(3, EXISTING)).unwrap();
    let last_without_size = [&[6 << 3][..], &bytes(INTER)].concat();
    checker.check(&[obu(6, HIDDEN), last_without_size].concat()).unwrap();
}

#[test]
fn every_planted_offence_of_a_sequence_is_named() {
    let rows = [
        ("000 0 0 0", "001 0 0 0", "profiles other than Main"),
        ("000 0 0 0", "000 1 0 0", "still pictures"),
        ("0 00000 000000000000", "0 00001 000000000000", "operating points"),
        ("0 00000 000000000000", "0 00000 000100000001", "layers"),
        ("1001110", "1001111", "the header's size"),
        ("101111", "101110", "the header's size"),
        ("101111 0", "101111 1", "frame identifiers"),
        ("110 0 11", "110 1 11", "super-resolution"),
        ("11 0 0 0 0 00", "11 1 0 0 0 00", "more than 8 bits"),
        ("11 0 0 0 0 00", "11 0 1 0 0 00", "without chroma"),
        ("11 0 0 0 0 00", "11 0 0 1 00000001 00001101 00000000 0 00", "other than 4:2:0"),
        ("00 0 0 1", "00 0 1 1", "film grain"),
        ("00 0 0 1", "00 0 0 0", "trailing bits"),
        ("00 0 0 1", "00 0 0 1 0000 0000 1", "trailing bits"),
    ];
    for (from, to, rule) in rows {
        assert_eq!(SEQUENCE.matches(from).count(), 1, "{from}");
        let unit = [obu(1, &SEQUENCE.replace(from, to)), obu(6, KEY)].concat();
        let said = refusal(Checker::new(SIZE), &unit);
        assert!(said.contains(rule), "{to}: {said}");
    }
    let timed = format!("000 0 0 1 {:032b} {:032b} 1 1 1", 1, 25);
    let unit = obu(1, &SEQUENCE.replace("000 0 0 0", &timed));
    assert!(refusal(Checker::new(SIZE), &unit).contains("decoder models"));
}

#[test]
fn a_sequence_may_say_what_does_not_matter() {
    let timed = format!("000 0 0 1 {:032b} {:032b} 1 00101 0", 1, 25);
    let rows = [
        ("000 0 0 0", timed.as_str()),
        ("0 00000 000000000000 00000", "1 00000 000000000000 01000 1 1 0101"),
        ("11 0 0 0 0 00", "11 0 0 1 00000001 00000001 00000001 1 10"),
        ("1 11 1 1 110", "0 1 1"),
        ("1 11 1 1 110", "1 11 0 0 110"),
    ];
    for (from, to) in rows {
        assert!(SEQUENCE.contains(from), "{from}");
        let unit = obu(1, &SEQUENCE.replacen(from, to, 1));
        let said = refusal(Checker::new(SIZE), &unit);
        assert!(said.contains("a temporal unit shows one picture"), "{to}: {said}");
    }
}

#[test]
fn every_planted_offence_of_a_frame_is_named() {
    let rows = [
        ("0 01 1 0", "0 11 1 0", "switch frames"),
        ("0 01 1 0", "0 00 0 0", "shown later"),
        ("0 01 1 0", "1 01 1 0", "shown again has no tiles"),
        ("0 0 0 0 0000001", "0 0 0 1 0000001", "other sizes"),
        ("000000000000000000000 0 0", "000000000000000000000 1 0", "scaled for display"),
    ];
    for (from, to, rule) in rows {
        assert!(INTER.contains(from), "{from}");
        let said = refusal(ready(), &obu(6, &INTER.replacen(from, to, 1)));
        assert!(said.contains(rule), "{to}: {said}");
    }
    let intra_only = "0 10 1 0 0 0 0 0000001 11111111 0 0 1 0";
    assert!(refusal(ready(), &obu(6, intra_only)).contains("leaves some reference"));
    let copying = "0 10 1 0 0 1 0 0 0000001 00000001 0 1 0 1 0";
    assert!(refusal(ready(), &obu(6, copying)).contains("intra block copy"));
    let split = refusal(ready(), &obu(3, INTER));
    assert!(split.contains("split over several OBUs"), "{split}");
    let trailing = refusal(ready(), &obu(3, "1 010 0"));
    assert!(trailing.contains("trailing bits"), "{trailing}");
}

#[test]
fn every_planted_offence_of_a_unit_is_named() {
    let [sequence, key, inter, hidden] =
        [obu(1, SEQUENCE), obu(6, KEY), obu(6, INTER), obu(6, HIDDEN)];
    let first = [
        (
            inter.clone(),
            "byte 0 breaks the rule that an AV1 section starts with its sequence header",
        ),
        (
            obu(3, EXISTING),
            "byte 0 breaks the rule that an AV1 section starts with its sequence header",
        ),
        ([&sequence[..], &inter].concat(), "and no other, is a key frame"),
        ([&sequence[..], &obu(3, EXISTING)].concat(), "and no other, is a key frame"),
        ([&sequence[..], &sequence, &key].concat(), "one sequence header"),
        (Vec::new(), "byte 0 breaks the rule that a temporal unit shows one picture"),
    ];
    for (unit, rule) in first {
        let said = refusal(Checker::new(SIZE), &unit);
        assert!(said.contains(rule), "{rule}: {said}");
    }
    let later = [
        (key, "byte 0 breaks the rule that the first frame of an AV1 section, and no other"),
        (sequence, "one sequence header"),
        (hidden.clone(), "shows one picture"),
        ([&inter[..], &inter].concat(), "a temporal unit ends with its picture"),
        ([&inter[..], &obu(15, "1")].concat(), "a temporal unit ends with its picture"),
        (obu(2, ""), "this type of OBU"),
        (obu(4, "1"), "this type of OBU"),
        (obu(5, "1"), "this type of OBU"),
        ([&hidden.repeat(9)[..], &inter].concat(), "hide more than 7 others"),
        (inter[..inter.len() - 1].to_vec(), "ends inside its temporal unit"),
        (obu(6, "0 01 1 0"), "is complete"),
    ];
    for (unit, rule) in later {
        let said = refusal(ready(), &unit);
        assert!(said.contains(rule), "{rule}: {said}");
    }
}

#[test]
fn a_frame_has_one_tile_however_that_is_coded() {
    let of = |frame: &str| ready().check(&obu(6, frame)).map_err(|e| e.to_string());
    let several = |said: Result<(), String>| said.unwrap_err().contains("several tiles");
    // 2 columns of superblocks by 1 row: evenly, then by their sizes.
    assert_eq!(of(INTER), Ok(()));
    assert!(several(of(&INTER.replace("1 0 0 0 1 0", "1 0 0 0 1 1"))));
    assert_eq!(of(&INTER.replace("1 0 0 0 1 0", "1 0 0 0 0 1")), Ok(()));
    assert!(several(of(&INTER.replace("1 0 0 0 1 0", "1 0 0 0 0 0"))));
    // 4096 × 2304 in 64 by 36 superblocks is the largest tile.
    let large = Size { width_px: 4096, height_px: 2304 };
    let sequence =
        SEQUENCE.replace("0110 0101 1001110 101111", "1011 1011 111111111111 100011111111");
    let unit = |tiles: &str| {
        let key = obu(6, &format!("0 00 1 0 0 0 0000000 0 0 {tiles}"));
        Checker::new(large).check(&[obu(1, &sequence), key].concat()).map_err(|e| e.to_string())
    };
    assert_eq!(unit("1 0 0"), Ok(()));
    assert!(several(unit("1 1 0")));
    assert!(several(unit("1 0 1")));
    // A column of 64 (ns(64) = 63 in 6 bits) and a row of 36 of 36 (ns(36)).
    assert_eq!(unit("0 111111 111111"), Ok(()));
    assert!(several(unit("0 111110 111111")));
    assert!(several(unit("0 111111 000000")));
    assert!(fits_one_tile(large));
    for (width_px, height_px) in [(4097, 64), (4096, 2305), (2304, 4097)] {
        assert!(!fits_one_tile(Size { width_px, height_px }), "{width_px}×{height_px}");
    }
}

#[test]
fn any_bytes_are_an_answer() {
    let mut seed = 1u32;
    let mut unit = [0u8; 24];
    for _ in 0..20_000 {
        for byte in &mut unit {
            seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
            *byte = (seed >> 24) as u8 & (seed >> 16) as u8;
        }
        unit[0] = [0x08, 0x30, 0x18, 0x32][seed as usize % 4];
        let _ = ready().check(&unit);
        let _ = Checker::new(SIZE).check(&unit);
    }
}
