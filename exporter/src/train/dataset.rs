//! Puts together what training sees: originals, decoded sources, matched flow.

use iev_runtime::Size;
use iev_runtime::format::anchor::Key;
use iev_runtime::format::header::{Role, Second};
use rayon::prelude::*;

use crate::anchor::gop::CodedSection;
use crate::picture::Picture;
use crate::plan::{Plan, match_views};
use crate::progress::{Job, Progress};
use crate::train::{Clip, MatchedFlow, ViewClip};

/// The scene over all `gops` of the plan.
pub fn assemble<'a>(
    views: &[&'a [Picture]],
    plan: &Plan,
    coded: &'a [Vec<CodedSection>],
    size: Size,
    progress: Progress,
) -> Clip<'a> {
    let frames: usize = plan.gops.iter().map(|(_, frames)| frames).sum();
    let job = progress.job("matching views", plan.implicit().count() * frames);
    let gops = plan.gops.iter().zip(coded).map(|((first, frames), anchors)| {
        let clip = |view: usize| {
            view_clip(&views[view][*first..*first + *frames], plan.roles[view], view, anchors, &job)
        };
        plan.implicit().map(clip).collect()
    });
    Clip { size, gops: gops.collect() }
}

fn view_clip<'a>(
    originals: &'a [Picture],
    role: Role,
    view: usize,
    coded: &'a [CodedSection],
    job: &Job,
) -> ViewClip<'a> {
    let Role::Implicit { anchor, second } = role else {
        unreachable!("only implicit views are trained");
    };
    let pictures = |view: usize| {
        let found = coded.iter().find_map(|section| section.pictures_of(view));
        found.unwrap_or_else(|| unreachable!("the anchor of view {view} is coded"))
    };
    let anchors = pictures(usize::from(anchor.0));
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
    let pairs = originals.par_iter().zip(anchors);
    let matched = pairs.map(|(original, anchor)| {
        let field = match_views(original, anchor);
        job.step();
        MatchedFlow::from_px(&field.dx, &field.dy, &field.confidence)
    });
    ViewClip { matched: matched.collect(), originals, anchors, seconds, second_of }
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
