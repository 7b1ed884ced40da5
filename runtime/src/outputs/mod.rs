//! Outputs of a command: none is an input or another output, all can be written, and each is there whole or not
//! at all.
//!
//! A command says first what it reads, then what it will write, both before any long work ([`Outputs`]). What it
//! then writes goes through an [`OutputFile`], which leaves an older file alone until it is finished.

mod file;
mod place;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

pub use self::file::{OutputFile, write_whole};
use self::place::{Identity, Place, file_error, is_standard_output, standard_output};
use crate::error::{Error, Result};

/// What a command reads and will write.
///
/// Files are compared by device and inode, so hard links, symbolic links and relative paths do not hide that two
/// names are of one file.
#[derive(Debug, Default)]
pub struct Outputs {
    inputs: HashMap<Identity, PathBuf>,
    /// Folders of pictures, whose files are inputs too.
    input_folders: HashMap<Identity, PathBuf>,
    claimed: HashMap<Claim, PathBuf>,
    /// Folders that can be written, and whether names in them differ by case alone.
    probed: HashMap<Identity, bool>,
}

/// What two outputs must not share.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Claim {
    Standard,
    There(Identity),
    /// Not there yet: the nearest folder that is, and the names from it on.
    New(Identity, Vec<OsString>),
}

impl Outputs {
    /// Notes an input: a file, or a folder with all its files; `-` is standard input. Returns the path by which the
    /// same input was noted before, if it was.
    ///
    /// What cannot be read is left to whatever opens it, which says why.
    pub fn reads(&mut self, path: &Path) -> Option<PathBuf> {
        let found = if path == Path::new("-") {
            place::standard_input().filter(std::fs::Metadata::is_file)
        } else {
            std::fs::metadata(path).ok()
        };
        let metadata = found?;
        let identity = Identity::of(&metadata);
        if !metadata.is_dir() {
            return self.inputs.insert(identity, path.to_owned());
        }
        self.reads_files_of(path);
        self.input_folders.insert(identity, path.to_owned())
    }

    /// Notes the files of a folder as inputs, but not the folder: others may be written beside them.
    pub fn reads_files_of(&mut self, folder: &Path) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if let Ok(file) = std::fs::metadata(entry.path()) {
                self.inputs.insert(Identity::of(&file), entry.path());
            }
        }
    }

    /// Takes the file at `path` for an output; `-` is standard output. Its folder must be there.
    ///
    /// # Errors
    /// [`Error::Usage`] where it is an input or another output, [`Error::File`] where it cannot be written.
    pub fn claim(&mut self, path: &Path) -> Result<()> {
        let place = Place::of(path)?;
        if let Place::File { names, .. } = &place
            && names.len() > 1
        {
            let folder = path.parent().unwrap_or(path).display();
            let what = format!("{}: there is no folder {folder}: make it first", path.display());
            return Err(Error::Usage { what });
        }
        self.take(path, &place)
    }

    /// As [`Outputs::claim`], for a file in a folder that the command makes itself.
    ///
    /// # Errors
    /// As [`Outputs::claim`].
    pub fn claim_in_new_folder(&mut self, path: &Path) -> Result<()> {
        self.take(path, &Place::of(path)?)
    }

    /// Takes the folder at `path` for files that the command names; it need not be there yet.
    ///
    /// # Errors
    /// As [`Outputs::claim`].
    pub fn claim_folder(&mut self, path: &Path) -> Result<()> {
        let place = Place::of_folder(path)?;
        self.take(path, &place)?;
        match place {
            Place::Folder { at, identity } => self.probe(path, &at, identity).map(drop),
            Place::File { existing: None, .. } => Ok(()),
            _ => {
                let what = format!("{} is no folder, which is asked for: name one", shown(path));
                Err(Error::Usage { what })
            }
        }
    }

    fn take(&mut self, path: &Path, place: &Place) -> Result<()> {
        self.refuse_inputs(path, place)?;
        let key = match place {
            Place::StandardOutput => {
                // Where it goes to a file or a pipe, that has other names.
                if let Some(there) = standard_output().filter(|m| !is_device(m)) {
                    self.hold(Claim::There(Identity::of(&there)), path)?;
                }
                Claim::Standard
            }
            // A device takes whatever comes; of what goes to a pipe, the parts would mix.
            Place::Straight { device: true, .. } => return place.check(path),
            Place::Straight { identity, .. } => Claim::There(*identity),
            Place::Folder { identity, .. } => Claim::There(*identity),
            Place::File { folder, folder_identity, names, existing } => {
                let ignores_case = self.probe(path, folder, *folder_identity)?;
                match existing {
                    Some(identity) => Claim::There(*identity),
                    None => Claim::New(*folder_identity, folded(names, ignores_case)),
                }
            }
        };
        place.check(path)?;
        self.hold(key, path)
    }

    fn hold(&mut self, key: Claim, path: &Path) -> Result<()> {
        match self.claimed.insert(key, path.to_owned()) {
            None => Ok(()),
            Some(other) => {
                let (path, other) = (shown(path), shown(&other));
                let what = if path == other {
                    format!("two outputs go to {path}: name another for one of them")
                } else {
                    format!(
                        "the outputs {path} and {other} are one file: name another for one of them"
                    )
                };
                Err(Error::Usage { what })
            }
        }
    }

    /// Fails where the output is an input, or lies in a folder of pictures.
    fn refuse_inputs(&self, path: &Path, place: &Place) -> Result<()> {
        let (there, folder) = match place {
            Place::StandardOutput => (standard_output().as_ref().map(Identity::of), None),
            Place::Straight { identity, .. } => (Some(*identity), None),
            Place::Folder { identity, at } => {
                (Some(*identity), at.parent().and_then(place::identity))
            }
            Place::File { folder_identity, existing, .. } => (*existing, Some(*folder_identity)),
        };
        let of = |set: &HashMap<Identity, PathBuf>, at: Option<Identity>| {
            at.and_then(|at| set.get(&at)).map(|input| shown(input))
        };
        let path = shown(path);
        let what = if let Some(input) = of(&self.inputs, there) {
            format!("{path} is the input {input}: name another output")
        } else if let Some(input) = of(&self.input_folders, there) {
            format!("{path} is the input folder {input}: name another output")
        } else if let Some(input) = of(&self.input_folders, folder) {
            format!("{path} lies in the input folder {input}: name an output elsewhere")
        } else {
            return Ok(());
        };
        Err(Error::Usage { what })
    }

    /// Makes sure that `folder` can be written by making a file in it; whether it ignores case.
    fn probe(&mut self, path: &Path, folder: &Path, identity: Identity) -> Result<bool> {
        if let Some(ignores_case) = self.probed.get(&identity) {
            return Ok(*ignores_case);
        }
        let failed = |source: io::Error| file_error(path, source);
        let probe = tempfile::Builder::new().prefix(".iev-").tempfile_in(folder);
        // The crate's own words name its temporary file.
        let probe = probe.map_err(|e| failed(plain(&e)))?;
        let name = probe.path().file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        let ignores_case = probe.path().with_file_name(name).exists();
        self.probed.insert(identity, ignores_case);
        Ok(ignores_case)
    }
}

/// The system's reason alone.
fn plain(error: &io::Error) -> io::Error {
    let cause = std::error::Error::source(error).and_then(|e| e.downcast_ref::<io::Error>());
    let code = error.raw_os_error().or_else(|| cause.and_then(io::Error::raw_os_error));
    code.map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}

/// Names as the folder compares them.
fn folded(names: &[OsString], ignores_case: bool) -> Vec<OsString> {
    let fold = |name: &OsString| match name.to_str() {
        Some(text) if ignores_case => text.to_lowercase().into(),
        _ => name.clone(),
    };
    names.iter().map(fold).collect()
}

fn is_device(metadata: &std::fs::Metadata) -> bool {
    place::is_device(metadata.file_type())
}

/// A path for a message.
fn shown(path: &Path) -> String {
    if is_standard_output(path) { "standard output".into() } else { path.display().to_string() }
}
