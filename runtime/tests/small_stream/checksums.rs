//! Checksums of a stream that was changed on purpose.

use iev_runtime::format::CRC;
use iev_runtime::format::header::Preamble;
use iev_runtime::format::table::Entry;

/// Makes the checksums of every section and of the index right again.
#[allow(dead_code, reason = "every test file uses its own part")]
pub fn right_checksums(bytes: &mut [u8]) {
    let header_bytes = usize::from(u16::from_le_bytes([bytes[10], bytes[11]]));
    let sections = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
    let table = Preamble::BYTES + header_bytes;
    let index = table + sections * Entry::BYTES;
    for place in (table..index).step_by(Entry::BYTES) {
        let record = bytes[place..][..Entry::BYTES].try_into().unwrap();
        let Ok(mut entry) = Entry::from_bytes(&record, 0) else { continue };
        let body = bytes.get(entry.offset as usize..).and_then(|b| b.get(..entry.bytes as usize));
        let Some(body) = body else { continue };
        entry.crc = CRC.checksum(body);
        bytes[place..][..Entry::BYTES].copy_from_slice(&entry.to_bytes());
    }
    let checked = [&bytes[..Preamble::CHECKED], &bytes[Preamble::BYTES..index]].concat();
    let crc = CRC.checksum(&checked).to_le_bytes();
    bytes[Preamble::CHECKED..Preamble::BYTES].copy_from_slice(&crc);
}
