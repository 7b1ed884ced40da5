//! A stream file mapped read-only: the first thing the data meets.
//!
//! Sections are copied out of the map and checked before use, so a file that shrinks under the
//! player fails a checksum or kills the process by signal, but never decodes to wrong numbers.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use memmap2::Mmap;

use crate::error::{Error, Result};
use crate::format::reader::SliceSource;

/// The bytes of a stream: a map or an owned buffer, shared between readers.
#[derive(Debug, Clone)]
pub struct StreamBytes(Arc<Bytes>);

#[derive(Debug)]
enum Bytes {
    Mapped(Mmap),
    Owned(Vec<u8>),
}

impl AsRef<[u8]> for StreamBytes {
    fn as_ref(&self) -> &[u8] {
        match &*self.0 {
            Bytes::Mapped(map) => map,
            Bytes::Owned(bytes) => bytes,
        }
    }
}

impl From<Vec<u8>> for StreamBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Bytes::Owned(bytes)))
    }
}

impl StreamBytes {
    /// Maps the file at `path`; an empty file maps to no bytes.
    ///
    /// # Errors
    /// [`Error::File`] with the system's own reason.
    pub fn map(path: &Path) -> Result<Self> {
        let error = |source| Error::File { path: path.to_owned(), source };
        let file = File::open(path).map_err(error)?;
        let length = file.metadata().map_err(error)?;
        if length.is_dir() {
            return Err(error(std::io::Error::other("is a folder, not a stream")));
        }
        if length.len() == 0 {
            return Ok(Vec::new().into());
        }
        // SAFETY: the map is read-only and private to this process; another process that truncates
        // the file can only make a read fault, which the module header accepts.
        #[allow(unsafe_code, reason = "a file map is unsafe by nature; this is the only one")]
        let map = unsafe { Mmap::map(&file) }.map_err(error)?;
        Ok(Self(Arc::new(Bytes::Mapped(map))))
    }

    /// A seekable source over the bytes.
    pub fn source(&self) -> SliceSource<Self> {
        SliceSource::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_named() {
        let error = StreamBytes::map(Path::new("no/such.iev")).unwrap_err().to_string();
        assert!(error.starts_with("no/such.iev: "), "{error}");
    }
}
