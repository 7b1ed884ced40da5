//! Which views are explicit, how time is cut into GOPs, and which key pictures are sent.

use iev_runtime::ViewId;
use iev_runtime::format::header::{Role, Second};
use rayon::prelude::*;

use crate::matching::{FlowField, SearchRange, match_dense, photometric_error};
use crate::picture::Picture;
use crate::quality::psnr_db;

/// How a clip will be coded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Role of every view.
    pub roles: Vec<Role>,
    /// First picture and number of pictures of every GOP.
    pub gops: Vec<(usize, usize)>,
    /// Key pictures per implicit view and GOP.
    pub keys_per_gop: usize,
}

/// Pictures of a GOP unless asked otherwise.
pub const GOP_FRAMES: usize = 48;

/// Least luma PSNR at which a view warped from the anchor is worth a network.
///
/// Measured on originals: neighbouring cameras of a narrow rig reach 30 dB and more, cameras on opposite
/// sides of a room 17 dB, which is no better than a blurred guess.
const PREDICTABLE_DB: f64 = 24.0;

impl Plan {
    /// `anchors` are explicit; every other view is implicit, with the nearest of them as its anchor and
    /// key pictures as its second source.
    ///
    /// # Panics
    /// If `anchors` is empty or names a view that does not exist.
    pub fn new(
        views: usize,
        frames: usize,
        anchors: &[usize],
        gop_frames: usize,
        keys_per_gop: usize,
    ) -> Self {
        assert!(anchors.iter().all(|a| *a < views), "anchors are views of the clip");
        let role = |view: usize| {
            let nearest = anchors.iter().min_by_key(|a| a.abs_diff(view));
            match nearest.unwrap_or_else(|| panic!("a clip has at least one anchor")) {
                anchor if *anchor == view => Role::Explicit,
                anchor => Role::Implicit { anchor: ViewId(*anchor as u8), second: Second::Key },
            }
        };
        let gops =
            (0..frames).step_by(gop_frames).map(|first| (first, gop_frames.min(frames - first)));
        Self { roles: (0..views).map(role).collect(), gops: gops.collect(), keys_per_gop }
    }

    /// Implicit views in order.
    pub fn implicit(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.roles.len()).filter(|v| self.roles[*v] != Role::Explicit)
    }

    /// Explicit views in order.
    pub fn explicit(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.roles.len()).filter(|v| self.roles[*v] == Role::Explicit)
    }

    /// Times of the key pictures in a GOP of `frames` pictures: evenly spread from the first.
    pub fn key_times(&self, frames: usize) -> Vec<usize> {
        let count = self.keys_per_gop.min(frames);
        (0..count).map(|k| k * frames / count).collect()
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
    let reach = (REACH_AT_480_PX * target.width).div_ceil(480) as i32;
    match_dense(target, reference, SearchRange { x: reach, y: reach / 4 }, None)
}

/// Views to code explicitly: the middle one, and those that cannot be predicted from it.
pub fn choose_anchors(views: &[&[Picture]]) -> Vec<usize> {
    let middle = views.len() / 2;
    let all: Vec<usize> = (0..views.len()).collect();
    let explicit = |view: &usize| {
        *view == middle || predictability_db(views[*view], views[middle]) < PREDICTABLE_DB
    };
    all.into_par_iter().filter(explicit).collect()
}

/// Luma PSNR of `anchor` warped to `view`, over the first, the middle and the last picture.
fn predictability_db(view: &[Picture], anchor: &[Picture]) -> f64 {
    let times = [0, view.len() / 2, view.len() - 1];
    let error =
        |t: &usize| photometric_error(&view[*t], &anchor[*t], &match_views(&view[*t], &anchor[*t]));
    psnr_db(times.iter().map(error).sum::<f64>() / times.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::synthetic;

    #[test]
    fn a_shifted_view_is_implicit_and_an_unrelated_one_is_not() {
        let shifted = |by: f32| vec![synthetic(96, 64, by)];
        let mut noise = Picture::new(96, 64);
        for (i, sample) in noise.y.iter_mut().enumerate() {
            *sample = ((i as u32).wrapping_mul(2654435761) >> 24) as u8;
        }
        let views = [shifted(0.0), shifted(2.0), vec![noise]];
        let views: Vec<&[Picture]> = views.iter().map(Vec::as_slice).collect();
        assert_eq!(choose_anchors(&views), [1, 2]);
    }

    #[test]
    fn every_implicit_view_takes_the_nearest_anchor() {
        let plan = Plan::new(5, 50, &[0, 4], 48, 1);
        assert_eq!(plan.explicit().collect::<Vec<_>>(), [0, 4]);
        assert_eq!((plan.keyed_views(0), plan.keyed_views(4)), (vec![1, 2], vec![3]));
        assert_eq!(plan.gops, [(0, 48), (48, 2)]);
    }
}
