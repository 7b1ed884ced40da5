//! Reads the index and the sections of a stream from a file, a slice or flash.

use core::cmp::Ordering;

use embedded_io::{Read, ReadExactError, Seek, SeekFrom};

use super::header::{HEADER_RULE, Header, MAGIC, MAX_HEADER_BYTES, Preamble};
use super::limits::Limits;
use super::table::{Entry, Kind};
use super::{CRC, is_checksum};
use crate::error::{Error, Result, within};
use crate::foreign;
use crate::trace::trace;

/// Minor version that added sections of AV1.
const AV1_SINCE: u8 = 4;

/// A stream whose index has been checked.
#[derive(Debug, Clone)]
pub struct StreamReader<R> {
    source: R,
    header: Header,
    minor: u8,
    sections: u32,
    table_at: u64,
    file_bytes: u64,
    limits: Limits,
}

impl<R: Read + Seek> StreamReader<R> {
    /// Reads and checks the preamble, the header and the whole table.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::Unsupported`] or [`Error::OverBudget`] by what the index says;
    /// [`Error::Storage`] when `source` fails.
    pub fn open(mut source: R, limits: &Limits) -> Result<Self> {
        // The preamble, which says how much there is.
        let mut preamble_bytes = [0; Preamble::BYTES];
        read_preamble(&mut source, &mut preamble_bytes)?;
        let preamble = Preamble::from_bytes(&preamble_bytes)?;
        check_length(&mut source, preamble.file_bytes)?;
        within("number of sections", u64::from(preamble.sections), limits.sections)?;
        // The header, whose bytes count before they are known to be right.
        let header_bytes = usize::from(preamble.header_bytes);
        let mut buffer = [0; MAX_HEADER_BYTES];
        let buffer = buffer.get_mut(..header_bytes).ok_or(Error::malformed(10, HEADER_RULE))?;
        let header_at = Preamble::BYTES as u64;
        read_at(&mut source, header_at, buffer)?;
        // The table ends what the checksum of the index is of; only then are its values looked at.
        let mut digest = CRC.digest();
        digest.update(&preamble_bytes[..Preamble::CHECKED]);
        digest.update(buffer);
        let table_at = header_at + header_bytes as u64;
        let header = Header::from_bytes(buffer, preamble.minor);
        let mut reader = Self {
            source,
            header: header?,
            minor: preamble.minor,
            sections: preamble.sections,
            table_at,
            file_bytes: preamble.file_bytes,
            limits: *limits,
        };
        reader.check_table(digest, preamble.index_crc)?;
        reader.header.validate()?;
        trace!("stream opened: {} sections in {} bytes", reader.sections, reader.file_bytes);
        limits.check_header(&reader.header)?;
        Ok(reader)
    }

    /// Checksum of the index; sections follow one another without gaps to the end of the file.
    fn check_table(&mut self, mut digest: crc::Digest<'static, u32>, expected: u32) -> Result<()> {
        let mut next = self.table_at + u64::from(self.sections) * Entry::BYTES as u64;
        // Every entry by itself, and that it goes on where the one before ends.
        for index in 0..self.sections {
            let bytes = self.entry_bytes(index)?;
            digest.update(&bytes);
            let entry = Entry::from_bytes(&bytes, self.entry_at(index))?;
            if entry.kind == Kind::Av1 && self.minor < AV1_SINCE {
                let rule = "a section of AV1 is in a stream of version 1.4 or later";
                return Err(Error::malformed(self.entry_at(index), rule));
            }
            if entry.offset != next {
                return Err(Error::malformed(
                    self.entry_at(index),
                    "sections follow one another without gaps",
                ));
            }
            next = next.saturating_add(u64::from(entry.bytes));
        }
        if !is_checksum(digest.finalize(), expected) {
            return Err(Error::Damaged { section: None });
        }
        if next != self.file_bytes {
            return Err(Error::malformed(self.table_at, "the last section ends the file"));
        }
        Ok(())
    }

    fn entry_at(&self, index: u32) -> u64 {
        self.table_at + u64::from(index) * Entry::BYTES as u64
    }

    fn entry_bytes(&mut self, index: u32) -> Result<[u8; Entry::BYTES]> {
        let mut bytes = [0; Entry::BYTES];
        let at = self.entry_at(index);
        read_at(&mut self.source, at, &mut bytes)?;
        Ok(bytes)
    }

    /// The stream header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What it reads.
    pub fn source_mut(&mut self) -> &mut R {
        &mut self.source
    }

    /// Minor version of the stream.
    pub fn minor(&self) -> u8 {
        self.minor
    }

    /// Ceilings given at opening.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Bytes of the file.
    pub fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// Bytes before the first section: preamble, header and table.
    pub fn index_bytes(&self) -> u64 {
        self.entry_at(self.sections)
    }

    /// Number of sections.
    pub fn sections(&self) -> u32 {
        self.sections
    }

    /// Entry `index` of the table.
    ///
    /// # Errors
    /// [`Error::NotInStream`] past the end, else as [`StreamReader::open`].
    pub fn entry(&mut self, index: u32) -> Result<Entry> {
        if index >= self.sections {
            let (asked, available) = (u64::from(index), u64::from(self.sections));
            return Err(Error::NotInStream { what: "section", asked, available });
        }
        let bytes = self.entry_bytes(index)?;
        Entry::from_bytes(&bytes, self.entry_at(index))
    }

    /// The first entry that `matches`.
    ///
    /// # Errors
    /// As [`StreamReader::entry`]; a missing section is `Ok(None)`.
    pub fn find(&mut self, matches: impl Fn(&Entry) -> bool) -> Result<Option<Entry>> {
        for index in 0..self.sections {
            let entry = self.entry(index)?;
            if matches(&entry) {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// The section of `kind` that covers picture `frame`; for anchors, of explicit view `view`.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the stream lacks it.
    pub fn covering(&mut self, kind: Kind, view: u8, frame: u32) -> Result<Entry> {
        self.find(|e| {
            e.kind == kind && e.covers(frame) && (kind != Kind::Anchor || e.view.0 == view)
        })?
        .ok_or(Error::malformed(
            self.table_at,
            "every picture is covered by a section of each kind it needs",
        ))
    }

    /// Fills `start` with the first bytes of a section, not checked yet, and returns those there are.
    ///
    /// # Errors
    /// [`Error::CutOff`] where the file is cut off, [`Error::Storage`] when the source fails.
    pub fn start_of<'b>(&mut self, entry: &Entry, start: &'b mut [u8]) -> Result<&'b [u8]> {
        let count = start.len().min(entry.bytes as usize);
        read_at(&mut self.source, entry.offset, &mut start[..count])?;
        Ok(&start[..count])
    }

    /// A section, checked.
    ///
    /// # Errors
    /// [`Error::OverBudget`] when the limits allow fewer bytes, else as [`StreamReader::read_section`].
    #[cfg(feature = "std")]
    pub fn section(&mut self, entry: &Entry) -> Result<std::vec::Vec<u8>> {
        self.limits.check_section(entry.bytes.into())?;
        let mut body = std::vec![0; entry.bytes as usize];
        self.read_section(entry, &mut body)?;
        Ok(body)
    }

    /// Place of `entry` in the table, if it is of this stream.
    fn index_of(&mut self, entry: &Entry) -> Option<u32> {
        (0..self.sections).find(|index| self.entry(*index).is_ok_and(|e| e.offset == entry.offset))
    }

    /// Copies a section into `buffer`, which must have its length, and checks it.
    ///
    /// # Errors
    /// [`Error::Damaged`] on a checksum mismatch, [`Error::Storage`] when the source fails.
    ///
    /// # Panics
    /// If `buffer.len() != entry.bytes`.
    pub fn read_section(&mut self, entry: &Entry, buffer: &mut [u8]) -> Result<()> {
        assert_eq!(
            buffer.len() as u64,
            u64::from(entry.bytes),
            "the buffer has the section's length"
        );
        trace!("section at byte {}: {} bytes", entry.offset, entry.bytes);
        read_at(&mut self.source, entry.offset, buffer)?;
        if !is_checksum(CRC.checksum(buffer), entry.crc) {
            return Err(Error::Damaged { section: self.index_of(entry) });
        }
        Ok(())
    }
}

/// Tells a file that is none from one of which the end is missing.
fn read_preamble<R: Read + Seek>(
    source: &mut R,
    preamble: &mut [u8; Preamble::BYTES],
) -> Result<()> {
    let cut = match read_at(source, 0, preamble) {
        Err(Error::CutOff { has: 0, .. }) => return Err(Error::Empty),
        Err(Error::CutOff { has, needs }) => (has, needs),
        read => return read,
    };
    let (has, needs) = cut;
    let start = (has as usize).min(MAGIC.len());
    read_at(source, 0, &mut preamble[..start])?;
    Err(if preamble[..start] == MAGIC[..start] {
        Error::CutOff { has, needs }
    } else {
        Error::Foreign { seems: foreign::FileKind::of(&preamble[..start]) }
    })
}

fn read_at<R: Read + Seek>(source: &mut R, at: u64, buffer: &mut [u8]) -> Result<()> {
    source.seek(SeekFrom::Start(at)).map_err(|e| Error::storage(at, &e))?;
    source.read_exact(buffer).map_err(|e| match e {
        ReadExactError::UnexpectedEof => {
            let has = source.seek(SeekFrom::End(0)).unwrap_or(at);
            Error::CutOff { has, needs: at + buffer.len() as u64 }
        }
        ReadExactError::Other(e) => Error::storage(at, &e),
    })
}

fn check_length<R: Seek>(source: &mut R, declared: u64) -> Result<()> {
    let length = source.seek(SeekFrom::End(0)).map_err(|e| Error::storage(0, &e))?;
    match length.cmp(&declared) {
        Ordering::Equal => Ok(()),
        Ordering::Less => Err(Error::CutOff { has: length, needs: declared }),
        Ordering::Greater => {
            Err(Error::malformed(declared, "the file ends where its preamble says"))
        }
    }
}

/// A slice as a seekable source.
#[derive(Debug, Clone)]
pub struct SliceSource<T> {
    bytes: T,
    at: usize,
}

impl<T: AsRef<[u8]>> SliceSource<T> {
    /// A source at the start of `bytes`.
    pub const fn new(bytes: T) -> Self {
        Self { bytes, at: 0 }
    }

    /// What it reads.
    pub const fn get(&self) -> &T {
        &self.bytes
    }
}

impl<T> embedded_io::ErrorType for SliceSource<T> {
    type Error = embedded_io::ErrorKind;
}

impl<T: AsRef<[u8]>> Read for SliceSource<T> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        let rest = self.bytes.as_ref().get(self.at..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

impl<T: AsRef<[u8]>> Seek for SliceSource<T> {
    fn seek(&mut self, to: SeekFrom) -> Result<u64, Self::Error> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => (self.bytes.as_ref().len() as u64).checked_add_signed(by),
            SeekFrom::Current(by) => (self.at as u64).checked_add_signed(by),
        };
        let at = at.ok_or(embedded_io::ErrorKind::InvalidInput)?;
        self.at = usize::try_from(at).map_err(|_| embedded_io::ErrorKind::InvalidInput)?;
        Ok(at)
    }
}
