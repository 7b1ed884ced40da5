//! A picture that is rendered, of one eye.

use heapless::Vec as FixedVec;
use rayon::prelude::*;

use super::MOST_SOURCES;
use super::band::{Band, Part};
use super::fill::fill;
use super::relief::{GRID, Rectangle};
use super::rig::Rig;
use super::shot::{MAIN, Shot};
use super::source::Source;
use super::viewpoint::{Transfer, Viewpoint};
use crate::picture::Picture;

/// Rows of a band.
const BAND_ROWS: usize = 136;
/// Squared distance, in spacings of the cameras, below which a view does not count more.
const NO_DISTANCE: f64 = 1e-6;

/// What an eye takes to be rendered.
#[derive(Debug, Default)]
pub(super) struct Eye {
    bands: Vec<Band>,
    /// Of its pixels.
    nearness: Vec<f32>,
    /// What every tile of the nearest sources may fall on.
    seen: [Vec<Rectangle>; MOST_SOURCES],
}

impl Eye {
    /// Renders what `at` sees, as [`Renderer::render`](super::Renderer::render) says.
    pub(super) fn render(&mut self, rig: &Rig, at: &Viewpoint, out: &mut Picture) -> f64 {
        let nearest = rig.nearest(at);
        let cells = at.shrunk(GRID);
        let places = nearest.iter().zip(&mut self.seen).enumerate();
        let shots = places.map(|(place, (number, seen))| {
            let source = &rig.sources[*number];
            let way = way(source, &cells);
            source.relief.front.see(way, cells.size, seen);
            shot(rig, source, (at, way), (seen, place >= MAIN))
        });
        let shots: FixedVec<_, MOST_SOURCES> = shots.collect();
        let (columns, height) = (at.size.width(), at.size.height());
        let pixels = columns * height;
        self.nearness.resize(pixels, 0.0);
        self.bands.resize_with(height.div_ceil(BAND_ROWS), Band::default);
        let chroma = columns.div_ceil(2) * BAND_ROWS / 2;
        let [luma, blue, red] = out.planes_mut();
        let planes = luma
            .par_chunks_mut(columns * BAND_ROWS)
            .zip(blue.par_chunks_mut(chroma))
            .zip(red.par_chunks_mut(chroma));
        let nearnesses = self.nearness.par_chunks_mut(columns * BAND_ROWS);
        let parts = self.bands.par_iter_mut().zip(nearnesses).zip(planes).enumerate();
        parts.for_each(|(number, ((band, nearness), ((luma, blue), red)))| {
            let rows = number * BAND_ROWS..((number + 1) * BAND_ROWS).min(height);
            Part { band, rows, columns, height, nearness, planes: [luma, blue, red] }
                .render(&shots);
        });
        let holes = fill(&self.nearness, out);
        1.0 - holes as f64 / pixels as f64
    }
}

/// A source as `at` sees it, whose cells are found by the way `forth`.
fn shot<'s>(
    rig: &Rig,
    source: &'s Source,
    (at, (forth, zoom)): (&Viewpoint, (Transfer, f32)),
    (seen, spare): (&'s [Rectangle], bool),
) -> Shot<'s> {
    let distance = rig.distance_in_spacings(&source.camera, at);
    Shot {
        picture: &source.padded,
        relief: &source.relief,
        forth,
        zoom,
        seen,
        back: Transfer::between(at, &source.camera),
        weight: (1.0 / (distance * distance + NO_DISTANCE)) as f32,
        spare,
        tolerance: source.tolerance(),
    }
}

/// The way from a source's cells to those of a viewpoint, and how many of these one becomes at the same depth.
fn way(source: &Source, cells: &Viewpoint) -> (Transfer, f32) {
    let own = source.camera.shrunk(GRID);
    let [across, down] = [0, 1].map(|axis| cells.focal_px[axis] / own.focal_px[axis]);
    (Transfer::between(&own, cells), across.max(down) as f32)
}
