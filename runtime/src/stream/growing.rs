//! A file whose end is still to come: a download, a copy, a recording that is being sent.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;

use super::source::ReadAt;
use crate::format::header::Preamble;

/// Such a file; bytes that it does not have yet are [`ErrorKind::WouldBlock`].
#[derive(Debug)]
pub(super) struct GrowingFile(pub File);

impl ReadAt for GrowingFile {
    /// As many as the stream says that it will have.
    fn bytes(&self) -> io::Result<u64> {
        let mut preamble = [0; Preamble::BYTES];
        let there = self.0.metadata()?.len();
        match self.0.read_exact_at(&mut preamble, 0) {
            // What is no stream has no more to come.
            Ok(()) => {
                Ok(Preamble::from_bytes(&preamble).map_or(there, |p| p.file_bytes.max(there)))
            }
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => Err(to_come(there, None)),
            Err(e) => Err(e),
        }
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let count = FileExt::read_at(&self.0, buffer, at)?;
        if count == 0 && !buffer.is_empty() {
            let whole = self.bytes()?;
            if at < whole {
                return Err(to_come(self.0.metadata()?.len(), Some(whole)));
            }
        }
        Ok(count)
    }
}

fn to_come(there: u64, whole: Option<u64>) -> io::Error {
    let of = whole.map(|whole| format!(" of {whole}")).unwrap_or_default();
    io::Error::new(ErrorKind::WouldBlock, format!("{there}{of} bytes came"))
}
