//! ONNX Runtime as the network of the reconstruct stage.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Result;
use crate::format::header::Header;
use crate::providers::{Provider, ProviderReport};
use crate::reconstruct::{Network, NetworkPath, OpenNetwork, Opening};
use crate::scene::NetworkLevels;
use crate::session::{FullNetwork, Networks, OrtRuntime, SessionOptions};

/// Opens a network by the path wanted. A full one that a GPU was wanted for and that ends up on the CPU
/// gives way to a split one, which is several times as fast there.
fn open(
    ort: &OrtRuntime,
    header: &Header,
    levels: &NetworkLevels,
    Opening { batch, path }: Opening,
    options: &SessionOptions,
) -> Result<(Network, Opened)> {
    if path == NetworkPath::Full {
        let full = FullNetwork::open(ort, header, levels, batch, options)?;
        let report = full.report().clone();
        let fallen = report.in_use == Provider::Cpu && options.providers != [Provider::Cpu];
        if !fallen {
            return Ok((Network::Full(Box::new(full)), Opened { path, report }));
        }
    }
    let networks = Networks::open(ort, header, levels, batch, options)?;
    let report = networks.report().clone();
    let path = NetworkPath::Split;
    Ok((Network::Split(Box::new(networks)), Opened { path, report }))
}

/// Opens networks in ONNX Runtime; the library is looked for when the first one is needed, so
/// explicit views play without it.
#[derive(Debug, Clone, Default)]
pub struct Backend {
    library: Option<PathBuf>,
    options: SessionOptions,
    opened: Arc<Mutex<Option<Opened>>>,
}

/// What became of the network last opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The path that paints.
    pub path: NetworkPath,
    /// Which providers run it, and why not the others.
    pub report: ProviderReport,
}

impl Backend {
    /// A backend over the library at `library`, or the one that is found.
    pub fn new(library: Option<PathBuf>, options: SessionOptions) -> Self {
        Self { library, options, opened: Arc::default() }
    }

    /// How sessions are opened.
    pub fn session(&self) -> &SessionOptions {
        &self.options
    }

    /// The function a player opens networks with.
    pub fn opener(&self) -> Arc<OpenNetwork> {
        let Self { library, options, opened } = self.clone();
        Arc::new(move |header, levels, opening| {
            let ort = OrtRuntime::find(library.as_deref())?;
            let (network, made) = open(&ort, header, levels, opening, &options)?;
            *opened.lock().unwrap_or_else(PoisonError::into_inner) = Some(made);
            Ok(network)
        })
    }

    /// The ONNX Runtime library the networks run in.
    ///
    /// # Errors
    /// [`crate::Error::Backend`] when there is none.
    pub fn library(&self) -> Result<OrtRuntime> {
        OrtRuntime::find(self.library.as_deref())
    }

    /// What was opened last.
    pub fn opened(&self) -> Option<Opened> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What became of each provider, once a network is open.
    pub fn report(&self) -> Option<ProviderReport> {
        self.opened().map(|opened| opened.report)
    }
}
