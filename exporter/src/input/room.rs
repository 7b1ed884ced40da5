//! Where pictures are kept: in memory as far as a budget goes, then in a scratch file that is mapped, so that the system
//! reads what is used and drops it again when it needs the memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use iev_runtime::machine::memory_mib;
use memmap2::{Mmap, MmapOptions};

use super::InputError;
use crate::picture::Picture;
use crate::stop;

/// Mappings begin at multiples of a page; no system has larger ones.
const PAGE_BYTES: u64 = 1 << 16;

/// Room for the pictures of a clip.
#[derive(Debug)]
pub(super) struct Room {
    /// Bytes that are left in memory.
    left: u64,
    scratch: Option<Scratch>,
}

/// A file without a name, which ends with its last picture.
#[derive(Debug)]
struct Scratch {
    file: File,
    end: u64,
}

impl Room {
    /// Memory for `mib`, or for half of what is free.
    pub(super) fn new(mib: Option<u64>) -> Self {
        let half_free = || memory_mib(Path::new("/")).map(|(_, free)| free / 2);
        let mib = mib.or_else(half_free).unwrap_or(u64::MAX);
        Self { left: mib.saturating_mul(1 << 20), scratch: None }
    }

    /// The same picture, in memory while there is room.
    pub(super) fn keep(&mut self, picture: Picture) -> Result<Picture, InputError> {
        stop::check()?;
        let bytes = picture.i420().len() as u64;
        if let Some(left) = self.left.checked_sub(bytes) {
            self.left = left;
            return Ok(picture);
        }
        let folder = folder();
        let kept = self.scratch(&folder).and_then(|scratch| scratch.write(picture.i420()));
        let kept = kept.map_err(|source| InputError::Scratch { folder, source })?;
        Ok(Picture::lent(picture.size(), Arc::new(kept)))
    }

    fn scratch(&mut self, folder: &Path) -> io::Result<&mut Scratch> {
        Ok(match &mut self.scratch {
            Some(scratch) => scratch,
            none => none.insert(Scratch { file: tempfile::tempfile_in(folder)?, end: 0 }),
        })
    }
}

impl Scratch {
    #[allow(unsafe_code, reason = "mapping is what the file is for")]
    fn write(&mut self, bytes: &[u8]) -> io::Result<Mmap> {
        let (start, length) = (self.end, bytes.len());
        self.file.write_all_at(bytes, start)?;
        self.end = (start + length as u64).next_multiple_of(PAGE_BYTES);
        // SAFETY: the file has no name and this is the only handle to it: nobody else can change or cut it, and what is
        // written later lies behind this.
        unsafe { MmapOptions::new().offset(start).len(length).map(&self.file) }
    }
}

/// Where large files that nobody will look for belong: /tmp often is memory.
fn folder() -> PathBuf {
    let told = std::env::var_os("TMPDIR").map(PathBuf::from);
    told.or_else(|| Some(PathBuf::from("/var/tmp")).filter(|folder| folder.is_dir()))
        .unwrap_or_else(std::env::temp_dir)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::synthetic;

    #[test]
    fn pictures_beyond_the_budget_lie_in_a_file_and_are_the_same() {
        let pictures: Vec<Picture> = (0..5).map(|i| synthetic(640, 360, i as f32)).collect();
        let mut room = Room::new(Some(1));
        let kept = pictures.iter().map(|picture| room.keep(picture.clone()).unwrap());
        assert!(kept.collect::<Vec<_>>() == pictures);
        // A mebibyte holds three of them.
        let two = (2 * pictures[0].i420().len() as u64).next_multiple_of(PAGE_BYTES);
        let end = room.scratch.unwrap().end;
        assert!(end >= two && end <= two + PAGE_BYTES, "{end}");
    }
}
