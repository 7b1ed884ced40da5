//! Writes a stream: the index first, then the sections, in one pass.

use embedded_io::Write;

use super::CRC;
use super::header::{HEADER_RULE, Header, MAX_HEADER_BYTES, Preamble, VERSION_MINOR};
use super::table::{Entry, Kind};
use crate::error::{Error, Result};
use crate::units::ViewId;

/// One section to write.
#[derive(Debug, Clone, Copy)]
pub struct Section<'a> {
    /// What it holds.
    pub kind: Kind,
    /// The explicit view of an anchor section, else view 0.
    pub view: ViewId,
    /// Index of the scene.
    pub scene: u16,
    /// First picture it covers.
    pub first_frame: u32,
    /// Pictures it covers.
    pub frames: u32,
    /// Its bytes.
    pub body: &'a [u8],
}

/// Writes a whole stream to `sink` and returns its length in bytes.
///
/// # Errors
/// [`Error::Malformed`] when the header breaks a rule, [`Error::Storage`] when `sink` fails.
///
/// # Panics
/// If a section or the table outgrows 32 bits.
pub fn write_stream<W: Write>(
    sink: &mut W,
    header: &Header,
    sections: &[Section<'_>],
) -> Result<u64> {
    header.validate()?;
    let mut header_buffer = [0; MAX_HEADER_BYTES];
    let header_bytes = postcard::to_slice(header, &mut header_buffer)
        .map_err(|_| Error::malformed(Preamble::BYTES as u64, HEADER_RULE))?;
    // The preamble knows the length of all that follows.
    let first = (Preamble::BYTES + header_bytes.len() + sections.len() * Entry::BYTES) as u64;
    let file_bytes = sections.iter().fold(first, |at, s| at + s.body.len() as u64);
    let mut preamble = Preamble {
        minor: VERSION_MINOR,
        header_bytes: header_bytes.len() as u16,
        sections: u32::try_from(sections.len())
            .unwrap_or_else(|_| panic!("a table has 32-bit length")),
        file_bytes,
        index_crc: 0,
    };
    // The checksum is of everything in front of the sections but itself.
    let mut digest = CRC.digest();
    digest.update(&preamble.to_bytes()[..Preamble::CHECKED]);
    digest.update(header_bytes);
    entries(sections, first).for_each(|e| digest.update(&e.to_bytes()));
    preamble.index_crc = digest.finalize();

    put(sink, &preamble.to_bytes())?;
    put(sink, header_bytes)?;
    for entry in entries(sections, first) {
        put(sink, &entry.to_bytes())?;
    }
    for section in sections {
        put(sink, section.body)?;
    }
    Ok(file_bytes)
}

fn entries<'a>(sections: &'a [Section<'_>], first: u64) -> impl Iterator<Item = Entry> + 'a {
    sections.iter().scan(first, |offset, s| {
        let bytes =
            u32::try_from(s.body.len()).unwrap_or_else(|_| panic!("a section has 32-bit length"));
        let entry = Entry {
            kind: s.kind,
            view: s.view,
            scene: s.scene,
            first_frame: s.first_frame,
            frames: s.frames,
            offset: *offset,
            bytes,
            crc: CRC.checksum(s.body),
        };
        *offset += u64::from(bytes);
        Some(entry)
    })
}

fn put<W: Write>(sink: &mut W, bytes: &[u8]) -> Result<()> {
    sink.write_all(bytes).map_err(|e| Error::storage(0, &e))
}
