//! Pictures as pixels of a window: 0x00RRGGBB, as large as fits.

use iev_runtime::ViewId;
use iev_runtime::format::header::Header;
use iev_runtime::picture::rgb::ToRgb;
use iev_runtime::picture::{Picture, Plane};
use iev_runtime::play::shown::ShownFrame;
use iev_runtime::sink::{Tile, TileLayout};

/// Draws what is shown.
pub(super) struct Canvas {
    header: Header,
    /// Where several views are shown.
    tile: Option<(Vec<ViewId>, Tile)>,
    /// A row of the picture.
    row: Vec<u32>,
}

impl Canvas {
    pub(super) fn new(header: &Header) -> Self {
        Self { header: header.clone(), tile: None, row: Vec::new() }
    }

    /// Columns and rows of a window in which pictures of so many views have their own size.
    pub(super) fn natural_size(&self, views: usize) -> (usize, usize) {
        let (size, (wide, high)) = (self.header.size, self.header.sampling.pixel_aspect);
        let stretched = |columns: usize| match (wide, high) {
            (0, _) | (_, 0) => columns,
            _ => columns * wide as usize / high as usize,
        };
        (stretched(size.width().next_multiple_of(2) * views).max(1), size.height())
    }

    /// Draws one picture, otherwise as [`Canvas::draw`].
    pub(super) fn draw_one(&mut self, picture: &Picture, pixels: &mut [u32], width: usize) {
        let place = fitted(self.natural_size(1), (width, pixels.len() / width));
        pixels.fill(0);
        paint(picture, &self.header, &mut self.row, pixels, width, place);
    }

    /// Draws `views` of `shown` onto `pixels`, with black where there is no picture.
    ///
    /// # Panics
    /// If the rows of `width` do not make up `pixels`.
    pub(super) fn draw(
        &mut self,
        shown: &ShownFrame,
        views: &[ViewId],
        pixels: &mut [u32],
        width: usize,
    ) {
        let height = pixels.len() / width;
        assert_eq!(width * height, pixels.len(), "pixels are whole rows");
        pixels.fill(0);
        if let [view] = views {
            // Another view comes a few frames later, and degraded frames bring the anchor in its place.
            let of_view = shown.pictures.iter().find(|shown| shown.view == *view);
            let Some(one) = of_view.or(shown.pictures.first()) else { return };
            return self.draw_one(&one.picture, pixels, width);
        }
        if self.tile.as_ref().is_none_or(|(tiled, _)| tiled != views) {
            let tile = Tile::new(self.header.size, views, TileLayout::SideBySide);
            self.tile = tile.ok().map(|tile| (views.to_vec(), tile));
        }
        let place = fitted(self.natural_size(views.len()), (width, height));
        if let Some((_, tile)) = &mut self.tile {
            paint(tile.compose(shown), &self.header, &mut self.row, pixels, width, place);
        }
    }
}

/// Where a picture stands in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

/// The largest place of the form of `natural` in the middle of a window.
fn fitted((columns, rows): (usize, usize), (width, height): (usize, usize)) -> Place {
    let (w, h) = if width * rows <= height * columns {
        (width, width * rows / columns)
    } else {
        (height * columns / rows, height)
    };
    let (w, h) = (w.max(1), h.max(1));
    Place { left: (width - w) / 2, top: (height - h) / 2, width: w, height: h }
}

/// Each pixel of the place takes the picture's nearest.
fn paint(
    picture: &Picture,
    header: &Header,
    row: &mut Vec<u32>,
    pixels: &mut [u32],
    width: usize,
    place: Place,
) {
    let (columns, rows) = picture.plane_size(Plane::Y);
    let to_rgb = ToRgb::new(header.colour, header.size.height());
    let mut converted = None;
    let lines = pixels.chunks_exact_mut(width).skip(place.top).take(place.height);
    for (y, line) in lines.enumerate() {
        let source = y * rows / place.height;
        if converted.replace(source) != Some(source) {
            row.clear();
            row.extend(
                to_rgb.row(picture, source).map(|[r, g, b]| u32::from_be_bytes([0, r, g, b])),
            );
        }
        for (x, pixel) in line[place.left..][..place.width].iter_mut().enumerate() {
            *pixel = row[x * columns / place.width];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Size;
    use crate::format::header::{Role, Sampling};
    use crate::tests::streams::header;

    #[test]
    fn pictures_keep_their_form_in_any_window() {
        let place = |window| fitted((16, 8), window);
        let all = Place { left: 0, top: 0, width: 32, height: 16 };
        assert_eq!(place((32, 16)), all);
        assert_eq!(place((32, 20)), Place { top: 2, ..all });
        assert_eq!(place((40, 16)), Place { left: 4, ..all });
        assert_eq!(place((1, 1)), Place { left: 0, top: 0, width: 1, height: 1 });
    }

    #[test]
    fn wide_pixels_make_a_wide_window() {
        let mut header = header(Size { width_px: 90, height_px: 45 }, 1, &[Role::Explicit]);
        header.sampling = Sampling { pixel_aspect: (64, 45), ..header.sampling };
        assert_eq!(Canvas::new(&header).natural_size(1), (128, 45));
        assert_eq!(Canvas::new(&header).natural_size(2), (256, 45));
    }

    #[test]
    fn a_picture_of_its_own_size_is_painted_pixel_by_pixel() {
        let size = Size { width_px: 6, height_px: 4 };
        let header = header(size, 1, &[Role::Explicit]);
        let mut picture = Picture::new(size);
        (0..).zip(picture.i420_mut()).for_each(|(at, sample)| *sample = at * 7);
        let rgb = crate::picture::rgb::Rgb::of(&picture, header.colour).pixels;
        let mut pixels = vec![9; 8 * 4];
        let place = Place { left: 1, top: 0, width: 6, height: 4 };
        paint(&picture, &header, &mut Vec::new(), &mut pixels, 8, place);
        for (line, rgb) in pixels.chunks(8).zip(rgb.chunks(18)) {
            let expected = rgb.chunks(3).map(|p| u32::from_be_bytes([0, p[0], p[1], p[2]]));
            assert!(line[1..7].iter().copied().eq(expected));
            assert_eq!([line[0], line[7]], [9, 9]);
        }
    }
}
