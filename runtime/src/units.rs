//! Indices and sizes, each with its own type.

use serde::{Deserialize, Serialize};

/// Index of a view, in the order the views were given to the exporter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ViewId(pub u8);

/// Index of a picture in display order, from the start of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FrameIndex(pub u32);

/// One picture of one view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PictureId {
    /// The view.
    pub view: ViewId,
    /// The frame.
    pub frame: FrameIndex,
}

/// Size of a picture in luma pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Size {
    /// Columns.
    pub width_px: u16,
    /// Rows.
    pub height_px: u16,
}

/// Luma pixels covered by one cell of the coarsest grid; the network works on pictures padded to it.
pub const BLOCK_PX: usize = 16;

impl Size {
    /// Columns.
    pub const fn width(self) -> usize {
        self.width_px as usize
    }

    /// Rows.
    pub const fn height(self) -> usize {
        self.height_px as usize
    }

    /// Columns and rows of a chroma plane; odd sizes round up.
    pub const fn chroma(self) -> (usize, usize) {
        (self.width().div_ceil(2), self.height().div_ceil(2))
    }

    /// Columns and rows at 1/`scale` of the picture padded to [`BLOCK_PX`].
    pub const fn cells(self, scale: usize) -> (usize, usize) {
        let columns = self.width().div_ceil(BLOCK_PX) * BLOCK_PX / scale;
        let rows = self.height().div_ceil(BLOCK_PX) * BLOCK_PX / scale;
        (columns, rows)
    }

    /// Bytes of one I420 picture.
    pub const fn i420_bytes(self) -> usize {
        let (cw, ch) = self.chroma();
        self.width() * self.height() + 2 * cw * ch
    }
}
