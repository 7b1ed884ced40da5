//! One file out of a wheel, pinned by a digest of its own, so that a stale or damaged copy is replaced.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::wheel::{Wheel, digest};

/// What a file may be used for, which decides its permissions.
#[derive(Clone, Copy)]
pub(crate) enum Use {
    Load,
    Run,
}

impl Use {
    /// Temporary files, which these are unpacked as, are private to their owner; libraries and programs are for all.
    pub(crate) fn mode(self) -> u32 {
        match self {
            Self::Load => 0o644,
            Self::Run => 0o755,
        }
    }
}

/// A library or program that is fetched for one processor.
pub(crate) struct PinnedFile {
    pub wheel: Wheel,
    /// Its path inside the wheel.
    pub entry: &'static str,
    /// SHA-256 of the file itself, in lower-case hexadecimal.
    pub sha256: &'static str,
    pub used_to: Use,
}

impl PinnedFile {
    /// Puts the file at `to`, fetching it only where it is missing there or is not the pinned one.
    pub(crate) fn ready(&self, cache: &Path, to: &Path) -> Result<()> {
        if to.exists() && digest(to)? == self.sha256 {
            return Ok(());
        }
        self.wheel.open(cache)?.unpack(self.entry, to, self.used_to)?;
        ensure!(
            digest(to)? == self.sha256,
            "{} is not the file pinned for {}: correct the pin in boards/xtask/src",
            to.display(),
            self.wheel.file
        );
        Ok(())
    }
}

/// Shared by the tests of every pinned file.
#[cfg(test)]
impl PinnedFile {
    pub(crate) fn assert_well_formed(&self, arch: crate::place::Arch) {
        self.wheel.assert_well_formed();
        assert!(self.wheel.file.contains(arch.name()), "{} is for {arch:?}", self.wheel.file);
        assert_eq!(self.sha256.len(), 64);
    }
}
