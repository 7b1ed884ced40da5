//! `iev`: decodes, describes and demonstrates IEV streams.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let program = cli::Program::parse();
    let result = match &program.command {
        cli::Command::Decode(command) => cli::decode::run(command),
        cli::Command::Bench(command) => cli::bench::run(command),
        cli::Command::Info(command) => cli::info::run(command),
        cli::Command::Demo(command) => cli::demo::run(command),
        cli::Command::Doctor(command) => cli::doctor::run(command),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
