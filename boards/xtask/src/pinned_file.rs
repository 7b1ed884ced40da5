//! One file out of a wheel, pinned by a digest of its own, so that a stale or damaged copy is replaced.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::place::{Arch, Place, from_env};
use crate::wheel::{Use, Wheel, digest};

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

/// A library or program that programs here use, for every processor that it is fetched for.
pub(crate) struct PinnedBinary {
    /// Its folder among what is fetched, and its name there.
    pub place: (&'static str, &'static str),
    /// The variable by which the caller names one of their own.
    pub variable: &'static str,
    /// What that has to be.
    pub own: &'static str,
    pub x86_64: PinnedFile,
    pub aarch64: PinnedFile,
}

impl PinnedBinary {
    /// Where the file for `arch` lies once fetched.
    fn path(&self, place: &Place, arch: Arch) -> PathBuf {
        let (folder, name) = self.place;
        place.target.join(folder).join(arch.name()).join(name)
    }

    /// Returns the file for `arch`, fetching it only where it is missing or not the pinned one.
    pub(crate) fn ready(&self, place: &Place, arch: Arch) -> Result<PathBuf> {
        let pin = match arch {
            Arch::X86_64 => &self.x86_64,
            Arch::Aarch64 => &self.aarch64,
        };
        let path = self.path(place, arch);
        let Self { variable, own, .. } = self;
        let remedy = || format!("without it, set {variable} to one of your own ({own})");
        pin.ready(&place.wheels, &path).with_context(remedy)?;
        Ok(path)
    }

    /// What this machine's programs use: the caller's own, or the fetched one.
    pub(crate) fn host(&self, place: &Place) -> Result<PathBuf> {
        match from_env(self.variable)? {
            Some(own) => Ok(own),
            None => self.ready(place, Arch::host()?),
        }
    }
}

/// Shared by the tests of every pinned binary.
#[cfg(test)]
impl PinnedBinary {
    pub(crate) fn assert_well_formed(&self) {
        let place = Place { root: "/c".into(), target: "/t".into(), wheels: "/w".into() };
        for (pin, arch) in [(&self.x86_64, Arch::X86_64), (&self.aarch64, Arch::Aarch64)] {
            pin.assert_well_formed(arch);
            let path = self.path(&place, arch).display().to_string();
            assert!(path.starts_with("/t/") && path.contains(arch.name()), "{path}");
        }
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
