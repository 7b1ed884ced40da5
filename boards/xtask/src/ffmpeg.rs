//! ffmpeg, a program that the exporter runs: it brings x264, reads other containers, and holds the peers.
//!
//! Why a pinned one: the published figures are those of its x264, and without any the exporter makes do with an
//! encoder that takes twice the bytes. It is under the GPL (version 3 or later), a program of its own: never linked,
//! and in no package of ours.

use crate::pinned_file::{PinnedBinary, PinnedFile};
use crate::wheel::{Use, Wheel};

/// The program.
pub(crate) const FFMPEG: PinnedBinary = PinnedBinary {
    place: ("ffmpeg", "ffmpeg"),
    variable: "IEV_FFMPEG",
    own: "6 or newer, with libx264",
    x86_64: PinnedFile {
        wheel: Wheel {
            requirement: "imageio-ffmpeg==0.8.1",
            file: "imageio_ffmpeg-0.8.1-py3-none-manylinux_2_28_x86_64.whl",
            sha256: "050d6850601c3b3890bd2b28306f3b842b3daea390a561101174375a1c460bda",
        },
        entry: "imageio_ffmpeg/binaries/ffmpeg-linux-x86_64-v9.0.2",
        sha256: "0d709a0bed1a43f24cd2c420878c63afea4580671b6949ad19ed124572f3bc3d",
        used_to: Use::Run,
    },
    aarch64: PinnedFile {
        wheel: Wheel {
            requirement: "imageio-ffmpeg==0.8.1",
            file: "imageio_ffmpeg-0.8.1-py3-none-manylinux_2_28_aarch64.whl",
            sha256: "fad3176f859b25869e60a8ed79957d4e3ed74a97a95e5f0cdcb91455f6c6d00e",
        },
        entry: "imageio_ffmpeg/binaries/ffmpeg-linux-aarch64-v9.0.2",
        sha256: "0b0b5ac30495b4e07ce1321b8d58200f901f57782884a8b6b264c7528c2c9e77",
        used_to: Use::Run,
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_well_formed() {
        FFMPEG.assert_well_formed();
        assert!(FFMPEG.x86_64.entry.contains("x86_64") && FFMPEG.aarch64.entry.contains("aarch64"));
    }
}
