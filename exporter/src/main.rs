//! `iev-export`.

use clap::Parser;
use iev_exporter::lower::{LowerArgs, run_lower};

#[derive(Parser)]
enum Command {
    /// Writes the ONNX templates of every profile.
    Lower(LowerArgs),
}

fn main() -> anyhow::Result<()> {
    match Command::parse() {
        Command::Lower(args) => run_lower(&args),
    }
}
