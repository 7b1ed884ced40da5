//! Checksums of everything a stream decodes to before a float appears: equal on every machine.

use super::gop_index::FileReader;
use super::scene::{Grid, NetworkLevels, Residence};
use super::section_grids::SectionGrids;
use crate::error::{Error, Result};
use crate::format::CRC;
use crate::format::header::Preamble;
use crate::format::mixing::SymbolModel;
use crate::format::table::{Entry, Kind};

/// CRC-32C of the integers of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbols {
    /// Steps, weights and biases of networks.
    pub network_crc32c: u32,
    /// Steps and levels of grids, sections in file order.
    pub grids_crc32c: u32,
}

impl Symbols {
    /// Decodes every network and grid section of a stream with implicit views.
    ///
    /// # Errors
    /// The stream's; [`Error::Unsupported`] when every view is explicit.
    pub fn of(reader: &mut FileReader) -> Result<Self> {
        if reader.header().profile().is_none() {
            return Err(Error::unsupported(
                Preamble::BYTES as u64,
                "symbols of a stream without a network",
            ));
        }
        let (mut of_network, mut of_grids) = (CRC.digest(), CRC.digest());
        visit_levels(reader, |_, levels| match levels {
            Levels::Network(network) => {
                put_network(&mut |bytes| of_network.update(bytes), &network)
            }
            Levels::Grids(grids) => put_grids(&mut |bytes| of_grids.update(bytes), grids),
        })?;
        Ok(Self { network_crc32c: of_network.finalize(), grids_crc32c: of_grids.finalize() })
    }
}

/// What a network or grid section decodes to.
#[derive(Debug)]
pub enum Levels<'a> {
    /// A scene's network.
    Network(NetworkLevels),
    /// Grids of a scene or a GOP, in the profile's order.
    Grids(&'a [Grid]),
}

/// Decodes every network and grid section in file order; a stream without a network has none.
///
/// # Errors
/// The stream's.
pub fn visit_levels(
    reader: &mut FileReader,
    mut visit: impl FnMut(&Entry, Levels<'_>),
) -> Result<()> {
    let header = reader.header().clone();
    let Some(profile) = header.profile() else { return Ok(()) };
    let mut model = Box::new(SymbolModel::new());
    for index in 0..reader.sections() {
        let entry = reader.entry(index)?;
        // Only what the entropy coder coded.
        let residence = match entry.kind {
            Kind::Network | Kind::SceneGrids => Residence::Scene,
            Kind::GopGrids => Residence::Gop,
            Kind::Anchor | Kind::Av1 | Kind::Cameras => continue,
        };
        // A network as a whole, or the grids of a scene or a GOP.
        if entry.kind == Kind::Network {
            let body = reader.section(&entry)?;
            let network = NetworkLevels::decode(&body, profile, reader.minor(), &mut model);
            visit(&entry, Levels::Network(network.map_err(|e| e.moved_by(entry.offset))?));
            continue;
        }
        let grids = SectionGrids::read(reader, &entry, profile, residence)?;
        visit(&entry, Levels::Grids(grids.get()?));
    }
    Ok(())
}

fn put_network(put: &mut impl FnMut(&[u8]), network: &NetworkLevels) {
    for layer in &network.layers {
        layer.steps.iter().chain([&layer.bias_step]).for_each(|s| put(&[s.get()]));
        layer.weights.iter().for_each(|w| put(&w.to_le_bytes()));
        layer.bias.iter().for_each(|b| put(&b.to_le_bytes()));
        layer.output_steps.iter().for_each(|s| put(&[s.get()]));
    }
}

fn put_grids(put: &mut impl FnMut(&[u8]), grids: &[Grid]) {
    for grid in grids {
        grid.steps.iter().for_each(|s| put(&[s.get()]));
        grid.levels.iter().for_each(|l| put(&l.to_le_bytes()));
    }
}
