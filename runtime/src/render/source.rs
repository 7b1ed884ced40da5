//! A view that pictures are rendered from: its picture, and what has been found out about its depth.

use super::blocks::Blocks;
use super::depth::DepthMap;
use super::level::{Level, scale_for};
use super::padded::PaddedPicture;
use super::relief::Relief;
use super::sweep::Depths;
use super::viewpoint::Viewpoint;
use crate::picture::Picture;
use crate::units::{Size, ViewId};

/// The picture that the range of depths is found in, among those that are shrunk.
pub(super) const COARSE: usize = 0;
/// The one that depth is found in.
pub(super) const FINE: usize = 1;
/// Steps of depth up to which two points are of one surface.
const SURFACE_STEPS: f32 = 2.5;

/// Bytes of a source and its desk for each pixel: the picture twice, depth, trust and both reliefs.
const BYTES_PER_PX: u64 = 16;
/// The same for each pixel of the picture that depth is found in.
const BYTES_PER_FINE_PX: u64 = 250;

/// Bytes that a view's picture, and what is found out about it, take.
pub(super) fn bytes(size: Size) -> u64 {
    let px = (size.width() * size.height()) as u64;
    let fine = px.min(Detail::Fine.most_px()[FINE] as u64);
    BYTES_PER_PX * px + BYTES_PER_FINE_PX * fine
}

/// How finely depth is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    Fine,
    /// In a quarter of the pixels.
    Quick,
}

impl Detail {
    /// Most pixels of each shrunk picture.
    const fn most_px(self) -> [usize; 2] {
        match self {
            Self::Fine => [3_000, 40_000],
            Self::Quick => [3_000, 10_000],
        }
    }
}

/// A picture shrunk by `scale`, its camera and its depth.
#[derive(Debug)]
pub(super) struct Shrunk {
    pub scale: usize,
    pub camera: Viewpoint,
    pub level: Level,
    pub map: DepthMap,
    /// Depths that are tried; none where no other view can tell.
    pub depths: Option<Depths>,
}

impl Shrunk {
    fn new(camera: &Viewpoint, most_px: usize) -> Self {
        let scale = scale_for(camera.size, most_px);
        let level = Level::new(camera.size, scale);
        let map = DepthMap::new(level.columns, level.rows);
        Self { scale, camera: camera.shrunk(scale), level, map, depths: None }
    }
}

/// A view with a picture.
#[derive(Debug)]
pub(super) struct Source {
    pub view: ViewId,
    pub camera: Viewpoint,
    pub picture: Picture,
    /// Whether the picture is one of those at hand.
    pub present: bool,
    /// [`COARSE`] and [`FINE`].
    pub shrunk: [Shrunk; 2],
    /// Depth of the whole picture.
    pub map: DepthMap,
    pub relief: Relief,
    /// The picture as it is sampled.
    pub padded: PaddedPicture,
}

impl Source {
    pub(super) fn new(view: ViewId, camera: Viewpoint, detail: Detail) -> Self {
        let size: Size = camera.size;
        Self {
            view,
            camera,
            picture: Picture::new(size),
            present: false,
            shrunk: detail.most_px().map(|most_px| Shrunk::new(&camera, most_px)),
            map: DepthMap::new(size.width(), size.height()),
            relief: Relief::new(size),
            padded: PaddedPicture::new(size),
        }
    }

    /// Takes the next picture in.
    pub(super) fn take(&mut self, picture: &Picture) {
        self.picture.i420_mut().copy_from_slice(picture.i420());
        self.padded.fill(picture);
        self.present = true;
    }

    /// Shrinks the picture.
    pub(super) fn shrink(&mut self) {
        self.shrunk.iter_mut().for_each(|shrunk| shrunk.level.fill(&self.picture));
    }

    /// Depths that were tried in the picture at hand.
    pub(super) fn depths(&self) -> Option<Depths> {
        self.shrunk[FINE].depths
    }

    /// Difference of nearness up to which two points are of one surface.
    pub(super) fn tolerance(&self) -> f32 {
        SURFACE_STEPS * self.depths().map_or(1.0, |depths| depths.step)
    }

    /// What was found of it is no start for the next picture.
    pub(super) fn forget(&mut self) {
        self.shrunk.iter_mut().for_each(|shrunk| shrunk.level.forget());
    }

    /// Brings the depth of the fine picture to the whole one, where it is new.
    pub(super) fn enlarge(&mut self, stale: &Blocks) {
        let Shrunk { scale, level, map, depths, .. } = &self.shrunk[FINE];
        let step = depths.map_or(1.0, |depths| depths.step);
        self.map.enlarge(&self.picture, (level, map), *scale, step, stale);
        self.relief.fill(&self.map, self.tolerance(), (stale, *scale));
    }
}
