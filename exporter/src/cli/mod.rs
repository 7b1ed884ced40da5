//! What is typed, and what it means.

#[cfg(feature = "train")]
mod ablate;
mod compare;
#[cfg(feature = "train")]
mod encode;
pub(crate) mod exit;
mod farm;
mod lint;
mod measured;
#[cfg(feature = "train")]
mod paper;
mod peers;
mod rd;
mod reference;
#[cfg(feature = "train")]
mod threads;
mod verify;

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use iev_exporter::input::cameras;
use iev_exporter::input::{Reading, View, open_views, warnings};
use iev_exporter::lower::{LowerArgs, run_lower};
use iev_exporter::progress::Progress;
use iev_exporter::rd::Config;
use iev_runtime::outputs::Outputs;

/// Encoder of IEV multi-view video.
#[derive(Debug, Parser)]
#[command(name = "iev-export", version)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Encode the views of a clip into one .iev stream.
    #[cfg(feature = "train")]
    Encode(Box<encode::EncodeArgs>),
    /// Decode a stream with the player and measure it against its source.
    Verify(verify::VerifyArgs),
    /// Encode a curve of points, measure it and compare it with other codecs.
    Rd(rd::RdArgs),
    /// Compare two or more curves that are there: BD-rates.
    Compare(compare::CompareArgs),
    /// Run curves as the elements of a cluster's array job, and gather their results.
    Farm(farm::FarmArgs),
    /// Measure what each part of the codec is worth.
    #[cfg(feature = "train")]
    Ablate(ablate::AblateArgs),
    /// Train the published network in the place of a stream's own, and measure it.
    #[cfg(feature = "train")]
    Paper(paper::PaperArgs),
    /// Measure conventional codecs on a clip, by ffmpeg.
    Peers(peers::PeersArgs),
    /// Cut a small lossless reference out of a clip.
    Reference(reference::ReferenceArgs),
    /// Write the ONNX templates of every decoder profile.
    Lower(LowerArgs),
    /// Say which JetPack releases ONNX graphs fit, and what keeps them from the others.
    Lint(lint::LintArgs),
}

impl CommandLine {
    /// Sets the threads of training, before there is any.
    pub(crate) fn settle_threads(&self) {
        #[cfg(feature = "train")]
        if matches!(
            self.command,
            Command::Encode(_)
                | Command::Rd(_)
                | Command::Farm(_)
                | Command::Ablate(_)
                | Command::Paper(_)
        ) {
            threads::settle();
        }
    }

    /// What the same command does once this one was stopped.
    pub(crate) fn after_a_stop(&self) -> &'static str {
        const GOES_ON: &str = "the same command goes on from here";
        match &self.command {
            #[cfg(feature = "train")]
            Command::Encode(args) if args.goes_on() => GOES_ON,
            #[cfg(feature = "train")]
            Command::Encode(_) => "nothing is kept; with --work the same command would go on",
            #[cfg(feature = "train")]
            Command::Ablate(_) => GOES_ON,
            Command::Rd(_) | Command::Farm(_) | Command::Peers(_) => GOES_ON,
            _ => "nothing is kept: the same command begins anew",
        }
    }

    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self.command {
            #[cfg(feature = "train")]
            Command::Encode(args) => encode::run(*args),
            Command::Verify(args) => verify::run(&args),
            Command::Rd(args) => rd::run(args),
            Command::Compare(args) => compare::run(&args),
            Command::Farm(args) => farm::run(&args),
            #[cfg(feature = "train")]
            Command::Ablate(args) => ablate::run(args),
            #[cfg(feature = "train")]
            Command::Paper(args) => paper::run(&args),
            Command::Peers(args) => peers::run(args),
            Command::Reference(args) => reference::run(args),
            Command::Lower(args) => Ok(run_lower(&args)?),
            Command::Lint(args) => lint::run(&args),
        }
    }
}

/// Says `words` on standard error; where that is closed, nobody listens.
pub(crate) fn warn(words: Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "iev-export: {words}");
}

/// Notes the views as inputs, and says where one comes twice: a mistyped list encodes for as long as the right one.
fn read_views(outputs: &mut Outputs, views: &[PathBuf], progress: Progress) {
    for view in views {
        if let Some(first) = outputs.reads(view) {
            let (first, view) = (first.display(), view.display());
            progress.warn(format_args!("the views {first} and {view} are the same file"));
        }
    }
}

/// Notes as inputs what a config names.
fn read_config(outputs: &mut Outputs, config: &Config, progress: Progress) {
    read_views(outputs, &config.views, progress);
    let cameras = config.cameras.iter().flat_map(|path| cameras::files(path));
    config.peers.iter().cloned().chain(cameras).for_each(|file| drop(outputs.reads(&file)));
}

/// Reads the views, and says what is lost, changed or guessed on the way in.
fn open_clip(
    paths: &[PathBuf],
    reading: &Reading,
    progress: Progress,
) -> anyhow::Result<Vec<View>> {
    let views = open_views(paths, reading)?;
    warnings(&views).for_each(|warning| progress.warn(warning));
    Ok(views)
}

/// Prints to standard output; a reader that left ends the talk quietly.
fn print(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => {
            Err(anyhow::Error::from(e).context("standard output"))
        }
        _ => Ok(()),
    }
}

/// Prints a report as JSON, with keys in alphabetical order.
fn print_json(report: &impl serde::Serialize) -> anyhow::Result<()> {
    print(&format!("{:#}", serde_json::to_value(report)?))
}
