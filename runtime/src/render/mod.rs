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
//! level ─► stale, span ─► sweep ─► paths ─► depth ─► trust ─► enlarge ─► relief ─► band: warp ─► holes ─► line ─► paint ─► fill
//! └──────── of a picture, once, where it changed ───────────────────────────┘ └─ per pose (eye) ───────────────────────────┘
//! ```
//!
//! # Cells
//! Surfaces are told apart by cells of 2×2 pixels, as fine as depth is found at its finest: a quarter of the points.
//! Pixels are sampled each for itself, where the depth of whole pictures says that a source sees the surface.
//!
//! # Depth that is kept
//! Depth is found anew only where a picture changed, or where the pictures that it was found by did; one row of blocks
//! in turn is found again all the same, so that no error stays. It so depends on the frames that were rendered before: a
//! renderer that begins at a frame, or after a cut, finds all of it there and then, and the frames after that differ
//! from those of one that began earlier by what noise does. What is found is the same for the same frames.

/// Calls an `#[inline(always)]` function with vectors as wide as the processor has.
macro_rules! by_widest {
    ($function:path, $($name:ident: $type:ty = $value:expr),*) => {{
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx2")]
            fn wide($($name: $type),*) {
                $function($($name),*)
            }
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: the processor has AVX2.
                #[allow(unsafe_code, reason = "chosen at run time")]
                return unsafe { wide($($value),*) };
            }
        }
        $function($($value),*)
    }};
}

mod ahead;
mod band;
mod blocks;
mod cubic;
mod depth;
mod enlarge;
mod eye;
mod fill;
mod holes;
#[cfg(target_arch = "x86_64")]
mod lanes_avx2;
#[cfg(target_arch = "aarch64")]
mod lanes_neon;
mod level;
mod line;
mod linear;
mod matcher;
mod padded;
mod paint;
mod paths;
mod relief;
mod rig;
mod shot;
mod source;
mod span;
mod stale;
mod sweep;
mod trust;
#[cfg(test)]
mod twin;
mod viewpoint;
mod warp;

use heapless::Vec as FixedVec;
use rayon::prelude::*;

use self::eye::Eye;
use self::rig::Rig;
use self::source::Detail;
pub use self::viewpoint::Viewpoint;
use crate::format::cameras::Cameras;
use crate::picture::Picture;
use crate::units::{Size, ViewId};

/// Most views that a picture is rendered from.
pub const MOST_SOURCES: usize = 4;

/// Views that are kept although they are not at hand, those at hand counted too: a head that goes to and fro finds them as
/// they were.
const MOST_KEPT: usize = 2 * MOST_SOURCES;

/// Pixels by which a viewpoint may be off a camera and still see what that does.
const SAME_PX: f32 = 1.0 / 16.0;

/// Renders pictures at any pose, on as many threads as rayon's pool has. It allocates when it meets a view that it
/// does not have yet, and a larger picture to render; and that pool's queue takes a new block every few dozen pictures.
#[derive(Debug)]
pub struct Renderer {
    rig: Rig,
    /// Whether the last picture was of no camera, or none was rendered yet.
    between: bool,
    eyes: [Eye; 2],
}

impl Renderer {
    /// For pictures of `size` by `cameras`.
    pub fn new(size: Size, cameras: &Cameras) -> Self {
        Self::with(Detail::Fine, size, cameras)
    }

    /// The same with depth that is found in a quarter of the pixels: in a third of the time, and pictures lose about two
    /// thirds of a decibel.
    pub fn quick(size: Size, cameras: &Cameras) -> Self {
        Self::with(Detail::Quick, size, cameras)
    }

    fn with(detail: Detail, size: Size, cameras: &Cameras) -> Self {
        let cameras = cameras.views.iter().map(|camera| Viewpoint::of_camera(camera, size));
        Self { rig: Rig::new(cameras.collect(), detail), between: true, eyes: Default::default() }
    }

    /// Whether it is of [`Self::quick`].
    pub fn is_quick(&self) -> bool {
        self.rig.detail == Detail::Quick
    }

    /// Bytes that a renderer may hold for pictures of `size` of any of `views` views, of which so many are at hand at once.
    pub fn bytes(size: Size, views: usize, at_hand: usize) -> u64 {
        views.min(MOST_KEPT).max(at_hand) as u64 * source::bytes(size)
    }

    /// The views that a picture at `at` is best rendered from, the best one first: those that [`Renderer::take`] should
    /// have. More of them cost time and tell little.
    pub fn views(&self, at: &Viewpoint) -> FixedVec<ViewId, MOST_SOURCES> {
        self.rig.views(at)
    }

    /// Takes the pictures of the next frame; those of the one before are forgotten, and depth of what did not change
    /// since is kept.
    ///
    /// # Panics
    /// If a picture is of no camera's view, or of another size than [`Renderer::new`] was told.
    pub fn take<'a>(&mut self, pictures: impl IntoIterator<Item = (ViewId, &'a Picture)>) {
        self.rig.forget();
        pictures.into_iter().for_each(|(view, picture)| self.rig.take(view, picture));
        self.rig.let_go(MOST_KEPT);
    }

    /// Finds the depth of the pictures at hand now instead of with the next picture that needs it, unless the last one that
    /// was rendered did not: what is rendered then takes no longer than another pose of the same frame.
    pub fn prepare(&mut self) {
        if self.between {
            self.rig.find_depths();
        }
    }

    /// Renders what `at` sees of the pictures at hand. At the camera of one of them it is that picture.
    ///
    /// Returns the share of pixels that some view has seen, from 0 to 1; the others are guessed from what is beside
    /// them, and grey where there is nothing.
    ///
    /// # Panics
    /// If `out` is not of the viewpoint's size, or [`Viewpoint::is_finite`] is not so.
    pub fn render(&mut self, at: &Viewpoint, out: &mut Picture) -> f64 {
        let [seen] = self.render_eyes([(at, out)]);
        seen
    }

    /// Renders what two eyes see at once, which is faster than one after the other; otherwise as [`Self::render`].
    ///
    /// # Panics
    /// As [`Self::render`].
    pub fn render_pair(&mut self, eyes: [(&Viewpoint, &mut Picture); 2]) -> [f64; 2] {
        self.render_eyes(eyes)
    }

    fn render_eyes<const N: usize>(&mut self, eyes: [(&Viewpoint, &mut Picture); N]) -> [f64; N] {
        for (at, out) in &eyes {
            assert!(at.is_finite(), "a viewpoint is of finite numbers");
            assert_eq!(out.size(), at.size, "a picture is rendered at the viewpoint's size");
        }
        let same = eyes.each_ref().map(|(at, _)| self.same(at));
        self.between = same.contains(&None);
        if self.between {
            self.rig.find_depths();
        }
        let (mut seen, rig) = ([1.0; N], &self.rig);
        let eyes = self.eyes.par_iter_mut().zip(eyes).zip(same).zip(&mut seen);
        eyes.for_each(|(((eye, (at, out)), same), seen)| match same {
            Some(same) => out.i420_mut().copy_from_slice(rig.sources[same].picture.i420()),
            None => *seen = eye.render(rig, at, out),
        });
        seen
    }

    /// The source at hand that sees what `at` does.
    fn same(&self, at: &Viewpoint) -> Option<usize> {
        self.rig.nearest(at).into_iter().find(|number| {
            let source = &self.rig.sources[*number];
            at.sees_as(&source.camera, self.rig.nearest_depth(source), SAME_PX)
        })
    }

    /// One over the depth of every pixel of a view's picture at hand, along the camera's axis; none where there is no
    /// such picture.
    pub fn depth(&mut self, view: ViewId) -> Option<&[f32]> {
        self.rig.find_depths();
        let source = self.rig.sources.iter().find(|source| source.present && source.view == view);
        source.map(|source| source.map.nearness.as_slice())
    }
}
