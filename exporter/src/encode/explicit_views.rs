//! The explicit views of a whole clip.

use iev_runtime::format::header::Header;
use rayon::prelude::*;

use super::figures::Costs;
use super::settings::EncodeSettings;
use crate::anchor::gop::CodedSection;
use crate::error::{Error, Result};
use crate::input::View;
use crate::picture::Picture;
use crate::plan::Plan;
use crate::quality::PlaneErrors;
use crate::stop;

/// Explicit views of a clip.
pub(super) struct ExplicitViews {
    /// Sections of every GOP.
    pub(super) coded: Vec<Vec<CodedSection>>,
    /// PSNR of every explicit view, all planes.
    pub(super) quality_db: Vec<(usize, [f64; 3])>,
}

/// Codes what the video codec holds of `views`, all sections at once; for a plan without implicit views that is all
/// of it.
pub(super) fn explicit_views(
    views: &[View],
    costs: &Costs<'_>,
    header: &Header,
    settings: &EncodeSettings,
) -> Result<ExplicitViews> {
    let plan = &settings.plan;
    let frames: Vec<&[Picture]> = views.iter().map(|v| v.frames.as_slice()).collect();
    let sections = plan.sections();
    let of_gop = |gop| sections.iter().map(move |section| (gop, section));
    let all: Vec<(&(usize, usize), &Vec<usize>)> = plan.gops.iter().flat_map(of_gop).collect();
    let job = settings.progress.job("coding explicit views", all.len());
    let code = |(span, section): &(&(usize, usize), &Vec<usize>)| {
        stop::check()?;
        let asked = ((*section).clone(), settings.anchor.clone());
        let coded = costs.section(plan, &asked, **span, header)?;
        job.step();
        Ok::<_, Error>(coded)
    };
    let coded: Vec<CodedSection> = all.par_iter().map(code).collect::<Result<_>>()?;
    let mut coded = coded.into_iter();
    let of_gop = |_| coded.by_ref().take(sections.len()).collect();
    let coded: Vec<Vec<CodedSection>> = plan.gops.iter().map(of_gop).collect();
    let quality_db = explicit_quality(&frames, plan, &coded);
    Ok(ExplicitViews { coded, quality_db })
}

/// Mean luma PSNR of views, each with that of Y, U and V.
pub(super) fn mean_luma_db(views: &[(usize, [f64; 3])]) -> f64 {
    views.iter().map(|(_, db)| db[0]).sum::<f64>() / views.len() as f64
}

fn explicit_quality(
    frames: &[&[Picture]],
    plan: &Plan,
    coded: &[Vec<CodedSection>],
) -> Vec<(usize, [f64; 3])> {
    let measure = |view: usize| {
        let mut errors = PlaneErrors::default();
        for ((first, _), sections) in plan.gops.iter().zip(coded) {
            let decoded = sections.iter().find_map(|section| section.pictures_of(view));
            let pairs = frames[view][*first..].iter().zip(decoded.unwrap_or(&[]));
            pairs.for_each(|(original, decoded)| errors.add(original, decoded));
        }
        (view, errors.psnr_db())
    };
    plan.explicit().map(measure).collect()
}
