//! What a request means for one clip: the settings of every step.

use std::path::PathBuf;

use iev_runtime::board::Board;
use iev_runtime::format::anchor::Codec;
use iev_runtime::format::cameras::Cameras;
use iev_runtime::format::header::MAX_VIEWS;
use tch::Device;

use super::request::{EncodeRequest, profile};
use crate::ablation::Part;
use crate::anchor::{AnchorEncoder, AnchorSettings, coder};
use crate::error::{Result, bail, ensure};
use crate::ffmpeg;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::rules::{SIMULCAST_INTRA_OFFSET, first_offset};
use crate::train::{CHECKPOINT_EVERY, DEVICE_BYTES, FLOW_STEPS, Settings, cuda};

/// What to encode and how.
#[derive(Debug, Clone)]
pub struct EncodeSettings {
    /// Where the stream goes.
    pub output: PathBuf,
    /// Plan of the clip.
    pub plan: Plan,
    /// Cameras of the views, to be sent along.
    pub cameras: Option<Cameras>,
    /// Anchor coding.
    pub anchor: AnchorSettings,
    /// Profile, schedule, λ.
    pub training: Settings,
    /// Change of the first picture's quantiser where every view becomes explicit because the network does not pay;
    /// without one, none does.
    pub simulcast_offset: Option<i32>,
    /// The board that has to play the stream.
    pub board: Option<Board>,
    /// Whether drafts choose which explicit views share a section.
    pub arrange: bool,
    /// Where it says how far it is.
    pub progress: Progress,
}

impl EncodeSettings {
    /// Says `what` is done.
    pub(crate) fn tell(&self, what: &str) {
        self.progress.say(what);
    }

    /// Says so where an encoder stands in for the better one that `request` would have had, and what the request asks
    /// of x264 where another one codes.
    ///
    /// # Errors
    /// Where the request names no board that there is.
    pub fn tell_fallback(&self, request: &EncodeRequest) -> Result<()> {
        let instead_of_av1 = request.codec()?.instead_of_av1;
        match (self.plan.codec, self.anchor.encoder, ffmpeg::find(), instead_of_av1) {
            (Codec::H264, AnchorEncoder::Best, Err(missing), _) => {
                self.tell(&format!("H.264 by openh264, about twice the bytes of x264: {missing}"));
            }
            (Codec::H264, _, _, Some(why)) => {
                self.tell(&format!("H.264 instead of AV1, about a third more bytes: {why}"));
            }
            _ => {}
        }
        if self.plan.codec == Codec::H264 && self.anchor.qp.fract() != 0.0 {
            self.progress.warn(format_args!(
                "--qp {} is {} by H.264, whose quantisers are whole",
                self.anchor.qp,
                self.anchor.whole_qp()
            ));
        }
        if (self.plan.codec, self.anchor.encoder.chosen()) != (Codec::H264, AnchorEncoder::X264) {
            for setting in request.of_x264() {
                let name = coder(self.plan.codec).name();
                self.progress.warn(format_args!(
                    "{setting} changes nothing: it is for x264, and {name} is coded by another encoder here"
                ));
            }
        }
        Ok(())
    }
}

impl EncodeRequest {
    /// Checks all that can be known before a clip of so many `views` is trained on this machine.
    ///
    /// # Errors
    /// The rule that is broken, or what the clip or the machine lacks.
    pub fn check_for(&self, views: usize) -> Result<()> {
        self.check()?;
        ensure!(views <= MAX_VIEWS, "a stream has at most {MAX_VIEWS} views, not {views}");
        let last = views - 1;
        for view in &self.anchor {
            ensure!(*view <= last, "there is no view {view}: the clip has views 0 to {last}");
        }
        self.board()?;
        device(&self.device).map(|_| ())
    }

    /// The board that has to play the stream.
    fn board(&self) -> iev_runtime::Result<Option<Board>> {
        self.board.as_deref().map(Board::find).transpose()
    }

    /// What of the request is for x264 alone.
    fn of_x264(&self) -> Vec<&'static str> {
        let usual = Self::default();
        let asked = [
            ("--intra-offset", self.intra_offset != usual.intra_offset),
            ("--key-offset", self.key_offset != usual.key_offset),
            ("--x264-params", self.x264_params != usual.x264_params),
        ];
        asked.into_iter().filter_map(|(name, asked)| asked.then_some(name)).collect()
    }

    /// Key pictures per implicit view and GOP, which an ablation may do without.
    pub(crate) fn keys_per_gop(&self) -> usize {
        if self.without.has(Part::KeyPictures) { 0 } else { self.keys }
    }

    /// The same settings for a clip that is planned, as the encoder takes them.
    ///
    /// # Errors
    /// When there is no such profile or device.
    pub fn settings(
        &self,
        plan: Plan,
        output: PathBuf,
        work: Option<PathBuf>,
        progress: Progress,
    ) -> Result<EncodeSettings> {
        // The first picture is finer where views are predicted from it.
        let predicted = plan.implicit().next().is_some();
        let longest = plan.gops.iter().map(|(_, frames)| *frames).max().unwrap_or(0);
        let usual = if predicted { first_offset(longest) } else { SIMULCAST_INTRA_OFFSET };
        let simulcast_offset = self.intra_offset.unwrap_or(SIMULCAST_INTRA_OFFSET);
        Ok(EncodeSettings {
            output,
            plan,
            cameras: None,
            anchor: AnchorSettings {
                intra_offset: self.intra_offset.unwrap_or(usual),
                shown_offset: self.intra_offset.unwrap_or(0),
                key_offset: self.key_offset,
                x264_params: self.x264_params.clone(),
                speed: self.preset.anchor_speed(),
                without: self.without.clone(),
                ..AnchorSettings::new(self.qp)
            },
            training: self.training(work)?,
            simulcast_offset: self.anchor.is_empty().then_some(simulcast_offset),
            board: self.board()?,
            arrange: true,
            progress,
        })
    }

    fn training(&self, work: Option<PathBuf>) -> Result<Settings> {
        Ok(Settings {
            profile: profile(&self.profile)?,
            steps: self.steps(),
            flow_steps: FLOW_STEPS,
            batch: self.batch,
            window_px: self.window,
            learning_rate: self.learning_rate,
            lambda: self.lambda(),
            lambda_fall: self.lambda_fall,
            seed: self.seed,
            device: device(&self.device)?,
            device_bytes: DEVICE_BYTES,
            checkpoint: work,
            checkpoint_every: CHECKPOINT_EVERY,
            warm_start: None,
            scene: 0,
            without: self.without.clone(),
        })
    }
}

/// Device by its name on the command line.
///
/// # Errors
/// When CUDA is asked for and libtorch has none.
pub fn device(name: &str) -> Result<Device> {
    match name {
        "cpu" => Ok(Device::Cpu),
        "cuda" => cuda::device(),
        "auto" => Ok(cuda::device().unwrap_or(Device::Cpu)),
        other => bail!("unknown device {other:?}: cpu, cuda or auto"),
    }
}
