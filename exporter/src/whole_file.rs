//! Files that are there whole or not at all.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use tempfile::NamedTempFile;

/// Writes beside `path` under a temporary name, then renames: a reader never sees half a file.
///
/// # Errors
/// The disk's.
pub fn write_whole(path: &Path, contents: impl AsRef<[u8]>) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let mut file = beside(path)?;
        file.write_all(contents.as_ref())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|e| e.error)?;
        Ok(())
    };
    write().with_context(|| format!("writing {}", path.display()))
}

/// Fails where [`write_whole`] is bound to fail, before what is to be written is there.
///
/// # Errors
/// The disk's, or that `path` is something else than a file.
pub fn check_writable(path: &Path) -> Result<()> {
    let shown = path.display();
    ensure!(path.is_file() || !path.exists(), "{shown} is there already and is not a file");
    beside(path).map(drop).with_context(|| format!("writing {shown}"))
}

/// A new file in the folder of `path`, under a temporary name.
fn beside(path: &Path) -> std::io::Result<NamedTempFile> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // As an ordinary new file: the process mask takes from this what the user does not grant.
    let readable = Permissions::from_mode(0o666);
    tempfile::Builder::new().permissions(readable).tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_readable_like_any_other() {
        let folder = tempfile::tempdir().unwrap();
        let [path, ordinary] = ["whole", "ordinary"].map(|name| folder.path().join(name));
        std::fs::write(&ordinary, "").unwrap();
        write_whole(&path, "a first, longer text").unwrap();
        write_whole(&path, "second").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "second");
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&path), mode(&ordinary));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = write_whole(Path::new("/nowhere/at/all.json"), "").unwrap_err();
        assert_eq!(error.to_string(), "writing /nowhere/at/all.json");
        let early = check_writable(Path::new("/nowhere/at/all.json")).unwrap_err();
        assert_eq!(early.to_string(), error.to_string());
    }

    #[test]
    fn what_can_be_written_is_known_before_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("whole");
        check_writable(&path).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        write_whole(&path, "text").unwrap();
        check_writable(&path).unwrap();
        for other in [folder.path(), Path::new("/dev/null")] {
            let error = check_writable(other).unwrap_err().to_string();
            assert!(error.ends_with("is not a file"), "{error}");
        }
    }
}
