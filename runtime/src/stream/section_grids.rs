//! Grids of one section, decoded when somebody first needs them.
//!
//! Why not at reading: they are most of the time to a first picture, and neither H.264 nor opening a
//! network has to wait for them. The reader hands the section on and decodes it while others begin;
//! a painter that is there first decodes it itself.

use std::sync::OnceLock;

use super::gop_index::FileReader;
use super::scene::{Grid, Residence, check_grids, decode_grids, zero_grids};
use crate::error::Result;
use crate::format::mixing::SymbolModel;
use crate::format::table::Entry;
use crate::profile::Profile;
use crate::units::Size;

/// A grid section, read and checked against its checksum and the limits.
#[derive(Debug)]
pub struct SectionGrids {
    /// Its bytes.
    body: Vec<u8>,
    /// Where they are in the stream.
    offset: u64,
    /// Profile whose grids they are.
    profile: &'static Profile,
    /// Static grids or those over time.
    residence: Residence,
    /// Size of pictures.
    size: Size,
    /// Pictures per view.
    frames: usize,
    /// Implicit views.
    views: usize,
    /// Empty inside when the section is broken.
    decoded: OnceLock<Option<Vec<Grid>>>,
}

impl SectionGrids {
    /// Reads the section `entry`.
    ///
    /// # Errors
    /// [`crate::Error::OverBudget`] when the grids would pass the reader's limits, else as
    /// [`FileReader::section`].
    pub fn read(
        reader: &mut FileReader,
        entry: &Entry,
        profile: &'static Profile,
        residence: Residence,
    ) -> Result<Self> {
        // Static grids do not depend on how long their scene is.
        let frames = if residence == Residence::Gop { entry.frames as usize } else { 1 };
        let (size, views) = (reader.header().size, reader.header().implicit_views().count());
        check_grids(profile, size, frames, views, reader.limits())?;
        let body = reader.section(entry)?;
        let (offset, decoded) = (entry.offset, OnceLock::new());
        Ok(Self { body, offset, profile, residence, size, frames, views, decoded })
    }

    /// The grids, in the profile's order.
    ///
    /// # Errors
    /// [`crate::Error::Malformed`] when the section is broken, however often it is asked.
    pub fn get(&self) -> Result<&[Grid]> {
        match self.decoded.get_or_init(|| self.decode().ok()) {
            Some(grids) => Ok(grids),
            None => self.decode().map(|_| unreachable!("the same bytes decode the same way")),
        }
    }

    fn decode(&self) -> Result<Vec<Grid>> {
        let mut grids =
            zero_grids(self.profile, self.residence, self.size, self.frames, self.views);
        let decoded = decode_grids(&self.body, &mut grids, &mut Box::new(SymbolModel::new()));
        decoded.map_err(|e| e.moved_by(self.offset))?;
        Ok(grids)
    }
}
