//! Parts of the codec that an encode can do without, to learn what each is worth.
//!
//! What is left out is held at zero (or, for a mask, at its clamp) in training and in the stream, or is not coded: the
//! file is an ordinary one, which any player decodes, and zeros cost next to nothing.

use std::str::FromStr;

use clap::ValueEnum;
use iev_runtime::profile::GridSpec;
use serde::{Deserialize, Serialize};

use crate::error::{Context, Error, Result};
use crate::rules::each_once;

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
    /// Copies of key pictures, by AV1.
    KeyCopies,
    /// What rests in a scene, before the first picture and as a key picture.
    Background,
    /// First pictures and key pictures without their noise.
    TemporalFilter,
    /// A λ that falls, and the weights that bits of network and grids have in the loss.
    RateWeights,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Grids,
        Self::ViewGrids,
        Self::MovingGrids,
        Self::FineGrids,
        Self::InterView,
        Self::KeyPictures,
        Self::KeyCopies,
        Self::Background,
        Self::TemporalFilter,
        Self::RateWeights,
    ];

    /// Its name on the command line and in reports.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Whether `grid` belongs to it.
    fn has_grid(self, grid: &GridSpec) -> bool {
        match self {
            Self::Grids => true,
            Self::ViewGrids => grid.in_scene(),
            Self::MovingGrids => !grid.in_scene(),
            Self::FineGrids => grid.scale == 8,
            _ => false,
        }
    }
}

/// Parts that are left out at once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "OneOrMore", into = "Vec<Part>")]
pub struct Parts(Vec<Part>);

impl Parts {
    /// Those that are `named`.
    ///
    /// # Errors
    /// When one is named twice.
    pub fn new(named: Vec<Part>) -> Result<Self> {
        each_once("what to do without", &named, |part| part.name().to_owned())?;
        Ok(Self(named))
    }

    /// Whether nothing is left out.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `part` is left out.
    pub fn has(&self, part: Part) -> bool {
        self.0.contains(&part)
    }

    /// Whether `grid` is.
    pub fn has_grid(&self, grid: &GridSpec) -> bool {
        self.0.iter().any(|part| part.has_grid(grid))
    }

    /// Their names, in reports and of files.
    pub fn name(&self) -> String {
        let names: Vec<&str> = self.0.iter().map(|part| part.name()).collect();
        names.join("+")
    }
}

impl From<Part> for Parts {
    fn from(part: Part) -> Self {
        Self(vec![part])
    }
}

impl From<Parts> for Vec<Part> {
    fn from(Parts(parts): Parts) -> Self {
        parts
    }
}

/// As files say it.
#[derive(Deserialize)]
#[serde(untagged, expecting = "not a part, or a list of parts")]
enum OneOrMore {
    One(Part),
    More(Vec<Part>),
}

impl TryFrom<OneOrMore> for Parts {
    type Error = Error;

    fn try_from(told: OneOrMore) -> Result<Self> {
        match told {
            OneOrMore::One(part) => Ok(part.into()),
            OneOrMore::More(parts) => Self::new(parts),
        }
    }
}

impl FromStr for Parts {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let part = |name: &str| {
            Part::from_str(name, false).ok().with_context(|| {
                let all: Vec<&str> = Part::ALL.map(Part::name).to_vec();
                format!("no part is called {name:?}: {}", all.join(", "))
            })
        };
        Self::new(text.split(',').map(part).collect::<Result<_>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_as_they_are_named() {
        let parts: Parts = "grids,key-copies".parse().unwrap();
        assert_eq!(parts, Parts::new(vec![Part::Grids, Part::KeyCopies]).unwrap());
        assert_eq!(parts.name(), "grids+key-copies");
        let refused = |text: &str| text.parse::<Parts>().unwrap_err().to_string();
        assert_eq!(refused("grids,grids"), "what to do without names grids twice");
        assert!(refused("newts").starts_with("no part is called \"newts\": grids, view-grids"));
    }
}
