//! Where the bytes of a stream go.

use std::path::Path;

use iev_runtime::format::limits::Limits;
use iev_runtime::format::reader::StreamReader;
use iev_runtime::stream::ledger::{Ledger, Purpose};
use iev_runtime::stream::source::Source;
use serde::{Deserialize, Serialize};

use crate::error::{Context, Result};

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
        let ledger = Ledger::of(&mut reader).with_context(within)?;
        Ok(Self {
            network: ledger.bytes_for(Purpose::Network),
            scene_grids: ledger.bytes_for(Purpose::SceneGrids),
            gop_grids: ledger.bytes_for(Purpose::GopGrids),
            anchor: ledger.bytes_for(Purpose::Anchor),
            keys: ledger.bytes_for(Purpose::Keys),
            cameras: ledger.bytes_for(Purpose::Cameras),
            index: ledger.bytes_for(Purpose::Index),
        })
    }

    /// Names and bytes, in the order of [`Parts`]' fields.
    pub fn named(&self) -> [(&'static str, u64); 7] {
        [
            (Purpose::Network, self.network),
            (Purpose::SceneGrids, self.scene_grids),
            (Purpose::GopGrids, self.gop_grids),
            (Purpose::Anchor, self.anchor),
            (Purpose::Keys, self.keys),
            (Purpose::Cameras, self.cameras),
            (Purpose::Index, self.index),
        ]
        .map(|(purpose, bytes)| (purpose.name(), bytes))
    }

    /// All bytes.
    pub fn total(&self) -> u64 {
        self.named().iter().map(|(_, bytes)| bytes).sum()
    }
}
