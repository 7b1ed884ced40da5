//! Property: bytes that read as a header are validated without a panic, and a valid header is
//! written in canonical form: it reads back as itself.
#![no_main]

use iev_runtime::format::header::{Header, MAX_HEADER_BYTES, Preamble, VERSION_MINOR};
use iev_runtime::format::limits::Limits;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some((first, _)) = bytes.split_first_chunk::<{ Preamble::BYTES }>() {
        let _ = Preamble::from_bytes(first);
    }
    let Ok(header) = Header::from_bytes(bytes, VERSION_MINOR) else { return };
    if header.validate().is_err() || Limits::DEFAULT.check_header(&header).is_err() {
        return;
    }
    let mut buffer = [0; MAX_HEADER_BYTES];
    let written = postcard::to_slice(&header, &mut buffer).expect("a valid header fits");
    assert_eq!(Header::from_bytes(written, VERSION_MINOR).expect("what was written is read"), header);
});
