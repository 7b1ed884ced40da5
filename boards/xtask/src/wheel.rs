//! A Python wheel, pinned by digest: pip downloads it, this file checks and unpacks it.
//!
//! Why wheels: the Python package index is the one place that publishes ONNX Runtime, libtorch
//! and a static ffmpeg for both processors, is mirrored everywhere, and whose client works behind every proxy.

use std::fs::{self, File, Permissions};
use std::io::{self, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};
use tempfile::{NamedTempFile, TempDir};

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

/// One file of the Python package index.
pub(crate) struct Wheel {
    /// As pip asks for it: `name==version`.
    pub requirement: &'static str,
    /// File name on the index; its last field is the platform.
    pub file: &'static str,
    /// SHA-256 of the file, in lower-case hexadecimal.
    pub sha256: &'static str,
}

impl Wheel {
    /// Returns an archive whose digest was checked just now, downloading it only if `cache` lacks it.
    pub(crate) fn open(&self, cache: &Path) -> Result<Archive> {
        let path = cache.join(self.file);
        if !path.exists() {
            self.download(cache)?;
        }
        let found = digest(&path)?;
        ensure!(
            found == self.sha256,
            "{} has SHA-256 {found}, not {}: delete it and run this again",
            path.display(),
            self.sha256
        );
        Archive::open(&path)
    }

    /// Puts the file into `cache` under its own name, in one step.
    fn download(&self, cache: &Path) -> Result<()> {
        fs::create_dir_all(cache).with_context(|| format!("cannot make {}", cache.display()))?;
        let scratch = TempDir::with_prefix_in(".download-", cache)?;
        let pin = scratch.path().join("requirements.txt");
        fs::write(&pin, format!("{} --hash=sha256:{}\n", self.requirement, self.sha256))?;
        eprintln!("fetching {} into {}", self.file, cache.display());
        let pip = self.pip(&pin, scratch.path()).status();
        if !pip.is_ok_and(|status| status.success()) {
            bail!(
                "pip could not download {}: check that `python3 -m pip --version` works and that \
                 the network is up, or put that file into {} by hand",
                self.file,
                cache.display()
            );
        }
        fs::rename(scratch.path().join(self.file), cache.join(self.file))
            .with_context(|| format!("pip fetched something other than {}", self.file))
    }

    fn pip(&self, pin: &Path, into: &Path) -> Command {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "--disable-pip-version-check", "--no-cache-dir", "download"])
            .args(["--no-deps", "--only-binary=:all:", "--python-version", "3.11"])
            .args(self.platforms().flat_map(|platform| ["--platform", platform]))
            .args(["--require-hashes", "--requirement"])
            .arg(pin)
            .arg("--dest")
            .arg(into)
            .stdin(Stdio::null())
            // Our own standard output carries paths and `export` lines for other programs.
            .stdout(io::stderr());
        pip
    }

    /// The platforms the file name claims; older pip does not know that one implies another.
    fn platforms(&self) -> impl Iterator<Item = &'static str> {
        let stem = self.file.trim_end_matches(".whl");
        stem.rsplit('-').next().into_iter().flat_map(|tag| tag.split('.'))
    }
}

/// SHA-256 of a file, in lower-case hexadecimal.
pub(crate) fn digest(path: &Path) -> Result<String> {
    let mut hasher = Sha256::new();
    let read = File::open(path).and_then(|mut file| io::copy(&mut file, &mut hasher));
    read.with_context(|| format!("cannot read {}", path.display()))?;
    Ok(hex::encode(hasher.finalize()))
}

/// A wheel whose digest matched.
pub(crate) struct Archive(zip::ZipArchive<BufReader<File>>);

impl Archive {
    fn open(path: &Path) -> Result<Self> {
        let file = File::open(path)?;
        let archive = zip::ZipArchive::new(BufReader::new(file));
        Ok(Self(archive.with_context(|| format!("{} is not a wheel", path.display()))?))
    }

    /// Unpacks `entry` as the file `to`, which appears in one step.
    pub(crate) fn unpack(&mut self, entry: &str, to: &Path, used_to: Use) -> Result<()> {
        let folder = to.parent().context("a file lies in a folder")?;
        fs::create_dir_all(folder)?;
        let mut partial = NamedTempFile::with_prefix_in(".partial-", folder)?;
        let mut entry_reader =
            self.0.by_name(entry).with_context(|| format!("the wheel has no {entry}"))?;
        io::copy(&mut entry_reader, &mut partial)
            .and_then(|_| partial.flush())
            .with_context(|| format!("cannot write {}", to.display()))?;
        partial.as_file().set_permissions(Permissions::from_mode(used_to.mode()))?;
        partial.persist(to)?;
        Ok(())
    }

    /// Unpacks every shared library into `to`, under its own name.
    pub(crate) fn unpack_libraries(&mut self, to: &Path) -> Result<()> {
        let names = self.0.file_names().map(|name| Ok(name?.into_owned()));
        for name in names.collect::<Result<Vec<String>>>()? {
            let Some((_, file)) = name.rsplit_once("/lib/") else { continue };
            if !file.contains('/') && file.contains(".so") {
                self.unpack(&name, &to.join(file), Use::Load)?;
            }
        }
        Ok(())
    }

    /// Unpacks every file below `folder` (with its final slash) into `to`.
    pub(crate) fn unpack_folder(&mut self, folder: &str, to: &Path) -> Result<()> {
        for index in 0..self.0.len() {
            let mut entry = self.0.by_index(index)?;
            let path = entry.enclosed_name().context("the wheel names a file outside itself")?;
            let Ok(inner) = path.strip_prefix(folder) else { continue };
            if entry.is_dir() {
                continue;
            }
            let to = to.join(inner);
            to.parent().map_or(Ok(()), fs::create_dir_all)?;
            io::copy(&mut entry, &mut File::create(&to)?)
                .with_context(|| format!("cannot write {}", to.display()))?;
        }
        Ok(())
    }
}

/// Shared by the tests of every pinned table.
#[cfg(test)]
impl Wheel {
    pub(crate) fn assert_well_formed(&self) {
        let (name, version) = self.requirement.split_once("==").unwrap();
        let prefix = format!("{}-{version}-", name.replace('-', "_"));
        assert!(self.file.starts_with(&prefix), "{} is not {}", self.file, self.requirement);
        assert!(self.file.ends_with(".whl"));
        assert_eq!(self.sha256.len(), 64);
        assert!(self.sha256.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')));
        assert!(self.platforms().all(|platform| platform.contains("linux")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const WHEEL: Wheel = Wheel {
        requirement: "a==1",
        file: "a-1-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        sha256: EMPTY,
    };

    /// Writes a wheel of two files and returns it with its true digest.
    fn wheel_in(cache: &Path) -> Wheel {
        let path = cache.join(WHEEL.file);
        let mut writer = zip::ZipWriter::new(File::create(&path).unwrap());
        for name in ["a/lib/x.so", "a/include/deep/x.h"] {
            writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(name.as_bytes()).unwrap();
        }
        writer.finish().unwrap();
        Wheel { sha256: digest(&path).unwrap().leak(), ..WHEEL }
    }

    #[test]
    fn platforms_are_the_last_field_of_the_file_name() {
        let platforms: Vec<_> = WHEEL.platforms().collect();
        assert_eq!(platforms, ["manylinux2014_x86_64", "manylinux_2_17_x86_64"]);
    }

    #[test]
    fn a_wheel_with_another_digest_is_refused_by_name() {
        let cache = TempDir::new().unwrap();
        fs::write(cache.path().join(WHEEL.file), "damaged").unwrap();
        let error = WHEEL.open(cache.path()).err().unwrap().to_string();
        assert!(error.contains(WHEEL.file) && error.contains("delete it"), "{error}");
    }

    #[test]
    fn a_cached_wheel_unpacks_without_a_download() {
        let cache = TempDir::new().unwrap();
        let mut archive = wheel_in(cache.path()).open(cache.path()).unwrap();

        let library = cache.path().join("lib/x.so");
        for (used_to, mode) in [(Use::Load, 0o644), (Use::Run, 0o755)] {
            archive.unpack("a/lib/x.so", &library, used_to).unwrap();
            assert_eq!(fs::read(&library).unwrap(), b"a/lib/x.so");
            assert_eq!(fs::metadata(&library).unwrap().permissions().mode() & 0o777, mode);
        }

        let all = cache.path().join("all");
        archive.unpack_libraries(&all).unwrap();
        let names: Vec<_> = fs::read_dir(&all).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["x.so"]);

        archive.unpack_folder("a/include/", &cache.path().join("include")).unwrap();
        assert!(cache.path().join("include/deep/x.h").exists());
        assert!(!cache.path().join("include/x.so").exists());
    }

    #[test]
    fn a_missing_entry_leaves_nothing_behind() {
        let cache = TempDir::new().unwrap();
        let mut archive = wheel_in(cache.path()).open(cache.path()).unwrap();
        let folder = cache.path().join("lib");
        assert!(archive.unpack("a/lib/y.so", &folder.join("y.so"), Use::Load).is_err());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }
}
