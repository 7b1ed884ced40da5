//! Puts together what training sees: originals, decoded sources, matched flow.

use std::ops::Range;
use std::path::Path;

use iev_runtime::Size;
use iev_runtime::format::anchor::Key;
use iev_runtime::format::header::{Role, Second};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::kept_flow;
use crate::anchor::gop::CodedSection;
use crate::error::Result;
use crate::matching::FlowField;
use crate::picture::Picture;
use crate::plan::{Plan, match_views};
use crate::progress::Progress;
use crate::stop;
use crate::train::{Clip, MatchedFlow, ViewClip};

/// The scene over `gops` of the plan; what matching finds is kept in the folder `work`, if there is one.
///
/// # Errors
/// The disk's, and [`stop::Stopped`].
pub fn assemble<'a>(
    views: &[&'a [Picture]],
    plan: &Plan,
    gops: Range<usize>,
    coded: &'a [Vec<CodedSection>],
    size: Size,
    work: Option<&Path>,
    progress: Progress,
) -> Result<Clip<'a>> {
    let coded = &coded[gops.clone()];
    let gops = plan.gops[gops].iter().zip(coded).map(|((first, frames), anchors)| {
        let clip = |view: usize| {
            view_clip(&views[view][*first..*first + *frames], plan.roles[view], view, anchors)
        };
        plan.implicit().map(clip).collect()
    });
    let mut clip = Clip { size, gops: gops.collect() };
    let mut fields = matched(&clip, coded, work, progress)?.into_iter();
    for view in clip.gops.iter_mut().flatten() {
        let own = fields.by_ref().take(view.originals.len());
        view.matched = own.map(|f| MatchedFlow::from_px(&f.dx, &f.dy, &f.confidence)).collect();
    }
    Ok(clip)
}

/// Where every implicit picture of `clip` finds its anchor, in order of GOP, view and time.
fn matched(
    clip: &Clip<'_>,
    coded: &[Vec<CodedSection>],
    work: Option<&Path>,
    progress: Progress,
) -> Result<Vec<FlowField>> {
    let views = || clip.gops.iter().flatten();
    let pairs: Vec<_> = views().flat_map(|view| view.originals.iter().zip(view.anchors)).collect();
    let like = FlowField::zero(clip.size.width(), clip.size.height());
    // Everything that decides what is found.
    let digest = || -> kept_flow::Digest {
        let mut digest = Sha256::new();
        digest.update(format!("{} {:?} {}", env!("CARGO_PKG_VERSION"), clip.size, pairs.len()));
        coded.iter().flatten().for_each(|section| digest.update(&section.body));
        pairs.iter().for_each(|(original, _)| digest.update(original.i420()));
        digest.finalize().into()
    };
    let kept_in = work.filter(|_| !pairs.is_empty()).map(|folder| (folder, digest()));
    if let Some((folder, digest)) = kept_in
        && let Some(kept) = kept_flow::load(folder, digest, &like, pairs.len())?
    {
        return Ok(kept);
    }
    // Not found before: searched for, pair by pair, and kept.
    let job = progress.job("matching views", pairs.len());
    let find = |(original, anchor): &(&Picture, &Picture)| {
        stop::check()?;
        let field = match_views(original, anchor);
        job.step();
        Ok(field)
    };
    let found = pairs.par_iter().map(find).collect::<Result<Vec<_>>>()?;
    if let Some((folder, digest)) = kept_in {
        kept_flow::save(folder, digest, &found)?;
    }
    Ok(found)
}

fn view_clip<'a>(
    originals: &'a [Picture],
    role: Role,
    view: usize,
    coded: &'a [CodedSection],
) -> ViewClip<'a> {
    let Role::Implicit { anchor, second } = role else {
        unreachable!("only implicit views are trained");
    };
    let pictures = |view: usize| {
        let found = coded.iter().find_map(|section| section.pictures_of(view));
        found.unwrap_or_else(|| unreachable!("the anchor of view {view} is coded"))
    };
    // The first source.
    let anchors = pictures(usize::from(anchor.0));
    // The second: another view, key pictures, or the anchor again.
    let keys = coded.iter().flat_map(|section| &section.keys);
    let keys: Vec<_> = keys.filter(|(key, _)| usize::from(key.view.0) == view).collect();
    let (seconds, second_of) = match second {
        Second::Anchor(other) => {
            (pictures(usize::from(other.0)).iter().collect(), (0..originals.len()).collect())
        }
        Second::Key if keys.is_empty() => {
            (anchors.iter().collect(), (0..originals.len()).collect())
        }
        Second::Key => nearest(&keys, originals.len()),
    };
    ViewClip { matched: Vec::new(), originals, anchors, seconds, second_of }
}

/// Key pictures of a view and the nearest one of every frame; ties go to the earlier.
fn nearest<'a>(keys: &[&'a (Key, Picture)], frames: usize) -> (Vec<&'a Picture>, Vec<usize>) {
    let nearest = |frame: usize| {
        let distance =
            |k: &usize| (usize::from(keys[*k].0.frame).abs_diff(frame), keys[*k].0.frame);
        (0..keys.len()).min_by_key(distance).unwrap_or(0)
    };
    (keys.iter().map(|(_, p)| p).collect(), (0..frames).map(nearest).collect())
}
