//! Decoded pictures: 8-bit planar 4:2:0.

pub mod packing;
#[cfg(feature = "png")]
mod png_file;
#[cfg(feature = "player")]
pub mod pool;
#[cfg(feature = "png")]
pub mod reference;
pub mod rgb;

use core::fmt;
use std::sync::Arc;

use crate::units::Size;

/// An I420 picture: luma, then both chroma planes, without padding between rows.
#[derive(Clone)]
pub struct Picture {
    size: Size,
    i420: Samples,
}

/// Samples that somebody else keeps, such as a mapped file that nobody writes to.
pub type Lent = Arc<dyn AsRef<[u8]> + Send + Sync>;

#[derive(Clone)]
enum Samples {
    Own(Vec<u8>),
    Lent(Lent),
}

/// Index of a plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plane {
    /// Luma.
    Y,
    /// Blue difference.
    U,
    /// Red difference.
    V,
}

impl Plane {
    /// All planes in storage order.
    pub const ALL: [Self; 3] = [Self::Y, Self::U, Self::V];
}

impl Picture {
    /// A grey picture.
    pub fn new(size: Size) -> Self {
        Self { size, i420: Samples::Own(vec![128; size.i420_bytes()]) }
    }

    /// A picture of these samples, which are copied when one is to be changed.
    ///
    /// # Panics
    /// If they are not as many as a picture of `size` has.
    pub fn lent(size: Size, i420: Lent) -> Self {
        let bytes = (*i420).as_ref().len();
        assert_eq!(bytes, size.i420_bytes(), "samples are those of the size");
        Self { size, i420: Samples::Lent(i420) }
    }

    /// Its size.
    pub fn size(&self) -> Size {
        self.size
    }

    /// All planes, one after another.
    pub fn i420(&self) -> &[u8] {
        match &self.i420 {
            Samples::Own(samples) => samples,
            Samples::Lent(samples) => (**samples).as_ref(),
        }
    }

    /// All planes, one after another.
    pub fn i420_mut(&mut self) -> &mut [u8] {
        if let Samples::Lent(lent) = &self.i420 {
            self.i420 = Samples::Own((**lent).as_ref().to_vec());
        }
        match &mut self.i420 {
            Samples::Own(samples) => samples,
            Samples::Lent(_) => unreachable!("they have just been copied"),
        }
    }

    /// Columns and rows of a plane.
    pub fn plane_size(&self, plane: Plane) -> (usize, usize) {
        match plane {
            Plane::Y => (self.size.width(), self.size.height()),
            Plane::U | Plane::V => self.size.chroma(),
        }
    }

    fn range(&self, plane: Plane) -> core::ops::Range<usize> {
        let luma = self.size.width() * self.size.height();
        let chroma = self.size.chroma().0 * self.size.chroma().1;
        match plane {
            Plane::Y => 0..luma,
            Plane::U => luma..luma + chroma,
            Plane::V => luma + chroma..luma + 2 * chroma,
        }
    }

    /// Samples of a plane, `[row, column]`.
    pub fn plane(&self, plane: Plane) -> &[u8] {
        &self.i420()[self.range(plane)]
    }

    /// Samples of a plane, `[row, column]`.
    pub fn plane_mut(&mut self, plane: Plane) -> &mut [u8] {
        let range = self.range(plane);
        &mut self.i420_mut()[range]
    }

    /// The three planes at once.
    pub fn planes_mut(&mut self) -> [&mut [u8]; 3] {
        let (luma, chroma) = (self.range(Plane::Y).len(), self.range(Plane::U).len());
        let (y, rest) = self.i420_mut().split_at_mut(luma);
        let (u, v) = rest.split_at_mut(chroma);
        [y, u, v]
    }
}

impl PartialEq for Picture {
    fn eq(&self, other: &Self) -> bool {
        self.size == other.size && self.i420() == other.i420()
    }
}

impl Eq for Picture {}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Picture").field("size", &self.size).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lent_samples_are_copied_before_they_change() {
        let size = Size { width_px: 3, height_px: 2 };
        let kept: Lent = Arc::new(vec![7; size.i420_bytes()]);
        let mut picture = Picture::lent(size, Arc::clone(&kept));
        let other = picture.clone();
        picture.plane_mut(Plane::V)[0] = 9;
        assert_eq!((picture.i420()[8], other.i420()[8]), (9, 7));
        assert!(picture != other && other == Picture::lent(size, kept));
    }
}
