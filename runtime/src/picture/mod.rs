//! Decoded pictures: 8-bit planar 4:2:0.

pub mod packing;
#[cfg(feature = "png")]
mod png_file;
#[cfg(feature = "player")]
pub mod pool;
#[cfg(feature = "png")]
pub mod reference;
pub mod rgb;

use crate::units::Size;

/// An I420 picture: luma, then both chroma planes, without padding between rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    size: Size,
    i420: Vec<u8>,
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
        Self { size, i420: vec![128; size.i420_bytes()] }
    }

    /// Its size.
    pub fn size(&self) -> Size {
        self.size
    }

    /// All planes, one after another.
    pub fn i420(&self) -> &[u8] {
        &self.i420
    }

    /// All planes, one after another.
    pub fn i420_mut(&mut self) -> &mut [u8] {
        &mut self.i420
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
        &self.i420[self.range(plane)]
    }

    /// Samples of a plane, `[row, column]`.
    pub fn plane_mut(&mut self, plane: Plane) -> &mut [u8] {
        let range = self.range(plane);
        &mut self.i420[range]
    }

    /// The three planes at once.
    pub fn planes_mut(&mut self) -> [&mut [u8]; 3] {
        let (luma, chroma) = (self.range(Plane::Y).len(), self.range(Plane::U).len());
        let (y, rest) = self.i420.split_at_mut(luma);
        let (u, v) = rest.split_at_mut(chroma);
        [y, u, v]
    }
}
