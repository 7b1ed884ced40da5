//! A stream behind the caller's functions.
#![allow(unsafe_code, reason = "the functions are the caller's")]

use std::ffi::c_void;
use std::io;

use iev_runtime::ReadAt;

use crate::abi;

/// Calls them, and `close` in the end.
pub(crate) struct Callbacks {
    user: *mut c_void,
    bytes: u64,
    read_at: Option<unsafe extern "C" fn(*mut c_void, u64, *mut c_void, usize) -> i64>,
    close: Option<unsafe extern "C" fn(*mut c_void)>,
}

// SAFETY: iev.h says that the functions are called from several threads at once.
unsafe impl Send for Callbacks {}
// SAFETY: as above.
unsafe impl Sync for Callbacks {}

impl Callbacks {
    /// Takes over `source`: it is closed when this is dropped.
    pub(crate) fn new(source: &abi::Source) -> Self {
        let abi::Source { user, bytes, read_at, close } = *source;
        Self { user, bytes, read_at, close }
    }

    pub(crate) fn can_read(&self) -> bool {
        self.read_at.is_some()
    }
}

impl ReadAt for Callbacks {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.bytes)
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let read_at = self.read_at.ok_or_else(|| io::Error::other("read_at is NULL"))?;
        // SAFETY: the caller's function, with its own pointer and room for as many bytes as it is told.
        let answer = unsafe { read_at(self.user, at, buffer.as_mut_ptr().cast(), buffer.len()) };
        match usize::try_from(answer) {
            Ok(count) => Ok(count),
            Err(_) => Err(match i32::try_from(answer.unsigned_abs()) {
                Ok(errno) => io::Error::from_raw_os_error(errno),
                Err(_) => io::Error::other(format!("read_at answers {answer}")),
            }),
        }
    }
}

impl Drop for Callbacks {
    fn drop(&mut self) {
        if let Some(close) = self.close {
            // SAFETY: the caller's function, with its own pointer, once.
            unsafe { close(self.user) }
        }
    }
}
