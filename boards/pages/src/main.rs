//! Writes what a package says about the program: manual pages and shell completions.
//!
//! Generated from the command line itself. Why a program of its own: the one for a board neither runs here nor should
//! carry the generators, and as part of `cargo xtask` every task would build the player first.

use std::io::{Error, Result};
use std::path::PathBuf;

use clap_complete::{Shell, generate_to};
use iev_runtime::cli;

/// Writes `iev.1`, one page per command, and completions for bash, zsh and fish into a folder.
fn main() -> Result<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.ok_or_else(|| Error::other("give a folder to write to"))?;
    std::fs::create_dir_all(&folder)?;
    let mut command = cli::command();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut command, "iev", &folder)?;
    }
    clap_mangen::generate_to(cli::command().disable_help_subcommand(true), &folder)
}
