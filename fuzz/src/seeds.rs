//! Writes the seeds of every target: `cargo run --bin seeds -- EXPORT.iev`, with a small real export.

#[path = "../../runtime/tests/small_stream/mod.rs"]
mod small_stream;

use std::path::Path;

use iev_runtime::format::av1::{Av1Section, write_av1};
use iev_runtime::format::limits::Limits;
use iev_runtime::format::reader::StreamReader;
use iev_runtime::format::table::Kind;
use iev_runtime::stream::source::Source;
use iev_runtime::units::ViewId;

/// Two views in AV1, of the size that the target `av1` has.
const AV1: &[u8] = include_bytes!("../../tests/vectors/version_1_4.iev");

/// Two views in H.264 with B pictures.
const B_PICTURES: &[u8] = include_bytes!("../../tests/vectors/version_1_5.iev");

fn write(target: &str, name: &str, bytes: &[u8]) {
    let folder = Path::new("seeds").join(target);
    std::fs::create_dir_all(&folder).expect("the folder is writable");
    std::fs::write(folder.join(name), bytes).expect("the folder is writable");
}

/// A byte for the target's own choice, then what the stream's targets take.
fn prefixed(byte: u8, bytes: &[u8]) -> Vec<u8> {
    [&[byte], bytes].concat()
}

/// The stream, and its sections as the target `av1` takes them: of one view, which shows all their pictures.
fn av1() {
    for target in ["decode", "reader_writer"] {
        write(target, "av1", AV1);
    }
    write("pipeline", "av1", &prefixed(9, AV1));
    let mut reader =
        StreamReader::open(Source::from(AV1.to_vec()), &Limits::DEFAULT).expect("a stream");
    for index in 0..reader.sections() {
        let entry = reader.entry(index).expect("inside the table");
        let body = reader.section(&entry).expect("a whole section");
        let section = Av1Section::parse(&body, entry.frames).expect("a sound section");
        let units: Result<Vec<_>, _> = section.temporal_units().collect();
        let units = units.expect("sound units");
        let mut one = Vec::new();
        write_av1(&mut one, &[ViewId(0)], &[], units.iter().map(|(_, unit)| *unit));
        write("av1", &format!("section{index}"), &prefixed(units.len() as u8 - 1, &one));
    }
}

fn main() {
    av1();
    let exports = std::env::args().skip(1).map(|path| std::fs::read(path).expect("an export"));
    let numbered = std::iter::once(small_stream::small_stream()).chain(exports).enumerate();
    let numbered = numbered.map(|(index, stream)| (format!("stream{index}"), stream));
    for (name, stream) in numbered.chain([("b_pictures".into(), B_PICTURES.to_vec())]) {
        for target in ["decode", "reader_writer"] {
            write(target, &name, &stream);
        }
        write("pipeline", &name, &prefixed(9, &stream));
        let source = Source::from(stream.clone());
        let mut reader = StreamReader::open(source, &Limits::DEFAULT).expect("a stream");
        let header = postcard::to_slice(reader.header(), &mut [0; 512]).expect("fits").to_vec();
        write("header", &name, &header);
        for section in 0..reader.sections() {
            let entry = reader.entry(section).expect("inside the table");
            let body = reader.section(&entry).expect("a whole section");
            match entry.kind {
                Kind::Anchor => {
                    // Keys count as pictures of an explicit-only view, so the list goes.
                    let list = 1 + 3 * usize::from(body[0]);
                    let pictures = entry.frames as u8 + body[0];
                    let body = prefixed(0, &body[list..]);
                    write("h264", &format!("{name}-{section}"), &prefixed(pictures - 1, &body));
                }
                Kind::Network => write("range", &format!("{name}-{section}"), &body),
                _ => {}
            }
        }
    }
    write("y4m", "two", b"YUV4MPEG2 W4 H2 F25:1 C420jpeg\nFRAME\n012345670123FRAME\n012345670123");
    let mut camera = vec![0; 3];
    for number in [1i32 << 30, 0, 0, 0, 1000 << 16, 1000 << 16, 8 << 16, 8 << 16] {
        camera.extend_from_slice(postcard::to_slice(&number, &mut [0; 5]).expect("fits"));
    }
    write("cameras", "one", &[&[1][..], &[0; 24], &camera].concat());
}
