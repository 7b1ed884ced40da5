//! The whole encoder: views → plan → anchors → matching → training → sections → file.

use iev_runtime::Size;
use iev_runtime::format::header::{Header, MAX_VIEWS};
use iev_runtime::format::table::Kind;
use iev_runtime::network::templates::Templates;

use super::board::check_board;
use super::explicit_views::{ExplicitViews, explicit_views, mean_luma_db};
use super::figures::Costs;
use super::floor::{NetworkStream, cheaper_explicit, chosen_by_drafts, hopeless};
use super::request::EncodeRequest;
use super::settings::EncodeSettings;
use crate::anchor::AnchorSettings;
use crate::anchor::gop::CodedSection;
use crate::error::{Context, Result};
use crate::input::View;
use crate::pack::{OwnedSection, cameras_section, sections, write_file};
use crate::picture::{Picture, PictureExt};
use crate::plan::{Plan, choose_anchors};
use crate::progress::Progress;
use crate::quality::PlaneErrors;
use crate::stop;
use crate::train::dataset::assemble;
use crate::train::{Clip, Sample, Trainer};

/// Plans a clip as `request` asks: without explicit views named, all views are matched with each other, which
/// takes minutes where they are many.
///
/// # Errors
/// When the clip has no such view, or the request breaks a rule.
pub fn plan(views: &[View], request: &EncodeRequest, progress: Progress) -> Result<Plan> {
    request.check_for(views.len())?;
    let pictures: Vec<&[Picture]> = views.iter().map(|v| v.frames.as_slice()).collect();
    let anchors = choose_anchors(&pictures, &request.anchor, progress);
    stop::check()?;
    let (codec, frames) = (request.codec()?.codec, pictures[0].len());
    let gop_frames = request.gop_frames(codec, frames)?;
    Ok(Plan { codec, ..Plan::new(&anchors, frames, gop_frames, request.keys_per_gop()) })
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
pub struct EncodeResult {
    /// Bytes of the file.
    pub bytes: u64,
    /// What the explicit views are coded with.
    pub anchor: AnchorSettings,
    /// Bytes of every section.
    pub parts: Vec<(Kind, usize)>,
    /// PSNR of explicit views, all planes.
    pub explicit_db: Vec<(usize, [f64; 3])>,
    /// PSNR of implicit views.
    pub implicit_db: Vec<ViewQuality>,
}

/// A stream that is not written yet.
struct Stream {
    header: Header,
    sections: Vec<OwnedSection>,
    explicit_db: Vec<(usize, [f64; 3])>,
    implicit_db: Vec<ViewQuality>,
}

impl EncodeResult {
    /// Luma PSNR, mean of all views.
    pub fn luma_db(&self) -> f64 {
        mean_luma_db(&self.predicted_db())
    }

    /// PSNR of Y, U and V of every view, as the encoder expects the player to show it.
    pub fn predicted_db(&self) -> Vec<(usize, [f64; 3])> {
        all_views_db(&self.explicit_db, &self.implicit_db)
    }
}

impl Stream {
    fn luma_db(&self) -> f64 {
        mean_luma_db(&all_views_db(&self.explicit_db, &self.implicit_db))
    }
}

fn all_views_db(
    explicit: &[(usize, [f64; 3])],
    implicit: &[ViewQuality],
) -> Vec<(usize, [f64; 3])> {
    let implicit = implicit.iter().map(|q| (q.view, q.fused_db));
    explicit.iter().copied().chain(implicit).collect()
}

/// Encodes `views` into a stream, as drafts tell where `settings` leave it open.
///
/// # Errors
/// When a step fails; nothing is left at the output then.
pub fn encode(views: &[View], settings: &EncodeSettings) -> Result<EncodeResult> {
    // More decoders may be too much for a board that plays what is trained.
    let plays =
        |s: &EncodeSettings| header(views, s).is_ok_and(|h| check_board(s, &h, &[]).is_ok());
    // What is drafted to decide once is not coded again to decide later.
    let costs = Costs::open(views, settings);
    let drafted = Some(chosen_by_drafts(&costs, settings)?).filter(plays);
    let mut settings = drafted.unwrap_or_else(|| settings.clone());
    let mut stream = loop {
        match code(views, &costs, &settings, plays)? {
            Coded::Whole(stream) => break stream,
            Coded::Hopeless(without) => settings = *without,
        }
    };
    let trained = !stream.implicit_db.is_empty();
    if let (Some(offset), true) = (settings.simulcast_offset, trained) {
        let most = stream.sections.iter().map(|s| s.body.len()).sum();
        let trained = NetworkStream { bytes: most, luma_db: stream.luma_db() };
        let cheaper = cheaper_explicit(&costs, &settings, offset, trained)?;
        if let Some(cheaper) = cheaper.filter(plays)
            && let Coded::Whole(explicit) = code(views, &costs, &cheaper, plays)?
        {
            (settings, stream) = (cheaper, explicit);
        }
    }
    Ok(EncodeResult {
        bytes: write_file(&settings.output, &stream.header, &stream.sections)?,
        anchor: settings.anchor,
        parts: stream.sections.iter().map(|s| (s.kind, s.body.len())).collect(),
        explicit_db: stream.explicit_db,
        implicit_db: stream.implicit_db,
    })
}

/// What has become of a clip.
enum Coded {
    Whole(Box<Stream>),
    /// The training showed early that it cannot pay: these settings do without.
    Hopeless(Box<EncodeSettings>),
}

/// Codes the explicit views, trains the implicit ones on them while that can pay, and packs both.
fn code(
    views: &[View],
    costs: &Costs<'_>,
    settings: &EncodeSettings,
    plays: impl Fn(&EncodeSettings) -> bool,
) -> Result<Coded> {
    let plan = &settings.plan;
    let frames: Vec<&[Picture]> = views.iter().map(|v| v.frames.as_slice()).collect();
    let header = header(views, settings)?;
    check_board(settings, &header, &[])?;
    let ExplicitViews { coded, quality_db: explicit_db } = explicit_views(views, settings)?;
    stop::check()?;
    let bytes = |gop: &Vec<CodedSection>| gop.iter().map(|section| section.body.len()).collect();
    check_board(settings, &header, &coded.iter().map(bytes).collect::<Vec<_>>())?;
    let work = settings.training.checkpoint.as_deref();
    let clip = assemble(&frames, plan, &coded, header.size, work, settings.progress)?;
    stop::check()?;
    let trained = if clip.views() > 0 {
        let mut trainer = Trainer::new(settings.training.clone(), &clip)?;
        trainer.tell_estimate(&clip, settings.progress)?;
        if let Some(explicit) = given_up(&mut trainer, &clip, costs, settings)?.filter(plays) {
            return Ok(Coded::Hopeless(Box::new(explicit)));
        }
        trainer.run(&clip, settings.progress)?;
        Some((trainer.export(&clip), implicit_quality(&trainer, &clip, plan, usize::MAX)))
    } else {
        None
    };
    let exported = trained.as_ref().map(|(exported, _)| exported);
    let mut sections = sections(&header, plan, &coded, exported);
    sections.extend(settings.cameras.as_ref().map(|cameras| cameras_section(cameras, &header)));
    let implicit_db = trained.map_or(Vec::new(), |(_, quality)| quality);
    Ok(Coded::Whole(Box::new(Stream { header, sections, explicit_db, implicit_db })))
}

/// What the header will say.
pub(super) fn header(views: &[View], settings: &EncodeSettings) -> Result<Header> {
    let first = &views[0].frames[0];
    let side =
        |px: usize| u16::try_from(px).ok().context("a side of a picture is at most 65535 pixels");
    // Roles as planned, and the template only where some view is implicit.
    let mut roles = heapless::Vec::new();
    for role in &settings.plan.roles {
        let many = || format!("a stream has at most {MAX_VIEWS} views");
        roles.push(*role).ok().with_context(many)?;
    }
    let implicit = settings.plan.implicit().next().is_some();
    let name = if implicit { settings.training.profile.name } else { "" };
    let template = Templates::of(name);
    let fits = || format!("the name of profile {name:?} is too long for a header");
    Ok(Header {
        profile: name.try_into().ok().with_context(fits)?,
        template_sha256: template.map_or([0; 32], Templates::sha256),
        size: Size { width_px: side(first.width())?, height_px: side(first.height())? },
        rate: views[0].rate,
        frames: u32::try_from(views[0].frames.len())
            .ok()
            .context("a clip has at most 2³² frames")?,
        colour: views[0].told.colour(),
        views: roles,
        sampling: views[0].told.sampling,
    })
}

/// Trains a tenth of the steps and gives what to do instead, where the rest would be in vain.
fn given_up(
    trainer: &mut Trainer,
    clip: &Clip<'_>,
    costs: &Costs<'_>,
    settings: &EncodeSettings,
) -> Result<Option<EncodeSettings>> {
    let (training, first) = (&settings.training, settings.training.steps / 10);
    let Some(offset) = settings.simulcast_offset else { return Ok(None) };
    // A training that starts from another is not at its beginning, and one of few steps is soon over.
    if training.warm_start.is_some() || first < LEAST_TOLD_STEPS {
        return Ok(None);
    }
    if !trainer.run_to(first, clip, settings.progress)? {
        return Ok(None);
    }
    let quality = implicit_quality(trainer, clip, &settings.plan, TOLD_PICTURES);
    let luma_db = quality.iter().map(|view| view.fused_db[0]).sum::<f64>() / quality.len() as f64;
    hopeless(costs, settings, offset, luma_db)
}

/// Steps that tell how good a network will be, and pictures of each view that they are told by.
const LEAST_TOLD_STEPS: usize = 500;
const TOLD_PICTURES: usize = 8;

/// Quality of the implicit views by at most so many `pictures` of each.
fn implicit_quality(
    trainer: &Trainer,
    clip: &Clip<'_>,
    plan: &Plan,
    pictures: usize,
) -> Vec<ViewQuality> {
    let measure = |(index, view): (usize, usize)| {
        let samples: Vec<Sample> = clip.samples().into_iter().filter(|s| s.view == index).collect();
        let apart = samples.len().div_ceil(pictures).max(1);
        let samples: Vec<Sample> = samples.into_iter().step_by(apart).collect();
        let mut errors = PlaneErrors::default();
        for chunk in samples.chunks(trainer.at_once(8)) {
            for (sample, fused) in chunk.iter().zip(trainer.fused(clip, chunk)) {
                errors.add(clip.original(sample), &fused);
            }
        }
        ViewQuality { view, fused_db: errors.psnr_db() }
    };
    plan.implicit().enumerate().map(measure).collect()
}
