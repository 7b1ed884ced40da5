//! What is typed, and what it means.

#[cfg(feature = "train")]
mod encode;

use clap::{Parser, Subcommand};
use iev_exporter::lower::{LowerArgs, run_lower};

/// Encoder of IEV multi-view video.
#[derive(Debug, Parser)]
#[command(name = "iev-export", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Encode the views of a clip into one .iev stream.
    #[cfg(feature = "train")]
    Encode(Box<encode::EncodeArgs>),
    /// Write the ONNX templates of every decoder profile.
    Lower(LowerArgs),
}

impl Arguments {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self.command {
            #[cfg(feature = "train")]
            Command::Encode(args) => encode::run(*args),
            Command::Lower(args) => run_lower(&args),
        }
    }
}
