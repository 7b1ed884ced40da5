//! Section table (FORMAT.md §4): fixed-size records, so that entry `i` is one seek away.

use serde::{Deserialize, Serialize};

use super::anchor::Codec;
use crate::error::{Error, Result};
use crate::units::ViewId;

/// What a section holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Kind {
    /// Weights and biases of one scene.
    Network,
    /// Static grids of one scene.
    SceneGrids,
    /// Grids of one GOP.
    GopGrids,
    /// H.264 of one explicit view over one GOP, and the key pictures predicted from it.
    Anchor,
    /// Camera parameters of all views.
    Cameras,
    /// AV1 of one or several explicit views over one GOP, and the key pictures predicted from them.
    Av1,
}

impl Kind {
    /// The codec of a section of explicit pictures.
    pub const fn codec(self) -> Option<Codec> {
        match self {
            Self::Anchor => Some(Codec::H264),
            Self::Av1 => Some(Codec::Av1),
            _ => None,
        }
    }
}

/// Where a section is and what it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Entry {
    /// What it holds.
    pub kind: Kind,
    /// The explicit view of an [`Kind::Anchor`] section, the first of an [`Kind::Av1`] section, else 0.
    pub view: ViewId,
    /// Index of the scene.
    #[serde(with = "postcard::fixint::le")]
    pub scene: u16,
    /// First picture it covers.
    #[serde(with = "postcard::fixint::le")]
    pub first_frame: u32,
    /// Pictures it covers.
    #[serde(with = "postcard::fixint::le")]
    pub frames: u32,
    /// First byte in the file.
    #[serde(with = "postcard::fixint::le")]
    pub offset: u64,
    /// Bytes in the file.
    #[serde(with = "postcard::fixint::le")]
    pub bytes: u32,
    /// CRC-32C of those bytes.
    #[serde(with = "postcard::fixint::le")]
    pub crc: u32,
}

impl Entry {
    /// Bytes of a record: two enums or newtypes of one byte, then the integers.
    pub const BYTES: usize =
        2 * size_of::<u8>() + size_of::<u16>() + 4 * size_of::<u32>() + size_of::<u64>();

    /// The record as stored.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let used = postcard::to_slice(&self, &mut bytes).map(|b| b.len());
        assert_eq!(used, Ok(Self::BYTES), "a record has a fixed size");
        bytes
    }

    /// Reads the record stored at byte `at` of the file.
    ///
    /// # Errors
    /// [`Error::Malformed`] on an unknown kind.
    pub fn from_bytes(bytes: &[u8; Self::BYTES], at: u64) -> Result<Self> {
        postcard::from_bytes(bytes).map_err(|_| Error::malformed(at, "section kind is 0 to 5"))
    }

    /// True when the section covers picture `frame`.
    pub fn covers(&self, frame: u32) -> bool {
        frame.checked_sub(self.first_frame).is_some_and(|t| t < self.frames)
    }
}
