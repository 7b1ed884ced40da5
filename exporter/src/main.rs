//! `iev-export`: trains, packs, lowers and measures multi-view clips.

mod cli;

use std::process::ExitCode;

use clap::Parser;
use iev_exporter::stop;
use iev_runtime::network::session::OrtRuntime;

#[allow(unsafe_code, reason = "ONNX Runtime is told by the environment alone")]
fn main() -> ExitCode {
    // SAFETY: the program has one thread yet. The player in here loads ONNX Runtime too.
    unsafe { OrtRuntime::refuse_telemetry() };
    let arguments = cli::CommandLine::parse();
    arguments.settle_threads();
    if let Err(reason) = stop::listen() {
        let what = "warning: a signal will end the program without a checkpoint";
        cli::warn(format_args!("{what}: {reason}"));
    }
    let next = arguments.after_a_stop();
    match arguments.run() {
        Ok(()) => ExitCode::SUCCESS,
        // Whatever failed then, as a child that was ended, is no fault.
        Err(_) if stop::asked() => {
            cli::warn(format_args!("stopped: {next}"));
            ExitCode::from(stop::EXIT_CODE)
        }
        Err(error) => {
            cli::warn(format_args!("error: {}", cli::exit::sentence(&error)));
            ExitCode::from(cli::exit::code(&error))
        }
    }
}
