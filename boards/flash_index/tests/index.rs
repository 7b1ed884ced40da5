//! The firmware's code on a host: the sample's index, its cost in page reads, and broken flash.
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

use std::cell::Cell;

use embedded_storage::nor_flash::{ErrorType, NorFlashErrorKind, ReadNorFlash};
use iev_flash_index::flash::PAGE_BYTES;
use iev_flash_index::index::{Index, LIMITS, SECTIONS, read_index};
use iev_runtime::Error;
use iev_runtime::format::reader::{SliceSource, StreamReader};

/// Flash that counts its reads and can fail.
struct Counted<'a> {
    bytes: &'a [u8],
    reads: &'a Cell<usize>,
    /// A read that touches this byte fails.
    broken: Option<usize>,
}

impl ErrorType for Counted<'_> {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Counted<'_> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        self.reads.set(self.reads.get() + 1);
        let range = offset as usize..offset as usize + bytes.len();
        if self.broken.is_some_and(|byte| range.contains(&byte)) {
            return Err(NorFlashErrorKind::Other);
        }
        bytes.copy_from_slice(self.bytes.get(range).ok_or(NorFlashErrorKind::OutOfBounds)?);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

fn sample() -> Vec<u8> {
    std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/sample.iev")).unwrap()
}

/// The index of `bytes` from byte `start` on, and how many reads it took.
fn index(bytes: &[u8], start: u32, broken: Option<usize>) -> (Result<Vec<String>, Error>, usize) {
    let reads = Cell::new(0);
    let index = read_index(Counted { bytes, reads: &reads, broken }, start);
    let found = index.map(|Index { reader, sections }| {
        let mut lines = vec![format!("{:?}", reader.header())];
        lines.extend(sections.iter().map(|entry| format!("{entry:?}")));
        lines
    });
    (found, reads.get())
}

/// As a host reads it, from memory.
fn expected(bytes: &[u8]) -> Vec<String> {
    let mut reader = StreamReader::open(SliceSource::new(bytes), &LIMITS).unwrap();
    let mut lines = vec![format!("{:?}", reader.header())];
    lines.extend((0..reader.sections()).map(|at| format!("{:?}", reader.entry(at).unwrap())));
    lines
}

#[test]
fn flash_gives_the_index_that_memory_gives_wherever_it_lies() {
    let sample = sample();
    let expected = expected(&sample);
    assert!((2..=SECTIONS + 1).contains(&expected.len()), "{expected:?}");
    for start in [0, 1, PAGE_BYTES - 3, 5 * PAGE_BYTES] {
        let mut flash = vec![0xff; start];
        flash.extend(&sample);
        flash.extend([0xff; 100]);
        let (found, reads) = index(&flash, start as u32, None);
        assert_eq!(found.unwrap(), expected, "at byte {start}");
        // The header and the table are read twice, and never a section.
        let (header_and_table, whole) = (2 * SECTIONS * 32, sample.len());
        assert!(reads <= header_and_table / PAGE_BYTES + 8, "{reads} reads");
        assert!(reads < whole / PAGE_BYTES, "{reads} reads");
    }
}

#[test]
fn broken_empty_and_short_flash_is_an_error() {
    let sample = sample();
    let error = |bytes: &[u8], start, broken| index(bytes, start, broken).0.unwrap_err();
    assert!(matches!(error(&sample, 0, Some(40)), Error::Storage { .. }));
    assert!(matches!(error(&[0xff; 4096], 0, None), Error::Foreign { .. }));
    for (bytes, start) in [(&sample[..], 1 << 30), (&sample[..10], 0), (&sample[..5000], 0)] {
        let said = error(bytes, start, None).to_string();
        assert!(said.contains("fits the flash"), "{said}");
    }
}
