//! Whether a shared library is whole and for this processor, read from its ELF headers.
//!
//! Why before loading: the system's loader maps what the headers promise, and where the file ends
//! earlier, as after a download that broke off, the program dies of SIGBUS in the middle of loading.

use std::fs::File;
use std::path::Path;

use object::elf::{self, FileHeader64};
use object::read::ReadCache;
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};
use object::{Endianness, ReadRef};

/// What this program's own libraries are.
const OWN: u16 = if cfg!(target_arch = "aarch64") { elf::EM_AARCH64 } else { elf::EM_X86_64 };

/// Checks that the loader will find at `path` all that the file's headers promise.
///
/// Only headers are read: a damaged byte between them is not seen.
///
/// # Errors
/// A sentence that begins with the path and says what the file is instead.
pub fn check(path: &Path) -> Result<(), String> {
    fault(path).map_or(Ok(()), |fault| Err(format!("{} {fault}", path.display())))
}

/// What is wrong with the file, as the end of a sentence.
fn fault(path: &Path) -> Option<String> {
    // A file at all.
    let metadata = match path.metadata() {
        Ok(metadata) => metadata,
        Err(e) => return Some(format!("cannot be read: {e}")),
    };
    if !metadata.is_file() {
        return Some("is a folder or a device, not a library".into());
    }
    if metadata.len() == 0 {
        return Some("is empty".into());
    }
    // A library for this system.
    let file = match File::open(path) {
        Ok(file) => ReadCache::new(file),
        Err(e) => return Some(format!("cannot be read: {e}")),
    };
    let Ok(header) = FileHeader64::<Endianness>::parse(&file) else {
        return Some("is not a shared library for 64-bit Linux".into());
    };
    let Ok(endian) = header.endian() else {
        return Some("is not a shared library for 64-bit Linux".into());
    };
    if header.e_type(endian) != elf::ET_DYN {
        return Some("is not a shared library".into());
    }
    if header.e_machine(endian) != OWN {
        let own = std::env::consts::ARCH;
        return Some(format!("is a library for another processor, this is {own}"));
    }
    // All of it.
    match promised_bytes(header, endian, &file) {
        Some(bytes) if bytes <= metadata.len() => None,
        Some(bytes) => Some(format!("is cut off: it has {} of {bytes} bytes", metadata.len())),
        None => Some("is cut off or damaged: its headers cannot be read".into()),
    }
}

/// Where the last thing ends that the headers point to; none where they cannot be read.
fn promised_bytes<'data>(
    header: &FileHeader64<Endianness>,
    endian: Endianness,
    file: impl ReadRef<'data>,
) -> Option<u64> {
    let segments = header.program_headers(endian, file).ok()?;
    let segments = segments.iter().map(|segment| segment.file_range(endian));
    // The table of sections is a file's last part; without it, what it points to is unknown.
    let table = header
        .e_shoff(endian)
        .checked_add(u64::from(header.e_shnum(endian)) * u64::from(header.e_shentsize(endian)))?;
    let sections = header.section_headers(endian, file).unwrap_or_default();
    let sections = sections.iter().filter_map(|section| section.file_range(endian));
    let ends = segments.chain(sections).map(|(at, bytes)| at.checked_add(bytes));
    ends.chain([Some(table)]).try_fold(0, |last, end| Some(last.max(end?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// This test program: position independent, so to the loader a library like another.
    fn library() -> Vec<u8> {
        std::fs::read(std::env::current_exe().unwrap()).unwrap()
    }

    fn said(bytes: &[u8]) -> Result<(), String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        check(file.path()).map_err(|sentence| {
            let path = file.path().display().to_string();
            sentence.strip_prefix(&path).unwrap().trim().to_owned()
        })
    }

    #[test]
    fn a_whole_library_passes_and_every_shorter_one_is_named() {
        let whole = library();
        assert_eq!(said(&whole), Ok(()));
        for length in [1, 63, 64, 200, 4096, whole.len() / 2, whole.len() - 1] {
            let sentence = said(&whole[..length]).unwrap_err();
            let expected = if length < 64 { "is not a shared library" } else { "is cut off" };
            assert!(sentence.starts_with(expected), "{length}: {sentence}");
        }
    }

    #[test]
    fn what_is_no_library_for_this_machine_is_named() {
        let whole = library();
        let changed = |at: usize, byte: u8| {
            let mut bytes = whole.clone();
            bytes[at] = byte;
            said(&bytes).unwrap_err()
        };
        assert_eq!(said(b"").unwrap_err(), "is empty");
        assert!(said(b"not found").unwrap_err().starts_with("is not a shared library"));
        assert!(said(&[0x7f; 4096]).unwrap_err().starts_with("is not a shared library"));
        // The class: 32 bits. The type: an object file. The machine: RISC-V.
        assert!(changed(4, 1).starts_with("is not a shared library for 64-bit"));
        assert_eq!(changed(16, 1), "is not a shared library");
        assert!(changed(18, 243).starts_with("is a library for another processor, this is"));
        let folder = check(Path::new("/tmp")).unwrap_err();
        assert_eq!(folder, "/tmp is a folder or a device, not a library");
        assert!(check(Path::new("/nowhere/at.all")).unwrap_err().contains("cannot be read"));
    }

    #[test]
    fn headers_of_any_bytes_are_an_answer() {
        let head = &library()[..4096];
        for at in 0..64 {
            for byte in [0, 1, 0x7f, 0xff] {
                let mut bytes = head.to_vec();
                bytes[at] = byte;
                let _ = said(&bytes);
            }
        }
    }
}
