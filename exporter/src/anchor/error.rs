//! Why explicit pictures could not be coded.

use std::io;

use iev_runtime::format::anchor::MAX_KEYS;

use crate::ffmpeg::FfmpegMissing;

/// Why the anchor could not be coded or decoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorError {
    /// x264 or SVT-AV1 was asked for and there is no ffmpeg.
    #[error("x264 and SVT-AV1 are reached through ffmpeg")]
    NeedsFfmpeg(#[from] FfmpegMissing),
    /// The pipe to ffmpeg broke.
    #[error("ffmpeg could not be run")]
    Pipe(#[from] io::Error),
    /// ffmpeg or x264 refused the settings or the pictures.
    #[error("x264 says {0:?}")]
    X264(String),
    /// ffmpeg or SVT-AV1 refused the pictures.
    #[error("SVT-AV1 says {0:?}")]
    SvtAv1(String),
    /// The player's decoder failed.
    #[error("decoding what was coded failed at picture {picture}")]
    Decoder {
        /// Index of the picture, from 0.
        picture: usize,
        /// What it said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The built-in encoder failed.
    #[error("openh264 failed at picture {picture}")]
    OpenH264 {
        /// Index of the picture, from 0.
        picture: usize,
        /// What it said.
        source: openh264::Error,
    },
    /// The encoder or decoder gave more or fewer pictures than went in.
    #[error("{stage}: {expected} pictures went in and {got} came out")]
    Count {
        /// Which step.
        stage: &'static str,
        /// Pictures in.
        expected: usize,
        /// Pictures out.
        got: usize,
    },
    /// What was coded is not what a stream may hold.
    #[error("players would refuse this H.264, for which --x264-params may be why")]
    Refused(#[source] iev_runtime::Error),
    /// The pictures need more tiles than players decode.
    #[error(
        "pictures of {width}x{height} take several tiles of AV1, which players refuse: use --codec h264"
    )]
    TooLargeForAv1 {
        /// Columns of a picture.
        width: usize,
        /// Rows of a picture.
        height: usize,
    },
    /// What SVT-AV1 coded is not what a stream may hold.
    #[error("players would refuse this AV1")]
    RefusedAv1(#[source] iev_runtime::Error),
    /// The plan asks for more key pictures than a section may list.
    #[error(
        "view {anchor} would carry {keys} key pictures, and an anchor has at most {MAX_KEYS} key pictures per GOP: \
         ask for fewer keys or a shorter GOP"
    )]
    TooManyKeys {
        /// The explicit view.
        anchor: usize,
        /// Its key pictures.
        keys: usize,
    },
    /// Any of these, and the section that it is of.
    #[error("coding {section} from picture {first} on")]
    Section {
        /// Its views.
        section: String,
        /// Its first picture.
        first: usize,
        /// Why it could not be coded.
        source: Box<AnchorError>,
    },
}

impl AnchorError {
    /// Exit code of a program that ends on this error: 2 what was asked for, 3 a codec or ffmpeg.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Section { source, .. } => source.exit_code(),
            Self::TooManyKeys { .. } => 2,
            _ => 3,
        }
    }
}
