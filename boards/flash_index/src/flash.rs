//! Flash behind `embedded-storage` as a source of the stream reader.

use embedded_io::{ErrorKind, ErrorType, Read, Seek, SeekFrom};
use embedded_storage::nor_flash::ReadNorFlash;
use iev_runtime::format::header::Preamble;
use iev_runtime::{Error, Result};

/// Bytes that are fetched at once.
pub const PAGE_BYTES: usize = 256;

/// The bytes of one stream in flash, read by pages, one of which is kept.
#[derive(Debug)]
pub struct StreamInFlash<F> {
    flash: F,
    /// First byte of the stream in the flash.
    start: u32,
    bytes: u32,
    /// Next byte of the stream.
    at: u32,
    page: [u8; PAGE_BYTES],
    /// Which page of the flash is kept.
    kept: Option<u32>,
}

impl<F: ReadNorFlash> StreamInFlash<F> {
    /// The stream that starts at byte `start`; its preamble says how long it is.
    ///
    /// # Errors
    /// [`Error::Foreign`] where no stream starts, [`Error::Malformed`] where it does not fit the flash,
    /// [`Error::Storage`] when the flash fails.
    pub fn new(flash: F, start: u32) -> Result<Self> {
        let capacity = u32::try_from(flash.capacity()).unwrap_or(u32::MAX);
        let room = capacity.saturating_sub(start);
        let mut stream =
            Self { flash, start, bytes: room, at: 0, page: [0; PAGE_BYTES], kept: None };
        let mut preamble = [0; Preamble::BYTES];
        stream.read_exact(&mut preamble).map_err(|error| match error {
            embedded_io::ReadExactError::UnexpectedEof => {
                Error::malformed(0, "a stream fits the flash it lies in")
            }
            embedded_io::ReadExactError::Other(kind) => Error::storage(0, &kind),
        })?;
        let bytes = u32::try_from(Preamble::from_bytes(&preamble)?.file_bytes).ok();
        let bytes = bytes.filter(|bytes| *bytes <= room);
        stream.bytes = bytes.ok_or(Error::malformed(16, "a stream fits the flash it lies in"))?;
        Ok(stream)
    }

    /// The kept page after making it page `number` of the flash.
    fn page(&mut self, number: u32) -> Result<&[u8; PAGE_BYTES], ErrorKind> {
        if self.kept != Some(number) {
            self.kept = None;
            let first = number * PAGE_BYTES as u32;
            let capacity = self.flash.capacity();
            // The last page may be a part of one.
            let length = capacity.saturating_sub(first as usize).min(PAGE_BYTES);
            let read = self.flash.read(first, &mut self.page[..length]);
            read.map_err(|_| ErrorKind::Other)?;
            self.kept = Some(number);
        }
        Ok(&self.page)
    }
}

impl<F> ErrorType for StreamInFlash<F> {
    type Error = ErrorKind;
}

impl<F: ReadNorFlash> Read for StreamInFlash<F> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        if self.at >= self.bytes || buffer.is_empty() {
            return Ok(0);
        }
        let (at, left) = (self.start + self.at, (self.bytes - self.at) as usize);
        let within = at as usize % PAGE_BYTES;
        let count = buffer.len().min(left).min(PAGE_BYTES - within);
        let page = self.page(at / PAGE_BYTES as u32)?;
        buffer[..count].copy_from_slice(&page[within..within + count]);
        self.at += count as u32;
        Ok(count)
    }
}

impl<F: ReadNorFlash> Seek for StreamInFlash<F> {
    fn seek(&mut self, to: SeekFrom) -> Result<u64, ErrorKind> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => u64::from(self.bytes).checked_add_signed(by),
            SeekFrom::Current(by) => u64::from(self.at).checked_add_signed(by),
        };
        let at = at.ok_or(ErrorKind::InvalidInput)?;
        self.at = u32::try_from(at).map_err(|_| ErrorKind::InvalidInput)?;
        Ok(at)
    }
}
