//! How a picture's samples lie in somebody else's memory.

use heapless::Vec as FixedVec;

use super::rgb::ToRgb;
use super::{Picture, Plane};
use crate::format::colour::Colour;
use crate::units::Size;

/// An order of samples, by the name that ffmpeg has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// `yuv420p`: luma, then both chroma planes.
    I420,
    /// `nv12`: luma, then one plane with the chroma samples of both kinds side by side, blue difference first.
    Nv12,
    /// `rgba`: one plane of red, green, blue and 255, by [`ToRgb`].
    Rgba,
}

/// Columns in bytes and rows of a plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Bytes of a row.
    pub row_bytes: usize,
    /// Rows.
    pub rows: usize,
}

impl Packing {
    /// Extents of the planes of a picture of `size`, in order.
    pub fn planes(self, size: Size) -> FixedVec<Extent, 3> {
        let (columns, rows) = size.chroma();
        let luma = Extent { row_bytes: size.width(), rows: size.height() };
        let chroma = Extent { row_bytes: columns, rows };
        match self {
            Self::I420 => [luma, chroma, chroma].into_iter().collect(),
            Self::Nv12 => [luma, Extent { row_bytes: 2 * columns, rows }].into_iter().collect(),
            Self::Rgba => [Extent { row_bytes: 4 * luma.row_bytes, ..luma }].into_iter().collect(),
        }
    }

    /// Writes plane `index` of `picture` to `out`, a row every `stride` bytes.
    ///
    /// # Panics
    /// If there is no such plane, or `out` is too short for its rows.
    pub fn write_plane(
        self,
        index: usize,
        picture: &Picture,
        colour: Colour,
        out: &mut [u8],
        stride: usize,
    ) {
        let Extent { row_bytes, rows } = self.planes(picture.size())[index];
        assert!(stride >= row_bytes, "a row fits between two strides");
        let to_rgb = ToRgb::new(colour, picture.size().height());
        // What stands in the picture where a row is written.
        let line = |plane, row| {
            let (columns, _) = picture.plane_size(plane);
            &picture.plane(plane)[row * columns..][..columns]
        };
        for row in 0..rows {
            let out = &mut out[row * stride..][..row_bytes];
            // Chroma in pairs, colours by a matrix, or the plane as it is.
            match (self, index) {
                (Self::Nv12, 1) => {
                    let pairs = line(Plane::U, row).iter().zip(line(Plane::V, row));
                    let pairs = pairs.map(|(u, v)| [*u, *v]);
                    out.as_chunks_mut().0.iter_mut().zip(pairs).for_each(|(out, uv)| *out = uv);
                }
                (Self::Rgba, _) => {
                    let pixels = to_rgb.row(picture, row).map(|[r, g, b]| [r, g, b, 255]);
                    out.as_chunks_mut().0.iter_mut().zip(pixels).for_each(|(out, p)| *out = p);
                }
                (Self::I420 | Self::Nv12, _) => out.copy_from_slice(line(Plane::ALL[index], row)),
            }
        }
    }

    /// All planes of `picture`, one after another without padding, in place of what was in `out`.
    pub fn pack(self, picture: &Picture, colour: Colour, out: &mut Vec<u8>) {
        let planes = self.planes(picture.size());
        out.resize(planes.iter().map(|plane| plane.row_bytes * plane.rows).sum(), 0);
        let mut rest = &mut out[..];
        for (index, Extent { row_bytes, rows }) in planes.into_iter().enumerate() {
            let plane;
            (plane, rest) = rest.split_at_mut(row_bytes * rows);
            self.write_plane(index, picture, colour, plane, row_bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Odd both ways, every sample another.
    fn picture() -> Picture {
        let mut picture = Picture::new(Size { width_px: 5, height_px: 3 });
        (0..).zip(picture.i420_mut()).for_each(|(at, sample)| *sample = at * 7);
        picture
    }

    fn packed(packing: Packing) -> Vec<u8> {
        let mut out = vec![9; 3];
        packing.pack(&picture(), Colour::BT709, &mut out);
        out
    }

    #[test]
    fn i420_is_the_picture_as_it_is() {
        assert_eq!(packed(Packing::I420), picture().i420());
    }

    #[test]
    fn nv12_has_luma_and_pairs_of_chroma() {
        let (picture, nv12) = (picture(), packed(Packing::Nv12));
        assert_eq!(nv12.len(), 15 + 2 * 6);
        assert_eq!(&nv12[..15], picture.plane(Plane::Y));
        let pairs = picture.plane(Plane::U).iter().zip(picture.plane(Plane::V));
        assert!(nv12[15..].chunks(2).eq(pairs.map(|(u, v)| [*u, *v])));
    }

    #[test]
    fn rgba_is_rgb_and_opaque() {
        let rgb = super::super::rgb::Rgb::of(&picture(), Colour::BT709).pixels;
        let rgba = packed(Packing::Rgba);
        assert_eq!(rgba.len(), 15 * 4);
        assert!(rgba.chunks(4).eq(rgb.chunks(3).map(|p| [p[0], p[1], p[2], 255])));
    }

    #[test]
    fn bytes_between_rows_stay_as_they_are() {
        let mut out = vec![200; 8 * 3];
        Packing::I420.write_plane(0, &picture(), Colour::BT709, &mut out, 8);
        for (row, line) in out.chunks(8).enumerate() {
            assert_eq!(&line[..5], &picture().plane(Plane::Y)[row * 5..][..5]);
            assert_eq!(line[5..], [200; 3]);
        }
    }
}
