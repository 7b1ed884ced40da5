//! SVT-AV1 through ffmpeg: one temporal unit and one shown picture for every picture that goes in.

use std::borrow::Cow;

use iev_runtime::anchor::av1::fits_one_tile;
use iev_runtime::anchor::av1::obu::temporal_units;

use crate::anchor::pipe::through_ffmpeg;
use crate::anchor::{AnchorError, AnchorSettings, AnchorSpeed, CodingInput, first_of_one_size};
use crate::ffmpeg::fault;

/// Most threads of an encoder that SVT-AV1 makes use of. How many there are changes no byte.
const MOST_THREADS: usize = 6;

/// Pixels of a GOP that preset 0 codes in minutes: 246 pictures of 480×272.
const SMALL_PX: usize = 32_000_000;

/// Coarsest rate factor, finest one and the step between two of them.
const RATE_FACTORS: (f64, f64, f64) = (1.0, 63.0, 0.25);

/// The quantiser at which the map from quantisers to rate factors bends, and the rate factor there.
const BEND: (f64, f64) = (40.0, 55.75);
/// Rate factors per quantiser below the bend and above it.
const SLOPES: (f64, f64) = (2.25, 1.25);

/// The rate factor of about the quality of H.264 at quantiser `qp`, in quarters: of an anchor with its background, over
/// which EXPERIMENTS.md §31 has the trials.
pub(super) fn rate_factor_at(qp: f64) -> f64 {
    let (least, most, step) = RATE_FACTORS;
    let slope = if qp < BEND.0 { SLOPES.0 } else { SLOPES.1 };
    let exact = BEND.1 + slope * (qp - BEND.0);
    ((exact / step).round() * step).clamp(least, most)
}

/// The quantiser of a rate factor, as [`rate_factor_at`] has it.
pub(super) fn qp_at(rate_factor: f64) -> f64 {
    let above = rate_factor - BEND.1;
    BEND.0 + above / if above < 0.0 { SLOPES.0 } else { SLOPES.1 }
}

/// All there are, finest first.
pub(super) fn rate_factors() -> impl Iterator<Item = f64> {
    let (least, most, step) = RATE_FACTORS;
    (0..=((most - least) / step) as usize).map(move |index| least + index as f64 * step)
}

/// Codes `pictures` as one closed GOP into one temporal unit each.
pub(super) fn encode(
    pictures: &[CodingInput<'_>],
    rate: (u32, u32),
    settings: &AnchorSettings,
) -> Result<Vec<Vec<u8>>, AnchorError> {
    let size = first_of_one_size(pictures).size();
    if !fits_one_tile(size) {
        let (width, height) = (size.width(), size.height());
        return Err(AnchorError::TooLargeForAv1 { width, height });
    }
    let px = size.width() * size.height() * pictures.len();
    let preset = match settings.speed {
        AnchorSpeed::Thorough if px > SMALL_PX => "1",
        AnchorSpeed::Best | AnchorSpeed::Thorough => "0",
        AnchorSpeed::Draft => "8",
    };
    let beyond = (pictures.len() + 1).to_string();
    // Quarters of a rate factor are taken from these parameters only. Without `scm` pictures that look like a screen's
    // are coded by intra block copy, which players refuse.
    let params = format!(
        "tune=1:scm=0:crf={}:lp={}",
        rate_factor_at(settings.qp),
        rayon::current_num_threads().min(MOST_THREADS)
    );
    let coding: [&str; 10] = [
        "-c:v",
        "libsvtav1",
        "-preset",
        preset,
        "-g",
        &beyond,
        "-svtav1-params",
        &params,
        "-f",
        "obu",
    ];
    let piped = through_ffmpeg(pictures, |p| Cow::Borrowed(p), rate, &coding)?;
    if !piped.succeeded {
        return Err(AnchorError::SvtAv1(fault(&piped.talk)));
    }
    let units = temporal_units(&piped.stream).map_err(AnchorError::RefusedAv1)?;
    if units.len() != pictures.len() {
        let (expected, got) = (pictures.len(), units.len());
        return Err(AnchorError::Count { stage: "SVT-AV1", expected, got });
    }
    Ok(units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_factors_follow_the_quantiser_in_quarters() {
        assert_eq!(
            [28.0, 37.0, 40.0, 43.0, 51.0].map(rate_factor_at),
            [28.75, 49.0, 55.75, 59.5, 63.0]
        );
        assert_eq!(rate_factor_at(1.0), 1.0);
        for factor in rate_factors() {
            assert_eq!(rate_factor_at(qp_at(factor)), factor);
        }
    }
}
