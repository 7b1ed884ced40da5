//! `iev-export`: trains, packs, lowers and measures multi-view clips.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    refuse_telemetry();
    match cli::CommandLine::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            cli::warn(format_args!("error: {}", cli::one_line(&format!("{error:#}"))));
            ExitCode::from(cli::exit::code(&error))
        }
    }
}

/// As `iev` does: the player in here loads ONNX Runtime too.
#[allow(unsafe_code, reason = "the library reads the environment, and nothing else reaches it")]
fn refuse_telemetry() {
    // SAFETY: the program has one thread yet, so nothing reads the environment meanwhile.
    unsafe { std::env::set_var("ORT_DISABLE_TELEMETRY", "1") }
}
