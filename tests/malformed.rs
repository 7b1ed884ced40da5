//! Malformed: a damaged file is an error or pictures, never a panic; the player's own tests damage
//! what its checksums cover, these damage a whole real file.

mod clip;
mod sections;

use iev_exporter::encode::encode;
use iev_runtime::format::table::Kind;
use iev_runtime::play::player::Player;
use iev_runtime::{Error, Result};
use sections::{reader, rewritten, sections};

fn small_stream() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.iev");
    let views = clip::views(2, 3, (32, 32));
    let mut settings = clip::settings(&views, 2, &path);
    settings.training.steps = 1;
    encode(&views, &settings).unwrap();
    std::fs::read(path).unwrap()
}

/// Decodes everything; the number of pictures when all of it is fine.
fn decode(bytes: Vec<u8>) -> Result<usize> {
    let player = Player::over(bytes.into(), clip::options())?;
    let mut pictures = 0;
    for shown in player.decode_serial(&clip::everything(&player))? {
        pictures += shown?.pictures.len();
    }
    Ok(pictures)
}

#[test]
fn damage_to_a_whole_file_is_an_error_and_never_a_panic() {
    damage(&small_stream(), 2 * 3);
}

#[test]
fn damage_to_a_file_in_av1_is_an_error_and_never_a_panic() {
    damage(&as_written_now(clip::AV1), 2 * 13);
}

#[test]
fn damage_to_a_file_with_b_pictures_is_an_error_and_never_a_panic() {
    damage(&as_written_now(clip::B_PICTURES), 2 * 13);
}

/// A vector with the preamble of this version.
fn as_written_now(vector: &str) -> Vec<u8> {
    let stream = std::fs::read(vector).unwrap();
    rewritten(&stream, &sections(&stream))
}

/// Whole, the stream has so many `pictures`.
fn damage(good: &[u8], pictures: usize) {
    assert_eq!(decode(good.to_vec()).unwrap(), pictures);
    assert!(rewritten(good, &sections(good)) == good, "a reader sees what a writer wrote");

    for length in 0..good.len() {
        assert!(decode(good[..length].to_vec()).is_err(), "cut to {length} bytes");
    }
    let longer = [good, &[0]].concat();
    assert!(decode(longer).is_err(), "a byte behind the end");

    let index = reader(good).index_bytes() as usize;
    let in_index = (0..index).flat_map(|at| (0..8).map(move |bit| (at, bit)));
    let in_sections = (index..good.len()).step_by(23).map(|at| (at, at % 8));
    for (at, bit) in in_index.chain(in_sections) {
        let mut bytes = good.to_vec();
        bytes[at] ^= 1 << bit;
        assert!(decode(bytes).is_err(), "bit {bit} of byte {at}");
    }
    sections_cut_behind_right_checksums(good);
    sections_left_out_or_doubled(good);
}

/// Range-coded sections may end early and decode to something; video and lengths may not.
fn sections_cut_behind_right_checksums(good: &[u8]) {
    let whole = sections(good);
    for (index, (entry, body)) in whole.iter().enumerate() {
        let lengths = (0..8).chain((8..body.len()).step_by(body.len().div_ceil(24)));
        for length in lengths.filter(|l| *l < body.len()) {
            let mut cut = whole.clone();
            cut[index].1.truncate(length);
            let decoded = decode(rewritten(good, &cut));
            let must_fail = entry.kind != Kind::Network;
            assert!(
                decoded.is_err() || !must_fail,
                "{:?} cut to {length} of {} bytes",
                entry.kind,
                body.len()
            );
        }
    }
}

fn sections_left_out_or_doubled(good: &[u8]) {
    let whole = sections(good);
    for index in 0..whole.len() {
        let mut fewer = whole.clone();
        let removed = fewer.remove(index);
        let kind = removed.0.kind;
        let without = decode(rewritten(good, &fewer));
        assert!(matches!(without, Err(Error::Malformed { .. })), "without {kind:?}: {without:?}");
        let mut more = whole.clone();
        more.push(removed);
        let doubled = decode(rewritten(good, &more));
        assert!(matches!(doubled, Err(Error::Malformed { .. })), "two {kind:?}: {doubled:?}");
    }
}
