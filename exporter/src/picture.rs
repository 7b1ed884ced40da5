//! One 8-bit YUV 4:2:0 picture, the unit every exporter stage works on.

/// Largest width and height accepted anywhere: a 4:2:0 picture of this size is 96 MiB.
pub const MAX_SIDE_PX: usize = 8192;

/// An 8-bit 4:2:0 picture. Odd sizes round chroma up.
///
/// # Shapes
/// | field    | shape                              | type |
/// |----------|------------------------------------|------|
/// | `y`      | `[height, width]`                  | u8   |
/// | `u`, `v` | `[ceil(height/2), ceil(width/2)]`  | u8   |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Width of the luma plane in pixels.
    pub width: usize,
    /// Height of the luma plane in pixels.
    pub height: usize,
    /// Luma.
    pub y: Vec<u8>,
    /// Blue difference.
    pub u: Vec<u8>,
    /// Red difference.
    pub v: Vec<u8>,
}

/// A borrowed plane with its own size.
#[derive(Clone, Copy, Debug)]
pub struct Plane<'a> {
    /// Width in samples.
    pub width: usize,
    /// Height in samples.
    pub height: usize,
    /// Samples, row after row without padding.
    pub samples: &'a [u8],
}

impl Picture {
    /// A picture of zeros, to be filled.
    ///
    /// # Panics
    /// If a side is 0 or above [`MAX_SIDE_PX`]: readers check sizes before they come here.
    pub fn new(width: usize, height: usize) -> Self {
        assert!(
            (1..=MAX_SIDE_PX).contains(&width) && (1..=MAX_SIDE_PX).contains(&height),
            "picture sides are 1 to {MAX_SIDE_PX} pixels, not {width}x{height}"
        );
        let chroma = width.div_ceil(2) * height.div_ceil(2);
        Self { width, height, y: vec![0; width * height], u: vec![0; chroma], v: vec![0; chroma] }
    }

    /// Width of a chroma plane.
    pub fn chroma_width(&self) -> usize {
        self.width.div_ceil(2)
    }

    /// Height of a chroma plane.
    pub fn chroma_height(&self) -> usize {
        self.height.div_ceil(2)
    }

    /// The three planes in the order Y, U, V.
    pub fn planes(&self) -> [Plane<'_>; 3] {
        let (width, height) = (self.chroma_width(), self.chroma_height());
        [
            Plane { width: self.width, height: self.height, samples: &self.y },
            Plane { width, height, samples: &self.u },
            Plane { width, height, samples: &self.v },
        ]
    }

    /// This picture grown to `width` × `height` by repeating its last column and row.
    ///
    /// # Panics
    /// If the new size is smaller than the picture.
    pub fn padded(&self, width: usize, height: usize) -> Self {
        assert!(width >= self.width && height >= self.height, "padding never crops");
        let mut canvas = Self::new(width, height);
        let chroma_width = canvas.chroma_width();
        let [y, u, v] = self.planes();
        pad_plane(y, &mut canvas.y, width);
        pad_plane(u, &mut canvas.u, chroma_width);
        pad_plane(v, &mut canvas.v, chroma_width);
        canvas
    }

    /// Half as wide and high, rounded up: means of 2×2 samples, borders repeated.
    pub fn halved(&self) -> Self {
        let mut half = Self::new(self.width.div_ceil(2), self.height.div_ceil(2));
        let [y, u, v] = self.planes();
        halve(y, &mut half.y);
        halve(u, &mut half.u);
        halve(v, &mut half.v);
        half
    }
}

fn halve(from: Plane<'_>, to: &mut [u8]) {
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

fn pad_plane(from: Plane<'_>, to: &mut [u8], width: usize) {
    for (row, line) in to.chunks_exact_mut(width).enumerate() {
        let start = row.min(from.height - 1) * from.width;
        line[..from.width].copy_from_slice(&from.samples[start..start + from.width]);
        line[from.width..].fill(from.samples[start + from.width - 1]);
    }
}

impl From<&Picture> for iev_runtime::picture::Picture {
    fn from(picture: &Picture) -> Self {
        let side = |px: usize| u16::try_from(px).unwrap_or_else(|_| panic!("a side fits 16 bits"));
        let size =
            iev_runtime::Size { width_px: side(picture.width), height_px: side(picture.height) };
        let mut converted = Self::new(size);
        let [y, u, v] = converted.planes_mut();
        y.copy_from_slice(&picture.y);
        u.copy_from_slice(&picture.u);
        v.copy_from_slice(&picture.v);
        converted
    }
}

impl From<&iev_runtime::picture::Picture> for Picture {
    fn from(picture: &iev_runtime::picture::Picture) -> Self {
        use iev_runtime::picture::Plane::{U, V, Y};
        let size = picture.size();
        Self {
            width: size.width(),
            height: size.height(),
            y: picture.plane(Y).to_vec(),
            u: picture.plane(U).to_vec(),
            v: picture.plane(V).to_vec(),
        }
    }
}

/// A moving textured scene for the tests of this crate.
#[cfg(test)]
pub(crate) fn synthetic(width: usize, height: usize, shift: f32) -> Picture {
    let mut picture = Picture::new(width, height);
    let texture = |x: f32, y: f32| {
        let coarse = (x * 0.071).sin() * (y * 0.053 + 1.0).cos() * 50.0;
        let fine = (x * 0.37 + y * 0.21).sin() * 22.0 + (x * 0.11 - y * 0.43).sin() * 18.0;
        (126.0 + coarse + fine).clamp(16.0, 235.0) as u8
    };
    for row in 0..height {
        for column in 0..width {
            picture.y[row * width + column] = texture(column as f32 + shift, row as f32);
        }
    }
    let chroma_width = picture.chroma_width();
    for index in 0..picture.u.len() {
        let (x, y) = ((index % chroma_width) as f32 * 2.0 + shift, (index / chroma_width) as f32);
        picture.u[index] = 128u8.saturating_add_signed(((x * 0.04).sin() * 30.0) as i8);
        picture.v[index] = 128u8.saturating_add_signed(((y * 0.06).cos() * 30.0) as i8);
    }
    picture
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_sizes_round_chroma_up() {
        let picture = Picture::new(5, 3);
        assert_eq!((picture.u.len(), picture.chroma_width(), picture.chroma_height()), (6, 3, 2));
    }

    #[test]
    fn halving_takes_means_and_repeats_borders() {
        let mut picture = Picture::new(3, 1);
        picture.y.copy_from_slice(&[10, 13, 40]);
        picture.u.copy_from_slice(&[7, 9]);
        let half = picture.halved();
        assert_eq!((half.width, half.height), (2, 1));
        assert_eq!((&half.y[..], &half.u[..]), (&[12, 40][..], &[8][..]));
    }

    #[test]
    fn padding_keeps_the_picture_and_repeats_its_borders() {
        let picture = synthetic(13, 7, 0.0);
        let padded = picture.padded(16, 16);
        assert_eq!(padded.y[15], picture.y[12], "the last column repeats");
        assert_eq!(padded.y[15 * 16], picture.y[6 * 13], "the last row repeats");
        for (plane, padded) in picture.planes().into_iter().zip(padded.planes()) {
            let rows = plane.samples.chunks(plane.width).zip(padded.samples.chunks(padded.width));
            rows.for_each(|(row, padded)| assert_eq!(row, &padded[..row.len()]));
        }
    }
}
