//! The files of this folder as constants: what the player `iev-runtime` fills with a stream's weights, and a stream
//! to try it on.
//!
//! Why a crate of its own: the files lie where exporter, tests and other languages find them, and a package can only
//! hold what is in its folder.
#![no_std]

/// The graphs of one profile, as ONNX files without weights.
#[derive(Debug)]
pub struct Graphs {
    /// Name of the profile.
    pub profile: &'static str,
    /// Latents → flow and features.
    pub motion: &'static [u8],
    /// Features and warped sources → packed picture and masks.
    pub refine: &'static [u8],
    /// Latents, source pictures and weights → fused pictures; pictures are in bytes.
    pub full: &'static [u8],
    /// The same with convolutions in f16, for TensorRT.
    pub full16: &'static [u8],
    /// The same with what paints in 8 bits and weights that are constants, for TensorRT.
    pub full8: &'static [u8],
    /// Latents → flow, and features in 8 bits.
    pub motion8: &'static [u8],
    /// Features and warped sources in 8 bits → packed picture and mask logits in 8 bits.
    pub refine8: &'static [u8],
}

macro_rules! graphs {
    ($name:literal) => {
        Graphs {
            profile: $name,
            motion: include_bytes!(concat!($name, ".motion.onnx")),
            refine: include_bytes!(concat!($name, ".refine.onnx")),
            full: include_bytes!(concat!($name, ".full.onnx")),
            full16: include_bytes!(concat!($name, ".full16.onnx")),
            full8: include_bytes!(concat!($name, ".full8.onnx")),
            motion8: include_bytes!(concat!($name, ".motion8.onnx")),
            refine8: include_bytes!(concat!($name, ".refine8.onnx")),
        }
    };
}

/// Graphs of the profile for boards without much of a GPU.
pub const LEAN: Graphs = graphs!("lean");
/// Graphs of the profile for edge boxes.
pub const EDGE: Graphs = graphs!("edge");
/// Graphs of the profile for desktop GPUs.
pub const RICH: Graphs = graphs!("rich");

/// A stream of five views, two seconds long; view 2 is explicit, so it plays without ONNX Runtime.
pub const SAMPLE: &[u8] = include_bytes!("sample.iev");
