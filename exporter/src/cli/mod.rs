//! What is typed, and what it means.

#[cfg(feature = "train")]
mod ablate;
#[cfg(feature = "train")]
mod encode;
mod lint;
mod peers;
mod rd;
mod reference;
mod verify;

use std::io::{ErrorKind, Write};

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
    /// Decode a stream with the player and measure it against its source.
    Verify(verify::VerifyArgs),
    /// Encode a curve of points, measure it and compare it with other codecs.
    Rd(rd::RdArgs),
    /// Measure what each part of the codec is worth.
    #[cfg(feature = "train")]
    Ablate(ablate::AblateArgs),
    /// Measure conventional codecs on a clip, by ffmpeg.
    Peers(peers::PeersArgs),
    /// Cut a small lossless reference out of a clip.
    Reference(reference::ReferenceArgs),
    /// Write the ONNX templates of every decoder profile.
    Lower(LowerArgs),
    /// Say which JetPack releases ONNX graphs fit, and what keeps them from the others.
    Lint(lint::LintArgs),
}

impl Arguments {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self.command {
            #[cfg(feature = "train")]
            Command::Encode(args) => encode::run(*args),
            Command::Verify(args) => verify::run(&args),
            Command::Rd(args) => rd::run(args),
            #[cfg(feature = "train")]
            Command::Ablate(args) => ablate::run(args),
            Command::Peers(args) => peers::run(args),
            Command::Reference(args) => reference::run(args),
            Command::Lower(args) => run_lower(&args),
            Command::Lint(args) => lint::run(&args),
        }
    }
}

/// Prints to standard output; a reader that left ends the talk quietly.
fn print(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(e.into()),
        _ => Ok(()),
    }
}
