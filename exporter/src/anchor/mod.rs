//! The anchor: H.264 Annex B without B-frames, one chunk of bytes per access unit.
//!
//! Why no B-frames: openh264, the player's decoder, decodes them wrongly and without an error.
//! Why one IDR: a GOP is the random-access unit and is coded by one call, so nothing inside it
//! needs another. Why padding: 4:2:0 H.264 codes even sizes only, so an odd picture grows by its
//! repeated last column or row, and the decoder crops to the size it is told.

use std::io;

use iev_runtime::Size;
use iev_runtime::anchor::h264::checker::Checker;

use crate::ffmpeg::{self, FfmpegMissing};
use crate::picture::{Picture, PictureExt};

pub mod gop;
mod h264;
pub mod key_picture;
pub mod temporal_filter;

pub(crate) use h264::nal_units;
pub use h264::{decode_anchor, split_access_units};
use h264::{openh264_encoder, x264};

/// How hard the encoder searches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnchorSpeed {
    /// x264 `veryslow` with exhaustive search, up to 16 references.
    #[default]
    Thorough,
    /// x264 `medium`, with as many references: drafts and tests. Faster ones hardly use a background
    /// (EXPERIMENTS.md §28).
    Draft,
}

/// Which encoder makes the anchor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnchorEncoder {
    /// x264 where ffmpeg is present, else openh264.
    #[default]
    Best,
    /// x264 through ffmpeg.
    X264,
    /// The encoder that is built in.
    OpenH264,
}

impl AnchorEncoder {
    /// The one that codes: never [`AnchorEncoder::Best`].
    pub fn chosen(self) -> Self {
        match self {
            Self::Best if ffmpeg::find().is_ok() => Self::X264,
            Self::Best => Self::OpenH264,
            named => named,
        }
    }
}

/// Usual change of the quantiser for the first picture of a GOP of 48 that other views are predicted from.
pub const INTRA_OFFSET: i32 = -13;

/// A picture to code and the change of its quantiser, which only x264 makes.
pub type Input<'a> = (&'a Picture, i32);

/// How to code the anchor.
#[derive(Clone, Debug, PartialEq)]
pub struct AnchorSettings {
    /// Quantiser of the anchor's pictures, 1 to 51; macroblock-tree rate control varies it by block.
    pub qp: i32,
    /// How hard to search; x264 only.
    pub speed: AnchorSpeed,
    /// Change of `qp` for the first picture or the background before it, which everything predicts from;
    /// x264 only.
    ///
    /// Why so low: left alone, the macroblock tree makes the first picture of a short clip far too
    /// coarse; −9 saves 16 % of the bytes at equal PSNR over the encoder's own choice, and key pictures, which
    /// stand between it and the others, take −13 to make up for (EXPERIMENTS.md §25, §28).
    pub intra_offset: i32,
    /// Change of `qp` for key pictures of other views; x264 only.
    pub key_offset: i32,
    /// Further `name=value` pairs for x264, joined by colons; they win over ours.
    pub x264_params: String,
    /// Encoder threads. One gives the same bytes on every machine; x264 only.
    pub threads: usize,
    /// Which encoder.
    pub encoder: AnchorEncoder,
}

impl AnchorSettings {
    /// Thorough coding at `qp` by the best encoder there is.
    pub fn new(qp: i32) -> Self {
        Self {
            qp,
            speed: AnchorSpeed::default(),
            intra_offset: INTRA_OFFSET,
            key_offset: -8,
            x264_params: String::new(),
            threads: 1,
            encoder: AnchorEncoder::default(),
        }
    }
}

/// Why the anchor could not be coded or decoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorError {
    /// x264 was asked for and there is no ffmpeg.
    #[error("the x264 anchor encoder is reached through ffmpeg")]
    NeedsFfmpeg(#[from] FfmpegMissing),
    /// The pipe to ffmpeg broke.
    #[error("ffmpeg could not be run")]
    Pipe(#[from] io::Error),
    /// ffmpeg or x264 refused the settings or the pictures.
    #[error("x264 says {0:?}")]
    X264(String),
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
    /// The decoded picture is smaller than the caller says.
    #[error("the anchor decodes to {}x{}, which cannot be cropped to {}x{}", decoded.0, decoded.1, wanted.0, wanted.1)]
    Size {
        /// Decoded width and height in pixels.
        decoded: (usize, usize),
        /// The caller's width and height in pixels.
        wanted: (usize, usize),
    },
}

/// Codes `pictures` into one chunk of Annex B bytes per picture.
///
/// The first chunk holds SPS, PPS and the only IDR. SEI, access unit delimiters and filler are
/// dropped: x264's settings text alone is some 600 bytes.
///
/// # Errors
/// [`AnchorError`]; without ffmpeg, [`AnchorEncoder::Best`] falls back rather than fail.
///
/// # Panics
/// If there is no picture or their sizes differ: the input stage has checked both.
pub fn encode_anchor(
    pictures: &[Input<'_>],
    rate: (u32, u32),
    settings: &AnchorSettings,
) -> Result<Vec<Vec<u8>>, AnchorError> {
    let [(first, _), ..] = pictures else { panic!("an anchor has at least one picture") };
    assert!(
        pictures.iter().all(|(p, _)| (p.width(), p.height()) == (first.width(), first.height())),
        "all pictures of an anchor have one size"
    );
    let stream = if settings.encoder.chosen() == AnchorEncoder::X264 {
        x264::encode(pictures, rate, settings)?
    } else {
        openh264_encoder::encode(pictures, rate, settings)?
    };
    let units = split_access_units(&stream);
    if units.len() != pictures.len() {
        let (expected, got) = (pictures.len(), units.len());
        return Err(AnchorError::Count { stage: "anchor encoder", expected, got });
    }
    check(&units, first).map_err(AnchorError::Refused)?;
    Ok(units)
}

/// Fails where players refuse `units` (FORMAT.md §8): further settings of x264 win over ours, and x264 also
/// codes what openh264 decodes wrongly.
fn check(units: &[Vec<u8>], picture: &Picture) -> iev_runtime::Result<()> {
    let [width_px, height_px] = [picture.width(), picture.height()].map(|px| px as u16);
    let mut checker = Checker::new(Size { width_px, height_px });
    units.iter().flat_map(|unit| nal_units(unit)).try_for_each(|nal| checker.check(nal).map(drop))
}

/// The picture as H.264 can code it: both sides even.
fn even(picture: &Picture) -> Picture {
    picture.padded(picture.width().next_multiple_of(2), picture.height().next_multiple_of(2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::synthetic;
    use crate::quality::plane_psnr_db;

    fn round_trip(encoder: AnchorEncoder, width: usize, height: usize) -> Vec<Vec<u8>> {
        let moving: Vec<Picture> =
            (0..12).map(|time| synthetic(width, height, 1.5 * time as f32)).collect();
        let pictures: Vec<Input<'_>> = moving.iter().map(|picture| (picture, 0)).collect();
        let settings =
            AnchorSettings { encoder, speed: AnchorSpeed::Draft, ..AnchorSettings::new(20) };
        let units = encode_anchor(&pictures, (25, 1), &settings).unwrap();
        let decoded = decode_anchor(&units, width, height).unwrap();
        assert_eq!(decoded.len(), pictures.len());
        for (time, (original, copy)) in moving.iter().zip(&decoded).enumerate() {
            for (plane, copy) in original.planes().into_iter().zip(copy.planes()) {
                let db = plane_psnr_db(plane.samples, copy.samples);
                assert!(db > 34.0, "{encoder:?} {width}x{height}, picture {time}: {db:.2} dB");
            }
        }
        units
    }

    fn nal_types(unit: &[u8]) -> Vec<u8> {
        nal_units(unit).map(|nal| nal[0] & 31).collect()
    }

    /// Tests of x264 return without it.
    fn has_x264() -> bool {
        iev_skips::fetched("ffmpeg", ffmpeg::find()).is_some()
    }

    #[test]
    fn openh264_pictures_survive_coding_at_even_and_odd_sizes() {
        for (width, height) in [(96, 64), (97, 65), (33, 50)] {
            let units = round_trip(AnchorEncoder::OpenH264, width, height);
            assert_eq!(nal_types(&units[0]), [7, 8, 5]);
            assert!(units[1..].iter().all(|unit| nal_types(unit) == [1]));
        }
    }

    #[test]
    fn x264_pictures_survive_coding_at_even_and_odd_sizes() {
        if !has_x264() {
            return;
        }
        for (width, height) in [(96, 64), (97, 65), (33, 50)] {
            let units = round_trip(AnchorEncoder::X264, width, height);
            assert_eq!(nal_types(&units[0]), [7, 8, 5]);
            assert!(units[1..].iter().all(|unit| nal_types(unit) == [1]));
        }
    }

    #[test]
    fn the_first_picture_can_be_finer_than_the_rest() {
        if !has_x264() {
            return;
        }
        let moving: Vec<Picture> =
            (0..8).map(|time| synthetic(96, 64, 1.5 * time as f32)).collect();
        let first_bytes = |offset| {
            let of = |time| if time == 0 { offset } else { 0 };
            let pictures: Vec<Input<'_>> = moving.iter().zip((0..).map(of)).collect();
            let encoder = AnchorEncoder::X264;
            let settings = AnchorSettings { encoder, ..AnchorSettings::new(32) };
            encode_anchor(&pictures, (25, 1), &settings).unwrap()[0].len()
        };
        assert!(first_bytes(-9) as f32 > 1.3 * first_bytes(0) as f32);
    }

    #[test]
    fn refused_settings_are_reported_in_the_words_of_x264() {
        if !has_x264() {
            return;
        }
        let picture = synthetic(32, 32, 0.0);
        let settings = AnchorSettings {
            encoder: AnchorEncoder::X264,
            x264_params: String::from("nonsense=1"),
            ..AnchorSettings::new(28)
        };
        let error = encode_anchor(&[(&picture, 0)], (25, 1), &settings).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("nonsense"), "{error}");
        // Lossless needs the High 4:4:4 profile, which the player cannot decode.
        let lossless = AnchorSettings { encoder: AnchorEncoder::X264, ..AnchorSettings::new(0) };
        assert!(encode_anchor(&[(&picture, 0)], (25, 1), &lossless).is_err());
    }

    #[test]
    fn settings_that_break_the_format_are_refused() {
        if !has_x264() {
            return;
        }
        let moving: Vec<Picture> = (0..6).map(|time| synthetic(96, 64, time as f32)).collect();
        let pictures: Vec<Input<'_>> = moving.iter().map(|picture| (picture, 0)).collect();
        let rows = [
            ("bframes=2:b-adapt=0", "B pictures"),
            ("slices=2", "is one slice"),
            ("keyint=3", "and no other, is an IDR"),
        ];
        for (params, rule) in rows {
            let settings = AnchorSettings {
                encoder: AnchorEncoder::X264,
                speed: AnchorSpeed::Draft,
                x264_params: params.into(),
                ..AnchorSettings::new(28)
            };
            let Err(AnchorError::Refused(error)) = encode_anchor(&pictures, (25, 1), &settings)
            else {
                panic!("{params} is refused");
            };
            assert!(error.to_string().contains(rule), "{params}: {error}");
        }
    }

    #[test]
    fn a_damaged_or_short_anchor_is_an_error() {
        let units = round_trip(AnchorEncoder::OpenH264, 64, 48);
        assert!(matches!(decode_anchor(&units, 66, 48), Err(AnchorError::Size { .. })));
        assert!(decode_anchor(&units[1..], 64, 48).is_err());
    }
}
