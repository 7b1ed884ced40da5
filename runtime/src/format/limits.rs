//! What a stream may ask of the machine; checked before anything is allocated.

use super::header::Header;
use crate::Size;
use crate::error::{Result, within};

/// Ceilings on a stream; [`Limits::DEFAULT`] suits an edge box, board profiles lower it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Columns and rows of a picture.
    pub side_px: u64,
    /// Pixels of a picture.
    pub picture_px: u64,
    /// Views of a stream.
    pub views: u64,
    /// Pictures per view.
    pub frames: u64,
    /// Pictures per view of one GOP.
    pub gop_frames: u64,
    /// Sections of a stream.
    pub sections: u64,
    /// Bytes of one section on disk.
    pub section_bytes: u64,
    /// Grid values of one GOP or scene after decoding.
    pub grid_values: u64,
    /// Bytes that playing may hold, where the player can tell beforehand.
    pub memory_bytes: u64,
    /// Pictures per second.
    pub rate_hz: u64,
}

impl Limits {
    /// Suits an edge box: 4K, 32 views, GOPs of 256 pictures; memory and rate are free.
    pub const DEFAULT: Self = Self {
        side_px: 8192,
        picture_px: 4096 * 2304,
        views: 32,
        frames: 1 << 24,
        gop_frames: 256,
        sections: 1 << 20,
        section_bytes: 64 << 20,
        grid_values: 256 << 20,
        memory_bytes: u64::MAX,
        rate_hz: u64::MAX,
    };

    /// Checks what the header declares.
    ///
    /// # Errors
    /// [`crate::Error::OverBudget`] naming the first limit exceeded.
    pub fn check_header(&self, header: &Header) -> Result<()> {
        self.check_size(header.size)?;
        self.check_rate(header.rate)?;
        self.check_views(header.views.len())?;
        within("number of pictures", u64::from(header.frames), self.frames)
    }

    /// Checks the size of a picture.
    ///
    /// # Errors
    /// [`crate::Error::OverBudget`] naming the first limit exceeded.
    pub fn check_size(&self, size: Size) -> Result<()> {
        let (width, height) = (size.width() as u64, size.height() as u64);
        within("picture width in pixels", width, self.side_px)?;
        within("picture height in pixels", height, self.side_px)?;
        within("pixels of a picture", width * height, self.picture_px)
    }

    /// Checks a rate of pictures per seconds.
    ///
    /// # Errors
    /// [`crate::Error::OverBudget`] where it is too high.
    pub fn check_rate(&self, (pictures, seconds): (u32, u32)) -> Result<()> {
        within("pictures per second", u64::from(pictures.div_ceil(seconds)), self.rate_hz)
    }

    /// Checks the number of views.
    ///
    /// # Errors
    /// [`crate::Error::OverBudget`] where there are too many.
    pub fn check_views(&self, views: usize) -> Result<()> {
        within("number of views", views as u64, self.views)
    }

    /// Checks the pictures per view of a GOP.
    ///
    /// # Errors
    /// [`crate::Error::OverBudget`] where there are too many.
    pub fn check_gop(&self, frames: u64) -> Result<()> {
        within("pictures of a GOP", frames, self.gop_frames)
    }

    /// Checks the bytes of a section.
    ///
    /// # Errors
    /// [`crate::Error::OverBudget`] where there are too many.
    pub fn check_section(&self, bytes: u64) -> Result<()> {
        within("bytes of a section", bytes, self.section_bytes)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
