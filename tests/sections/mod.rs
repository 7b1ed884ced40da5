//! A stream taken apart into its sections and put together again.

use iev_runtime::format::limits::Limits;
use iev_runtime::format::reader::StreamReader;
use iev_runtime::format::table::Entry;
use iev_runtime::format::writer::{Section, write_stream};
use iev_runtime::stream::gop_index::FileReader;
use iev_runtime::stream::source::Source;

/// Reads `bytes`.
pub fn reader(bytes: &[u8]) -> FileReader {
    StreamReader::open(Source::from(bytes.to_vec()), &Limits::DEFAULT).unwrap()
}

/// Every section with its bytes.
pub fn sections(bytes: &[u8]) -> Vec<(Entry, Vec<u8>)> {
    let mut reader = reader(bytes);
    let count = reader.sections();
    let section = |index| {
        let entry = reader.entry(index).unwrap();
        let body = reader.section(&entry).unwrap();
        (entry, body)
    };
    (0..count).map(section).collect()
}

/// The stream of `sections`, with the checksums and offsets a writer would give it.
pub fn rewritten(bytes: &[u8], sections: &[(Entry, Vec<u8>)]) -> Vec<u8> {
    let borrowed = sections.iter().map(|(entry, body)| {
        let Entry { kind, view, scene, first_frame, frames, .. } = *entry;
        Section { kind, view, scene, first_frame, frames, body }
    });
    let mut sink = Vec::new();
    write_stream(&mut sink, reader(bytes).header(), &borrowed.collect::<Vec<_>>()).unwrap();
    sink
}
