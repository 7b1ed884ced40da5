//! What the bytes of a stream are for, down to the last one.

use std::collections::BTreeMap;

use super::gop_index::FileReader;
use super::scene::grid_streams;
use crate::error::Result;
use crate::format::anchor::{AnchorSection, CodedPicture, coding_order, interleaved_order};
use crate::format::av1::Av1Section;
use crate::format::h264::NalType;
use crate::format::header::{Header, Preamble};
use crate::format::table::{Entry, Kind};
use crate::units::ViewId;

/// What bytes are for, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Grids of the GOPs.
    GopGrids,
    /// Explicit views, without key pictures of others.
    Anchor,
    /// Camera parameters.
    Cameras,
    /// Preamble, header and section table.
    Index,
    /// Key pictures.
    Keys,
    /// Weights of the network.
    Network,
    /// Static grids.
    SceneGrids,
}

impl Purpose {
    /// Name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GopGrids => "GOP grids",
            Self::Anchor => "anchor",
            Self::Cameras => "cameras",
            Self::Index => "index",
            Self::Keys => "keys",
            Self::Network => "network",
            Self::SceneGrids => "scene grids",
        }
    }
}

/// Bytes of a stream by what they are for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// By purpose and item; purposes that are one item have an empty name for it.
    bytes: BTreeMap<(Purpose, String), u64>,
}

impl Ledger {
    /// Accounts for every byte of a stream.
    ///
    /// # Errors
    /// The stream's.
    ///
    /// # Panics
    /// If a byte is left over: the rules that the reader and the sections check leave none.
    pub fn of(reader: &mut FileReader) -> Result<Self> {
        let mut ledger = Self::default();
        let preamble = Preamble::BYTES as u64;
        let table = u64::from(reader.sections()) * Entry::BYTES as u64;
        ledger.add(Purpose::Index, "preamble", preamble);
        ledger.add(Purpose::Index, "header", reader.index_bytes() - preamble - table);
        ledger.add(Purpose::Index, "table", table);
        let header = reader.header().clone();
        for index in 0..reader.sections() {
            let entry = reader.entry(index)?;
            let body = reader.section(&entry)?;
            let listed = ledger.section(&header, &entry, &body);
            listed.map_err(|e| e.moved_by(entry.offset))?;
        }
        let whole = reader.file_bytes();
        assert_eq!(ledger.total(), whole, "every byte of a checked stream belongs to something");
        Ok(ledger)
    }

    /// Names of items, each behind its purpose, and their bytes.
    pub fn items(&self) -> impl Iterator<Item = (String, u64)> {
        self.bytes.iter().map(|((purpose, item), bytes)| {
            let separator = if item.is_empty() { "" } else { "/" };
            (format!("{}{separator}{item}", purpose.name()), *bytes)
        })
    }

    /// All bytes for `purpose`.
    pub fn bytes_for(&self, purpose: Purpose) -> u64 {
        let items = self.bytes.iter().filter(|((of, _), _)| *of == purpose);
        items.map(|(_, bytes)| bytes).sum()
    }

    /// All bytes: as many as the file has.
    pub fn total(&self) -> u64 {
        self.bytes.values().sum()
    }

    fn add(&mut self, purpose: Purpose, item: &str, bytes: u64) {
        *self.bytes.entry((purpose, item.to_owned())).or_default() += bytes;
    }

    fn section(&mut self, header: &Header, entry: &Entry, body: &[u8]) -> Result<()> {
        match entry.kind {
            Kind::Network => self.add(Purpose::Network, "", body.len() as u64),
            Kind::Cameras => self.add(Purpose::Cameras, "", body.len() as u64),
            Kind::SceneGrids => self.grids(Purpose::SceneGrids, header, body)?,
            Kind::GopGrids => self.grids(Purpose::GopGrids, header, body)?,
            Kind::Anchor => self.h264(entry, body)?,
            Kind::Av1 => self.av1(entry, body)?,
        }
        Ok(())
    }

    fn grids(&mut self, purpose: Purpose, header: &Header, body: &[u8]) -> Result<()> {
        const LENGTH_BYTES: u64 = size_of::<u32>() as u64;
        let in_scene = purpose == Purpose::SceneGrids;
        let specs = header.profile().map_or(&[][..], |p| p.grids);
        let mut names = specs.iter().filter(|g| g.in_scene() == in_scene).map(|g| g.name);
        for (_, stream) in grid_streams(body)? {
            self.add(purpose, names.next().unwrap_or("unknown"), stream.len() as u64);
            self.add(purpose, "lengths", LENGTH_BYTES);
        }
        Ok(())
    }

    /// Slices go to the view they are of; parameter sets and lengths to the section's view.
    fn h264(&mut self, entry: &Entry, body: &[u8]) -> Result<()> {
        let section = AnchorSection::parse(body, entry.frames)?;
        let mut order = coding_order(entry.view, &section.keys, entry.frames);
        let mut rest = body.len() as u64;
        for nal in section.nal_units() {
            let (_, nal) = nal?;
            if NalType::of(nal).is_slice() {
                self.coded(order.next().unwrap_or(CodedPicture::Shown), entry.view, nal);
                rest -= nal.len() as u64;
            }
        }
        self.lists_and_parameters(entry.view, rest);
        Ok(())
    }

    /// The same for temporal units.
    fn av1(&mut self, entry: &Entry, body: &[u8]) -> Result<()> {
        let section = Av1Section::parse(body, entry.frames)?;
        let mut turns = section.views.iter().cycle().copied();
        let mut order = interleaved_order(&section.views[..], &section.keys, entry.frames);
        let mut rest = body.len() as u64;
        let mut view = turns.next().unwrap_or(entry.view);
        for unit in section.temporal_units() {
            let (_, unit) = unit?;
            let coded = order.next().unwrap_or(CodedPicture::Shown);
            self.coded(coded, view, unit);
            if coded == CodedPicture::Shown {
                view = turns.next().unwrap_or(entry.view);
            }
            rest -= unit.len() as u64;
        }
        self.lists_and_parameters(entry.view, rest);
        Ok(())
    }

    /// A picture of `view`, or of the view that its key is of.
    fn coded(&mut self, coded: CodedPicture, view: ViewId, unit: &[u8]) {
        let (purpose, item) = match coded {
            CodedPicture::Key(key) => (Purpose::Keys, format!("view {}", key.view.0)),
            CodedPicture::Hidden => (Purpose::Anchor, format!("view {} background", view.0)),
            CodedPicture::Shown => (Purpose::Anchor, format!("view {}", view.0)),
        };
        self.add(purpose, &item, unit.len() as u64);
    }

    fn lists_and_parameters(&mut self, view: ViewId, bytes: u64) {
        self.add(Purpose::Anchor, &format!("view {} lists and parameters", view.0), bytes);
    }
}
