//! ffmpeg, a program that the exporter runs: it brings x264, reads other containers, and holds the peers.
//!
//! Why a pinned one: the published figures are those of its x264, and without any the exporter makes do with an
//! encoder that takes twice the bytes. It is under the GPL (version 3 or later), a program of its own: never linked,
//! and in no package of ours.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::pinned_file::{PinnedFile, Use};
use crate::place::{Arch, Place, from_env};
use crate::wheel::Wheel;

const X86_64: PinnedFile = PinnedFile {
    wheel: Wheel {
        requirement: "imageio-ffmpeg==0.8.1",
        file: "imageio_ffmpeg-0.8.1-py3-none-manylinux_2_28_x86_64.whl",
        sha256: "050d6850601c3b3890bd2b28306f3b842b3daea390a561101174375a1c460bda",
    },
    entry: "imageio_ffmpeg/binaries/ffmpeg-linux-x86_64-v9.0.2",
    sha256: "0d709a0bed1a43f24cd2c420878c63afea4580671b6949ad19ed124572f3bc3d",
    used_to: Use::Run,
};

const AARCH64: PinnedFile = PinnedFile {
    wheel: Wheel {
        requirement: "imageio-ffmpeg==0.8.1",
        file: "imageio_ffmpeg-0.8.1-py3-none-manylinux_2_28_aarch64.whl",
        sha256: "fad3176f859b25869e60a8ed79957d4e3ed74a97a95e5f0cdcb91455f6c6d00e",
    },
    entry: "imageio_ffmpeg/binaries/ffmpeg-linux-aarch64-v9.0.2",
    sha256: "0b0b5ac30495b4e07ce1321b8d58200f901f57782884a8b6b264c7528c2c9e77",
    used_to: Use::Run,
};

/// Returns the program for `arch`, fetching it only where it is missing or not the pinned one.
pub(crate) fn ready(place: &Place, arch: Arch) -> Result<PathBuf> {
    let pin = match arch {
        Arch::X86_64 => &X86_64,
        Arch::Aarch64 => &AARCH64,
    };
    let program = place.target.join("ffmpeg").join(arch.name()).join("ffmpeg");
    let remedy =
        "without this ffmpeg, set IEV_FFMPEG to one of your own (6 or newer, with libx264)";
    pin.ready(&place.wheels, &program).context(remedy)?;
    Ok(program)
}

/// The program that this machine's exporter runs: the caller's `IEV_FFMPEG`, or the fetched one.
pub(crate) fn host_program(place: &Place) -> Result<PathBuf> {
    match from_env("IEV_FFMPEG")? {
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
            assert!(pin.entry.contains(arch.name()), "{}", pin.entry);
        }
    }
}
