//! The whole encoder: views → plan → anchors → matching → training → sections → file.

use std::ops::Range;

use iev_runtime::Size;
use iev_runtime::format::header::{Header, MAX_VIEWS};
use iev_runtime::format::table::Kind;
use iev_runtime::network::templates::Templates;

use super::board::check_board;
use super::explicit_views::{ExplicitViews, explicit_views, mean_luma_db};
use super::figures::Costs;
use super::floor::{NetworkStream, cheaper_explicit, chosen_by_drafts};
use super::implicit_views::{ImplicitViews, Outcome, implicit_views};
use super::request::EncodeRequest;
use super::settings::EncodeSettings;
use crate::anchor::AnchorSettings;
use crate::anchor::gop::CodedSection;
use crate::error::{Context, Result, ensure};
use crate::input::View;
use crate::pack::{OwnedSection, cameras_section, sections, write_file};
use crate::picture::{Picture, PictureExt};
use crate::plan::{Plan, choose_anchors, cuts};
use crate::progress::Progress;
use crate::stop;

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
    let last = request.scenes.last().copied().unwrap_or(0);
    ensure!(last < frames, "there is no frame {last}: the clip has frames 0 to {}", frames - 1);
    let scenes = match &request.scenes[..] {
        [] => cuts::scenes(&pictures),
        asked => cuts::spans(asked, frames),
    };
    if scenes.len() > 1 {
        let starts: Vec<String> = scenes.iter().map(|scene| scene.start.to_string()).collect();
        progress.say(format_args!("{} scenes, from frames {}", scenes.len(), starts.join(", ")));
    }
    let lengths = |scene: &Range<usize>| Ok((scene.len(), request.gop_frames(codec, scene.len())?));
    let scenes: Vec<(usize, usize)> = scenes.iter().map(lengths).collect::<Result<_>>()?;
    Ok(Plan { codec, ..Plan::new(&anchors, &scenes, request.keys_per_gop()) })
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
    /// PSNR of implicit views as the trainer paints them, all planes.
    pub implicit_db: Vec<(usize, [f64; 3])>,
}

/// A stream that is not written yet.
struct Stream {
    header: Header,
    sections: Vec<OwnedSection>,
    explicit_db: Vec<(usize, [f64; 3])>,
    implicit_db: Vec<(usize, [f64; 3])>,
}

impl EncodeResult {
    /// Luma PSNR, mean of all views.
    pub fn luma_db(&self) -> f64 {
        mean_luma_db(&self.predicted_db())
    }

    /// PSNR of Y, U and V of every view, as the encoder expects the player to show it.
    pub fn predicted_db(&self) -> Vec<(usize, [f64; 3])> {
        [&self.explicit_db[..], &self.implicit_db].concat()
    }
}

impl Stream {
    fn luma_db(&self) -> f64 {
        mean_luma_db(&[&self.explicit_db[..], &self.implicit_db].concat())
    }
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
            Outcome::Whole(stream) => break stream,
            Outcome::Hopeless(without) => settings = *without,
        }
    };
    let trained = !stream.implicit_db.is_empty();
    if let (Some(offset), true) = (settings.simulcast_offset, trained) {
        let most = stream.sections.iter().map(|s| s.body.len()).sum();
        let trained = NetworkStream { bytes: most, luma_db: stream.luma_db() };
        let cheaper = cheaper_explicit(&costs, &settings, offset, trained)?;
        if let Some(cheaper) = cheaper.filter(plays)
            && let Outcome::Whole(explicit) = code(views, &costs, &cheaper, plays)?
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

/// Codes the explicit views, trains the implicit ones on them while that can pay, and packs both.
fn code(
    views: &[View],
    costs: &Costs<'_>,
    settings: &EncodeSettings,
    plays: impl Fn(&EncodeSettings) -> bool,
) -> Result<Outcome<Stream>> {
    let plan = &settings.plan;
    let frames: Vec<&[Picture]> = views.iter().map(|v| v.frames.as_slice()).collect();
    let header = header(views, settings)?;
    check_board(settings, &header, &[])?;
    let ExplicitViews { coded, quality_db: explicit_db } =
        explicit_views(views, costs, &header, settings)?;
    stop::check()?;
    let bytes = |gop: &Vec<CodedSection>| gop.iter().map(|section| section.body.len()).collect();
    check_board(settings, &header, &coded.iter().map(bytes).collect::<Vec<_>>())?;
    let trained = implicit_views(&frames, &coded, header.size, costs, settings, plays)?;
    let ImplicitViews { scenes, quality_db: implicit_db } = match trained {
        Outcome::Whole(views) => views,
        Outcome::Hopeless(without) => return Ok(Outcome::Hopeless(without)),
    };
    // Cameras first: who plays a file while it comes needs them from the start.
    let cameras = settings.cameras.as_ref().map(|cameras| cameras_section(cameras, &header));
    let sections = cameras.into_iter().chain(sections(plan, &coded, &scenes)).collect();
    Ok(Outcome::Whole(Stream { header, sections, explicit_db, implicit_db }))
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
