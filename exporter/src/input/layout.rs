//! How samples are stored in a source, and their way to 8-bit 4:2:0.
//!
//! Why own code where ffmpeg could do it: a y4m file and the same pictures through ffmpeg come out alike, and
//! y4m needs no ffmpeg. ffmpeg hands over what it has, in the nearest of these layouts.

use iev_runtime::format::header::Siting;

use super::notice::Notice;
use iev_runtime::picture::Plane;

use crate::picture::{Picture, PictureExt};

/// Which pixels share a chroma sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chroma {
    /// No chroma.
    Gray,
    /// Two by two pixels.
    Yuv420,
    /// Two pixels of a row.
    Yuv422,
    /// Four pixels of a row.
    Yuv411,
    /// None.
    Yuv444,
}

/// Planes, row after row: luma, both chroma planes, alpha.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Sharing of chroma.
    pub chroma: Chroma,
    /// Bits of a sample, 8 to 16; two bytes, the lower one first, above 8.
    pub bits: u32,
    /// Whether a plane of alpha follows.
    pub alpha: bool,
}

impl Layout {
    /// What players and this program work on.
    pub const I420: Self = Self { chroma: Chroma::Yuv420, bits: 8, alpha: false };

    /// The layout and place of chroma by their name in a y4m header, such as `420mpeg2` or `422p10`.
    pub fn by_name(name: &str) -> Option<(Self, Siting)> {
        let name = name.to_ascii_lowercase();
        // Names that say more than sampling and depth.
        let special = match name.as_str() {
            "420jpeg" => Some((Self::I420, Siting::Centre)),
            "420mpeg2" => Some((Self::I420, Siting::Left)),
            "420paldv" => Some((Self::I420, Siting::TopLeft)),
            "444alpha" => {
                let whole = Self { chroma: Chroma::Yuv444, bits: 8, alpha: true };
                Some((whole, Siting::Unspecified))
            }
            _ => None,
        };
        if special.is_some() {
            return special;
        }
        // Sampling, then `p` and a depth.
        let chroma = [
            ("420", Chroma::Yuv420),
            ("422", Chroma::Yuv422),
            ("411", Chroma::Yuv411),
            ("444", Chroma::Yuv444),
            ("mono", Chroma::Gray),
        ];
        let (start, chroma) = chroma.into_iter().find(|(start, _)| name.starts_with(start))?;
        let bits = match (&name[start.len()..], chroma) {
            ("", _) => 8,
            (depth, Chroma::Gray) => depth.parse().ok()?,
            (depth, _) => depth.strip_prefix('p')?.parse().ok()?,
        };
        let layout = Self { chroma, bits, alpha: false };
        (8..=16).contains(&bits).then_some((layout, Siting::Unspecified))
    }

    /// What is lost on the way to [`Layout::I420`].
    pub fn losses(self) -> Vec<Notice> {
        let chroma = match self.chroma {
            Chroma::Yuv420 => None,
            Chroma::Gray => Some(Notice::Gray),
            Chroma::Yuv422 => Some(Notice::Chroma("4:2:2")),
            Chroma::Yuv411 => Some(Notice::Chroma("4:1:1")),
            Chroma::Yuv444 => Some(Notice::Chroma("4:4:4")),
        };
        let depth = (self.bits > 8).then_some(Notice::Depth(self.bits));
        let alpha = self.alpha.then_some(Notice::Alpha);
        depth.into_iter().chain(chroma).chain(alpha).collect()
    }

    /// Where chroma lies after the conversion, when it lay at `siting` before.
    pub fn siting(self, siting: Siting) -> Siting {
        match self.chroma {
            Chroma::Yuv420 => siting,
            // Means of two rows of samples on the left column, and of two by two pixels.
            Chroma::Yuv422 => Siting::Left,
            Chroma::Yuv444 => Siting::Centre,
            Chroma::Yuv411 | Chroma::Gray => Siting::Unspecified,
        }
    }

    /// Bytes of one picture.
    pub fn bytes(self, width: usize, height: usize) -> usize {
        let (columns, rows) = self.chroma_size(width, height);
        let luma = width * height * if self.alpha { 2 } else { 1 };
        (luma + 2 * columns * rows) * self.sample_bytes()
    }

    fn sample_bytes(self) -> usize {
        if self.bits > 8 { 2 } else { 1 }
    }

    /// Pixels across and down that share a chroma sample.
    fn shared(self) -> (usize, usize) {
        match self.chroma {
            Chroma::Yuv420 => (2, 2),
            Chroma::Yuv422 => (2, 1),
            Chroma::Yuv411 => (4, 1),
            Chroma::Yuv444 | Chroma::Gray => (1, 1),
        }
    }

    fn chroma_size(self, width: usize, height: usize) -> (usize, usize) {
        let (across, down) = self.shared();
        match self.chroma {
            Chroma::Gray => (0, 0),
            _ => (width.div_ceil(across), height.div_ceil(down)),
        }
    }

    /// The picture that `stored` holds, rounded to 8 bits and with chroma as the mean over two by two pixels.
    ///
    /// # Panics
    /// If `stored` has not the length that [`Layout::bytes`] tells.
    pub fn to_picture(self, stored: &[u8], width: usize, height: usize) -> Picture {
        assert_eq!(stored.len(), self.bytes(width, height), "one picture of this layout");
        let sample = |at: usize| match self.bits {
            8 => u32::from(stored[at]),
            _ => u32::from(u16::from_le_bytes([stored[2 * at], stored[2 * at + 1]])),
        };
        let deeper = self.bits - 8;
        let mut picture = Picture::zeros(width, height);
        let (half_width, _) = picture.plane_size(Plane::U);
        let [luma, blue, red] = picture.planes_mut();
        // Luma, to 8 bits.
        for (at, luma) in luma.iter_mut().enumerate() {
            *luma = rounded(sample(at), deeper);
        }
        // Chroma: none is grey, and what is finer than 4:2:0 is averaged.
        let (columns, rows) = self.chroma_size(width, height);
        if columns == 0 {
            blue.fill(NEUTRAL);
            red.fill(NEUTRAL);
            return picture;
        }
        let (across, down) = self.shared();
        let (first, second) = (width * height, width * height + columns * rows);
        for (plane, start) in [(blue, first), (red, second)] {
            for (at, chroma) in plane.iter_mut().enumerate() {
                let (x, y) = (2 * (at % half_width), 2 * (at / half_width));
                let near = |x: usize, y: usize| {
                    let column = (x.min(width - 1) / across).min(columns - 1);
                    let row = (y.min(height - 1) / down).min(rows - 1);
                    sample(start + row * columns + column)
                };
                let sum = near(x, y) + near(x + 1, y) + near(x, y + 1) + near(x + 1, y + 1);
                *chroma = rounded(sum, deeper + 2);
            }
        }
        picture
    }
}

/// Chroma of gray.
const NEUTRAL: u8 = 128;

/// `value / 2^bits`, half rounding up, in 8 bits.
fn rounded(value: u32, bits: u32) -> u8 {
    let half = (1 << bits) >> 1;
    u8::try_from((value + half) >> bits).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_give_layout_and_siting() {
        let of = |chroma, bits, alpha| Layout { chroma, bits, alpha };
        let cases = [
            ("420", Some((Layout::I420, Siting::Unspecified))),
            ("420JPEG", Some((Layout::I420, Siting::Centre))),
            ("420mpeg2", Some((Layout::I420, Siting::Left))),
            ("420paldv", Some((Layout::I420, Siting::TopLeft))),
            ("420p10", Some((of(Chroma::Yuv420, 10, false), Siting::Unspecified))),
            ("422P12", Some((of(Chroma::Yuv422, 12, false), Siting::Unspecified))),
            ("444", Some((of(Chroma::Yuv444, 8, false), Siting::Unspecified))),
            ("444alpha", Some((of(Chroma::Yuv444, 8, true), Siting::Unspecified))),
            ("411", Some((of(Chroma::Yuv411, 8, false), Siting::Unspecified))),
            ("mono", Some((of(Chroma::Gray, 8, false), Siting::Unspecified))),
            ("mono16", Some((of(Chroma::Gray, 16, false), Siting::Unspecified))),
            ("410", None),
            ("420p32", None),
            ("420p", None),
            ("444p7", None),
            ("mono-1", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(Layout::by_name(name), expected, "{name}");
        }
    }

    /// A picture of one luma and one chroma value in each plane.
    fn flat(layout: Layout, [y, u, v, alpha]: [u16; 4], width: usize, height: usize) -> Vec<u8> {
        let (columns, rows) = layout.chroma_size(width, height);
        let planes = [(y, width * height), (u, columns * rows), (v, columns * rows)];
        let alpha = layout.alpha.then_some((alpha, width * height));
        let mut stored = Vec::new();
        for (value, count) in planes.into_iter().chain(alpha) {
            for _ in 0..count {
                stored.extend(&value.to_le_bytes()[..layout.sample_bytes()]);
            }
        }
        stored
    }

    #[test]
    fn every_layout_becomes_the_same_picture() {
        use Chroma::{Gray, Yuv411, Yuv420, Yuv422, Yuv444};
        for chroma in [Gray, Yuv420, Yuv422, Yuv411, Yuv444] {
            for bits in [8, 9, 10, 12, 16] {
                for (width, height) in [(8, 4), (7, 5), (1, 1), (2, 3)] {
                    let layout = Layout { chroma, bits, alpha: bits == 8 && chroma == Yuv444 };
                    let deep = |value: u16| value << (bits - 8);
                    let values = [deep(100), deep(50), deep(200), 7];
                    let stored = flat(layout, values, width, height);
                    let picture = layout.to_picture(&stored, width, height);
                    let expected = if chroma == Gray { [100, 128, 128] } else { [100, 50, 200] };
                    let planes = [picture.y(), picture.u(), picture.v()];
                    for (plane, value) in planes.into_iter().zip(expected) {
                        assert!(plane.iter().all(|s| *s == value), "{layout:?} {width}x{height}");
                    }
                }
            }
        }
    }

    #[test]
    fn samples_are_rounded_and_stay_in_eight_bits() {
        let ten = [(0, 0), (1, 0), (2, 1), (509, 127), (510, 128), (1020, 255), (1023, 255)];
        for (sample, expected) in ten {
            assert_eq!(rounded(sample, 2), expected, "{sample}");
        }
        assert_eq!(rounded(u32::from(u16::MAX) * 4, 10), 255);
    }

    #[test]
    fn chroma_is_the_mean_of_what_the_pixels_have() {
        let layout = Layout { chroma: Chroma::Yuv444, ..Layout::I420 };
        let picture = layout.to_picture(&[0, 0, 0, 0, 10, 20, 30, 41, 1, 1, 1, 3], 2, 2);
        assert_eq!((picture.u(), picture.v()), (&[25][..], &[2][..]));
        let layout = Layout { chroma: Chroma::Yuv422, ..Layout::I420 };
        let picture = layout.to_picture(&[0, 0, 0, 0, 10, 21, 200, 201], 2, 2);
        assert_eq!((picture.u()[0], picture.v()[0]), (16, 201));
    }
}
