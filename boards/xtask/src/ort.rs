//! ONNX Runtime: one shared library, loaded by the player at run time.
//!
//! Why not the crate's own download: it would run inside a build script, unseen and unpinned, and
//! would link a library that a board wants to choose for itself.

use crate::pinned_file::{PinnedBinary, PinnedFile};
use crate::wheel::{Use, Wheel};

const LIBRARY_IN_WHEEL: &str = "onnxruntime/capi/libonnxruntime.so.1.31.1";

/// The library.
pub(crate) const ORT: PinnedBinary = PinnedBinary {
    place: ("ort", "libonnxruntime.so"),
    variable: "ORT_DYLIB_PATH",
    own: "1.24 or newer",
    x86_64: PinnedFile {
        wheel: Wheel {
            requirement: "onnxruntime==1.31.1",
            file: "onnxruntime-1.31.1-cp311-cp311-manylinux_2_28_x86_64.whl",
            sha256: "5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f",
        },
        entry: LIBRARY_IN_WHEEL,
        sha256: "fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3",
        used_to: Use::Load,
    },
    aarch64: PinnedFile {
        wheel: Wheel {
            requirement: "onnxruntime==1.31.1",
            file: "onnxruntime-1.31.1-cp311-cp311-manylinux_2_28_aarch64.whl",
            sha256: "da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3",
        },
        entry: LIBRARY_IN_WHEEL,
        sha256: "8aa3b76b28c778a2b1dd660d34161adb1d508c9ccd04ff9dc80e26eca5df8467",
        used_to: Use::Load,
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_well_formed() {
        ORT.assert_well_formed();
    }
}
