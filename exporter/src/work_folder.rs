//! A work folder belongs to one run at a time.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::error::{Context, Result, bail};

/// File in the folder that a run holds a lock on.
const LOCK: &str = ".lock";

/// The right to write into a work folder; ends with the process at the latest.
#[derive(Debug)]
pub struct WorkFolder {
    _lock: File,
}

impl WorkFolder {
    /// Makes the folder where it is missing, and takes it.
    ///
    /// # Errors
    /// A sentence when another run has it, or the disk's.
    pub fn take(folder: &Path) -> Result<Self> {
        let shown = folder.display();
        std::fs::create_dir_all(folder).with_context(|| format!("making {shown}"))?;
        let path = folder.join(LOCK);
        let within = || format!("locking {}", path.display());
        // Nothing is written into it: what counts is the lock, which ends with its process.
        let lock = File::options().write(true).create(true).truncate(false).open(&path);
        let lock = lock.with_context(within)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { _lock: lock }),
            Err(TryLockError::WouldBlock) => bail!(
                "{shown} is in use by another run of iev-export: wait for it, or name another folder"
            ),
            Err(TryLockError::Error(e)) => Err(e).with_context(within),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_taken_once_at_a_time() {
        let desk = tempfile::tempdir().unwrap();
        let folder = desk.path().join("work");
        let first = WorkFolder::take(&folder).unwrap();
        let refused = WorkFolder::take(&folder).unwrap_err().to_string();
        assert!(refused.contains("work is in use by another run of iev-export"), "{refused}");
        drop(first);
        WorkFolder::take(&folder).unwrap();
    }
}
