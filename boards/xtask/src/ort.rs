//! ONNX Runtime: one shared library, loaded by the player at run time.
//!
//! Why not the crate's own download: it would run inside a build script, unseen and unpinned, and
//! would link a library that a board wants to choose for itself.

use std::path::PathBuf;

use anyhow::Result;

use crate::pinned_file::{PinnedFile, Use};
use crate::place::{Arch, Place, from_env};
use crate::wheel::Wheel;

const LIBRARY_IN_WHEEL: &str = "onnxruntime/capi/libonnxruntime.so.1.31.1";

const X86_64: PinnedFile = PinnedFile {
    wheel: Wheel {
        requirement: "onnxruntime==1.31.1",
        file: "onnxruntime-1.31.1-cp311-cp311-manylinux_2_28_x86_64.whl",
        sha256: "5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f",
    },
    entry: LIBRARY_IN_WHEEL,
    sha256: "fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3",
    used_to: Use::Load,
};

const AARCH64: PinnedFile = PinnedFile {
    wheel: Wheel {
        requirement: "onnxruntime==1.31.1",
        file: "onnxruntime-1.31.1-cp311-cp311-manylinux_2_28_aarch64.whl",
        sha256: "da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3",
    },
    entry: LIBRARY_IN_WHEEL,
    sha256: "8aa3b76b28c778a2b1dd660d34161adb1d508c9ccd04ff9dc80e26eca5df8467",
    used_to: Use::Load,
};

/// Where the library for `arch` lies once fetched.
fn library(place: &Place, arch: Arch) -> PathBuf {
    place.target.join("ort").join(arch.name()).join("libonnxruntime.so")
}

/// Returns the library for `arch`, fetching it only where it is missing or not the pinned one.
pub(crate) fn ready(place: &Place, arch: Arch) -> Result<PathBuf> {
    let pin = match arch {
        Arch::X86_64 => &X86_64,
        Arch::Aarch64 => &AARCH64,
    };
    let library = library(place, arch);
    pin.ready(&place.wheels, &library)?;
    Ok(library)
}

/// The library this machine's programs load: the caller's `ORT_DYLIB_PATH`, or the fetched one.
pub(crate) fn host_library(place: &Place) -> Result<PathBuf> {
    match from_env("ORT_DYLIB_PATH")? {
        Some(own) => Ok(own),
        None => ready(place, Arch::host()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_well_formed() {
        for (pin, arch) in [(X86_64, Arch::X86_64), (AARCH64, Arch::Aarch64)] {
            pin.assert_well_formed(arch);
        }
    }

    #[test]
    fn each_processor_has_its_own_folder() {
        let place = Place { root: "/c".into(), target: "/t".into(), wheels: "/w".into() };
        let path = library(&place, Arch::Aarch64);
        assert_eq!(path, PathBuf::from("/t/ort/aarch64/libonnxruntime.so"));
    }
}
