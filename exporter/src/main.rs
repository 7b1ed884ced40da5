//! `iev-export`: trains, packs, lowers and measures multi-view clips.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Arguments::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("iev-export: error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
