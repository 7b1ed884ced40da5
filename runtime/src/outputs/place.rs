//! Where an output goes, behind all links.

use std::ffi::OsString;
use std::fs::{File, FileType, Metadata};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};

/// What a file is, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// Identity of what is at `path`, if something is.
pub(super) fn identity(path: &Path) -> Option<Identity> {
    std::fs::metadata(path).ok().as_ref().map(Identity::of)
}

/// Where an output goes.
#[derive(Debug)]
pub(super) enum Place {
    StandardOutput,
    /// A pipe, a device or a file that is open already: nothing can be renamed over it.
    Straight {
        identity: Identity,
        device: bool,
    },
    /// A folder that is there.
    Folder {
        at: PathBuf,
        identity: Identity,
    },
    /// A file that is there or will be.
    File {
        /// The nearest folder that is there.
        folder: PathBuf,
        folder_identity: Identity,
        /// From that folder on; one name where the file's own folder is there.
        names: Vec<OsString>,
        existing: Option<Identity>,
    },
}

impl Place {
    /// Where the file `path` goes.
    ///
    /// # Errors
    /// [`Error::Usage`] where it is or names a folder, [`Error::File`] with the system's reason.
    pub(super) fn of(path: &Path) -> Result<Self> {
        let place = Self::of_folder(path)?;
        let names_folder = path.as_os_str().as_encoded_bytes().ends_with(b"/");
        if names_folder || matches!(place, Self::Folder { .. }) {
            let what = format!("{} is a folder: name a file in it", path.display());
            return Err(Error::Usage { what });
        }
        Ok(place)
    }

    /// Where the folder `path` is or would be.
    ///
    /// # Errors
    /// [`Error::File`] with the system's reason.
    pub(super) fn of_folder(path: &Path) -> Result<Self> {
        if is_standard_output(path) {
            return Ok(Self::StandardOutput);
        }
        let failed = |source| file_error(path, source);
        let path = &behind_links(path).map_err(failed)?;
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return new(path).map_err(failed),
            Err(e) => return Err(failed(e)),
        };
        let identity = Identity::of(&metadata);
        // What a file descriptor stands for is open already, and has no folder to rename in.
        if !(metadata.is_file() || metadata.is_dir()) || path.starts_with("/proc") {
            return Ok(Self::Straight { identity, device: is_device(metadata.file_type()) });
        }
        let at = path.canonicalize().map_err(failed)?;
        if metadata.is_dir() {
            return Ok(Self::Folder { at, identity });
        }
        let Self::File { folder, folder_identity, names, .. } = new(&at).map_err(failed)? else {
            unreachable!("a file has a name")
        };
        Ok(Self::File { folder, folder_identity, names, existing: Some(identity) })
    }

    /// Fails where the system refuses to write what is there.
    pub(super) fn check(&self, path: &Path) -> Result<()> {
        match self {
            Self::Straight { .. } | Self::File { existing: Some(_), .. } => {
                may_write(path).map_err(|source| file_error(path, source))
            }
            _ => Ok(()),
        }
    }
}

/// `path` itself, or what its links lead to, there or not.
fn behind_links(path: &Path) -> io::Result<PathBuf> {
    /// As many as Linux follows.
    const MOST_LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match std::fs::read_link(&path) {
            // A link of /proc tells a name that may be of nothing.
            Ok(_) if path.starts_with("/proc") => return Ok(path),
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// The place of what is not there, or of the file `path` that has no link in it.
fn new(path: &Path) -> io::Result<Place> {
    let nowhere = || {
        let what = "there is no such folder: make it first";
        io::Error::new(io::ErrorKind::NotFound, what)
    };
    let mut path = std::path::absolute(path)?;
    let mut names = Vec::new();
    loop {
        let (last, above) = (path.components().next_back(), path.parent());
        match (last, above) {
            (Some(Component::Normal(name)), Some(_)) => names.insert(0, name.to_owned()),
            // Above something that is not there.
            _ => return Err(nowhere()),
        }
        path.pop();
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => {
                let (folder, folder_identity) = (path.canonicalize()?, Identity::of(&metadata));
                return Ok(Place::File { folder, folder_identity, names, existing: None });
            }
            Ok(_) => return Err(io::ErrorKind::NotADirectory.into()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
    }
}

pub(super) fn is_standard_output(path: &Path) -> bool {
    ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].iter().any(|name| path == Path::new(name))
}

/// What standard output goes to.
pub(super) fn standard_output() -> Option<Metadata> {
    open_file(io::stdout().as_fd())
}

/// What standard input comes from.
pub(super) fn standard_input() -> Option<Metadata> {
    open_file(io::stdin().as_fd())
}

fn open_file(file: std::os::fd::BorrowedFd<'_>) -> Option<Metadata> {
    File::from(file.try_clone_to_owned().ok()?).metadata().ok()
}

pub(super) fn is_device(kind: FileType) -> bool {
    kind.is_char_device() || kind.is_block_device()
}

#[cfg(target_os = "linux")]
fn may_write(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::access(path, rustix::fs::Access::WRITE_OK)?)
}

#[cfg(not(target_os = "linux"))]
fn may_write(_: &Path) -> io::Result<()> {
    Ok(())
}

pub(super) fn file_error(path: &Path, source: io::Error) -> Error {
    Error::File { path: path.to_owned(), source }
}
