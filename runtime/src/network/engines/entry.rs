//! One engine in the cache: is it ready, and how it is begun and sealed.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Engines, Maker, Recipe};
use crate::error::{Error, Result};

const MANIFEST: &str = "manifest.toml";

/// Whether an engine can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineState {
    /// It is what it was when it was made, by this program on this machine.
    Ready,
    /// It was never made.
    Missing,
    /// It was made by or on something else, which is named.
    Stale(String),
    /// It is not what was made, or not all of it.
    Damaged(String),
}

impl core::fmt::Display for EngineState {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Ready => f.write_str("ready"),
            Self::Missing => f.write_str("missing"),
            Self::Stale(what) => write!(f, "stale ({what})"),
            Self::Damaged(what) => write!(f, "damaged ({what})"),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    recipe: Recipe,
    maker: Maker,
    files: Vec<FileRecord>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FileRecord {
    name: String,
    bytes: u64,
    sha256: String,
}

/// An engine's place in the cache.
#[derive(Debug, Clone)]
pub struct EngineEntry {
    folder: PathBuf,
    recipe: Recipe,
    maker: Maker,
}

impl EngineEntry {
    /// Where `engines` keeps what `recipe` makes.
    pub fn new(engines: &Engines, recipe: Recipe, maker: Maker) -> Self {
        // A recipe is plain strings and numbers, so it has one text.
        let text = toml::to_string(&recipe).unwrap_or_default();
        let folder =
            engines.folder.join(format!("{}-{}", recipe.graph, &sha256(text.as_bytes())[..16]));
        Self { folder, recipe, maker }
    }

    /// The folder that ONNX Runtime reads and writes.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether the engine can be used; reads every file of it.
    pub fn state(&self) -> EngineState {
        // A manifest is written last: without one the building was not finished.
        let manifest = match fs::read(self.folder.join(MANIFEST)) {
            Ok(manifest) => manifest,
            Err(_) if records(&self.folder).is_ok_and(|files| !files.is_empty()) => {
                return EngineState::Damaged("it was not finished".into());
            }
            Err(_) => return EngineState::Missing,
        };
        let Ok(Manifest { recipe, maker, files }) = toml::from_slice(&manifest) else {
            return EngineState::Damaged("its manifest is not readable".into());
        };
        // It must be of this network, and made by what would make it now.
        if recipe != self.recipe {
            return EngineState::Damaged("its manifest is another engine's".into());
        }
        if let Some(difference) = maker.difference(&self.maker) {
            return EngineState::Stale(difference);
        }
        if files.is_empty() {
            return EngineState::Damaged("it has no files".into());
        }
        // The files must be those that it lists.
        match records(&self.folder) {
            Ok(found) if found == files => EngineState::Ready,
            Ok(found) => EngineState::Damaged(odd_one(&files, &found)),
            Err(reason) => EngineState::Damaged(reason.to_string()),
        }
    }

    /// Makes the folder, with nothing in it.
    ///
    /// # Errors
    /// [`Error::File`] when the system refuses.
    pub fn begin(&self) -> Result<()> {
        match fs::remove_dir_all(&self.folder) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::File { path: self.folder.clone(), source })
            }
            _ => fs::create_dir_all(&self.folder)
                .map_err(|source| Error::File { path: self.folder.clone(), source }),
        }
    }

    /// Writes the manifest of what is in the folder. It comes last, so an interrupted build is known.
    ///
    /// # Errors
    /// [`Error::File`] when the system refuses, [`Error::Backend`] when nothing was made.
    pub fn seal(&self) -> Result<()> {
        let path = self.folder.join(MANIFEST);
        let error = |source| Error::File { path: path.clone(), source };
        let files = records(&self.folder).map_err(error)?;
        if files.is_empty() {
            let graph = &self.recipe.graph;
            return Err(Error::Backend { what: format!("no engine was written for {graph}") });
        }
        let manifest = Manifest { recipe: self.recipe.clone(), maker: self.maker.clone(), files };
        let text = toml::to_string(&manifest).map_err(|e| error(std::io::Error::other(e)))?;
        fs::write(&path, text).map_err(error)
    }
}

/// The files of a folder but for the manifest, by name.
fn records(folder: &Path) -> std::io::Result<Vec<FileRecord>> {
    let mut records = Vec::new();
    for file in fs::read_dir(folder)? {
        let file = file?;
        let name = file.file_name().to_string_lossy().into_owned();
        if name != MANIFEST {
            let body = fs::read(file.path())?;
            records.push(FileRecord { name, bytes: body.len() as u64, sha256: sha256(&body) });
        }
    }
    records.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(records)
}

/// The first file in which what was made and what is there differ.
fn odd_one(made: &[FileRecord], found: &[FileRecord]) -> String {
    let lost = made.iter().find(|record| !found.contains(record));
    let odd = lost.or_else(|| found.iter().find(|record| !made.contains(record)));
    let name = odd.map_or("a file", |record| &record.name);
    format!("{name} is not as it was made")
}

/// SHA-256 of `bytes` in hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe() -> Recipe {
        Recipe {
            graph: "full".into(),
            template_sha256: "ab".into(),
            weights_sha256: Some("cd".into()),
            provider: "tensorrt".into(),
            precision: "f32".into(),
            size_px: (480, 272),
            batch: 4,
        }
    }

    fn maker() -> Maker {
        let known = |text: &str| Some(text.to_owned());
        Maker {
            iev: known("0.1"),
            onnx_runtime: known("1.24"),
            tensorrt: known("10.3.0"),
            cuda: None,
            driver: known("36.4.3"),
            gpu: known("Orin Nano"),
        }
    }

    /// A cache with one sealed engine of two files.
    fn cache() -> (tempfile::TempDir, Engines, EngineEntry) {
        let folder = tempfile::tempdir().unwrap();
        let engines = Engines { folder: folder.path().join("engines"), build: true };
        let entry = EngineEntry::new(&engines, recipe(), maker());
        assert_eq!(entry.state(), EngineState::Missing);
        entry.begin().unwrap();
        fs::write(entry.folder().join("graph_sm87.engine"), b"an engine").unwrap();
        fs::write(entry.folder().join("graph_sm87.profile"), b"shapes").unwrap();
        entry.seal().unwrap();
        assert_eq!(entry.state(), EngineState::Ready);
        (folder, engines, entry)
    }

    #[test]
    fn every_difference_in_the_recipe_is_another_engine() {
        let (_folder, engines, entry) = cache();
        let text = |s: &str| s.to_owned();
        let others = [
            Recipe { graph: text("motion"), ..recipe() },
            Recipe { template_sha256: text("ac"), ..recipe() },
            Recipe { weights_sha256: Some(text("ce")), ..recipe() },
            Recipe { weights_sha256: None, ..recipe() },
            Recipe { provider: text("cuda"), ..recipe() },
            Recipe { precision: text("f16"), ..recipe() },
            Recipe { size_px: (480, 270), ..recipe() },
            Recipe { batch: 1, ..recipe() },
        ];
        for other in others {
            let other = EngineEntry::new(&engines, other, maker());
            assert_ne!(other.folder(), entry.folder());
            assert_eq!(other.state(), EngineState::Missing);
        }
        // Which leaves the first as it was.
        assert_eq!(entry.state(), EngineState::Ready);
    }

    #[test]
    fn an_engine_of_another_maker_is_stale_and_the_difference_is_named() {
        let known = |text: &str| Some(text.to_owned());
        let others = [
            (Maker { iev: known("0.2"), ..maker() }, "iev was 0.1 and is 0.2"),
            (Maker { onnx_runtime: known("1.31"), ..maker() }, "ONNX Runtime was 1.24 and is 1.31"),
            (Maker { tensorrt: known("10.13"), ..maker() }, "TensorRT was 10.3.0 and is 10.13"),
            (Maker { cuda: known("13"), ..maker() }, "CUDA was unknown and is 13"),
            (Maker { driver: None, ..maker() }, "driver was 36.4.3 and is unknown"),
            (Maker { gpu: known("H100"), ..maker() }, "GPU was Orin Nano and is H100"),
        ];
        for (other, told) in others {
            let (_folder, engines, entry) = cache();
            let other = EngineEntry::new(&engines, recipe(), other);
            assert_eq!(other.folder(), entry.folder());
            assert_eq!(other.state(), EngineState::Stale(told.into()));
            // Built anew it is the other's, and no longer the first one's.
            other.begin().unwrap();
            fs::write(other.folder().join("new.engine"), b"new").unwrap();
            other.seal().unwrap();
            assert_eq!(other.state(), EngineState::Ready);
            assert!(matches!(entry.state(), EngineState::Stale(_)));
        }
    }

    #[test]
    fn whatever_happens_to_its_files_is_noticed_and_building_anew_heals_it() {
        type Accident = fn(&Path);
        let accidents: [(&str, Accident); 9] = [
            ("cut short", |f| fs::write(f.join("graph_sm87.engine"), b"an en").unwrap()),
            ("emptied", |f| fs::write(f.join("graph_sm87.engine"), b"").unwrap()),
            ("a flipped bit", |f| fs::write(f.join("graph_sm87.engine"), b"an eogine").unwrap()),
            ("a lost file", |f| fs::remove_file(f.join("graph_sm87.profile")).unwrap()),
            ("a new file", |f| fs::write(f.join("other.engine"), b"x").unwrap()),
            ("a folder", |f| fs::create_dir(f.join("deeper")).unwrap()),
            ("a manifest cut short", |f| fs::write(f.join(MANIFEST), b"{\"recipe\":").unwrap()),
            ("no manifest", |f| fs::remove_file(f.join(MANIFEST)).unwrap()),
            ("a foreign manifest", |f| {
                let text = fs::read_to_string(f.join(MANIFEST)).unwrap();
                fs::write(f.join(MANIFEST), text.replace("\"cd\"", "\"ce\"")).unwrap();
            }),
        ];
        for (name, accident) in accidents {
            let (_folder, _, entry) = cache();
            accident(entry.folder());
            assert!(matches!(entry.state(), EngineState::Damaged(_)), "{name}: {}", entry.state());
            entry.begin().unwrap();
            assert_eq!(entry.state(), EngineState::Missing, "{name}");
            fs::write(entry.folder().join("graph_sm87.engine"), b"an engine").unwrap();
            entry.seal().unwrap();
            assert_eq!(entry.state(), EngineState::Ready, "{name}");
        }
    }

    #[test]
    fn nothing_written_is_nothing_sealed() {
        let (_folder, _, entry) = cache();
        entry.begin().unwrap();
        assert!(entry.seal().unwrap_err().to_string().contains("no engine was written"));
        assert_eq!(entry.state(), EngineState::Missing);
    }

    #[test]
    fn a_cache_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, b"").unwrap();
        let engines = Engines { folder: file.clone(), build: true };
        let error = EngineEntry::new(&engines, recipe(), maker()).begin().unwrap_err();
        assert!(error.to_string().contains("file"), "{error}");
    }
}
