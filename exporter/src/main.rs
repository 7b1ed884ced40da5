//! `iev-export`: trains, packs, lowers and measures multi-view clips.

mod cli;

use std::process::ExitCode;

use clap::Parser;
use iev_exporter::stop;
use iev_runtime::network::session::OrtRuntime;

/// What is said of a stopped run that has no work folder.
const NOTHING_KEPT: &str = "nothing is kept; with --work the same command would go on";

#[allow(unsafe_code, reason = "ONNX Runtime is told by the environment alone")]
fn main() -> ExitCode {
    // SAFETY: the program has one thread yet. The player in here loads ONNX Runtime too.
    unsafe { OrtRuntime::refuse_telemetry() };
    let arguments = cli::CommandLine::parse();
    arguments.settle_threads();
    if let Err(reason) = stop::listen() {
        eprintln!(
            "iev-export: warning: a signal will end the program without a checkpoint: {reason}"
        );
    }
    let goes_on = arguments.goes_on();
    match arguments.run() {
        Ok(()) => ExitCode::SUCCESS,
        // Whatever failed then, as a child that was ended, is no fault.
        Err(_) if stop::asked() => {
            let next = if goes_on { "the same command goes on from here" } else { NOTHING_KEPT };
            eprintln!("iev-export: stopped: {next}");
            ExitCode::from(stop::EXIT_CODE)
        }
        Err(error) => {
            cli::warn(format_args!("error: {}", cli::exit::sentence(&error)));
            ExitCode::from(cli::exit::code(&error))
        }
    }
}
