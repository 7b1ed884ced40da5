//! Several views side by side in one picture.

use crate::error::{Error, Result};
use crate::picture::{Picture, Plane};
use crate::play::shown::Shown;
use crate::units::Size;
use crate::units::views::ViewSet;

/// A picture with a place for every view; odd widths leave one grey column.
#[derive(Debug)]
pub struct Tile {
    picture: Picture,
    views: ViewSet,
    step_px: usize,
}

impl Tile {
    /// A tile of `views`, each of `size`.
    ///
    /// # Errors
    /// [`Error::OverBudget`] when the tile gets wider than 65535 pixels.
    pub fn new(size: Size, views: ViewSet) -> Result<Self> {
        let step_px = size.width().next_multiple_of(2);
        let width = step_px * views.len();
        let width_px = u16::try_from(width).map_err(|_| Error::OverBudget {
            what: "pixels of views side by side (use %v in the file name)",
            asked: width as u64,
            allowed: u64::from(u16::MAX),
        })?;
        Ok(Self { picture: Picture::new(Size { width_px, ..size }), views, step_px })
    }

    /// Size of the whole.
    pub fn size(&self) -> Size {
        self.picture.size()
    }

    /// Puts the views of `shown` in their places.
    pub fn compose(&mut self, shown: &Shown) -> &Picture {
        for (id, picture) in shown.frames() {
            let Some(place) = self.views.iter().position(|v| v == id.view) else { continue };
            for plane in Plane::ALL {
                let step = if plane == Plane::Y { self.step_px } else { self.step_px / 2 };
                let (columns, _) = picture.plane_size(plane);
                let (whole, _) = self.picture.plane_size(plane);
                let lines = self.picture.plane_mut(plane).chunks_exact_mut(whole);
                for (line, source) in lines.zip(picture.plane(plane).chunks_exact(columns)) {
                    line[place * step..][..columns].copy_from_slice(source);
                }
            }
        }
        &self.picture
    }
}
