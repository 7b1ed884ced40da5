//! What to encode with: the flags of `encode`, which are also the keys of an `rd` point.
//!
//! Why one type: a curve is only repeatable when each of its points is exactly a command line.

use anyhow::{Context, Result, ensure};
use clap::Parser;
use iev_runtime::profile::{PROFILES, Profile};
use serde::{Deserialize, Serialize};

use crate::ablation::Part;
use crate::plan::GOP_FRAMES;

/// How long to train.
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
            Self::Quick => 6_000,
            Self::Standard => 20_000,
            Self::Best => 100_000,
        }
    }
}

/// Everything that decides the bytes of a stream besides the pictures.
#[derive(Debug, Clone, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct EncodeRequest {
    /// Views coded by H.264, such as 2 or 0,4; otherwise as few as it takes to predict all others, any that
    /// cannot be predicted, and all of them where the network turns out not to pay, but for a given size.
    #[arg(long, value_delimiter = ',')]
    #[serde(deserialize_with = "one_or_more")]
    pub anchor: Vec<usize>,
    /// Decoder profile: lean, edge or rich.
    #[arg(long, default_value = "lean")]
    pub profile: String,
    /// How long to train.
    #[arg(long, value_enum, default_value = "quick")]
    pub preset: Preset,
    /// Steps of training, instead of the preset's.
    #[arg(long)]
    pub steps: Option<usize>,
    /// Quantiser of the anchor, 1 to 51.
    #[arg(long, default_value_t = 37, value_parser = clap::value_parser!(i32).range(1..=51))]
    pub qp: i32,
    /// Change of the quantiser for the first picture of a GOP. -13 unless given, down to -17 in GOPs of more
    /// than 48 pictures, -6 when no view is predicted from it; x264 only.
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
    /// Most pictures of a GOP.
    #[arg(long, default_value_t = GOP_FRAMES, value_parser = parse_gop)]
    pub gop: usize,
    /// Encode only the first pictures.
    #[arg(long)]
    pub limit: Option<usize>,
    /// Seed of everything random.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Peak learning rate.
    #[arg(long, default_value_t = 5e-3)]
    pub learning_rate: f64,
    /// Pictures per training step.
    #[arg(long, default_value_t = 4)]
    pub batch: usize,
    /// cpu or cuda.
    #[arg(long, default_value = "cpu")]
    pub device: String,
    /// Further x264 settings, name=value joined by colons; openh264, where there is no ffmpeg, ignores them.
    #[arg(long, default_value = "")]
    pub x264_params: String,
    /// What to do without, to learn what it is worth.
    #[arg(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without: Option<Part>,
}

/// The λ that matches the slope of H.264 at quantiser `qp`.
///
/// Squared error per bit doubles every 3 QP; EXPERIMENTS.md §3 has the sweep behind the constant.
pub fn lambda_at(qp: f64) -> f64 {
    8e-3 * ((qp - 37.0) / 3.0).exp2()
}

/// Change of the quantiser for the first picture of a GOP that other views are predicted from.
///
/// The more pictures live by it, the finer it pays to be (EXPERIMENTS.md §25, §27).
#[cfg(any(test, feature = "train"))]
fn first_offset(frames: usize) -> i32 {
    let doublings = (frames as f64 / 48.0).log2().clamp(0.0, 2.0);
    crate::anchor::INTRA_OFFSET - (2.0 * doublings).round() as i32
}

/// A number or a list of them.
fn one_or_more<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<usize>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
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
    if (1..=256).contains(&frames) { Ok(frames) } else { Err("a GOP has 1 to 256 pictures".into()) }
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
        ensure!((1..=51).contains(&self.qp), "qp is 1 to 51, not {}", self.qp);
        ensure!((1..=256).contains(&self.gop), "a GOP has 1 to 256 pictures, not {}", self.gop);
        ensure!(self.batch > 0 && self.steps() > 0, "batch and steps are at least 1");
        ensure!(self.limit != Some(0), "limit is at least 1");
        let positive = |value: f64| value > 0.0 && value.is_finite();
        ensure!(self.lambda.is_none_or(positive), "lambda is above zero");
        ensure!((1.0..=1e3).contains(&self.lambda_fall), "lambda-fall is 1 to 1000");
        ensure!(positive(self.learning_rate), "learning-rate is above zero");
        profile(&self.profile).map(|_| ())
    }

    /// λ asked for, or [`lambda_at`] this quantiser.
    pub fn lambda(&self) -> f64 {
        self.lambda.unwrap_or_else(|| lambda_at(f64::from(self.qp)))
    }

    /// Steps asked for, or the preset's.
    pub fn steps(&self) -> usize {
        self.steps.unwrap_or(self.preset.steps())
    }
}

#[cfg(feature = "train")]
impl EncodeRequest {
    /// Checks all that can be known before a clip of so many `views` is trained on this machine.
    ///
    /// # Errors
    /// The rule that is broken, or what the clip or the machine lacks.
    pub fn check_for(&self, views: usize) -> Result<()> {
        self.check()?;
        ensure!(views <= 32, "a stream has at most 32 views, not {views}");
        let last = views - 1;
        for view in &self.anchor {
            ensure!(*view <= last, "there is no view {view}: the clip has views 0 to {last}");
        }
        crate::encode::device(&self.device).map(|_| ())
    }

    /// The same settings for a clip, as the encoder takes them.
    ///
    /// # Errors
    /// When the clip has no such view, or there is no such profile or device.
    pub fn settings(
        &self,
        views: &[crate::input::View],
        output: std::path::PathBuf,
        work: Option<std::path::PathBuf>,
        quiet: bool,
    ) -> Result<crate::encode::EncodeSettings> {
        use crate::anchor::AnchorSettings;
        use crate::encode::simulcast;
        self.check_for(views.len())?;
        let pictures: Vec<&[crate::picture::Picture]> =
            views.iter().map(|v| v.frames.as_slice()).collect();
        let anchors = crate::plan::choose_anchors(&pictures, &self.anchor);
        let frames = pictures[0].len();
        let keys = if self.without == Some(Part::KeyPictures) { 0 } else { self.keys };
        let plan = crate::plan::Plan::new(&anchors, frames, self.gop, keys);
        let predicted = plan.implicit().next().is_some();
        let offset = |usual| self.intra_offset.unwrap_or(usual);
        let longest = plan.gops.iter().map(|(_, frames)| *frames).max().unwrap_or(0);
        let anchor = AnchorSettings {
            intra_offset: offset(if predicted {
                first_offset(longest)
            } else {
                simulcast::INTRA_OFFSET
            }),
            key_offset: self.key_offset,
            x264_params: self.x264_params.clone(),
            ..AnchorSettings::new(self.qp)
        };
        Ok(crate::encode::EncodeSettings {
            output,
            plan,
            anchor,
            training: self.training(work)?,
            simulcast_offset: self.anchor.is_empty().then_some(offset(simulcast::INTRA_OFFSET)),
            quiet,
        })
    }

    fn training(&self, work: Option<std::path::PathBuf>) -> Result<crate::train::Settings> {
        Ok(crate::train::Settings {
            profile: profile(&self.profile)?,
            steps: self.steps(),
            flow_steps: crate::train::FLOW_STEPS,
            batch: self.batch,
            learning_rate: self.learning_rate,
            lambda: self.lambda(),
            lambda_fall: self.lambda_fall,
            seed: self.seed,
            device: crate::encode::device(&self.device)?,
            checkpoint: work,
            checkpoint_every: crate::train::CHECKPOINT_EVERY,
            warm_start: None,
            without: self.without,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_flags_mean_the_quick_preset_at_qp_37() {
        let request = EncodeRequest::default();
        assert_eq!((request.qp, request.steps()), (37, 6_000));
        assert_eq!((request.intra_offset, request.lambda()), (None, 8e-3));
        request.check().unwrap();
    }

    #[test]
    fn first_pictures_are_finer_where_more_live_by_them() {
        assert_eq!([1, 48, 68, 96, 192, 256].map(first_offset), [-13, -13, -14, -15, -17, -17]);
    }

    #[test]
    fn lambda_doubles_every_three_quantisers() {
        let coarse = EncodeRequest { qp: 40, ..EncodeRequest::default() };
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
