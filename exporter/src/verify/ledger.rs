//! Where the bytes of a stream go.

use std::path::Path;

use anyhow::{Context, Result};
use iev_runtime::ViewId;
use iev_runtime::format::anchor::{
    AnchorSection, Coded, coding_order, interleaved_order, is_slice,
};
use iev_runtime::format::av1::Av1Section;
use iev_runtime::format::limits::Limits;
use iev_runtime::format::reader::StreamReader;
use iev_runtime::format::table::Kind;
use iev_runtime::stream::source::Source;
use serde::{Deserialize, Serialize};

/// Bytes of a file by what they are for; they add up to the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// Weights of the network.
    pub network: u64,
    /// Static grids.
    pub scene_grids: u64,
    /// Grids of the GOPs.
    pub gop_grids: u64,
    /// Coded pictures of the explicit views, without key pictures of others.
    pub anchor: u64,
    /// Key pictures of implicit views.
    pub keys: u64,
    /// Camera parameters.
    pub cameras: u64,
    /// Preamble, header and section table.
    pub index: u64,
}

impl Parts {
    /// Accounts for every byte of the stream at `path`.
    ///
    /// # Errors
    /// When the file cannot be read or breaks a rule of the format.
    pub fn of(path: &Path) -> Result<Self> {
        let within = || format!("accounting for {}", path.display());
        let source = Source::open(path).with_context(within)?;
        let mut reader = StreamReader::open(source, &Limits::DEFAULT).with_context(within)?;
        let mut parts = Self { index: reader.file_bytes(), ..Self::default() };
        for section in 0..reader.sections() {
            let entry = reader.entry(section).with_context(within)?;
            let bytes = u64::from(entry.bytes);
            parts.index -= bytes;
            match entry.kind {
                Kind::Network => parts.network += bytes,
                Kind::SceneGrids => parts.scene_grids += bytes,
                Kind::GopGrids => parts.gop_grids += bytes,
                Kind::Cameras => parts.cameras += bytes,
                Kind::Anchor | Kind::Av1 => {
                    let body = reader.section(&entry).with_context(within)?;
                    let keys = match entry.kind {
                        Kind::Av1 => av1_key_bytes(&body, entry.frames),
                        _ => key_bytes(&body, entry.view, entry.frames),
                    };
                    let keys = keys.with_context(within)?;
                    parts.keys += keys;
                    parts.anchor += bytes - keys;
                }
            }
        }
        Ok(parts)
    }

    /// Names and bytes, in the order of [`Parts`]' fields.
    pub fn named(&self) -> [(&'static str, u64); 7] {
        [
            ("network", self.network),
            ("scene grids", self.scene_grids),
            ("GOP grids", self.gop_grids),
            ("anchor", self.anchor),
            ("keys", self.keys),
            ("cameras", self.cameras),
            ("index", self.index),
        ]
    }

    /// All bytes.
    pub fn total(&self) -> u64 {
        self.named().iter().map(|(_, bytes)| bytes).sum()
    }
}

/// Bytes of the key pictures' temporal units.
fn av1_key_bytes(body: &[u8], frames: u32) -> iev_runtime::Result<u64> {
    let section = Av1Section::parse(body, frames)?;
    let units: Vec<_> = section.temporal_units().collect::<iev_runtime::Result<_>>()?;
    let coded = units.iter().zip(interleaved_order(&section.views[..], &section.keys, frames));
    let keys = coded.filter(|(_, coded)| matches!(coded, Coded::Key(_)));
    Ok(keys.map(|((_, unit), _)| unit.len() as u64).sum())
}

/// Bytes of the key pictures' slices in a section of `view`.
fn key_bytes(body: &[u8], view: ViewId, frames: u32) -> iev_runtime::Result<u64> {
    let section = AnchorSection::parse(body, frames)?;
    let nals: Vec<_> = section.nal_units().collect::<iev_runtime::Result<_>>()?;
    let slices = nals.iter().map(|(_, nal)| nal).filter(|nal| is_slice(nal));
    let coded = slices.zip(coding_order(view, &section.keys, frames));
    let keys = coded.filter(|(_, coded)| matches!(coded, Coded::Key(_)));
    Ok(keys.map(|(nal, _)| nal.len() as u64).sum())
}
