//! Source crops stored beside a sample stream, so that a demo can state a true PSNR.
//!
//! File: eight bytes of magic, then records of a postcard head and a greyscale PNG.

use serde::{Deserialize, Serialize};

use super::png_file::encode_grey_png;
use crate::error::{Error, Result};
use crate::picture::{Picture, Plane};
use crate::units::{FrameIndex, PictureId, ViewId};

/// First bytes of a reference file.
const MAGIC: &[u8; 8] = b"IEVREF1\n";

/// A rectangle of luma.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rectangle {
    /// First column.
    pub left: usize,
    /// First row.
    pub top: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Rectangle {
    fn fits(&self, (columns, rows): (usize, usize)) -> bool {
        self.left + self.width <= columns && self.top + self.height <= rows
    }
}

/// Luma of the source inside a rectangle of one picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crop {
    /// The picture.
    pub picture: PictureId,
    /// Where in the picture.
    pub place: Rectangle,
    /// `[row, column]`.
    pub luma: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct CropHead {
    view: ViewId,
    frame: FrameIndex,
    left: u16,
    top: u16,
    png_bytes: u32,
}

impl Crop {
    /// Cuts `place` out of the source picture named `picture`.
    ///
    /// # Panics
    /// If the rectangle is empty or leaves the picture.
    pub fn cut(source: &Picture, picture: PictureId, place: Rectangle) -> Self {
        Self { picture, place, luma: luma_in(source, place).flatten().copied().collect() }
    }

    /// Sum of squared differences to the same rectangle of `decoded`.
    ///
    /// # Panics
    /// If the rectangle leaves the picture; [`Reference::parse`] does not know its size.
    pub fn squared_error(&self, decoded: &Picture) -> u64 {
        let decoded = luma_in(decoded, self.place).flatten();
        self.luma.iter().zip(decoded).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum()
    }

    /// True when the rectangle is inside `picture`.
    pub fn fits(&self, picture: &Picture) -> bool {
        self.place.fits(picture.plane_size(Plane::Y))
    }
}

fn luma_in(picture: &Picture, place: Rectangle) -> impl Iterator<Item = &[u8]> {
    let size = picture.plane_size(Plane::Y);
    assert!(place.fits(size) && place.width > 0, "a crop lies inside its picture");
    let lines = picture.plane(Plane::Y).chunks_exact(size.0);
    lines.skip(place.top).take(place.height).map(move |line| &line[place.left..][..place.width])
}

/// All crops of a sample.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reference {
    /// Crops in any order.
    pub crops: Vec<Crop>,
}

impl Reference {
    /// Reads a reference file.
    ///
    /// # Errors
    /// [`Error::Malformed`] when it is no such file.
    pub fn parse(file: &[u8]) -> Result<Self> {
        let broken = |rest: &[u8], rule| Error::malformed((file.len() - rest.len()) as u64, rule);
        let mut rest = file
            .strip_prefix(MAGIC)
            .ok_or_else(|| broken(file, "a reference file starts with IEVREF1"))?;
        let mut crops = Vec::new();
        while !rest.is_empty() {
            let (head, after) = postcard::take_from_bytes::<CropHead>(rest)
                .map_err(|_| broken(rest, "a reference record has a complete head"))?;
            let png = after.get(..head.png_bytes as usize);
            let png = png.ok_or_else(|| broken(after, "a reference record is complete"))?;
            let (luma, width, height) =
                decode_grey(png).ok_or_else(|| broken(after, "a reference crop is a grey PNG"))?;
            let (left, top) = (usize::from(head.left), usize::from(head.top));
            let picture = PictureId { view: head.view, frame: head.frame };
            crops.push(Crop { picture, place: Rectangle { left, top, width, height }, luma });
            rest = &after[head.png_bytes as usize..];
        }
        Ok(Self { crops })
    }

    /// The reference as a file.
    ///
    /// # Panics
    /// If a rectangle starts beyond 65535 pixels or has another size than its luma.
    pub fn to_file(&self) -> Vec<u8> {
        let mut file = MAGIC.to_vec();
        for Crop { picture, place, luma } in &self.crops {
            let coded = encode_grey_png(luma, (place.width, place.height));
            let png = coded.unwrap_or_else(|e| panic!("a crop has its rectangle's size: {e}"));
            let side = |px: usize| {
                u16::try_from(px).unwrap_or_else(|_| panic!("pictures have at most 65535 columns"))
            };
            let head = CropHead {
                view: picture.view,
                frame: picture.frame,
                left: side(place.left),
                top: side(place.top),
                png_bytes: png.len() as u32,
            };
            let mut buffer = [0; 32];
            let head = postcard::to_slice(&head, &mut buffer);
            file.extend(head.iter().flat_map(|bytes| bytes.iter().copied()));
            file.extend(png);
        }
        file
    }
}

/// Samples, columns and rows of an 8-bit greyscale PNG.
fn decode_grey(file: &[u8]) -> Option<(Vec<u8>, usize, usize)> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().ok()?;
    if reader.output_color_type() != (png::ColorType::Grayscale, png::BitDepth::Eight) {
        return None;
    }
    let bytes = reader.output_buffer_size().filter(|b| *b <= 1 << 28)?;
    let mut luma = vec![0; bytes];
    let frame = reader.next_frame(&mut luma).ok()?;
    let (width, height) = (frame.width as usize, frame.height as usize);
    luma.truncate(width * height);
    Some((luma, width, height))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Size;

    #[test]
    fn crops_survive_their_file_and_measure_differences() {
        let size = Size { width_px: 40, height_px: 30 };
        let mut picture = Picture::new(size);
        picture.i420_mut().iter_mut().enumerate().for_each(|(i, p)| *p = (i * 7) as u8);
        let place = Rectangle { left: 5, top: 3, width: 20, height: 10 };
        let id = PictureId { view: ViewId(2), frame: FrameIndex(300) };
        let reference = Reference { crops: vec![Crop::cut(&picture, id, place); 2] };
        let file = reference.to_file();
        assert_eq!(Reference::parse(&file).unwrap(), reference);
        assert!(Reference::parse(&file[..file.len() - 1]).is_err());
        assert_eq!(reference.crops[0].squared_error(&picture), 0);
        picture.plane_mut(Plane::Y)[4 * 40 + 6] ^= 4;
        assert_eq!(reference.crops[0].squared_error(&picture), 16);
    }
}
