//! `iev`: decodes, describes and demonstrates IEV streams.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    refuse_telemetry();
    let program = cli::Program::parse();
    let result = match &program.command {
        cli::Command::Decode(command) => cli::decode::run(command),
        cli::Command::Prepare(command) => cli::prepare::run(command),
        cli::Command::Bench(command) => cli::bench::run(command),
        cli::Command::Info(command) => cli::info::run(command),
        cli::Command::Demo(command) => cli::demo::run(command),
        cli::Command::Doctor(command) => cli::doctor::run(command),
        #[cfg(target_os = "linux")]
        cli::Command::DecodeAnchors(command) => cli::sandbox::run(command),
        cli::Command::ProbeOrt(command) => cli::probe::run(command),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(program.command.stream()),
    }
}

/// Keeps ONNX Runtime from writing an identifier into the home folder and reporting to its maker.
///
/// Its published libraries do both as soon as an environment exists, which is before the API's own
/// switch can be reached; only this variable stops them.
#[allow(unsafe_code, reason = "the library reads the environment, and nothing else reaches it")]
fn refuse_telemetry() {
    // SAFETY: the program has one thread yet, so nothing reads the environment meanwhile.
    unsafe { std::env::set_var("ORT_DISABLE_TELEMETRY", "1") }
}
