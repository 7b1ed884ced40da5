//! What a stream holds and where.

use embedded_io::{Read, Seek};
use embedded_storage::nor_flash::ReadNorFlash;
use heapless::Vec;
use iev_runtime::format::limits::Limits;
use iev_runtime::format::reader::StreamReader;
use iev_runtime::format::table::Entry;
use iev_runtime::{Error, Result};

use crate::flash::StreamInFlash;

/// Most sections of a stream that this example takes: 31 GOPs of one anchor.
pub const SECTIONS: usize = 64;

/// Ceilings on a stream; a microcontroller reads the index and no section.
pub const LIMITS: Limits = Limits { sections: SECTIONS as u64, ..Limits::DEFAULT };

/// Sections in the order of the file.
pub type Sections = Vec<Entry, SECTIONS>;

/// Everything that is kept of a stream in the flash `F`.
#[derive(Debug)]
pub struct Index<F> {
    /// Header, limits, and the flash with its page.
    pub reader: StreamReader<StreamInFlash<F>>,
    /// The whole table.
    pub sections: Sections,
}

/// Bytes of an [`Index`] over a flash driver of at most 16 bytes.
pub const INDEX_BYTES: usize = 2688;

/// A driver as large as [`INDEX_BYTES`] allows for.
const _: () = assert!(
    size_of::<Index<[u64; 2]>>() <= INDEX_BYTES,
    "an index takes more memory than is stated"
);

/// Reads and checks the index of the stream at byte `start` of `flash`.
///
/// # Errors
/// As [`StreamInFlash::new`] and [`StreamReader::open`]; [`Error::OverBudget`] above [`SECTIONS`].
pub fn read_index<F: ReadNorFlash>(flash: F, start: u32) -> Result<Index<F>> {
    let mut reader = StreamReader::open(StreamInFlash::new(flash, start)?, &LIMITS)?;
    let sections = table(&mut reader)?;
    Ok(Index { reader, sections })
}

fn table<R: Read + Seek>(reader: &mut StreamReader<R>) -> Result<Sections> {
    let mut sections = Sections::new();
    for index in 0..reader.sections() {
        let entry = reader.entry(index)?;
        let (asked, allowed) = (u64::from(index) + 1, SECTIONS as u64);
        let over = Error::OverBudget { what: "number of sections", asked, allowed };
        sections.push(entry).map_err(|_| over)?;
    }
    Ok(sections)
}
