//! Parts of the codec that an encode can do without, to learn what each is worth.
//!
//! What is left out is held at zero (or, for a mask, at its clamp) in training and in the stream: the file
//! is an ordinary one, which any player decodes, and zeros cost next to nothing.

use iev_runtime::profile::GridSpec;
use serde::{Deserialize, Serialize};

/// One part.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize, strum::IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// All grids: what the network paints depends on the view and on warped pictures alone.
    Grids,
    /// Static grids per view.
    ViewGrids,
    /// Grids over time.
    MovingGrids,
    /// Grids at 1/8.
    FineGrids,
    /// Inter-view compensation: the warped anchor is neither shown nor seen by the network.
    InterView,
    /// Key pictures; the second source is the anchor then.
    KeyPictures,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Grids,
        Self::ViewGrids,
        Self::MovingGrids,
        Self::FineGrids,
        Self::InterView,
        Self::KeyPictures,
    ];

    /// Its name on the command line and in reports.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Whether `grid` belongs to it.
    pub fn has_grid(self, grid: &GridSpec) -> bool {
        match self {
            Self::Grids => true,
            Self::ViewGrids => grid.in_scene(),
            Self::MovingGrids => !grid.in_scene(),
            Self::FineGrids => grid.scale == 8,
            Self::InterView | Self::KeyPictures => false,
        }
    }
}
