//! Opening the graphs of a scene for their engines alone.

use std::time::{Duration, Instant};

use super::graph::{FULL, MOTION, REFINE, SessionPlan};
use super::{OrtRuntime, ProviderReport, SessionOptions};
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

/// Opens every graph of the path once, so that its engine is in the cache of `options`.
///
/// # Errors
/// As [`Networks::open`](super::Networks::open).
pub fn prepare(
    ort: &OrtRuntime,
    header: &Header,
    network: &NetworkLevels,
    opening: Opening,
    options: &SessionOptions,
    mut tell: impl FnMut(PrepareStep),
) -> Result<ProviderReport> {
    let plan = SessionPlan::new(ort, header, network, opening, options)?;
    let mut report = ProviderReport::new(&options.providers);
    let templates = plan.templates;
    // What a player of this path will open.
    let graphs = match opening.path {
        NetworkPath::Full => &[(FULL, templates.full)][..],
        NetworkPath::Split => &[(MOTION, templates.motion), (REFINE, templates.refine)],
    };
    for (part, template) in graphs {
        let started = Instant::now();
        tell(PrepareStep::Begins { graph: part.name });
        let engine = plan.open(*part, template, &mut report)?.engine;
        tell(PrepareStep::Done { graph: part.name, engine, took: started.elapsed() });
    }
    plan.check(&report)?;
    Ok(report)
}
