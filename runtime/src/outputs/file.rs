//! Files that are there whole or not at all.

use std::fs::{File, Permissions};
use std::io::{self, Stdout, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::place::{Place, file_error};
use crate::error::{Error, Result};

/// Mode of an ordinary new file; the process mask takes from it what the user does not grant.
const MODE: u32 = 0o666;

/// An output being written. Where it is a file, it takes its name when it is finished: until then, and for ever if
/// it is dropped before, whatever had the name keeps it.
#[derive(Debug)]
pub struct OutputFile {
    path: PathBuf,
    target: Target,
}

#[derive(Debug)]
enum Target {
    StandardOutput(Stdout),
    Straight(File),
    /// A file without a name, which the system forgets when the program ends, however it ends.
    #[cfg(target_os = "linux")]
    Unnamed {
        file: File,
        to: PathBuf,
    },
    /// A file under a temporary name, where the file system has none without.
    Named {
        file: NamedTempFile,
        to: PathBuf,
    },
}

impl OutputFile {
    /// Opens the output at `path`; `-` is standard output. A pipe or a device is written straight.
    ///
    /// # Errors
    /// [`Error::File`] with the system's reason, [`Error::Usage`] where it is a folder.
    pub fn create(path: &Path) -> Result<Self> {
        let failed = |source| file_error(path, source);
        let target = match Place::of(path)? {
            Place::StandardOutput => Target::StandardOutput(io::stdout()),
            Place::Straight { .. } => {
                Target::Straight(File::options().write(true).open(path).map_err(failed)?)
            }
            Place::Folder { .. } => unreachable!("a file is asked for"),
            Place::File { mut folder, mut names, existing, .. } => {
                let name = names.pop().unwrap_or_default();
                folder.extend(names);
                let to = folder.join(name);
                let target = beside(&folder, &to).map_err(failed)?;
                if existing.is_some() {
                    let kept = std::fs::metadata(&to).map_err(failed)?.permissions();
                    target.file().set_permissions(kept).map_err(failed)?;
                }
                target
            }
        };
        Ok(Self { path: path.to_owned(), target })
    }

    /// Gives the file its name, in place of what had it.
    ///
    /// # Errors
    /// [`Error::File`] with the system's reason.
    pub fn finish(mut self) -> Result<()> {
        let finished = self.target.flush().and_then(|()| match self.target {
            #[cfg(target_os = "linux")]
            Target::Unnamed { file, to } => unnamed::name(&file, &to),
            Target::Named { file, to } => file.persist(to).map(drop).map_err(|e| e.error),
            _ => Ok(()),
        });
        finished.map_err(|source| file_error(&self.path, source))
    }

    /// As [`Self::finish`], once the disk has all of it: a reader never sees half of it, not even after a loss of power.
    ///
    /// # Errors
    /// [`Error::File`] with the system's reason.
    pub fn finish_synced(self) -> Result<()> {
        let synced = match &self.target {
            Target::StandardOutput(_) | Target::Straight(_) => Ok(()),
            kept => kept.file().sync_all(),
        };
        synced.map_err(|source| file_error(&self.path, source))?;
        self.finish()
    }
}

impl Target {
    /// Of a file that is not straight.
    fn file(&self) -> &File {
        match self {
            #[cfg(target_os = "linux")]
            Self::Unnamed { file, .. } => file,
            Self::Named { file, .. } => file.as_file(),
            Self::Straight(file) => file,
            Self::StandardOutput(_) => unreachable!("standard output is no file"),
        }
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::StandardOutput(stdout) => stdout.write(bytes),
            other => other.file().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::StandardOutput(stdout) => stdout.flush(),
            _ => Ok(()),
        }
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.target.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.target.flush()
    }
}

/// Writes a whole file, or nothing, as [`OutputFile::finish_synced`] does.
///
/// # Errors
/// [`Error::File`] with the system's reason.
pub fn write_whole(path: &Path, contents: impl AsRef<[u8]>) -> Result<()> {
    let mut output = OutputFile::create(path)?;
    let written = output.write_all(contents.as_ref());
    written.map_err(|source| Error::File { path: path.to_owned(), source })?;
    output.finish_synced()
}

/// A new file in `folder` that will be called `to`.
fn beside(folder: &Path, to: &Path) -> io::Result<Target> {
    let to = to.to_owned();
    #[cfg(target_os = "linux")]
    if let Some(file) = unnamed::create_in(folder) {
        return Ok(Target::Unnamed { file, to });
    }
    let mut builder = tempfile::Builder::new();
    let file =
        builder.prefix(".iev-").permissions(Permissions::from_mode(MODE)).tempfile_in(folder);
    Ok(Target::Named { file: file.map_err(|e| super::plain(&e))?, to })
}

/// Files without a name.
#[cfg(target_os = "linux")]
mod unnamed {
    use std::fs::File;
    use std::io;
    use std::os::fd::AsRawFd;
    use std::path::Path;

    use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open};
    use rustix::io::Errno;

    /// A file in `folder`; none where the file system has no such files, or nothing to name one by.
    pub(super) fn create_in(folder: &Path) -> Option<File> {
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        let file = open(folder, flags, Mode::from_raw_mode(super::MODE)).ok().map(File::from)?;
        Path::new(&handle(&file)).exists().then_some(file)
    }

    fn handle(file: &File) -> String {
        format!("/proc/self/fd/{}", file.as_raw_fd())
    }

    /// Gives `file` the name `to`.
    pub(super) fn name(file: &File, to: &Path) -> io::Result<()> {
        let link = |to: &Path| linkat(CWD, handle(file), CWD, to, AtFlags::SYMLINK_FOLLOW);
        match link(to) {
            // A link replaces nothing, so it is made under a temporary name and renamed over the older file.
            Err(Errno::EXIST) => {
                let folder = to.parent().unwrap_or(Path::new("/"));
                let mut builder = tempfile::Builder::new();
                let passing = builder.prefix(".iev-").make_in(folder, |path| Ok(link(path)?))?;
                passing.persist(to).map_err(|e| e.error)
            }
            done => Ok(done?),
        }
    }
}
