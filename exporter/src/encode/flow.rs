//! The whole encoder: views → plan → anchor → motion → train → pack.

use std::path::PathBuf;

use anyhow::{Context, Result};
use iev_runtime::Size;
use iev_runtime::format::header::{Colour, Header};
use iev_runtime::format::table::Kind;
use iev_runtime::network::templates::Templates;
use tch::Device;

use crate::anchor::gop::{CodedAnchor, code_gop};
use crate::anchor::{AnchorEncoder, AnchorSettings};
use crate::encode::simulcast::simulcast_within;
use crate::ffmpeg;
use crate::input::{Matrix, View};
use crate::pack::{sections, write_file};
use crate::picture::Picture;
use crate::plan::Plan;
use crate::quality::PlaneErrors;
use crate::train::dataset::assemble;
use crate::train::{Clip, Exported, Sample, Settings, Trainer};

/// What to encode and how.
#[derive(Debug, Clone)]
pub struct EncodeSettings {
    /// Where the stream goes.
    pub output: PathBuf,
    /// Plan of the clip.
    pub plan: Plan,
    /// Anchor coding.
    pub anchor: AnchorSettings,
    /// Profile, schedule, λ.
    pub training: Settings,
    /// Change of the first picture's quantiser where every view becomes explicit because the network turns out
    /// not to pay; without one, none does.
    pub simulcast_offset: Option<i32>,
    /// No progress bar.
    pub quiet: bool,
}

impl EncodeSettings {
    /// Says `what` is done, on standard error.
    pub(crate) fn tell(&self, what: &str) {
        if !self.quiet {
            eprintln!("{what}");
        }
    }

    /// Says so where the built-in encoder stands in for x264.
    pub fn tell_fallback(&self) {
        if let (AnchorEncoder::Best, Err(missing)) = (self.anchor.encoder, ffmpeg::find()) {
            self.tell(&format!("H.264 by openh264, about twice the bytes of x264: {missing}"));
        }
    }
}

/// PSNR of one implicit view, as the trainer paints it.
#[derive(Debug, Clone, Copy)]
pub struct ViewQuality {
    /// The view.
    pub view: usize,
    /// Fused, all planes.
    pub fused_db: [f64; 3],
}

/// What came out.
#[derive(Debug, Clone)]
pub struct Encoded {
    /// Bytes of the file.
    pub bytes: u64,
    /// What the H.264 is coded with.
    pub anchor: AnchorSettings,
    /// Bytes of every section.
    pub parts: Vec<(Kind, usize)>,
    /// PSNR of explicit views, all planes.
    pub explicit_db: Vec<(usize, [f64; 3])>,
    /// PSNR of implicit views.
    pub implicit_db: Vec<ViewQuality>,
}

impl Encoded {
    /// Luma PSNR, mean of all views.
    pub fn luma_db(&self) -> f64 {
        mean_luma_db(&self.predicted_db())
    }

    /// PSNR of Y, U and V of every view, as the encoder expects the player to show it.
    pub fn predicted_db(&self) -> Vec<(usize, [f64; 3])> {
        let implicit = self.implicit_db.iter().map(|q| (q.view, q.fused_db));
        self.explicit_db.iter().copied().chain(implicit).collect()
    }
}

/// Encodes `views` into a stream.
///
/// # Errors
/// When a step fails; nothing is left at the output then.
pub fn encode(views: &[View], settings: &EncodeSettings) -> Result<Encoded> {
    let plan = &settings.plan;
    let frames: Vec<&[Picture]> = views.iter().map(|v| v.frames.as_slice()).collect();
    let header = header(views, settings)?;
    settings.tell("coding by H.264");
    let ExplicitViews { coded, quality_db: explicit_db } = explicit_views(views, settings)?;
    if plan.implicit().next().is_some() {
        settings.tell("matching views");
    }
    let clip = assemble(&frames, plan, &coded, header.size);
    let trained = if clip.views() > 0 { Some(train(&clip, settings)?) } else { None };
    let exported = trained.as_ref().map(|(exported, _)| exported);
    let sections = sections(&header, plan, &coded, exported);
    let mut encoded = Encoded {
        bytes: 0,
        anchor: settings.anchor.clone(),
        parts: sections.iter().map(|s| (s.kind, s.body.len())).collect(),
        explicit_db,
        implicit_db: trained.map_or(Vec::new(), |(_, quality)| quality),
    };
    if let (Some(offset), true) = (settings.simulcast_offset, clip.views() > 0) {
        let most = encoded.parts.iter().map(|(_, bytes)| bytes).sum();
        let luma_db = encoded.luma_db();
        if let Some(simulcast) = simulcast_within(views, settings, offset, most, luma_db)? {
            return encode(views, &simulcast);
        }
    }
    encoded.bytes = write_file(&settings.output, &header, &sections)?;
    Ok(encoded)
}

/// Mean luma PSNR of views, each with that of Y, U and V.
fn mean_luma_db(views: &[(usize, [f64; 3])]) -> f64 {
    views.iter().map(|(_, db)| db[0]).sum::<f64>() / views.len() as f64
}

/// Explicit views of a clip.
pub(crate) struct ExplicitViews {
    /// Per GOP and explicit view.
    pub(crate) coded: Vec<Vec<CodedAnchor>>,
    /// PSNR of every explicit view, all planes.
    pub(crate) quality_db: Vec<(usize, [f64; 3])>,
}

impl ExplicitViews {
    /// Luma PSNR, mean of the explicit views.
    pub(crate) fn luma_db(&self) -> f64 {
        mean_luma_db(&self.quality_db)
    }
}

/// Codes what H.264 holds of `views`; for a plan without implicit views that is all of it.
pub(crate) fn explicit_views(views: &[View], settings: &EncodeSettings) -> Result<ExplicitViews> {
    let plan = &settings.plan;
    let frames: Vec<&[Picture]> = views.iter().map(|v| v.frames.as_slice()).collect();
    let code =
        |span: &(usize, usize)| code_gop(&frames, plan, *span, views[0].rate, &settings.anchor);
    let coded: Vec<Vec<CodedAnchor>> = plan.gops.iter().map(code).collect::<Result<_>>()?;
    let quality_db = explicit_quality(&frames, plan, &coded);
    Ok(ExplicitViews { coded, quality_db })
}

fn header(views: &[View], settings: &EncodeSettings) -> Result<Header> {
    let first = &views[0].frames[0];
    let side = |px: usize| u16::try_from(px).context("a side of a picture is at most 65535 pixels");
    let mut roles = heapless::Vec::new();
    for role in &settings.plan.roles {
        roles.push(*role).ok().context("a stream has at most 32 views")?;
    }
    let implicit = settings.plan.implicit().next().is_some();
    let name = if implicit { settings.training.profile.name } else { "" };
    let template = Templates::of(name);
    Ok(Header {
        profile: name.try_into().unwrap_or_default(),
        template_sha256: template.map_or([0; 32], Templates::sha256),
        size: Size { width_px: side(first.width)?, height_px: side(first.height)? },
        rate: views[0].rate,
        frames: u32::try_from(views[0].frames.len())?,
        colour: colour(views),
        views: roles,
    })
}

/// What the views tell of their colours: their matrix all or none, their range some.
fn colour(views: &[View]) -> Colour {
    let full_range = views.iter().find_map(|view| view.full_range).unwrap_or(false);
    let known = match views[0].matrix {
        Some(Matrix::Bt709) => Colour::BT709,
        None => Colour::UNSPECIFIED,
    };
    Colour { matrix: known.matrix, full_range, ..Colour::UNSPECIFIED }
}

fn train(clip: &Clip, settings: &EncodeSettings) -> Result<(Exported, Vec<ViewQuality>)> {
    let mut trainer = Trainer::new(settings.training.clone(), clip)?;
    trainer.run(clip, settings.quiet)?;
    Ok((trainer.export(clip), implicit_quality(&trainer, clip, &settings.plan)))
}

fn implicit_quality(trainer: &Trainer, clip: &Clip, plan: &Plan) -> Vec<ViewQuality> {
    let measure = |(index, view): (usize, usize)| {
        let samples: Vec<Sample> = clip.samples().into_iter().filter(|s| s.view == index).collect();
        let mut errors = PlaneErrors::default();
        for chunk in samples.chunks(8) {
            for (sample, fused) in chunk.iter().zip(trainer.fused(clip, chunk)) {
                let original: Picture = clip.original(sample).into();
                errors.add(&original, &(&fused).into());
            }
        }
        ViewQuality { view, fused_db: errors.psnr_db() }
    };
    plan.implicit().enumerate().map(measure).collect()
}

fn explicit_quality(
    frames: &[&[Picture]],
    plan: &Plan,
    coded: &[Vec<CodedAnchor>],
) -> Vec<(usize, [f64; 3])> {
    let measure = |(index, view): (usize, usize)| {
        let mut errors = PlaneErrors::default();
        for ((first, _), anchors) in plan.gops.iter().zip(coded) {
            let pairs = frames[view][*first..].iter().zip(&anchors[index].pictures);
            pairs.for_each(|(original, decoded)| errors.add(original, decoded));
        }
        (view, errors.psnr_db())
    };
    plan.explicit().enumerate().map(measure).collect()
}

/// Device by its name on the command line.
///
/// # Errors
/// When CUDA is asked for and libtorch has none.
pub fn device(name: &str) -> Result<Device> {
    match name {
        "cpu" => Ok(Device::Cpu),
        "cuda" => crate::train::cuda::device(),
        other => anyhow::bail!("unknown device {other:?}: cpu or cuda"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_says_what_is_known_of_colours() {
        let view = |matrix, full_range| View {
            path: PathBuf::new(),
            frames: Vec::new(),
            rate: (24, 1),
            full_range,
            matrix,
        };
        let pictures = colour(&[view(Some(Matrix::Bt709), Some(false))]);
        assert_eq!((pictures.matrix, pictures.full_range), (1, false));
        assert_eq!(colour(&[view(None, None)]), Colour::UNSPECIFIED);
        assert!(colour(&[view(None, None), view(None, Some(true))]).full_range);
    }
}
