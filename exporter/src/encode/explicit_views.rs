//! The explicit views of a whole clip, GOP by GOP.

use anyhow::Result;

use super::settings::EncodeSettings;
use crate::anchor::gop::{CodedAnchor, code_gop};
use crate::input::View;
use crate::picture::Picture;
use crate::plan::Plan;
use crate::quality::PlaneErrors;
use crate::stop;

/// Explicit views of a clip.
pub(super) struct ExplicitViews {
    /// Per GOP and explicit view.
    pub(super) coded: Vec<Vec<CodedAnchor>>,
    /// PSNR of every explicit view, all planes.
    pub(super) quality_db: Vec<(usize, [f64; 3])>,
}

impl ExplicitViews {
    /// Luma PSNR, mean of the explicit views.
    pub(super) fn luma_db(&self) -> f64 {
        mean_luma_db(&self.quality_db)
    }

    /// Bytes of all their sections.
    pub(super) fn bytes(&self) -> usize {
        self.coded.iter().flatten().map(|coded| coded.body.len()).sum()
    }
}

/// Codes what H.264 holds of `views`; for a plan without implicit views that is all of it.
pub(super) fn explicit_views(views: &[View], settings: &EncodeSettings) -> Result<ExplicitViews> {
    let plan = &settings.plan;
    let frames: Vec<&[Picture]> = views.iter().map(|v| v.frames.as_slice()).collect();
    let job = settings.progress.job("coding by H.264", plan.gops.len());
    let code = |span: &(usize, usize)| {
        stop::check()?;
        let coded = code_gop(&frames, plan, *span, views[0].rate, &settings.anchor)?;
        job.step();
        Ok(coded)
    };
    let coded: Vec<Vec<CodedAnchor>> = plan.gops.iter().map(code).collect::<Result<_>>()?;
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
