//! H.264 Annex B, one chunk of bytes per access unit: coded by x264 or openh264.
//!
//! Why B pictures without direct prediction: openh264, the player's decoder, decodes that wrongly and without an error.
//! Why none beside key pictures: x264 would make B pictures of those, of a quality that no setting reaches
//! (EXPERIMENTS.md §21, §27).
//! Why one IDR: a GOP is the random-access unit and is coded by one call, so nothing inside it
//! needs another. Why padding: 4:2:0 H.264 codes even sizes only, so an odd picture grows by its
//! repeated last column or row, and the decoder crops to the size it is told.

mod access_units;
mod openh264_encoder;
mod x264;

use iev_runtime::ViewId;
use iev_runtime::anchor::h264::checker::Checker;
use iev_runtime::format::anchor::{Codec, Key, write_anchor};
use iev_runtime::format::h264::nal_units;
use iev_runtime::format::table::Kind;

use super::decode::decode;
use super::{
    AnchorEncoder, AnchorError, AnchorSettings, CodedPictures, Coder, CodingInput, Order,
    even_gops, first_of_one_size,
};
use crate::picture::{Picture, PictureExt};

pub use access_units::split_access_units;

/// The codec of every board.
pub(super) struct H264;

/// Pictures from one copy of the background to the next: H.264 predicts from the last 16 pictures.
const COPY_PERIOD: usize = 15;

impl Coder for H264 {
    fn name(&self) -> &'static str {
        "H.264"
    }

    fn kind(&self) -> Kind {
        Kind::Anchor
    }

    fn code(
        &self,
        pictures: &[CodingInput<'_>],
        order: Order,
        rate: (u32, u32),
        settings: &AnchorSettings,
    ) -> Result<CodedPictures, AnchorError> {
        let units = encode_anchor(pictures, order, rate, settings)?;
        let pictures = decode(Codec::H264, &units, pictures[0].0.size())?;
        Ok(CodedPictures { units, pictures })
    }

    fn body(&self, views: &[ViewId], keys: &[Key], units: &[Vec<u8>]) -> Vec<u8> {
        assert_eq!(views.len(), 1, "a section of H.264 has one view");
        let mut body = Vec::new();
        write_anchor(&mut body, keys, units.iter().flat_map(|unit| nal_units(unit)));
        body
    }

    fn quantisers(&self) -> Vec<f64> {
        (1..=51).map(f64::from).collect()
    }

    /// The first picture and the key pictures are half of an anchor of 48 pictures: 96 take 21 to 24 % fewer bytes, and
    /// 149 of a camera that is held by hand 10 % fewer than 96 and 53 (EXPERIMENTS.md §27, §54).
    fn gop_frames(&self, frames: usize, most: Option<usize>, allowed: usize) -> usize {
        most.map_or_else(|| even_gops(frames, allowed), |most| most.min(allowed).min(frames.max(1)))
    }

    fn hidden_frames(&self, frames: usize, has_keys: bool) -> Vec<u16> {
        let again = (0..frames).step_by(COPY_PERIOD).skip(usize::from(!has_keys));
        std::iter::once(0).chain(again).map(|frame| frame as u16).collect()
    }

    /// Their quantiser says how fine they are.
    fn key_copies(&self) -> usize {
        1
    }

    fn filters_by_itself(&self) -> bool {
        false
    }

    fn interleaves(&self) -> bool {
        false
    }
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
    pictures: &[CodingInput<'_>],
    order: Order,
    rate: (u32, u32),
    settings: &AnchorSettings,
) -> Result<Vec<Vec<u8>>, AnchorError> {
    let first = first_of_one_size(pictures);
    let stream = if settings.encoder.chosen() == AnchorEncoder::X264 {
        x264::encode(pictures, order, rate, settings)?
    } else {
        openh264_encoder::encode(pictures, rate, settings)?
    };
    let units = split_access_units(&stream);
    if units.len() != pictures.len() {
        let (expected, got) = (pictures.len(), units.len());
        return Err(AnchorError::Count { stage: "anchor encoder", expected, got });
    }
    check(&units, order, first).map_err(AnchorError::Refused)?;
    Ok(units)
}

/// Fails where players refuse `units` (FORMAT.md §8): further settings of x264 win over ours, and x264 also
/// codes what openh264 decodes wrongly.
fn check(units: &[Vec<u8>], order: Order, picture: &Picture) -> iev_runtime::Result<()> {
    let mut checker = Checker::new(picture.size(), order == Order::Shown);
    let mut nals = units.iter().flat_map(|unit| nal_units(unit));
    nals.try_for_each(|nal| checker.check(nal).map(drop))?;
    checker.end()
}

/// The picture as H.264 can code it: both sides even.
pub(super) fn even(picture: &Picture) -> Picture {
    picture.padded(picture.width().next_multiple_of(2), picture.height().next_multiple_of(2))
}

#[cfg(test)]
mod tests {
    use iev_runtime::Size;

    use super::*;
    use crate::anchor::AnchorSpeed;
    use crate::ffmpeg;
    use crate::picture::synthetic;
    use crate::quality::plane_psnr_db;

    fn round_trip(encoder: AnchorEncoder, width: usize, height: usize) -> Vec<Vec<u8>> {
        let moving: Vec<Picture> =
            (0..12).map(|frame| synthetic(width, height, 1.5 * frame as f32)).collect();
        let pictures: Vec<CodingInput<'_>> = moving.iter().map(|picture| (picture, 0)).collect();
        let settings =
            AnchorSettings { encoder, speed: AnchorSpeed::Draft, ..AnchorSettings::new(20) };
        let units = encode_anchor(&pictures, Order::Coded, (25, 1), &settings).unwrap();
        let decoded = decode(Codec::H264, &units, moving[0].size()).unwrap();
        assert_eq!(decoded.len(), pictures.len());
        for (frame, (original, copy)) in moving.iter().zip(&decoded).enumerate() {
            for (plane, copy) in original.planes().into_iter().zip(copy.planes()) {
                let db = plane_psnr_db(plane.samples, copy.samples);
                assert!(db > 34.0, "{encoder:?} {width}x{height}, picture {frame}: {db:.2} dB");
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
            (0..8).map(|frame| synthetic(96, 64, 1.5 * frame as f32)).collect();
        let first_bytes = |offset| {
            let of = |frame| if frame == 0 { offset } else { 0 };
            let pictures: Vec<CodingInput<'_>> = moving.iter().zip((0..).map(of)).collect();
            let encoder = AnchorEncoder::X264;
            let settings = AnchorSettings { encoder, ..AnchorSettings::new(32) };
            encode_anchor(&pictures, Order::Coded, (25, 1), &settings).unwrap()[0].len()
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
        let error = encode_anchor(&[(&picture, 0)], Order::Coded, (25, 1), &settings)
            .map(|_| ())
            .unwrap_err();
        assert!(error.to_string().contains("nonsense"), "{error}");
        // Lossless needs the High 4:4:4 profile, which the player cannot decode.
        let lossless = AnchorSettings { encoder: AnchorEncoder::X264, ..AnchorSettings::new(0) };
        assert!(encode_anchor(&[(&picture, 0)], Order::Coded, (25, 1), &lossless).is_err());
    }

    #[test]
    fn settings_that_break_the_format_are_refused() {
        if !has_x264() {
            return;
        }
        let moving: Vec<Picture> = (0..6).map(|frame| synthetic(96, 64, frame as f32)).collect();
        let pictures: Vec<CodingInput<'_>> = moving.iter().map(|picture| (picture, 0)).collect();
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
            let Err(AnchorError::Refused(error)) =
                encode_anchor(&pictures, Order::Coded, (25, 1), &settings)
            else {
                panic!("{params} is refused");
            };
            assert!(error.to_string().contains(rule), "{params}: {error}");
        }
    }

    #[test]
    fn a_damaged_or_short_anchor_is_an_error() {
        let units = round_trip(AnchorEncoder::OpenH264, 64, 48);
        let decode_to = |units: &[Vec<u8>], width_px| {
            decode(Codec::H264, units, Size { width_px, height_px: 48 })
        };
        assert!(matches!(decode_to(&units, 66), Err(AnchorError::Decoder { .. })));
        assert!(decode_to(&units[1..], 64).is_err());
    }
}
