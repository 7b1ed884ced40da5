//! Lists what a stream holds with the format core alone: what a microcontroller or a server does, which plays nothing.
//!
//! `cargo run --no-default-features --example read_index -- models/sample.iev`

use embedded_io::{Read, Seek};
use heapless::Vec;
use iev_runtime::format::reader::{SliceSource, StreamReader};
use iev_runtime::format::table::Entry;
use iev_runtime::{Error, Header, Limits, Result};

/// Most sections of a stream that this example takes.
pub const SECTIONS: usize = 64;

fn main() {
    let Some(path) = std::env::args_os().nth(1) else { return eprintln!("give a stream") };
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) => return eprintln!("{}: {error}", path.display()),
    };
    match index(SliceSource::new(&bytes[..])) {
        Ok((header, sections)) => {
            let Header { size, frames, views, .. } = &header;
            println!(
                "{} views, {frames} frames of {}×{}",
                views.len(),
                size.width(),
                size.height()
            );
            for Entry { kind, first_frame, frames, bytes, .. } in &sections {
                println!("{kind:?} of {frames} frames from {first_frame} on: {bytes} bytes");
            }
        }
        Err(error) => eprintln!("{}: {error}", path.display()),
    }
}

/// The header and the checked table of the stream in `source`: a slice, flash, or whatever implements embedded-io.
///
/// # Errors
/// What is wrong with the stream, and at which byte; [`Error::OverBudget`] above [`SECTIONS`] sections.
pub fn index<R: Read + Seek>(source: R) -> Result<(Header, Vec<Entry, SECTIONS>)> {
    // Refused by its table's length before the table is read.
    let limits = Limits { sections: SECTIONS as u64, ..Limits::DEFAULT };
    let mut reader = StreamReader::open(source, &limits)?;
    let mut sections = Vec::new();
    for number in 0..reader.sections() {
        let (asked, allowed) = (u64::from(number) + 1, SECTIONS as u64);
        let over = Error::OverBudget { what: "number of sections", asked, allowed };
        sections.push(reader.entry(number)?).map_err(|_| over)?;
    }
    Ok((reader.header().clone(), sections))
}
