//! Second decoder: a decoder written from `runtime/FORMAT.md` alone gets the same integers out of every vector as the
//! first, so that the text is enough to write one from.

use std::path::{Path, PathBuf};
use std::process::Command;

use iev_runtime::format::limits::Limits;
use iev_runtime::format::reader::StreamReader;
use iev_runtime::stream::source::Source;
use iev_runtime::stream::symbols::Symbols;

/// Stream whose first bits FORMAT.md shows.
const SHOWN: &str = "tests/vectors/version_1_2.iev";
/// How many of them.
const SHOWN_BITS: &str = "12";

fn in_repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What the second decoder prints; an error is what it says and its exit status.
fn second_decoder(stream: &Path, options: &[&str]) -> Result<String, String> {
    let script = in_repository("tests/second_decoder/decode.py");
    let run = Command::new("python3").arg(script).arg(stream).args(options).output();
    let run = run.unwrap_or_else(|e| panic!("python3 of version 3.10 or later is needed: {e}"));
    let [out, error] = [run.stdout, run.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    if run.status.success() { Ok(out) } else { Err(error) }
}

/// The sample and every stream under tests/vectors.
fn vectors() -> Vec<PathBuf> {
    let folder = std::fs::read_dir(in_repository("tests/vectors")).unwrap();
    let mut streams: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    streams.retain(|path| path.extension().is_some_and(|e| e == "iev"));
    streams.push(in_repository("models/sample.iev"));
    streams.sort();
    streams
}

fn reader(bytes: Vec<u8>) -> iev_runtime::stream::gop_index::Reader {
    StreamReader::open(Source::from(bytes), &Limits::DEFAULT).unwrap()
}

#[test]
fn both_decoders_get_the_same_integers_out_of_every_vector() {
    let mut minors = Vec::new();
    for path in vectors() {
        let mut reader = reader(std::fs::read(&path).unwrap());
        minors.push(reader.minor());
        let Symbols { network_crc32c, grids_crc32c } = Symbols::of(&mut reader).unwrap();
        let expected =
            format!("{{\"network_crc32c\": {network_crc32c}, \"grids_crc32c\": {grids_crc32c}}}\n");
        assert_eq!(second_decoder(&path, &[]), Ok(expected), "{}", path.display());
    }
    minors.sort_unstable();
    minors.dedup();
    let published: Vec<u8> = (0..=*minors.last().unwrap()).collect();
    assert_eq!(minors, published, "there is a vector of every version");
}

#[test]
fn both_decoders_refuse_a_damaged_stream() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.iev");
    let sound = std::fs::read(in_repository(SHOWN)).unwrap();
    // A byte of the header, of the table and of every section.
    for at in [0x42, 0x80, 300, 15_000, 40_000, sound.len() - 1] {
        let mut damaged = sound.clone();
        damaged[at] ^= 4;
        std::fs::write(&path, &damaged).unwrap();
        let said = second_decoder(&path, &[]).unwrap_err();
        assert!(said.contains("matches its checksum"), "byte {at}: {said}");
    }
}

#[test]
fn the_text_shows_the_first_bits_of_its_example() {
    let text = std::fs::read_to_string(in_repository("runtime/FORMAT.md")).unwrap();
    let rows = second_decoder(&in_repository(SHOWN), &["--trace", SHOWN_BITS]).unwrap();
    assert!(rows.lines().count() > 10, "{rows}");
    assert!(text.contains(&rows), "put this into §7.6 of runtime/FORMAT.md instead:\n{rows}");
}
