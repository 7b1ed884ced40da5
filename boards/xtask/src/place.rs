//! Where things lie.

use std::env;
use std::path::{Path, PathBuf, absolute};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

/// A processor that the libraries are published for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Arch {
    #[value(name = "x86_64")]
    X86_64,
    #[value(name = "aarch64")]
    Aarch64,
}

impl Arch {
    /// This machine's.
    pub(crate) fn host() -> Result<Self> {
        match (env::consts::OS, env::consts::ARCH) {
            ("linux", "x86_64") => Ok(Self::X86_64),
            ("linux", "aarch64") => Ok(Self::Aarch64),
            (os, arch) => bail!(
                "no pinned libraries for {os} on {arch}: set ORT_DYLIB_PATH and IEV_TORCH to your own"
            ),
        }
    }

    /// As folders and wheel tags spell it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }
}

/// The folders of one checkout; all paths are absolute.
pub(crate) struct Place {
    /// The checkout.
    pub root: PathBuf,
    /// Cargo's target folder, which fetched libraries share.
    pub target: PathBuf,
    /// Where downloaded wheels are kept.
    pub wheels: PathBuf,
}

impl Place {
    /// Reads `CARGO_MANIFEST_DIR`, `CARGO_TARGET_DIR` and `IEV_CACHE_DIR`.
    pub(crate) fn find() -> Result<Self> {
        // Cargo sets it for `cargo run`; the compiled-in path is for a bare call of the binary.
        // The run-time value comes first because checkouts may share a target folder.
        let own = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = own.ancestors().nth(2).context("xtask lies two folders below the checkout")?;
        Self::new(root, from_env("CARGO_TARGET_DIR")?, from_env("IEV_CACHE_DIR")?)
    }

    fn new(root: &Path, target: Option<PathBuf>, wheels: Option<PathBuf>) -> Result<Self> {
        let root = absolute(root)?;
        let target = target.unwrap_or_else(|| root.join("target"));
        let wheels = wheels.unwrap_or_else(|| target.join("wheels"));
        Ok(Self { root, target, wheels })
    }
}

/// The path in `variable`, made absolute; an empty one counts as unset.
pub(crate) fn from_env(variable: &str) -> Result<Option<PathBuf>> {
    let path = env::var_os(variable).filter(|path| !path.is_empty());
    path.map(absolute).transpose().with_context(|| format!("{variable} is not a usable path"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_lies_in_target_by_default() {
        let place = Place::new(Path::new("/checkout"), None, None).unwrap();
        assert_eq!(place.target, Path::new("/checkout/target"));
        assert_eq!(place.wheels, Path::new("/checkout/target/wheels"));
    }

    #[test]
    fn wheels_follow_the_target_folder_unless_told() {
        let target = Some(PathBuf::from("/t"));
        let place = Place::new(Path::new("/checkout"), target.clone(), None).unwrap();
        assert_eq!(place.wheels, Path::new("/t/wheels"));
        let place = Place::new(Path::new("/checkout"), target, Some("/cache".into())).unwrap();
        assert_eq!(place.wheels, Path::new("/cache"));
    }
}
