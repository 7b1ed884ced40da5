//! x264 through ffmpeg: Annex B; where some pictures are not shown there are no B pictures, and a zone fixes every
//! picture's quantiser.

use std::borrow::Cow;

use super::even;
use crate::anchor::pipe::through_ffmpeg;
use crate::anchor::{AnchorError, AnchorSettings, AnchorSpeed, CodingInput, Order};
use crate::ffmpeg::fault;
use crate::picture::PictureExt;

/// Decoded picture buffer of level 5.1, in macroblocks (H.264 table A-1).
///
/// openh264 decodes up to level 5.2, whose buffer is the same.
const BUFFER_MACROBLOCKS: usize = 184_320;

/// B pictures where all pictures are shown. By x264 alone they save 30 % where a camera is held by hand and nothing elsewhere (EXPERIMENTS.md §38).
const B_PICTURES: &str = "bframes=3:b-adapt=2";
/// Their rate factor below the quantiser that is asked for: x264 makes B pictures and what is predicted little coarser,
/// zones of one quantiser do not; the quality is about the same then (EXPERIMENTS.md §38).
const B_PICTURES_QP: i32 = -4;
/// What they do without, whatever else is asked for: openh264 decodes it wrongly, and nobody notices.
const WITHOUT: &str = "direct=none:weightb=0";

/// What [`AnchorSpeed::Thorough`] does beyond `veryslow`: exhaustive search and mild adaptive quantisation save 2 to
/// 4 % (EXPERIMENTS.md §21).
const SEARCH: &str = "me=tesa:merange=64:subme=11:aq-mode=1:aq-strength=0.4";

/// The whole stream of `pictures`, as x264 wrote it.
pub(in crate::anchor) fn encode(
    pictures: &[CodingInput<'_>],
    order: Order,
    rate: (u32, u32),
    settings: &AnchorSettings,
) -> Result<Vec<u8>, AnchorError> {
    let (first, _) = pictures[0];
    let (width, height) = (first.width().next_multiple_of(2), first.height().next_multiple_of(2));
    let preset = match settings.speed {
        AnchorSpeed::Best | AnchorSpeed::Thorough => "veryslow",
        AnchorSpeed::Draft => "medium",
    };
    let (quality, params) =
        (base_qp(order, settings).to_string(), params((width, height), pictures, order, settings));
    let coding: [&str; 14] = [
        "-c:v",
        "libx264",
        "-preset",
        preset,
        "-profile:v",
        "high",
        "-tune",
        "psnr",
        "-crf",
        &quality,
        "-x264-params",
        &params,
        "-f",
        "h264",
    ];
    let piped = through_ffmpeg(pictures, |p| Cow::Owned(even(p)), rate, &coding)?;
    // ffmpeg goes on without a setting that x264 does not know, with no more than this warning.
    if !piped.succeeded || piped.talk.contains("Error parsing option") {
        return Err(AnchorError::X264(fault(&piped.talk)));
    }
    Ok(piped.stream)
}

/// Quantiser, or rate factor, that those of pictures are counted from.
fn base_qp(order: Order, settings: &AnchorSettings) -> i32 {
    match order {
        // 0 is lossless, which players do not decode.
        Order::Shown => (settings.whole_qp() + B_PICTURES_QP).max(1),
        Order::Coded => settings.whole_qp(),
    }
}

/// One IDR, no scene cuts, no delimiters, as many references as the level allows, and a quantiser zone for every run
/// of pictures of one quantiser; where all pictures are shown, for the first alone, so that x264 chooses the others'.
///
/// `weightp=0`: weighted prediction cost 1 to 2 % on clips without fades.
fn params(
    (width, height): (usize, usize),
    pictures: &[CodingInput<'_>],
    order: Order,
    settings: &AnchorSettings,
) -> String {
    // As many references as the level's buffer holds.
    let macroblocks = width.div_ceil(16) * height.div_ceil(16);
    let references = (BUFFER_MACROBLOCKS / macroblocks).clamp(1, 16);
    let mut params = format!(
        "keyint=infinite:scenecut=0:{}:open-gop=0:aud=0:annexb=1:weightp=0:rc-lookahead=60:threads={}:ref={references}",
        if order == Order::Shown { B_PICTURES } else { "bframes=0" },
        settings.threads
    );
    if settings.speed != AnchorSpeed::Draft {
        params.push_str(&format!(":{SEARCH}"));
    }
    // A zone for the first picture, or for every run of pictures of one quantiser.
    let zone = |first: usize, last: usize| {
        let qp = (base_qp(order, settings) + pictures[first].1).clamp(0, 51);
        format!("{first},{last},q={qp}")
    };
    let mut zones = Vec::new();
    if order == Order::Shown {
        zones.push(zone(0, 0));
    } else {
        let mut first = 0;
        for run in pictures.chunk_by(|(_, a), (_, b)| a == b) {
            zones.push(zone(first, first + run.len() - 1));
            first += run.len();
        }
    }
    // The caller's settings come last and win.
    params.push_str(&format!(":zones={}", zones.join("/")));
    if !settings.x264_params.is_empty() {
        params.push(':');
        params.push_str(&settings.x264_params);
    }
    format!("{params}:{WITHOUT}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Picture, PictureExt};

    fn params_of(size: (usize, usize), offsets: &[i32], settings: &AnchorSettings) -> String {
        params_in(Order::Coded, size, offsets, settings)
    }

    fn params_in(
        order: Order,
        size: (usize, usize),
        offsets: &[i32],
        settings: &AnchorSettings,
    ) -> String {
        let picture = Picture::zeros(2, 2);
        let pictures: Vec<CodingInput<'_>> =
            offsets.iter().map(|offset| (&picture, *offset)).collect();
        params(size, &pictures, order, settings)
    }

    #[test]
    fn references_fit_the_buffer_of_the_level() {
        let settings = AnchorSettings::new(26.0);
        assert!(params_of((1920, 1080), &[0; 9], &settings).contains(":ref=16:"));
        assert!(params_of((3840, 2160), &[0; 9], &settings).contains(":ref=5:"));
    }

    #[test]
    fn zones_cover_every_picture_and_the_caller_has_the_last_word() {
        let mut settings = AnchorSettings::new(40.0);
        settings.x264_params = String::from("me=esa");
        let all = params_of((64, 64), &[-12, -8, -8, 0, 0, 0], &settings);
        assert!(
            all.ends_with(":zones=0,0,q=28/1,2,q=32/3,5,q=40:me=esa:direct=none:weightb=0"),
            "{all}"
        );
        let one = params_of((64, 64), &[-12], &AnchorSettings::new(40.0));
        assert!(one.contains(":zones=0,0,q=28:"), "{one}");
        // Where all are shown the first alone has one.
        let shown = params_in(Order::Shown, (64, 64), &[-6, 0, 0], &AnchorSettings::new(40.0));
        assert!(shown.contains(":bframes=3:") && shown.contains(":zones=0,0,q=30:"), "{shown}");
    }
}
