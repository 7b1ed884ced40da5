//! Several views in one picture, side by side or one below the other.

use crate::error::{Error, Result};
use crate::picture::{Picture, Plane};
use crate::play::shown::ShownFrame;
use crate::units::{Size, ViewId};

/// Where the views of a tile stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TileLayout {
    /// The first at the left.
    #[default]
    SideBySide,
    /// The first at the top.
    TopBottom,
}

/// A picture with a place for every view; an odd side leaves a grey column or row behind each.
#[derive(Debug)]
pub struct Tile {
    picture: Picture,
    views: Vec<ViewId>,
    layout: TileLayout,
    /// From one view to the next, even for the sake of chroma.
    step_px: usize,
}

impl Tile {
    /// A tile of `views` in this order, each of `size`.
    ///
    /// # Errors
    /// [`Error::OverBudget`] when a side of the tile goes beyond 65535 pixels.
    pub fn new(size: Size, views: &[ViewId], layout: TileLayout) -> Result<Self> {
        let side = if layout == TileLayout::SideBySide { size.width() } else { size.height() };
        let step_px = side.next_multiple_of(2);
        let long = step_px * views.len();
        let long_px = u16::try_from(long).map_err(|_| Error::OverBudget {
            what: "pixels of views in one picture (use %v in the file name)",
            asked: long as u64,
            allowed: u64::from(u16::MAX),
        })?;
        let whole = match layout {
            TileLayout::SideBySide => Size { width_px: long_px, ..size },
            TileLayout::TopBottom => Size { height_px: long_px, ..size },
        };
        Ok(Self { picture: Picture::new(whole), views: views.to_vec(), layout, step_px })
    }

    /// Size of the whole.
    pub fn size(&self) -> Size {
        self.picture.size()
    }

    /// Puts the views of `shown` in their places.
    pub fn compose(&mut self, shown: &ShownFrame) -> &Picture {
        for (id, picture) in shown.with_ids() {
            let Some(place) = self.views.iter().position(|view| *view == id.view) else { continue };
            for plane in Plane::ALL {
                let step = if plane == Plane::Y { self.step_px } else { self.step_px / 2 };
                let (right, down) = match self.layout {
                    TileLayout::SideBySide => (place * step, 0),
                    TileLayout::TopBottom => (0, place * step),
                };
                let (columns, _) = picture.plane_size(plane);
                let (whole, _) = self.picture.plane_size(plane);
                let lines = self.picture.plane_mut(plane).chunks_exact_mut(whole).skip(down);
                for (line, source) in lines.zip(picture.plane(plane).chunks_exact(columns)) {
                    line[right..][..columns].copy_from_slice(source);
                }
            }
        }
        &self.picture
    }
}
