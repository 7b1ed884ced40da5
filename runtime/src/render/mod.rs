//! Pictures at any pose, from those of the views around it.
//!
//! A [`Renderer`] takes the pictures of one frame, from a player or from anywhere, and renders what a [`Viewpoint`]
//! sees. Depth is found in the pictures themselves, so any views with cameras do, explicit or implicit. Rendering again
//! at a newer pose, as a head goes on turning, reuses the depth.
//!
//! ```
//! use iev_runtime::format::cameras::{Camera, Cameras};
//! use iev_runtime::render::{Renderer, Viewpoint};
//! use iev_runtime::{Picture, Size, ViewId};
//! use nalgebra::UnitQuaternion;
//!
//! // Two cameras 6 cm apart; of a stream they come from `Player::cameras`.
//! let at = |x| Camera::of_numbers([x, 0.0, 0.0], UnitQuaternion::identity(), [50.0; 2], [32.0, 24.0]);
//! let cameras = Cameras { views: [0.0, 0.06].into_iter().filter_map(at).collect() };
//! let size = Size { width_px: 64, height_px: 48 };
//! let mut renderer = Renderer::new(size, &cameras);
//! let pictures = [Picture::new(size), Picture::new(size)];
//! renderer.take([ViewId(0), ViewId(1)].into_iter().zip(&pictures));
//! let mut between = Picture::new(size);
//! let left = Viewpoint::of_camera(&cameras.views[0], size);
//! renderer.render(&left.moved_right(0.03), &mut between);
//! ```
//!
//! # Files, in the order the data meets them
//! ```text
//! level ─► sweep ─► paths ─► depth ─► trust ─► enlarge ─► warp ─► blend ─► fill
//! └─────── of a picture, once ──────────────────────────┘ └─ per pose ────────┘
//! ```

mod blend;
mod depth;
mod enlarge;
mod fill;
mod level;
mod matcher;
mod paths;
mod rig;
mod sample;
mod source;
mod sweep;
mod trust;
mod viewpoint;
mod warp;

use heapless::Vec as FixedVec;

use self::blend::Shot;
use self::rig::Rig;
use self::source::Source;
use self::viewpoint::Transfer;
pub use self::viewpoint::Viewpoint;
use crate::format::cameras::Cameras;
use crate::picture::Picture;
use crate::units::{Size, ViewId};

/// Most views that a picture is rendered from.
pub const MOST_SOURCES: usize = 4;

/// Pixels by which a viewpoint may be off a camera and still see what that does.
const SAME_PX: f32 = 1.0 / 16.0;
/// Steps of depth up to which two points are of one surface.
const SURFACE_STEPS: f32 = 2.5;
/// Squared distance, in spacings of the cameras, below which a view does not count more.
const NO_DISTANCE: f64 = 1e-6;

/// Renders pictures at any pose. It allocates when it meets a view for the first time, and a larger picture to render.
#[derive(Debug)]
pub struct Renderer {
    rig: Rig,
    /// Of what is rendered.
    nearness: Vec<f32>,
}

impl Renderer {
    /// For pictures of `size` by `cameras`.
    pub fn new(size: Size, cameras: &Cameras) -> Self {
        let cameras = cameras.views.iter().map(|camera| Viewpoint::of_camera(camera, size));
        Self { rig: Rig::new(cameras.collect()), nearness: Vec::new() }
    }

    /// The views that a picture at `at` is best rendered from, the best one first: those that [`Renderer::take`] should
    /// have. More of them cost time and tell little.
    pub fn views(&self, at: &Viewpoint) -> FixedVec<ViewId, MOST_SOURCES> {
        self.rig.views(at)
    }

    /// Takes the pictures of the next frame; those of the one before are forgotten.
    ///
    /// # Panics
    /// If a picture is of no camera's view, or of another size than [`Renderer::new`] was told.
    pub fn take<'a>(&mut self, pictures: impl IntoIterator<Item = (ViewId, &'a Picture)>) {
        self.rig.forget();
        pictures.into_iter().for_each(|(view, picture)| self.rig.take(view, picture));
    }

    /// Renders what `at` sees of the pictures at hand. At the camera of one of them it is that picture.
    ///
    /// Returns the share of pixels that some view has seen, from 0 to 1; the others are guessed from what is beside
    /// them, and grey where there is nothing.
    ///
    /// # Panics
    /// If `out` is not of the viewpoint's size, or [`Viewpoint::is_finite`] is not so.
    pub fn render(&mut self, at: &Viewpoint, out: &mut Picture) -> f64 {
        assert!(at.is_finite(), "a viewpoint is of finite numbers");
        assert_eq!(out.size(), at.size, "a picture is rendered at the viewpoint's size");
        let nearest = self.rig.nearest(at);
        let same = nearest.iter().find(|number| {
            let source = &self.rig.sources[**number];
            at.sees_as(&source.camera, self.rig.nearest_depth(source), SAME_PX)
        });
        if let Some(same) = same {
            out.i420_mut().copy_from_slice(self.rig.sources[*same].picture.i420());
            return 1.0;
        }
        self.rig.find_depths();
        for number in &nearest {
            warp(&mut self.rig.sources[*number], at);
        }
        let Self { rig, nearness } = self;
        let shots = nearest.iter().map(|number| shot(rig, &rig.sources[*number], at));
        let shots: FixedVec<_, MOST_SOURCES> = shots.collect();
        let tolerance = shots.iter().fold(0.0, |most: f32, shot| most.max(shot.tolerance));
        let pixels = at.size.width() * at.size.height();
        nearness.resize(pixels, 0.0);
        blend::surface(&shots, tolerance, nearness);
        blend::paint(&shots, nearness, out);
        let holes = fill::fill(nearness, out);
        1.0 - holes as f64 / pixels as f64
    }

    /// One over the depth of every pixel of a view's picture at hand, along the camera's axis; none where there is no
    /// such picture.
    pub fn depth(&mut self, view: ViewId) -> Option<&[f32]> {
        self.rig.find_depths();
        let source = self.rig.sources.iter().find(|source| source.present && source.view == view);
        source.map(|source| source.map.nearness.as_slice())
    }
}

/// A source as `at` sees it.
fn shot<'s>(rig: &Rig, source: &'s Source, at: &Viewpoint) -> Shot<'s> {
    let distance = rig.distance_in_spacings(&source.camera, at);
    Shot {
        picture: &source.picture,
        map: &source.map,
        warped: &source.warped,
        back: Transfer::between(at, &source.camera),
        weight: (1.0 / (distance * distance + NO_DISTANCE)) as f32,
        tolerance: tolerance(source),
    }
}

/// Difference of nearness up to which two points that a source sees are of one surface.
fn tolerance(source: &Source) -> f32 {
    SURFACE_STEPS * source.depths().map_or(1.0, |depths| depths.step)
}

/// Warps the depth of a source to `at`.
fn warp(source: &mut Source, at: &Viewpoint) {
    let [across, down] = [0, 1].map(|axis| at.focal_px[axis] / source.camera.focal_px[axis]);
    let transfer = Transfer::between(&source.camera, at);
    source.warped.fill(&source.map, transfer, across.max(down) as f32, at.size);
    let tolerance = tolerance(source);
    source.warped.close(tolerance);
}
