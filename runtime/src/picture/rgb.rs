//! Pictures for the eye: 8-bit RGB by the stream's colour description.

use crate::format::header::Colour;
use crate::picture::{Picture, Plane};

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

    /// Converts `picture`; chroma samples are repeated.
    ///
    /// Matrices are those of ITU-T H.273: 1 is BT.709, 5 and 6 are BT.601, 9 is BT.2020; an
    /// unspecified one is BT.709 from 720 rows on, else BT.601, as players assume.
    pub fn of(picture: &Picture, colour: Colour) -> Self {
        let (width, height) = picture.plane_size(Plane::Y);
        let (red, blue) = match colour.matrix {
            1 => (0.2126, 0.0722),
            5 | 6 => (0.299, 0.114),
            9 => (0.2627, 0.0593),
            _ if height >= 720 => (0.2126, 0.0722),
            _ => (0.299, 0.114),
        };
        let green: f32 = 1.0 - red - blue;
        let (black, luma, chroma) =
            if colour.full_range { (0.0, 1.0, 1.0) } else { (16.0, 255.0 / 219.0, 255.0 / 224.0) };
        let (columns, _) = picture.plane_size(Plane::U);
        let mut pixels = Vec::with_capacity(width * height * 3);
        for (at, y) in picture.plane(Plane::Y).iter().enumerate() {
            let beside = at / width / 2 * columns + at % width / 2;
            let centred = |plane| (f32::from(picture.plane(plane)[beside]) - 128.0) * chroma;
            let y = (f32::from(*y) - black) * luma;
            let r = y + 2.0 * (1.0 - red) * centred(Plane::V);
            let b = y + 2.0 * (1.0 - blue) * centred(Plane::U);
            let g = (y - red * r - blue * b) / green;
            pixels.extend([r, g, b].map(|v| (v + 0.5) as u8));
        }
        Self { width, height, pixels }
    }

    /// The image as a PNG file.
    ///
    /// # Errors
    /// The encoder's, on a side above its limits.
    pub fn to_png(&self) -> Result<Vec<u8>, png::EncodingError> {
        encode_png(&self.pixels, (self.width, self.height), png::ColorType::Rgb)
    }
}

/// Codes 8-bit samples as a PNG file.
pub(crate) fn encode_png(
    samples: &[u8],
    (width, height): (usize, usize),
    colour: png::ColorType,
) -> Result<Vec<u8>, png::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width as u32, height as u32);
    encoder.set_color(colour);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(samples)?;
    writer.finish()?;
    Ok(file)
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
}
