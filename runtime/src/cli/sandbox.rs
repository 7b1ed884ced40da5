//! `--sandbox`, and the hidden subcommand that is its other end.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use iev_runtime::anchor::decoder::OpenAnchors;
use iev_runtime::anchor::sandbox::{Sandbox, serve};
use iev_runtime::{Error, Size};

use super::Failure;

/// Decode anchors for a parent that does not trust them
#[derive(Debug, Args)]
pub(crate) struct DecodeAnchors {
    /// Columns of a picture
    width_px: u16,
    /// Rows of a picture
    height_px: u16,
    /// Memory it may use
    memory_bytes: u64,
}

pub(crate) fn run(command: &DecodeAnchors) -> Result<(), Failure> {
    let DecodeAnchors { width_px, height_px, memory_bytes } = *command;
    let served = serve(Size { width_px, height_px }, memory_bytes);
    let path = PathBuf::from("-");
    served.map_err(|source| Failure::Codec(Error::File { path, source }))
}

/// Opens this same program as the sandbox.
pub(super) fn opener() -> Arc<OpenAnchors> {
    match std::env::current_exe() {
        Ok(program) => Sandbox::new(program).opener(),
        Err(e) => {
            let what = format!("the sandbox does not start: this program has no path: {e}");
            Arc::new(move |_, _| Err(Error::Backend { what: what.clone() }))
        }
    }
}
