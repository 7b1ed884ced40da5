//! Which views are explicit, how time is cut into scenes and GOPs, and which key pictures are sent.

pub mod cuts;

use std::ops::Range;

use iev_runtime::ViewId;
use iev_runtime::format::anchor::Codec;
use iev_runtime::format::header::{Role, Second};
use rayon::prelude::*;

use crate::matching::{FlowField, SearchRange, match_dense, photometric_error};
use crate::picture::{Picture, PictureExt};
use crate::progress::Progress;
use crate::quality::psnr_db;

/// How a clip will be coded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Role of every view.
    pub roles: Vec<Role>,
    /// First picture and number of pictures of every GOP.
    pub gops: Vec<(usize, usize)>,
    /// GOPs of every scene, each of which has a network of its own where a view is implicit.
    pub scenes: Vec<Range<usize>>,
    /// Key pictures per implicit view and GOP.
    pub keys_per_gop: usize,
    /// The codec of explicit views.
    pub codec: Codec,
    /// Explicit views that share a section, in which their pictures take turns; the others have one each.
    pub in_turn: Vec<Vec<usize>>,
}

/// Least luma PSNR at which a view warped from the anchor is worth a network.
///
/// Measured on originals: neighbouring cameras of a narrow rig reach 30 dB and more, cameras on opposite
/// sides of a room 17 dB, which is no better than a blurred guess.
const PREDICTABLE_DB: f64 = 24.0;

impl Plan {
    /// `anchor_of` names the anchor of every view; a view that is its own anchor is explicit. The others
    /// have key pictures as their second source. Explicit views are in H.264, each in a section of its own. `scenes`
    /// tells pictures of every scene, and the most of a GOP in it.
    ///
    /// # Panics
    /// If an anchor is not its own.
    pub fn new(anchor_of: &[usize], scenes: &[(usize, usize)], keys_per_gop: usize) -> Self {
        let role = |(view, anchor): (usize, &usize)| {
            assert_eq!(anchor_of[*anchor], *anchor, "an anchor is explicit");
            match *anchor == view {
                true => Role::Explicit,
                false => Role::Implicit { anchor: ViewId(*anchor as u8), second: Second::Key },
            }
        };
        let roles = anchor_of.iter().enumerate().map(role).collect();
        let (mut plan_gops, mut plan_scenes, mut start) = (Vec::new(), Vec::new(), 0);
        for (frames, gop_frames) in scenes {
            let end = start + frames;
            let gop = |first: usize| (first, (*gop_frames).min(end - first));
            let before = plan_gops.len();
            plan_gops.extend((start..end).step_by(*gop_frames).map(gop));
            plan_scenes.push(before..plan_gops.len());
            start = end;
        }
        Self {
            roles,
            gops: plan_gops,
            scenes: plan_scenes,
            keys_per_gop,
            codec: Codec::H264,
            in_turn: Vec::new(),
        }
    }

    /// The same clip with every view explicit, and those that share one of `sections` in turn.
    pub fn all_explicit(&self, sections: &[Vec<usize>]) -> Self {
        let roles = vec![Role::Explicit; self.roles.len()];
        let in_turn = sections.iter().filter(|section| section.len() > 1).cloned().collect();
        Self { roles, keys_per_gop: 0, in_turn, ..self.clone() }
    }

    /// The first GOP of every scene, from which drafts tell how the others are.
    pub fn first_gops(&self) -> Vec<(usize, usize)> {
        self.scenes.iter().map(|gops| self.gops[gops.start]).collect()
    }

    /// Explicit views by the section that holds them.
    pub fn sections(&self) -> Vec<Vec<usize>> {
        let alone = self.explicit().filter(|view| !self.in_turn.iter().any(|s| s.contains(view)));
        self.in_turn.iter().cloned().chain(alone.map(|view| vec![view])).collect()
    }

    /// Implicit views in order.
    pub fn implicit(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.roles.len()).filter(|v| self.roles[*v] != Role::Explicit)
    }

    /// Explicit views in order.
    pub fn explicit(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.roles.len()).filter(|v| self.roles[*v] == Role::Explicit)
    }

    /// Frames of a GOP of `frames` pictures that a key picture each is for: as many as there are, in turn.
    pub fn key_spans(&self, frames: usize) -> Vec<Range<usize>> {
        let count = self.keys_per_gop.min(frames);
        (0..count).map(|k| k * frames / count..(k + 1) * frames / count).collect()
    }

    /// Implicit views that take key pictures from the stream of explicit view `anchor`, nearest first.
    pub fn keyed_views(&self, anchor: usize) -> Vec<usize> {
        let keyed = |role: &Role| matches!(role, Role::Implicit { anchor: a, second: Second::Key } if usize::from(a.0) == anchor);
        let mut views: Vec<usize> =
            (0..self.roles.len()).filter(|v| keyed(&self.roles[*v])).collect();
        views.sort_by_key(|v| v.abs_diff(anchor));
        views
    }
}

/// Farthest match, in pixels of a picture 480 wide; scales with the width.
const REACH_AT_480_PX: usize = 64;

/// Dense match of `target` in `reference`, as far as views of one scene are apart.
pub fn match_views(target: &Picture, reference: &Picture) -> FlowField {
    let reach = (REACH_AT_480_PX * target.width()).div_ceil(480) as i32;
    match_dense(target, reference, SearchRange { x: reach, y: reach / 4 })
}

/// The anchor of every view, a view that is to be explicit being its own.
///
/// Explicit are the views `asked` for. Without any: the view that predicts most others comes first, and while
/// some views cannot be predicted from those chosen, the one that predicts most of these follows. A rig of several
/// groups of cameras gets an anchor for each; cameras that see nothing in common are all explicit.
pub fn choose_anchors(views: &[&[Picture]], asked: &[usize], progress: Progress) -> Vec<usize> {
    if let [only] = asked {
        // Nothing to choose, so nothing to match.
        return vec![*only; views.len()];
    }
    let all: Vec<usize> = (0..views.len()).collect();
    let from = if asked.is_empty() { &all } else { asked };
    let predicted = PredictionPsnr::measure(views, from, progress);
    let mut anchors = asked.to_vec();
    let mut left = if asked.is_empty() { all.clone() } else { Vec::new() };
    while let Some(anchor) = predicted.best_for(&left) {
        anchors.push(anchor);
        left.retain(|view| predicted.db(*view, anchor) < PREDICTABLE_DB);
    }
    let nearest = |view: usize| {
        let better =
            |a: &&usize, b: &&usize| predicted.db(view, **a).total_cmp(&predicted.db(view, **b));
        anchors.iter().max_by(better).copied().unwrap_or(view)
    };
    all.into_iter().map(nearest).collect()
}

/// Luma PSNR of views warped from others, `[view][anchor]`; NaN where it was not asked for.
struct PredictionPsnr(Vec<Vec<f64>>);

impl PredictionPsnr {
    /// Every view from every view in `anchors`, over the first and the middle picture.
    fn measure(views: &[&[Picture]], anchors: &[usize], progress: Progress) -> Self {
        let job = progress.job("comparing views", views.len() * anchors.len());
        let samples: Vec<[Picture; 2]> =
            views.par_iter().map(|v| [&v[0], &v[v.len() / 2]].map(shrunk)).collect();
        let of_view = |view: usize| {
            let from = |anchor: usize| {
                if !anchors.contains(&anchor) {
                    return f64::NAN;
                }
                let db = match anchor == view {
                    true => f64::INFINITY,
                    false => predicted_db(&samples[view], &samples[anchor]),
                };
                job.step();
                db
            };
            (0..views.len()).into_par_iter().map(from).collect()
        };
        Self((0..views.len()).into_par_iter().map(of_view).collect())
    }

    fn db(&self, view: usize, anchor: usize) -> f64 {
        self.0[view][anchor]
    }

    /// The view of `left` that predicts most of them, and those best; none when there are none left.
    fn best_for(&self, left: &[usize]) -> Option<usize> {
        let worth = |anchor: usize| {
            let db = left.iter().map(|view| self.db(*view, anchor));
            let predicted: Vec<f64> = db.filter(|db| *db >= PREDICTABLE_DB).collect();
            (predicted.len(), predicted.iter().filter(|db| db.is_finite()).sum::<f64>())
        };
        let better = |a: &usize, b: &usize| {
            let ((many_a, sum_a), (many_b, sum_b)) = (worth(*a), worth(*b));
            many_a.cmp(&many_b).then(sum_a.total_cmp(&sum_b)).then(b.cmp(a))
        };
        left.iter().copied().max_by(better)
    }
}

/// Widest picture that is matched for planning: a rig is planned alike, and as fast, at every resolution.
const PLANNED_PX: usize = 640;

/// The picture halved until it is at most [`PLANNED_PX`] wide.
fn shrunk(picture: &Picture) -> Picture {
    let mut picture = picture.clone();
    while picture.width() > PLANNED_PX {
        picture = picture.halved();
    }
    picture
}

/// Luma PSNR of the pictures `anchor` warped to those of `view`.
fn predicted_db(view: &[Picture], anchor: &[Picture]) -> f64 {
    let error = |(v, a): (&Picture, &Picture)| photometric_error(v, a, &match_views(v, a));
    psnr_db(view.iter().zip(anchor).map(error).sum::<f64>() / view.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::synthetic;

    #[test]
    fn a_shifted_view_is_implicit_and_an_unrelated_one_is_not() {
        let shifted = |by: f32| vec![synthetic(96, 64, by)];
        let mut noise = Picture::zeros(96, 64);
        for (i, sample) in noise.planes_mut()[0].iter_mut().enumerate() {
            *sample = ((i as u32).wrapping_mul(2654435761) >> 24) as u8;
        }
        let views = [shifted(0.0), shifted(2.0), vec![noise]];
        let views: Vec<&[Picture]> = views.iter().map(Vec::as_slice).collect();
        let chosen = choose_anchors(&views, &[], Progress::Quiet);
        assert!(chosen[0] == chosen[1] && chosen[2] == 2, "{chosen:?}");
        assert_eq!(choose_anchors(&views, &[1], Progress::Quiet), [1, 1, 1]);
    }

    #[test]
    fn keys_travel_with_the_anchor_of_their_view() {
        let plan = Plan::new(&[0, 0, 0, 4, 4], &[(50, 48)], 1);
        assert_eq!(plan.explicit().collect::<Vec<_>>(), [0, 4]);
        assert_eq!((plan.keyed_views(0), plan.keyed_views(4)), (vec![1, 2], vec![3]));
        assert_eq!(plan.gops, [(0, 48), (48, 2)]);
        assert_eq!(plan.sections(), [[0], [4]]);
    }

    #[test]
    fn a_scene_begins_with_a_gop() {
        let plan = Plan::new(&[0], &[(50, 48), (30, 48)], 1);
        assert_eq!(plan.gops, [(0, 48), (48, 2), (50, 30)]);
        assert_eq!(
            (plan.scenes.clone(), plan.first_gops()),
            (vec![0..2, 2..3], vec![(0, 48), (50, 30)])
        );
    }

    #[test]
    fn views_in_turn_share_a_section() {
        let plan =
            Plan::new(&[0, 0, 0, 0], &[(8, 8)], 1).all_explicit(&[vec![1, 0], vec![2], vec![3]]);
        assert_eq!(plan.sections(), [vec![1, 0], vec![2], vec![3]]);
        assert_eq!(plan.explicit().count(), 4);
    }
}
