//! The player's picture, and what only an encoder does with it.

use iev_runtime::Size;
use iev_runtime::picture::Plane;

pub use iev_runtime::picture::Picture;

/// Largest width and height accepted anywhere: a 4:2:0 picture of this size is 96 MiB.
pub const MAX_SIDE_PX: usize = 8192;

/// A borrowed plane with its own size.
#[derive(Clone, Copy, Debug)]
pub struct PlaneView<'a> {
    /// Width in samples.
    pub width: usize,
    /// Height in samples.
    pub height: usize,
    /// Samples, row after row without padding.
    pub samples: &'a [u8],
}

/// What the player has no use for. Odd sizes round chroma up.
pub trait PictureExt: Sized {
    /// A picture of zeros, to be filled.
    ///
    /// # Panics
    /// If a side is 0 or above [`MAX_SIDE_PX`]: readers check sizes before they come here.
    fn zeros(width: usize, height: usize) -> Self;

    /// A picture of the three planes `[row, column]`.
    ///
    /// # Panics
    /// If they are not of this size.
    fn of_planes(size: Size, planes: [Vec<u8>; 3]) -> Self;

    /// Width of luma in pixels.
    fn width(&self) -> usize;

    /// Height of luma in pixels.
    fn height(&self) -> usize;

    /// Luma.
    fn y(&self) -> &[u8];

    /// Blue difference.
    fn u(&self) -> &[u8];

    /// Red difference.
    fn v(&self) -> &[u8];

    /// The three planes in the order Y, U, V.
    fn planes(&self) -> [PlaneView<'_>; 3];

    /// This picture grown to `width` × `height` by repeating its last column and row.
    ///
    /// # Panics
    /// If the new size is smaller than the picture.
    fn padded(&self, width: usize, height: usize) -> Self;

    /// The part from the even pixel `(left, top)` on, `(width, height)` large or as far as the picture goes.
    fn cut(&self, corner: (usize, usize), size: (usize, usize)) -> Self;

    /// Half as wide and high, rounded up: means of 2×2 samples, borders repeated.
    fn halved(&self) -> Self;
}

impl PictureExt for Picture {
    fn zeros(width: usize, height: usize) -> Self {
        assert!(
            (1..=MAX_SIDE_PX).contains(&width) && (1..=MAX_SIDE_PX).contains(&height),
            "picture sides are 1 to {MAX_SIDE_PX} pixels, not {width}x{height}"
        );
        let mut picture = Self::new(Size { width_px: width as u16, height_px: height as u16 });
        picture.i420_mut().fill(0);
        picture
    }

    fn of_planes(size: Size, planes: [Vec<u8>; 3]) -> Self {
        let mut picture = Self::new(size);
        for (to, from) in picture.planes_mut().into_iter().zip(planes) {
            to.copy_from_slice(&from);
        }
        picture
    }

    fn width(&self) -> usize {
        self.size().width()
    }

    fn height(&self) -> usize {
        self.size().height()
    }

    fn y(&self) -> &[u8] {
        self.plane(Plane::Y)
    }

    fn u(&self) -> &[u8] {
        self.plane(Plane::U)
    }

    fn v(&self) -> &[u8] {
        self.plane(Plane::V)
    }

    fn planes(&self) -> [PlaneView<'_>; 3] {
        Plane::ALL.map(|plane| {
            let (width, height) = self.plane_size(plane);
            PlaneView { width, height, samples: self.plane(plane) }
        })
    }

    fn padded(&self, width: usize, height: usize) -> Self {
        assert!(width >= self.width() && height >= self.height(), "padding never crops");
        let mut canvas = Self::zeros(width, height);
        let widths = canvas.planes().map(|plane| plane.width);
        for ((from, to), width) in self.planes().into_iter().zip(canvas.planes_mut()).zip(widths) {
            pad_plane(from, to, width);
        }
        canvas
    }

    fn cut(&self, (left, top): (usize, usize), (width, height): (usize, usize)) -> Self {
        assert!(left % 2 == 0 && top % 2 == 0, "chroma is cut between its samples");
        let mut part = Self::zeros(width.min(self.width() - left), height.min(self.height() - top));
        let sizes = part.planes().map(|plane| plane.width);
        for (at, (to, width)) in part.planes_mut().into_iter().zip(sizes).enumerate() {
            let (from, subsampling) = (self.planes()[at], usize::from(at > 0));
            let rows = from.samples.chunks_exact(from.width).skip(top >> subsampling);
            for (to, from) in to.chunks_exact_mut(width).zip(rows) {
                to.copy_from_slice(&from[left >> subsampling..][..width]);
            }
        }
        part
    }

    fn halved(&self) -> Self {
        let mut half = Self::zeros(self.width().div_ceil(2), self.height().div_ceil(2));
        for (from, to) in self.planes().into_iter().zip(half.planes_mut()) {
            halve(from, to);
        }
        half
    }
}

fn halve(from: PlaneView<'_>, to: &mut [u8]) {
    let columns = from.width.div_ceil(2);
    for (at, mean) in to.iter_mut().enumerate() {
        let (x, y) = (at % columns * 2, at / columns * 2);
        let sample = |x: usize, y: usize| {
            let (x, y) = (x.min(from.width - 1), y.min(from.height - 1));
            u16::from(from.samples[y * from.width + x])
        };
        let sum = sample(x, y) + sample(x + 1, y) + sample(x, y + 1) + sample(x + 1, y + 1);
        *mean = ((sum + 2) / 4) as u8;
    }
}

fn pad_plane(from: PlaneView<'_>, to: &mut [u8], width: usize) {
    for (row, line) in to.chunks_exact_mut(width).enumerate() {
        let start = row.min(from.height - 1) * from.width;
        line[..from.width].copy_from_slice(&from.samples[start..start + from.width]);
        line[from.width..].fill(from.samples[start + from.width - 1]);
    }
}

/// A moving textured scene for the tests of this crate.
#[cfg(test)]
pub(crate) fn synthetic(width: usize, height: usize, shift: f32) -> Picture {
    let mut picture = Picture::zeros(width, height);
    let texture = |x: f32, y: f32| {
        let coarse = (x * 0.071).sin() * (y * 0.053 + 1.0).cos() * 50.0;
        let fine = (x * 0.37 + y * 0.21).sin() * 22.0 + (x * 0.11 - y * 0.43).sin() * 18.0;
        (126.0 + coarse + fine).clamp(16.0, 235.0) as u8
    };
    let (chroma_width, _) = picture.plane_size(Plane::U);
    let [luma, blue, red] = picture.planes_mut();
    for row in 0..height {
        for column in 0..width {
            luma[row * width + column] = texture(column as f32 + shift, row as f32);
        }
    }
    for index in 0..blue.len() {
        let (x, y) = ((index % chroma_width) as f32 * 2.0 + shift, (index / chroma_width) as f32);
        blue[index] = 128u8.saturating_add_signed(((x * 0.04).sin() * 30.0) as i8);
        red[index] = 128u8.saturating_add_signed(((y * 0.06).cos() * 30.0) as i8);
    }
    picture
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_sizes_round_chroma_up() {
        let picture = Picture::zeros(5, 3);
        let [_, blue, red] = picture.planes();
        assert_eq!((blue.samples.len(), blue.width, blue.height), (6, 3, 2));
        assert_eq!((red.samples.len(), red.width, red.height), (6, 3, 2));
    }

    #[test]
    fn halving_takes_means_and_repeats_borders() {
        let size = Size { width_px: 3, height_px: 1 };
        let picture = Picture::of_planes(size, [vec![10, 13, 40], vec![7, 9], vec![0, 0]]);
        let half = picture.halved();
        assert_eq!((half.width(), half.height()), (2, 1));
        assert_eq!((half.y(), half.u()), (&[12, 40][..], &[8][..]));
    }

    #[test]
    fn a_cut_has_the_samples_of_its_place_and_ends_with_the_picture() {
        let picture = synthetic(37, 21, 0.0);
        let part = picture.cut((16, 4), (32, 8));
        assert_eq!((part.width(), part.height()), (21, 8));
        assert_eq!(part.y()[3 * 21 + 20], picture.y()[7 * 37 + 36]);
        assert_eq!(
            (part.u()[10], part.v()[11]),
            (picture.u()[2 * 19 + 18], picture.v()[3 * 19 + 8])
        );
        assert!(picture.cut((0, 0), (48, 32)) == picture);
    }

    #[test]
    fn padding_keeps_the_picture_and_repeats_its_borders() {
        let picture = synthetic(13, 7, 0.0);
        let padded = picture.padded(16, 16);
        assert_eq!(padded.y()[15], picture.y()[12], "the last column repeats");
        assert_eq!(padded.y()[15 * 16], picture.y()[6 * 13], "the last row repeats");
        for (plane, padded) in picture.planes().into_iter().zip(padded.planes()) {
            let rows = plane.samples.chunks(plane.width).zip(padded.samples.chunks(padded.width));
            rows.for_each(|(row, padded)| assert_eq!(row, &padded[..row.len()]));
        }
    }
}
