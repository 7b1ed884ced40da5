//! Writes what a package says about the program: manual pages and shell completions.
//!
//! Generated from the command line itself. Why an example: the program for a board neither runs
//! here nor should carry the generators.

#[allow(dead_code, reason = "the program runs the commands, here they are only described")]
#[path = "../src/cli/mod.rs"]
mod cli;

use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::{Shell, generate_to};

/// Writes `iev.1`, one page per command, and completions for bash, zsh and fish into a folder.
fn main() -> std::io::Result<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.ok_or_else(|| std::io::Error::other("give a folder to write to"))?;
    std::fs::create_dir_all(&folder)?;
    let mut command = cli::Program::command();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut command, "iev", &folder)?;
    }
    clap_mangen::generate_to(cli::Program::command().disable_help_subcommand(true), &folder)
}
