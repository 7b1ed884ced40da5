//! `cargo xtask`: the project's tasks, one file each, in the order a newcomer meets them.
//!
//! * [`place`]: where things lie: checkout, target folder, wheel cache
//! * [`wheel`], [`pinned_file`]: a pinned Python wheel: fetch, check, unpack; one file out of it
//! * [`ort`]: ONNX Runtime, which the player loads
//! * [`torch`]: libtorch, which training links
//! * [`ffmpeg`]: the program that brings x264
//! * [`assembly`]: assembly of the explicit decoders
//! * [`debian`], [`toolchain`], [`symbols`], [`cross`]: `iev` for a board, and what it needs there
//! * [`bare_metal`]: the format core without an operating system
//! * [`gstreamer`]: GStreamer's element, where GStreamer is
//! * [`sample`]: what the sample must decode to on any machine
//! * [`package`]: what is installed on a board
//! * [`task`]: cargo and our programs, run with the environment they need

mod assembly;
mod bare_metal;
mod cross;
mod debian;
mod ffmpeg;
mod gstreamer;
mod instructions;
mod ort;
mod package;
mod pinned_file;
mod place;
mod sample;
/// The player's own: what it checks before it loads ONNX Runtime holds for libtorch too. Not by a
/// dependency, for which every task would build the player first.
#[path = "../../../runtime/src/network/shared_library.rs"]
mod shared_library;
mod symbols;
mod task;
mod toolchain;
mod torch;
mod wheel;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::ffmpeg::FFMPEG;
use crate::ort::ORT;
use crate::place::{Arch, Place};

/// Fetches libraries, builds, tests and runs IEV
///
/// Libraries come from the Python package index, are checked against pinned digests and land in the
/// target folder. Set IEV_CACHE_DIR to keep the downloads elsewhere (default: target/wheels),
/// IEV_TORCH to a PyTorch 2.11 or libtorch 2.11 folder, ORT_DYLIB_PATH to an ONNX Runtime and
/// IEV_FFMPEG to an ffmpeg to use those.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Fetch ONNX Runtime (24 MB) into target/ort/ARCH
    Ort {
        /// Processor it is for [default: this machine's]
        #[arg(long)]
        arch: Option<Arch>,
    },
    /// Fetch libtorch (530 MB) into target/torch, unless a PyTorch 2.11 is there already
    Torch {
        /// Fetch its CUDA half and all that this loads but the driver too: 1.9 GB to fetch, 3.4 GB on disk
        #[arg(long)]
        cuda: bool,
    },
    /// Fetch ffmpeg with x264 (68 MB, GPL, run as a program of its own) into target/ffmpeg/ARCH
    Ffmpeg {
        /// Processor it is for [default: this machine's]
        #[arg(long)]
        arch: Option<Arch>,
    },
    /// Print the environment for plain cargo: `eval "$(cargo xtask env)"`
    Env,
    /// Build `iev` and `iev-export` in release
    Build,
    /// Play the sample stream: fetches ONNX Runtime and builds the player only
    Demo {
        /// Further arguments of `iev demo`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Show a stream in a window: `cargo xtask play clip.iev`; builds `iev` with its window
    Play {
        /// Arguments of `iev play`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Run `iev-export` in release: `cargo xtask export -- ARGS`
    Export {
        /// Arguments of `iev-export`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Run all tests: `cargo xtask test [ARGS of cargo test]`; those of the window take Xvfb and xdotool
    Test {
        /// Arguments of `cargo test`; for the test programs' own: `test -q -- --nocapture`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Build GStreamer's element `iev` and test it, which takes GStreamer's headers and programs
    Gstreamer,
    /// Fetch what `cross BOARD --check --test` and `bare-metal` need, and build nothing
    Tools {
        /// Name of the profile
        board: String,
    },
    /// Build `iev` for a board of boards/*.toml and check what it needs there
    Cross {
        /// Name of the profile
        board: String,
        /// Decode the sample with it too, under qemu where it is for another processor
        #[arg(long)]
        check: bool,
        /// Run the player's unit tests there too
        #[arg(long)]
        test: bool,
        /// Count the instructions of a picture there too, by qemu
        #[arg(long)]
        count: bool,
    },
    /// Pack `iev` for a board as .deb and .tar.gz, with unit, manual pages and completions
    Package {
        /// Name of the profile
        board: String,
        /// Install, run and remove the .deb in a Debian root; needs root and debootstrap
        #[arg(long)]
        check: bool,
    },
    /// Build the format core, and a firmware over it, for machines without an operating system
    BareMetal,
    /// Check format, lints, documentation and the `no_std` core
    Lint,
}

fn main() -> ExitCode {
    match run(Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    let place = Place::find()?;
    match task {
        Task::Ort { arch } => {
            let arch = arch.map_or_else(Arch::host, Ok)?;
            println!("{}", ORT.ready(&place, arch)?.display());
            Ok(())
        }
        Task::Torch { cuda } => {
            println!("{}", torch::ready(&place, cuda)?.display());
            Ok(())
        }
        Task::Ffmpeg { arch } => {
            let arch = arch.map_or_else(Arch::host, Ok)?;
            println!("{}", FFMPEG.ready(&place, arch)?.display());
            Ok(())
        }
        Task::Env => task::print_env(&place),
        Task::Build => task::build(&place),
        Task::Demo { args } => task::demo(&place, &args),
        Task::Play { args } => task::play(&place, &args),
        Task::Export { args } => task::export(&place, &args),
        Task::Test { args } => task::test(&place, &args),
        Task::Gstreamer => gstreamer::check(&place),
        Task::Tools { board } => {
            cross::fetch(&place, &board)?;
            bare_metal::fetch(&place)
        }
        Task::Cross { board, check, test, count } => {
            let built = cross::build(&place, &board)?;
            if test {
                cross::test(&place, &built)?;
            }
            if check {
                cross::check(&place, &built)?;
            }
            if count { cross::count(&place, &built) } else { Ok(()) }
        }
        Task::Package { board, check } => package::package(&place, &board, check),
        Task::BareMetal => bare_metal::build(&place),
        Task::Lint => task::lint(&place),
    }
}
