//! TensorRT engines made ahead: a folder per graph, with a manifest of what it was made of and where.
//!
//! ```text
//! CACHE/full-5a1c…/manifest.toml    recipe, maker, and the size and digest of every other file
//!                 /*.engine         written by ONNX Runtime
//! CACHE/timing/                     what TensorRT measured, shared by all engines
//! ```
//! The folder's name is the digest of the recipe: template, precision, shapes, and weights where they are constants of the
//! graph; streams meet in one where they are given to it. The maker (versions, driver, GPU) is compared: an engine of
//! another one is stale. A file that is not as the manifest has it is damaged, and so is a manifest that cannot be read.
//! Both are built anew, and neither reaches TensorRT, which would end the program over some of them. Why a manifest: ONNX
//! Runtime names its files by compute capability alone.

mod entry;

pub(crate) use entry::sha256;
pub use entry::{EngineEntry, EngineState};

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::machine;

/// Where engines are kept and whether they may be built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engines {
    /// The cache's folder.
    pub folder: PathBuf,
    /// Whether one that is not ready is built, which takes minutes on a board. Players never do.
    pub build: bool,
}

impl Engines {
    /// The cache in the user's cache folder; `None` where there is no such folder.
    pub fn of_user() -> Option<PathBuf> {
        let set = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))?;
        Some(cache.join("iev/engines"))
    }

    /// Where TensorRT keeps what it measured.
    pub fn timing(&self) -> PathBuf {
        self.folder.join("timing")
    }
}

/// What an engine is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// The graph: full, full16, full8, motion or refine.
    pub graph: String,
    /// SHA-256 of its ONNX template.
    pub template_sha256: String,
    /// SHA-256 of its weights, biases and steps, where they are not inputs of the graph.
    pub weights_sha256: Option<String>,
    /// Provider that runs it.
    pub provider: String,
    /// Arithmetic.
    pub precision: String,
    /// Columns and rows of the pictures.
    pub size_px: (u32, u32),
    /// Pictures in one run.
    pub batch: usize,
}

/// What an engine was made by and on, as far as it is known: another one has to make its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maker {
    /// This program.
    pub iev: Option<String>,
    /// ONNX Runtime, as it states its build.
    pub onnx_runtime: Option<String>,
    /// TensorRT's library.
    pub tensorrt: Option<String>,
    /// CUDA's library.
    pub cuda: Option<String>,
    /// The GPU's driver: NVIDIA's line in /proc, or the L4T release.
    pub driver: Option<String>,
    /// The GPU's model, which implies its compute capability, or the board's.
    pub gpu: Option<String>,
}

impl Maker {
    /// This program with `onnx_runtime` on the machine at `root`.
    pub fn here(root: &Path, onnx_runtime: &str) -> Self {
        let library = |stem| machine::library(root, stem).map(|library| library.version);
        Self {
            iev: Some(env!("CARGO_PKG_VERSION").to_owned()),
            onnx_runtime: Some(onnx_runtime.to_owned()),
            tensorrt: library("libnvinfer"),
            cuda: library("libcudart"),
            driver: machine::gpu_driver(root),
            gpu: machine::gpu_model(root),
        }
    }

    /// The first thing in which `other` differs, with both values.
    fn difference(&self, other: &Self) -> Option<String> {
        let facts = |of: &Self| {
            let Self { iev, onnx_runtime, tensorrt, cuda, driver, gpu } = of.clone();
            [
                ("iev", iev),
                ("ONNX Runtime", onnx_runtime),
                ("TensorRT", tensorrt),
                ("CUDA", cuda),
                ("driver", driver),
                ("GPU", gpu),
            ]
        };
        let mut pairs = facts(self).into_iter().zip(facts(other));
        let ((name, was), (_, is)) = pairs.find(|(a, b)| a != b)?;
        let told = |fact: Option<String>| fact.unwrap_or_else(|| "unknown".into());
        Some(format!("{name} was {} and is {}", told(was), told(is)))
    }
}

/// How a session came by its engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineOrigin {
    /// It was in the cache.
    Ready,
    /// It was built, because it was missing, stale or damaged.
    Built(EngineState),
    /// It was built but could not be kept, for the reason given: it will be built again.
    Lost(String),
}
