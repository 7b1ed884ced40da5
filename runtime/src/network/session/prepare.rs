//! Opening the graphs of a scene for their engines alone.

use std::time::Duration;

use super::graph::SessionPlan;
use super::{FullNetwork, Networks, OrtRuntime, ProviderReport, SessionOptions};
use crate::error::Result;
use crate::format::header::Header;
use crate::network::engines::EngineOrigin;
use crate::network::opening::{NetworkPath, Opening};
use crate::stream::scene::NetworkLevels;

/// What [`prepare`] is at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrepareStep {
    /// A graph is taken up; where an engine has to be built, minutes may pass until the next step.
    Begins {
        /// Its name.
        graph: &'static str,
    },
    /// A graph runs on this machine.
    Done {
        /// Its name.
        graph: &'static str,
        /// How it came by its engine; `None` where its provider needs none.
        engine: Option<EngineOrigin>,
        /// Time since it was taken up.
        took: Duration,
    },
}

/// Opens what a player of this path will open, so that the engine of every graph is in the cache of `options`.
///
/// # Errors
/// As [`Networks::open`].
pub fn prepare(
    ort: &OrtRuntime,
    header: &Header,
    network: &NetworkLevels,
    opening: Opening,
    options: &SessionOptions,
    mut tell: impl FnMut(PrepareStep),
) -> Result<ProviderReport> {
    let plan = SessionPlan::new(ort, header, network, opening, options)?;
    let mut plan = plan.telling(&mut tell);
    Ok(match opening.path {
        NetworkPath::Full => FullNetwork::of(&mut plan)?.report().clone(),
        NetworkPath::Split => Networks::of(&mut plan)?.report().clone(),
    })
}
