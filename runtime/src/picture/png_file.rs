//! Pictures as PNG files.

use super::rgb::Rgb;
use crate::format::colour::{Colour, Sampling};

impl Rgb {
    /// The image as a PNG file that says of which primaries, transfer and pixel aspect it is.
    ///
    /// # Errors
    /// The encoder's, on a side above its limits.
    pub fn to_png(
        &self,
        colour: Colour,
        sampling: Sampling,
    ) -> Result<Vec<u8>, png::EncodingError> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        describe(&mut encoder, colour, sampling);
        let mut writer = encoder.write_header()?;
        if colour.primaries != Colour::UNKNOWN && colour.transfer != Colour::UNKNOWN {
            // RGB has the identity matrix, and this one has full range.
            let points = [colour.primaries, colour.transfer, 0, 1];
            writer.write_chunk(png::chunk::cICP, &points)?;
        }
        writer.write_image_data(&self.pixels)?;
        writer.finish()?;
        Ok(file)
    }
}

/// Says in chunks of PNG's second edition what readers without cICP understand.
fn describe<W: std::io::Write>(
    encoder: &mut png::Encoder<'_, W>,
    colour: Colour,
    sampling: Sampling,
) {
    const SRGB: u8 = 13;
    let gamma = match colour.transfer {
        // 1/2.2, 1/2.8 and 1 in parts of 100000.
        4 => Some(45_455),
        5 => Some(35_714),
        8 => Some(100_000),
        _ => None,
    };
    if colour.transfer == SRGB && colour.primaries == 1 {
        encoder.set_source_srgb(png::SrgbRenderingIntent::Perceptual);
    }
    if let Some(gamma) = gamma {
        encoder.set_source_gamma(png::ScaledFloat::from_scaled(gamma));
    }
    if let Some([white, red, green, blue]) = chromaticities(colour.primaries) {
        encoder.set_source_chromaticities(png::SourceChromaticities::new(white, red, green, blue));
    }
    let (wide, high) = sampling.pixel_aspect;
    if wide != high {
        // Pixels per unit of length: the wider a pixel, the fewer of them.
        let unit = png::Unit::Unspecified;
        let dimensions = png::PixelDimensions { xppu: high, yppu: wide, unit };
        encoder.set_pixel_dims(Some(dimensions));
    }
}

/// White, red, green and blue in x and y (H.273 table 2).
const fn chromaticities(primaries: u8) -> Option<[(f32, f32); 4]> {
    const D65: (f32, f32) = (0.3127, 0.3290);
    Some(match primaries {
        1 => [D65, (0.64, 0.33), (0.30, 0.60), (0.15, 0.06)],
        5 => [D65, (0.64, 0.33), (0.29, 0.60), (0.15, 0.06)],
        6 | 7 => [D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070)],
        9 => [D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046)],
        12 => [D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)],
        _ => return None,
    })
}

/// Codes 8-bit grey samples as a PNG file.
pub(crate) fn encode_grey_png(
    samples: &[u8],
    (width, height): (usize, usize),
) -> Result<Vec<u8>, png::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width as u32, height as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(samples)?;
    writer.finish()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn png_says_colour_and_aspect() {
        let png_of = |colour, pixel_aspect| {
            let sampling = Sampling { pixel_aspect, ..Sampling::UNSPECIFIED };
            let file = Rgb::grey(2, 2).to_png(colour, sampling).unwrap();
            let decoder = png::Decoder::new(std::io::Cursor::new(file));
            decoder.read_info().unwrap().info().clone()
        };
        let bare = png_of(Colour::UNSPECIFIED, (1, 1));
        assert!(bare.coding_independent_code_points.is_none() && bare.pixel_dims.is_none());
        assert!(bare.srgb.is_none() && bare.gama_chunk.is_none() && bare.chrm_chunk.is_none());
        let wide = png_of(Colour { primaries: 9, transfer: 16, ..Colour::BT709 }, (64, 45));
        let points = wide.coding_independent_code_points.unwrap();
        let all = [points.color_primaries, points.transfer_function, points.matrix_coefficients];
        assert_eq!((all, points.is_video_full_range_image), ([9, 16, 0], true));
        let dimensions = wide.pixel_dims.unwrap();
        assert_eq!((dimensions.xppu, dimensions.yppu), (45, 64));
        assert_eq!(wide.chrm_chunk.unwrap().red.0.into_scaled(), 70800);
        assert!(png_of(Colour { transfer: 13, ..Colour::BT709 }, (0, 0)).srgb.is_some());
        let film = png_of(Colour { transfer: 4, ..Colour::BT709 }, (0, 0));
        assert_eq!(film.gama_chunk.unwrap().into_scaled(), 45455);
    }
}
