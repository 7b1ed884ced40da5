//! What to encode with: the flags of `encode`, which are also the keys of an `rd` point.
//!
//! Why one type: a curve is only repeatable when each of its points is exactly a command line.

use clap::Parser;
use iev_runtime::format::limits::Limits;
use iev_runtime::profile::{PROFILES, Profile};
use serde::{Deserialize, Serialize};

use crate::ablation::Parts;
use crate::anchor::AnchorSpeed;
use crate::error::{Context, Result, ensure};
use crate::rules::{LEAST_WINDOW_PX, WINDOW_PX, each_once, lambda_at};

/// Most pictures of a GOP that players take.
pub(super) const MOST_GOP_FRAMES: usize = Limits::DEFAULT.gop_frames as usize;

/// Most scenes that a stream can number.
const MOST_SCENES: usize = 1 << u16::BITS;

/// Quantisers of H.264.
const QPS: std::ops::RangeInclusive<f64> = 1.0..=51.0;

/// How long to train, and how hard to search in explicit views.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// A quarter of an hour for two seconds of 480×272 on two cores.
    Quick,
    /// Under an hour.
    Standard,
    /// A night.
    Best,
}

impl Preset {
    /// Steps of training.
    pub fn steps(self) -> usize {
        match self {
            Self::Quick => 8_000,
            Self::Standard => 20_000,
            Self::Best => 100_000,
        }
    }

    /// How explicit views are coded.
    pub fn anchor_speed(self) -> AnchorSpeed {
        match self {
            Self::Quick => AnchorSpeed::Thorough,
            Self::Standard | Self::Best => AnchorSpeed::Best,
        }
    }
}

/// The codec of explicit views.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CodecChoice {
    /// AV1 where ffmpeg has SVT-AV1 and the board decodes it, else H.264.
    Auto,
    /// H.264, by x264 or else openh264.
    H264,
    /// AV1, by SVT-AV1.
    Av1,
}

/// Everything that decides the bytes of a stream besides the pictures.
#[derive(Debug, Clone, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct EncodeRequest {
    /// Views coded by a video codec, such as 2 or 0,4; otherwise as few as it takes to predict all others, any that
    /// cannot be predicted, and all of them where the network does not pay, but for a given size.
    #[arg(long, value_delimiter = ',')]
    #[serde(deserialize_with = "one_or_more")]
    pub anchor: Vec<usize>,
    /// Decoder profile: lean, edge or rich.
    #[arg(long, default_value = "lean")]
    pub profile: String,
    /// How long to train.
    #[arg(long, value_enum, default_value = "quick")]
    pub preset: Preset,
    /// Steps of training, instead of the preset's; some others come before them and teach the flow.
    #[arg(long)]
    pub steps: Option<usize>,
    /// Video codec of the explicit views: auto is av1 where ffmpeg has SVT-AV1 and the board decodes it.
    #[arg(long, value_enum, default_value = "auto")]
    pub codec: CodecChoice,
    /// Board profile that has to play the stream, by name or file; any that is built in unless given.
    #[arg(long)]
    pub board: Option<String>,
    /// Quality of explicit views, 1 to 51: the quantiser of H.264, in whole numbers, or the rate factor of AV1 that is
    /// about as good.
    #[arg(long, default_value_t = 37.0, value_parser = parse_qp)]
    pub qp: f64,
    /// Change of the quantiser for the first picture of a GOP. -13 unless given, down to -17 in GOPs of more
    /// than 48 pictures; when no view is predicted from it -6 behind a background and else 0; x264 only.
    #[arg(long, allow_negative_numbers = true)]
    pub intra_offset: Option<i32>,
    /// Change of the quantiser for key pictures; x264 only.
    #[arg(long, default_value_t = -8, allow_negative_numbers = true)]
    pub key_offset: i32,
    /// Key pictures per implicit view and GOP.
    #[arg(long, default_value_t = 1)]
    pub keys: usize,
    /// Squared error (samples in 0..1) worth one bit per implicit pixel.
    #[arg(long)]
    pub lambda: Option<f64>,
    /// λ falls from this many times its value over the first half of a cold training; 1 for a training that
    /// others start from.
    #[arg(long, default_value_t = 4.0)]
    pub lambda_fall: f64,
    /// Most pictures of a GOP, as many as the board allows unless given. A seek decodes half of them on average.
    #[arg(long, value_parser = parse_gop)]
    pub gop: Option<usize>,
    /// First frames of scenes, such as 0,48, or 0 for one scene; found where the pictures change all at once unless
    /// given. Each scene has a network of its own.
    #[arg(long, value_delimiter = ',', value_name = "FRAMES")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scenes: Vec<usize>,
    /// Encode only the first pictures.
    #[arg(long)]
    pub limit: Option<usize>,
    /// Seed of everything random.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Peak learning rate.
    #[arg(long, default_value_t = 5e-3)]
    pub learning_rate: f64,
    /// Pictures, or windows of larger pictures, per training step.
    #[arg(long, default_value_t = 4)]
    pub batch: usize,
    /// Most pixels of a picture that a training step paints at once. A step costs the same whatever the size of
    /// pictures; those of 1080p, in some twenty windows each, want more steps.
    #[arg(long, value_name = "PIXELS", default_value_t = WINDOW_PX)]
    #[serde(skip_serializing_if = "is_usual_window")]
    pub window: usize,
    /// cpu, cuda, or auto: CUDA where there is one.
    #[arg(long, default_value = "cpu")]
    pub device: String,
    /// Further x264 settings, name=value joined by colons; openh264, where there is no ffmpeg, ignores them.
    #[arg(long, default_value = "")]
    pub x264_params: String,
    /// What to do without, to learn what it is worth.
    #[arg(skip)]
    #[serde(skip_serializing_if = "Parts::is_empty")]
    pub without: Parts,
}

/// Results of before there were windows are of the usual ones.
fn is_usual_window(window: &usize) -> bool {
    *window == WINDOW_PX
}

/// A number or a list of them.
fn one_or_more<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<usize>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "not a view, or a list of views")]
    enum Views {
        One(usize),
        More(Vec<usize>),
    }
    Ok(match Views::deserialize(from)? {
        Views::One(view) => vec![view],
        Views::More(views) => views,
    })
}

fn parse_gop(text: &str) -> Result<usize, String> {
    let frames: usize = text.parse().map_err(|_| "not a number".to_owned())?;
    let refused = || format!("a GOP has 1 to {MOST_GOP_FRAMES} pictures");
    if (1..=MOST_GOP_FRAMES).contains(&frames) { Ok(frames) } else { Err(refused()) }
}

fn parse_qp(text: &str) -> Result<f64, String> {
    let qp: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if QPS.contains(&qp) { Ok(qp) } else { Err("qp is 1 to 51".into()) }
}

/// The profile called `name`.
///
/// # Errors
/// When there is none.
pub fn profile(name: &str) -> Result<&'static Profile> {
    let names = || PROFILES.map(|p| p.name).join(", ");
    Profile::by_name(name).with_context(|| format!("unknown profile {name:?}: one of {}", names()))
}

impl Default for EncodeRequest {
    /// What no flags mean, so that every default is stated once.
    fn default() -> Self {
        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            request: EncodeRequest,
        }
        Line::parse_from(["encode"]).request
    }
}

impl EncodeRequest {
    /// Checks what the command line's parsers check; settings from a file have not met those.
    ///
    /// # Errors
    /// The rule that is broken.
    pub fn check(&self) -> Result<()> {
        each_once("anchor", &self.anchor, |view| format!("view {view}"))?;
        ensure!(QPS.contains(&self.qp), "qp is 1 to 51, not {}", self.qp);
        let gop = self.gop.unwrap_or(1);
        ensure!(
            (1..=MOST_GOP_FRAMES).contains(&gop),
            "a GOP has 1 to {MOST_GOP_FRAMES} pictures, not {gop}"
        );
        let rises = self.scenes.is_sorted_by(|a, b| a < b);
        ensure!(
            rises && self.scenes.first().is_none_or(|first| *first == 0),
            "scenes are first frames in order, from 0 on, such as 0,48"
        );
        ensure!(self.scenes.len() <= MOST_SCENES, "a stream has at most {MOST_SCENES} scenes");
        ensure!(self.batch > 0 && self.steps() > 0, "batch and steps are at least 1");
        ensure!(
            self.window >= LEAST_WINDOW_PX,
            "window is at least {LEAST_WINDOW_PX} pixels, not {}",
            self.window
        );
        ensure!(self.limit != Some(0), "limit is at least 1");
        let positive = |value: f64| value > 0.0 && value.is_finite();
        ensure!(self.lambda.is_none_or(positive), "lambda is above zero");
        ensure!((1.0..=1e3).contains(&self.lambda_fall), "lambda-fall is 1 to 1000");
        ensure!(positive(self.learning_rate), "learning-rate is above zero");
        profile(&self.profile).map(|_| ())
    }

    /// λ asked for, or [`lambda_at`] this quantiser.
    pub fn lambda(&self) -> f64 {
        self.lambda.unwrap_or_else(|| lambda_at(self.qp))
    }

    /// Steps asked for, or the preset's.
    pub fn steps(&self) -> usize {
        self.steps.unwrap_or(self.preset.steps())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_flags_mean_the_quick_preset_at_qp_37() {
        let request = EncodeRequest::default();
        assert_eq!((request.qp, request.steps()), (37.0, 8_000));
        assert_eq!((request.intra_offset, request.lambda()), (None, 8e-3));
        request.check().unwrap();
    }

    #[test]
    fn lambda_follows_the_quantiser_unless_asked_for() {
        let coarse = EncodeRequest { qp: 40.0, ..EncodeRequest::default() };
        assert_eq!(coarse.lambda(), 1.6e-2);
        let asked = EncodeRequest { lambda: Some(1e-3), ..coarse };
        assert_eq!(asked.lambda(), 1e-3);
    }

    #[test]
    fn settings_survive_toml_and_unknown_ones_are_named() {
        let request = EncodeRequest { anchor: vec![2], ..EncodeRequest::default() };
        let text = toml::to_string(&request).unwrap();
        assert_eq!(toml::from_str::<EncodeRequest>(&text).unwrap(), request);
        let error = toml::from_str::<EncodeRequest>("quality = 3").unwrap_err();
        assert!(error.to_string().contains("quality"), "{error}");
        let wild: EncodeRequest = toml::from_str("qp = 60").unwrap();
        assert_eq!(wild.check().unwrap_err().to_string(), "qp is 1 to 51, not 60");
        let newt: EncodeRequest = toml::from_str("profile = 'newt'").unwrap();
        assert!(newt.check().unwrap_err().to_string().contains("\"newt\": one of lean"));
    }
}
