//! Property: what the reader accepts, the writer writes and the reader reads back, header, table and
//! sections; and every section is inside the file.
#![no_main]

use iev_fuzz::LIMITS;
use iev_runtime::format::reader::StreamReader;
use iev_runtime::format::table::Entry;
use iev_runtime::format::writer::{Section, write_stream};
use iev_runtime::stream::source::Source;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut reader) = StreamReader::open(Source::from(bytes.to_vec()), &LIMITS) else { return };
    let mut bodies = Vec::new();
    for index in 0..reader.sections() {
        let entry = reader.entry(index).expect("checked at opening");
        let mut body = vec![0; entry.bytes as usize];
        reader.read_section(&entry, &mut body).expect("sections are inside the file");
        bodies.push((entry, body));
    }
    let sections = bodies.iter().map(|(entry, body)| {
        let Entry { kind, view, scene, first_frame, frames, .. } = *entry;
        Section { kind, view, scene, first_frame, frames, body }
    });
    let mut written = Vec::new();
    write_stream(&mut written, reader.header(), &sections.collect::<Vec<_>>())
        .expect("what was read is valid");
    let mut again = StreamReader::open(Source::from(written), &LIMITS).expect("and reads back");
    assert_eq!(again.header(), reader.header());
    for (index, (entry, body)) in bodies.iter().enumerate() {
        let copy = again.entry(index as u32).expect("as many sections");
        let mut read = vec![0; copy.bytes as usize];
        again.read_section(&copy, &mut read).expect("inside the file");
        assert_eq!(&read, body);
        assert_eq!(
            (copy.kind, copy.view, copy.scene, copy.first_frame, copy.frames),
            (entry.kind, entry.view, entry.scene, entry.first_frame, entry.frames),
        );
    }
});
