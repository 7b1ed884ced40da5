//! How the network of a scene is opened: where it paints, in which numbers, how many pictures at once.

use super::Network;
use crate::error::{Error, Result};
use crate::format::header::Header;
use crate::named::by_name;
use crate::stream::scene::NetworkLevels;

/// Where implicit pictures are painted.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    serde::Deserialize,
    serde::Serialize,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(serialize_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum NetworkPath {
    /// Motion and refinement in the network, warp and fuse in our own kernels: for CPUs, where these are
    /// far faster than the network's operators.
    #[default]
    Split,
    /// All of it in one graph, so that nothing in between leaves a GPU.
    Full,
}

impl NetworkPath {
    /// Name on the command line, in board profiles and in reports.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

impl core::str::FromStr for NetworkPath {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        by_name("path of the network", name)
    }
}

/// Numbers a network is computed in.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    serde::Deserialize,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(serialize_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floating point: what a stream means.
    #[default]
    F32,
    /// Convolutions but that of the flow in 16-bit floating point; by TensorRT on the full path.
    F16,
    /// 8-bit integers for what paints, 32-bit floating point for what moves; on CPUs, and by TensorRT on the full path.
    Int8,
}

impl Precision {
    /// Name on the command line, in board profiles and in reports.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

impl core::str::FromStr for Precision {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        by_name("precision", name)
    }
}

/// How the network of a scene is opened.
#[derive(Debug, Clone, Copy)]
pub struct Opening {
    /// Views in one run.
    pub batch: usize,
    /// The path wanted; an opener may answer with the split one all the same.
    pub path: NetworkPath,
    /// The precision wanted; an opener may answer with another.
    pub precision: Precision,
}

impl Opening {
    /// Two halves in f32, for `batch` views.
    pub const fn split(batch: usize) -> Self {
        Self { batch, path: NetworkPath::Split, precision: Precision::F32 }
    }
}

/// Opens the network of a scene; every painter calls it once per scene.
pub type OpenNetwork =
    dyn Fn(&Header, &NetworkLevels, Opening) -> Result<Box<dyn Network>> + Send + Sync;
