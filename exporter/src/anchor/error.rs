//! Why explicit pictures could not be coded.

use std::io;

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
    /// The AV1 decoder failed.
    #[error("rav1d failed at picture {picture}")]
    Rav1d {
        /// Index of the picture, from 0.
        picture: usize,
        /// What it said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The built-in encoder or decoder failed.
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
    /// What SVT-AV1 coded is not what a stream may hold.
    #[error("players would refuse this AV1")]
    RefusedAv1(#[source] iev_runtime::Error),
    /// The decoded picture is smaller than the caller says.
    #[error("the anchor decodes to {}x{}, which cannot be cropped to {}x{}", decoded.0, decoded.1, wanted.0, wanted.1)]
    Size {
        /// Decoded width and height in pixels.
        decoded: (usize, usize),
        /// The caller's width and height in pixels.
        wanted: (usize, usize),
    },
}
