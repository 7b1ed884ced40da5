//! Pictures for the eye: 8-bit RGB by the stream's colour description.

use crate::format::colour::Colour;
use crate::picture::{Picture, Plane};

/// The way from samples to RGB.
#[derive(Debug, Clone, Copy)]
pub struct ToRgb {
    /// Luma of black.
    black: f32,
    luma: f32,
    chroma: f32,
    /// Weights of red, green and blue in luma.
    weights: [f32; 3],
}

impl ToRgb {
    /// That of pictures of so many `rows`, by [`Colour::for_display`].
    pub fn new(colour: Colour, rows: usize) -> Self {
        let weights = colour.for_display(rows).luma_weights();
        let (red, blue) = weights.unwrap_or_else(|| unreachable!("display has a luma matrix"));
        let (black, luma, chroma) =
            if colour.full_range { (0.0, 1.0, 1.0) } else { (16.0, 255.0 / 219.0, 255.0 / 224.0) };
        Self { black, luma, chroma, weights: [red, 1.0 - red - blue, blue] }
    }

    /// Red, green and blue of a pixel.
    fn pixel(self, y: u8, u: u8, v: u8) -> [u8; 3] {
        let [red, green, blue] = self.weights;
        let centred = |sample| (f32::from(sample) - 128.0) * self.chroma;
        let y = (f32::from(y) - self.black) * self.luma;
        let r = y + 2.0 * (1.0 - red) * centred(v);
        let b = y + 2.0 * (1.0 - blue) * centred(u);
        let g = (y - red * r - blue * b) / green;
        [r, g, b].map(|v| (v + 0.5) as u8)
    }

    /// Pixels of a `row`, left to right; chroma samples are repeated.
    ///
    /// # Panics
    /// If the picture has no such row.
    pub fn row(self, picture: &Picture, row: usize) -> impl Iterator<Item = [u8; 3]> {
        let line = |plane, row| {
            let (columns, _) = picture.plane_size(plane);
            &picture.plane(plane)[row * columns..][..columns]
        };
        let (u, v) = (line(Plane::U, row / 2), line(Plane::V, row / 2));
        let pairs = line(Plane::Y, row).chunks(2).zip(u.iter().zip(v));
        pairs.flat_map(move |(ys, (u, v))| ys.iter().map(move |y| self.pixel(*y, *u, *v)))
    }
}

/// An RGB image, rows of `width` pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rgb {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `[row, column, 3]`.
    pub pixels: Vec<u8>,
}

impl Rgb {
    /// A grey image.
    pub fn grey(width: usize, height: usize) -> Self {
        Self { width, height, pixels: vec![128; width * height * 3] }
    }

    /// Converts `picture` by [`ToRgb`].
    pub fn of(picture: &Picture, colour: Colour) -> Self {
        let (width, height) = picture.plane_size(Plane::Y);
        let to_rgb = ToRgb::new(colour, height);
        let mut pixels = Vec::with_capacity(width * height * 3);
        (0..height).for_each(|row| pixels.extend(to_rgb.row(picture, row).flatten()));
        Self { width, height, pixels }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Size;

    #[test]
    fn white_grey_and_black_are_neutral_in_both_ranges() {
        for (full_range, levels) in [(false, [16, 235]), (true, [0, 255])] {
            let colour = Colour { full_range, ..Colour::BT709 };
            let mut picture = Picture::new(Size { width_px: 2, height_px: 1 });
            picture.plane_mut(Plane::Y).copy_from_slice(&levels);
            assert_eq!(Rgb::of(&picture, colour).pixels, [0, 0, 0, 255, 255, 255]);
        }
    }

    #[test]
    fn primary_colours_come_back_by_each_matrix() {
        // One full-range pixel of pure green: Y is the weight of green, both differences negative.
        for matrix in [1, 4, 5, 6, 7, 9] {
            let colour = Colour { matrix, full_range: true, ..Colour::UNSPECIFIED };
            let (red, blue) = colour.luma_weights().unwrap();
            let green = 1.0 - red - blue;
            let mut picture = Picture::new(Size { width_px: 1, height_px: 1 });
            picture.plane_mut(Plane::Y)[0] = (255.0 * green).round() as u8;
            picture.plane_mut(Plane::U)[0] = (128.0 - 127.5 * green / (1.0 - blue)).round() as u8;
            picture.plane_mut(Plane::V)[0] = (128.0 - 127.5 * green / (1.0 - red)).round() as u8;
            let pixels = Rgb::of(&picture, colour).pixels;
            let off = pixels.iter().zip([0, 255, 0]).map(|(a, b)| a.abs_diff(b)).max();
            assert!(off <= Some(2), "matrix {matrix}: {pixels:?}");
        }
    }
}
