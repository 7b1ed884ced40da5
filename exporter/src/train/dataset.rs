//! Puts together what training sees: originals, decoded sources, matched flow.

use iev_runtime::Size;
use iev_runtime::format::header::{Role, Second};
use rayon::prelude::*;

use crate::anchor::gop::CodedAnchor;
use crate::picture::Picture;
use crate::plan::{Plan, match_views};
use crate::progress::{Job, Progress};
use crate::train::{Clip, MatchedFlow, ViewClip};

/// The scene over all `gops` of the plan.
pub fn assemble<'a>(
    views: &[&'a [Picture]],
    plan: &Plan,
    coded: &'a [Vec<CodedAnchor>],
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
    coded: &'a [CodedAnchor],
    job: &Job,
) -> ViewClip<'a> {
    let Role::Implicit { anchor, second } = role else {
        unreachable!("only implicit views are trained");
    };
    let stream = |view: usize| {
        let found = coded.iter().find(|c| c.view == view);
        found.unwrap_or_else(|| unreachable!("the anchor of view {view} is coded"))
    };
    let anchors = &stream(usize::from(anchor.0)).pictures;
    let (seconds, second_of) = match second {
        Second::Anchor(other) => {
            (stream(usize::from(other.0)).pictures.iter().collect(), (0..originals.len()).collect())
        }
        Second::Key => keys_of(view, stream(usize::from(anchor.0)), originals.len()),
    };
    let pairs = originals.par_iter().zip(anchors);
    let matched = pairs.map(|(original, anchor)| {
        let field = match_views(original, anchor);
        job.step();
        MatchedFlow::from_px(&field.dx, &field.dy, &field.confidence)
    });
    ViewClip { matched: matched.collect(), originals, anchors, seconds, second_of }
}

/// Key pictures of a view and the nearest one of every time; ties go to the earlier.
fn keys_of(view: usize, stream: &CodedAnchor, frames: usize) -> (Vec<&Picture>, Vec<usize>) {
    let keys: Vec<_> = stream.keys.iter().filter(|(k, _)| usize::from(k.view.0) == view).collect();
    if keys.is_empty() {
        return (stream.pictures.iter().collect(), (0..frames).collect());
    }
    let nearest = |time: usize| {
        let distance = |k: &usize| (usize::from(keys[*k].0.time).abs_diff(time), keys[*k].0.time);
        (0..keys.len()).min_by_key(distance).unwrap_or(0)
    };
    (keys.iter().map(|(_, p)| p).collect(), (0..frames).map(nearest).collect())
}
