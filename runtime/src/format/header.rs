//! Preamble and stream header (FORMAT.md §2, §3).

use heapless::{String, Vec};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::foreign;
use crate::profile::Profile;
use crate::units::{Size, ViewId};

pub use super::colour::{Colour, Sampling, Siting};

/// First bytes of every stream; shaped like PNG's so that text-mode transfers are noticed.
pub const MAGIC: [u8; 8] = [0x89, b'I', b'E', b'V', 0x0d, 0x0a, 0x1a, 0x0a];
/// Readers refuse another major version.
pub const VERSION_MAJOR: u8 = 1;
/// Readers refuse a newer minor version with a message that names it.
pub const VERSION_MINOR: u8 = 5;
/// Most views of a stream.
pub const MAX_VIEWS: usize = 32;
ceiling! {
    /// Most bytes of a coded header.
    MAX_HEADER_BYTES = 512; HEADER_RULE = "a header is at most ", " bytes"
}

/// The fixed-size start of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Preamble {
    /// Minor version of the stream, at most [`VERSION_MINOR`].
    pub minor: u8,
    /// Bytes of the coded header.
    pub header_bytes: u16,
    /// Entries of the section table.
    pub sections: u32,
    /// Bytes of the whole file.
    pub file_bytes: u64,
    /// CRC-32C of the preamble before this field, the header and the table.
    pub index_crc: u32,
}

impl Preamble {
    /// Bytes of a coded preamble without its checksum.
    pub const CHECKED: usize =
        MAGIC.len() + 2 * size_of::<u8>() + size_of::<u16>() + size_of::<u32>() + size_of::<u64>();
    /// Bytes of a coded preamble.
    pub const BYTES: usize = Self::CHECKED + size_of::<u32>();

    /// The preamble as stored.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8] = VERSION_MAJOR;
        bytes[9] = self.minor;
        bytes[10..12].copy_from_slice(&self.header_bytes.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.sections.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.file_bytes.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.index_crc.to_le_bytes());
        bytes
    }

    /// Reads a preamble.
    ///
    /// # Errors
    /// [`Error::Foreign`] on a wrong magic, [`Error::Newer`] or [`Error::Unsupported`] on another version.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Result<Self> {
        if bytes[..8] != MAGIC {
            return Err(Error::Foreign { seems: foreign::FileKind::of(bytes) });
        }
        if bytes[8] < VERSION_MAJOR {
            return Err(Error::unsupported(8, "a format version before 1.0"));
        }
        if (bytes[8], bytes[9]) > (VERSION_MAJOR, VERSION_MINOR) {
            let reads = (VERSION_MAJOR, VERSION_MINOR);
            return Err(Error::Newer { major: bytes[8], minor: bytes[9], reads });
        }
        let minor = bytes[9];
        let [.., a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r] = *bytes;
        Ok(Self {
            minor,
            header_bytes: u16::from_le_bytes([a, b]),
            sections: u32::from_le_bytes([c, d, e, f]),
            file_bytes: u64::from_le_bytes([g, h, i, j, k, l, m, n]),
            index_crc: u32::from_le_bytes([o, p, q, r]),
        })
    }
}

/// The second picture the network may copy from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Second {
    /// The nearest key picture of the view itself.
    Key,
    /// Another explicit view at the same frame.
    Anchor(ViewId),
}

/// How a view is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Role {
    /// Every picture is H.264.
    Explicit,
    /// Pictures are painted by the network from its grids and two sources.
    Implicit {
        /// The explicit view that is warped.
        anchor: ViewId,
        /// The other source.
        second: Second,
    },
}

/// What a player must know before it reads a section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Header {
    /// Name of the decoder profile; empty when every view is explicit.
    pub profile: String<16>,
    /// SHA-256 of the profile's `full` ONNX template; zero when every view is explicit.
    pub template_sha256: [u8; 32],
    /// Picture size.
    pub size: Size,
    /// Pictures per second, as a fraction.
    pub rate: (u32, u32),
    /// Pictures per view.
    pub frames: u32,
    /// Colour of every view.
    pub colour: Colour,
    /// Role of every view.
    pub views: Vec<Role, MAX_VIEWS>,
    /// Where samples lie, in every view.
    pub sampling: Sampling,
}

/// First minor version whose header ends with [`Header::sampling`].
const SAMPLING_SINCE: u8 = 4;

impl Header {
    /// Reads the header of a stream of version 1.`minor`.
    ///
    /// # Errors
    /// [`Error::Malformed`] where it is no header.
    pub fn from_bytes(bytes: &[u8], minor: u8) -> Result<Self> {
        type Before1_4 =
            (String<16>, [u8; 32], Size, (u32, u32), u32, Colour, Vec<Role, MAX_VIEWS>);
        let read = if minor < SAMPLING_SINCE {
            postcard::from_bytes::<Before1_4>(bytes).map(
                |(profile, template_sha256, size, rate, frames, colour, views)| Self {
                    profile,
                    template_sha256,
                    size,
                    rate,
                    frames,
                    colour,
                    views,
                    sampling: Sampling::UNSPECIFIED,
                },
            )
        } else {
            postcard::from_bytes(bytes)
        };
        let rule = "the header is a postcard record of FORMAT.md §3";
        read.map_err(|_| Error::malformed(Preamble::BYTES as u64, rule))
    }

    /// Checks what serde cannot: ranges and references between fields.
    ///
    /// # Errors
    /// [`Error::Malformed`] naming the rule; [`Error::Unsupported`] for an unknown profile.
    pub fn validate(&self) -> Result<()> {
        let at = Preamble::BYTES as u64;
        let rule = |holds: bool, rule| if holds { Ok(()) } else { Err(Error::malformed(at, rule)) };
        // The clip.
        rule(!self.views.is_empty(), "view count is at least 1")?;
        rule(self.frames > 0, "picture count is at least 1")?;
        rule(self.size.width_px > 0 && self.size.height_px > 0, "picture size is at least 1×1")?;
        rule(self.rate.0 > 0 && self.rate.1 > 0, "picture rate is above zero")?;
        rule(self.sampling.is_valid(), "a pixel aspect has two parts above zero, or is 0:0")?;
        // The views, and what each is painted from.
        let explicit = |v: ViewId| self.views.get(usize::from(v.0)) == Some(&Role::Explicit);
        for view in &self.views {
            if let Role::Implicit { anchor, second } = *view {
                rule(explicit(anchor), "the anchor of an implicit view is an explicit view")?;
                if let Second::Anchor(other) = second {
                    rule(explicit(other), "the second anchor of a view is an explicit view")?;
                }
            }
        }
        rule(self.views.contains(&Role::Explicit), "at least one view is explicit")?;
        // The network, where there is one.
        if self.implicit_views().next().is_none() {
            let bare = self.profile.is_empty() && self.template_sha256 == [0; 32];
            return rule(bare, "a stream without implicit views names no profile and no template");
        }
        if self.profile().is_none() {
            return Err(Error::unsupported(at, "decoder profile unknown to this build"));
        }
        Ok(())
    }

    /// The decoder profile, if the stream names one this build knows.
    pub fn profile(&self) -> Option<&'static Profile> {
        Profile::by_name(&self.profile)
    }

    /// Implicit views in order; a view's place here is its index in grids.
    pub fn implicit_views(&self) -> impl Iterator<Item = ViewId> + '_ {
        self.with_role(|role| *role != Role::Explicit)
    }

    /// Explicit views in order.
    pub fn explicit_views(&self) -> impl Iterator<Item = ViewId> + '_ {
        self.with_role(|role| *role == Role::Explicit)
    }

    fn with_role(&self, keep: fn(&Role) -> bool) -> impl Iterator<Item = ViewId> + '_ {
        (0..).zip(&self.views).filter(move |(_, role)| keep(role)).map(|(i, _)| ViewId(i))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            profile: String::new(),
            template_sha256: [0; 32],
            size: Size { width_px: 96, height_px: 64 },
            rate: (24, 1),
            frames: 3,
            colour: Colour::BT709,
            views: Vec::from_array([Role::Explicit]),
            sampling: Sampling { pixel_aspect: (64, 45), siting: Siting::TopLeft },
        }
    }

    #[test]
    fn headers_before_1_4_end_before_the_sampling() {
        let mut buffer = [0; MAX_HEADER_BYTES];
        let record = postcard::to_slice(&header(), &mut buffer).unwrap();
        assert_eq!(Header::from_bytes(record, 4).unwrap(), header());
        let older = &record[..record.len() - 3];
        let expected = Header { sampling: Sampling::UNSPECIFIED, ..header() };
        for minor in 0..4 {
            assert_eq!(Header::from_bytes(older, minor).unwrap(), expected, "1.{minor}");
            assert_eq!(Header::from_bytes(record, minor).unwrap(), expected, "1.{minor} and more");
        }
        assert!(Header::from_bytes(older, 4).is_err());
    }

    #[test]
    fn half_a_pixel_aspect_is_refused() {
        for (pixel_aspect, valid) in
            [((0, 0), true), ((1, 1), true), ((0, 1), false), ((1, 0), false)]
        {
            let sampling = Sampling { pixel_aspect, ..Sampling::UNSPECIFIED };
            let valid_header = Header { sampling, ..header() }.validate();
            assert_eq!(valid_header.is_ok(), valid, "{pixel_aspect:?}");
        }
    }
}
