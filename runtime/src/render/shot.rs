//! A source as a viewpoint sees it.

use super::padded::PaddedPicture;
use super::relief::{Rectangle, Relief};
use super::viewpoint::Transfer;

/// Sources that pictures are blended from; the others show what these do not.
pub(super) const MAIN: usize = 2;

/// A source as the viewpoint sees it.
#[derive(Clone, Copy)]
pub(super) struct Shot<'a> {
    pub picture: &'a PaddedPicture,
    pub relief: &'a Relief,
    /// From the source's cells to the viewpoint's, and how many of these one becomes at the same depth.
    pub forth: Transfer,
    pub zoom: f32,
    /// What every tile of its cells may fall on.
    pub seen: &'a [Rectangle],
    /// From the viewpoint's pixels to the source's.
    pub back: Transfer,
    /// How much it counts among the others.
    pub weight: f32,
    /// Whether it only shows what others do not.
    pub spare: bool,
    /// Difference of nearness up to which two points are of one surface.
    pub tolerance: f32,
}
