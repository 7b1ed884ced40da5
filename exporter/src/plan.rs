//! Which views are explicit, how time is cut into GOPs, and which key pictures are sent.

use iev_runtime::ViewId;
use iev_runtime::format::header::{Role, Second};

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

impl Plan {
    /// One anchor; all other views implicit, with key pictures as their second source.
    pub fn single_anchor(
        views: usize,
        frames: usize,
        anchor: usize,
        gop_frames: usize,
        keys_per_gop: usize,
    ) -> Self {
        let anchor_id = ViewId(anchor as u8);
        let role = |view| match view == anchor {
            true => Role::Explicit,
            false => Role::Implicit { anchor: anchor_id, second: Second::Key },
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
