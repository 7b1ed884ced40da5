//! The command line: what was typed, and how failures end the program. Written against the public library, as any
//! other player is. Why in the library: manual pages and completions are generated from it.

pub(crate) mod bench;
pub(crate) mod decode;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod info;
#[cfg(feature = "window")]
pub(crate) mod play;
pub(crate) mod prepare;
pub(crate) mod probe;
mod progress;
pub(crate) mod render;
#[cfg(target_os = "linux")]
pub(crate) mod sandbox;
mod statistics;
mod stream;
pub(crate) mod survey;
mod ticks;
mod trace;

use std::fmt::Arguments;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Once};

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Args, CommandFactory, Parser, Subcommand};
use iev_runtime::Error;
use iev_runtime::board::Board;
use iev_runtime::board::threads::Threads;
use iev_runtime::format::header::MAX_VIEWS;
use iev_runtime::network::backend::{Backend, NetworkReport};
use iev_runtime::network::engines::Engines;
use iev_runtime::network::opening::{NetworkPath, OpenNetwork, Precision};
use iev_runtime::network::providers::{Provider, Rung};
use iev_runtime::network::session::ORT_VARIABLE;
use iev_runtime::network::session::SessionOptions;
use iev_runtime::outputs::Outputs;
use iev_runtime::play::options::Options;

/// Decoder of IEV multi-view video.
#[derive(Debug, Parser)]
#[command(name = "iev", version, about, after_help = EXAMPLES)]
pub(crate) struct Program {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  iev info clip.iev                          what is in it, byte by byte
  iev decode clip.iev -o view2.y4m -v 2      one view
  iev decode clip.iev -o view%v.y4m          a file per view
  iev decode clip.iev -o - | mpv -           all views side by side
  iev decode clip.iev --muxer md5 -o -       one checksum of all pictures
  iev decode clip.iev --follow -o - | mpv -  a file that is still coming
  iev render clip.iev --pose 0.1,0,0 -o x.y4m  what a head sees there
  iev bench clip.iev -v 1,2 --json a.json    speed, latency, and what they cost
  iev prepare clip.iev --board jetson_thor   build TensorRT's engines, once
  iev survey clip.iev --board jetson_thor    all that the board can play by, as a table
  iev demo models/sample.iev                 speed, PSNR and a contact sheet

Exit codes: 1 the stream, 2 usage or the board, 3 a backend such as ONNX Runtime.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Decode views to files or a pipe
    Decode(decode::Decode),
    /// Render what a head sees that is between the cameras
    Render(render::Render),
    /// Show a stream in a window
    #[cfg(feature = "window")]
    Play(play::Play),
    /// Build the engines that a stream needs on this machine, ahead of playing it
    Prepare(prepare::Prepare),
    /// Measure speed, latency and resources, or compare two measurements
    Bench(bench::Bench),
    /// Try every provider, path and precision on a stream, and compare speed and pictures
    Survey(survey::Survey),
    /// Describe a stream and account for every byte
    Info(info::Info),
    /// Decode a sample, measure it and draw its layers
    Demo(demo::Demo),
    /// Describe this machine and say what keeps IEV from running well on it
    Doctor(doctor::Doctor),
    /// Decode anchors for a parent that does not trust them
    #[cfg(target_os = "linux")]
    #[command(hide = true, name = iev_runtime::anchor::sandbox::SUBCOMMAND)]
    DecodeAnchors(sandbox::DecodeAnchors),
    /// Load ONNX Runtime and register its providers, for a parent that would not survive it
    #[command(hide = true, name = probe::SUBCOMMAND)]
    ProbeOrt(probe::ProbeOrt),
}

impl Command {
    /// The stream it is about.
    pub(crate) fn stream(&self) -> Option<&Path> {
        match self {
            Self::Decode(command) => Some(&command.stream.path),
            Self::Render(command) => Some(&command.stream.path),
            #[cfg(feature = "window")]
            Self::Play(command) => Some(&command.stream.path),
            Self::Prepare(command) => Some(&command.stream),
            Self::Bench(command) => command.stream.as_deref(),
            Self::Survey(command) => Some(&command.stream),
            Self::Info(command) => Some(&command.stream),
            Self::Demo(command) => Some(&command.stream),
            _ => None,
        }
    }
}

/// Does what was typed: all of the `iev` program.
pub fn run() -> ExitCode {
    let program = Program::parse();
    if let Some(failure) = program.command.stream().and_then(standard_input) {
        return failure.report(None);
    }
    let result = match &program.command {
        Command::Decode(command) => decode::run(command),
        Command::Render(command) => render::run(command),
        #[cfg(feature = "window")]
        Command::Play(command) => play::run(command),
        Command::Prepare(command) => prepare::run(command),
        Command::Bench(command) => bench::run(command),
        Command::Survey(command) => survey::run(command),
        Command::Info(command) => info::run(command),
        Command::Demo(command) => demo::run(command),
        Command::Doctor(command) => doctor::run(command),
        #[cfg(target_os = "linux")]
        Command::DecodeAnchors(command) => sandbox::run(command),
        Command::ProbeOrt(command) => probe::run(command),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(program.command.stream()),
    }
}

/// Why `stream` cannot be played where standard input is meant: sections are read as they are needed, not in turn.
fn standard_input(stream: &Path) -> Option<Failure> {
    let meant = stream == Path::new("-") && !stream.exists();
    let what = "- is standard input, which cannot be read in any order: save the stream to a file, which --follow plays while it grows";
    meant.then(|| Failure::Usage(what.into()))
}

/// What can be typed.
pub fn command() -> clap::Command {
    Program::command()
}

/// Where networks run.
#[derive(Debug, Args)]
pub(crate) struct BackendArgs {
    /// Board profile, a name or a file: providers, threads, batch, queues, limits, CPUs
    #[arg(long, value_name = "BOARD", value_parser = Board::find)]
    board: Option<Board>,
    /// Providers to try, best first [default: the board's, else tensorrt,cuda,cpu]
    #[arg(long, value_delimiter = ',')]
    provider: Vec<Provider>,
    /// Fail unless this provider runs the network
    #[arg(long, value_name = "PROVIDER")]
    require: Option<Provider>,
    /// The ONNX Runtime library; otherwise ORT_DYLIB_PATH, one beside iev or in ../lib/iev, target/ort, or the system's
    #[arg(long, value_name = "PATH")]
    ort: Option<PathBuf>,
    /// Where iev prepare keeps TensorRT's engines [default: iev/engines in the user's cache folder]
    #[arg(long, value_name = "FOLDER", value_parser = PathBufValueParser::new().try_map(folder))]
    engines: Option<PathBuf>,
    /// Threads that paint, over all painters, and most that decode explicit views [default: one per core that this process
    /// may use, and no more than the board's]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// How many of them share the views of a frame, each with a network of its own [default: the board's, else 2]
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=MAX_VIEWS as i64))]
    painters: Option<u8>,
    /// full: the whole picture in one graph, for GPUs; split: warp and fuse outside it, for CPUs
    /// [default: the board's, else split]
    #[arg(long, value_name = "PATH")]
    path: Option<NetworkPath>,
    /// f32; int8 on CPUs that add products of bytes exactly (VNNI, Arm): twice as fast for 0.01 or 0.02 dB; f16 or
    /// int8 on the full path where TensorRT runs [default: the board's, else f32]
    #[arg(long, value_name = "PRECISION")]
    precision: Option<Precision>,
    /// Views in one run of the network: more suits a GPU [default: the board's, else 1]
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=MAX_VIEWS as i64))]
    batch: Option<u8>,
    /// Decode explicit views in child processes without rights: for files from strangers
    #[cfg(target_os = "linux")]
    #[arg(long)]
    sandbox: bool,
    /// Decode explicit views in H.264 by this video device of the machine, such as /dev/video10, and by openh264 where it
    /// fails
    #[cfg(all(feature = "v4l2", target_os = "linux", target_pointer_width = "64"))]
    #[arg(long, value_name = "DEVICE", conflicts_with = "sandbox")]
    video_device: Option<PathBuf>,
}

impl BackendArgs {
    /// Pins the program to the board's CPUs, before it has threads, and says how networks open.
    pub(crate) fn backend(&self, quiet: bool) -> Backend {
        if let Some(Err(refusal)) = self.board.as_ref().map(Board::pin)
            && !quiet
        {
            warn(format_args!("warning: {refusal}"));
        }
        let mut options = self.board.as_ref().map_or_else(SessionOptions::default, Board::session);
        if !self.provider.is_empty() {
            options.providers.clone_from(&self.provider);
        }
        options.require = self.require;
        let folder = self.engines.clone().or_else(Engines::of_user);
        options.engines = folder.map(|folder| Engines { folder, build: false });
        options.threads = self.threads().per_network();
        Backend::new(self.ort.clone(), options)
    }

    /// What a command on `stream` reads, so that no output takes its place.
    fn inputs(&self, stream: &Path) -> Outputs {
        let mut outputs = Outputs::default();
        outputs.reads(stream);
        let board = self.board.as_ref().and_then(|board| board.file.as_deref());
        let ort = self.ort.clone().or_else(|| std::env::var_os(ORT_VARIABLE).map(PathBuf::from));
        board.into_iter().chain(ort.as_deref()).for_each(|path| drop(outputs.reads(path)));
        outputs
    }

    /// Makes sure that the folder asked for can take engines, and that what is printed goes into no input. The folder
    /// of the user's cache may be missing where none is built.
    fn claim_engines(&self, stream: &Path) -> iev_runtime::Result<()> {
        let mut outputs = self.inputs(stream);
        outputs.claim(Path::new("-"))?;
        self.engines.iter().try_for_each(|folder| outputs.claim_folder(folder))
    }

    pub(crate) fn options(&self, backend: &Backend, quiet: bool) -> Options {
        let asked = self.board.is_some() || !self.provider.is_empty();
        let open = if quiet { backend.opener() } else { telling_of_detours(backend, asked) };
        let mut options = Options::new(open);
        if let Some(board) = &self.board {
            board.apply(&mut options);
        }
        options.batch = self.batch.map_or(options.batch, usize::from);
        options.path = self.path.unwrap_or(options.path);
        options.precision = self.precision.unwrap_or(options.precision);
        options.painters = self.threads().painters;
        options.decoders = self.threads().all;
        #[cfg(target_os = "linux")]
        if self.sandbox {
            options.anchors = sandbox::opener();
        }
        #[cfg(all(feature = "v4l2", target_os = "linux", target_pointer_width = "64"))]
        if let Some(device) = &self.video_device {
            options.anchors = by_machine(device.clone(), quiet).opener();
        }
        options
    }

    /// Gives the renderer, which rayon's pool computes, as many threads as painters have.
    pub(crate) fn limit_renderer(&self) {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.threads().all);
        // There is none yet: this comes before anything is rendered, once.
        let _ = pool.build_global();
    }

    /// Threads that paint.
    pub(crate) fn threads(&self) -> Threads {
        let (all, painters) = (self.threads.map(usize::from), self.painters.map(usize::from));
        Threads::spread(self.board.as_ref(), all, painters)
    }
}

/// A machine's own decoder; the first of its failures are told, then ever fewer.
#[cfg(all(feature = "v4l2", target_os = "linux", target_pointer_width = "64"))]
fn by_machine(device: PathBuf, quiet: bool) -> iev_runtime::anchor::h264::v4l2::Hardware {
    iev_runtime::anchor::h264::v4l2::Hardware::new(device, move |report| {
        let (count, reason) = (report.fallen_back, report.reason.as_deref().unwrap_or_default());
        if !quiet && count.is_power_of_two() {
            let so_far = format_args!(
                "warning: openh264 decodes explicit views, {count} sections so far: {reason}"
            );
            warn(so_far);
        }
    })
}

/// A folder that is there or may be made.
fn folder(path: PathBuf) -> Result<PathBuf, &'static str> {
    if path.is_dir() || !path.exists() { Ok(path) } else { Err("is no folder") }
}

/// The backend's opener, which says on standard error when another precision than was asked for has to do, or another
/// provider: for want of an engine, or where a board or the user `asked` for one.
fn telling_of_detours(backend: &Backend, asked: bool) -> Arc<OpenNetwork> {
    let (backend, open) = (backend.clone(), backend.opener());
    let (told, told_precision) = (Once::new(), Once::new());
    Arc::new(move |header, levels, opening| {
        let network = open(header, levels, opening)?;
        // Each is told once, however many painters open a network.
        let Some(NetworkReport { report, instead, .. }) = backend.opened() else {
            return Ok(network);
        };
        if let Some(reason) = instead {
            told_precision.call_once(|| warn(format_args!("warning: painting in f32: {reason}")));
        }
        let better = report.rungs.iter().take_while(|rung| rung.provider != report.in_use);
        let refused = better.filter_map(|Rung { provider, refusal }| {
            Some(format!("{provider} is refused: {}", refusal.as_deref()?.trim_end_matches('.')))
        });
        let refused = refused.collect::<Vec<_>>().join("; ");
        if (asked || report.unprepared) && !refused.is_empty() {
            let in_use = report.in_use;
            told.call_once(|| warn(format_args!("warning: going on with {in_use}, for {refused}")));
        }
        Ok(network)
    })
}

/// Why the program ends early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The library's error.
    Codec(Error),
    /// The library's error about another file than the stream.
    Of(PathBuf, Error),
    /// Something typed does not make sense.
    Usage(String),
    /// The pictures are not the expected ones.
    Mismatch(String),
    /// Everything was written, but some of it was broken in the stream.
    Held(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Codec(error)
    }
}

impl Failure {
    /// Prints the chain of causes once, with the name of the file it is about, and chooses the exit code.
    pub(crate) fn report(self, stream: Option<&Path>) -> ExitCode {
        let (text, code) = match &self {
            Self::Codec(Error::File { source, .. })
                if source.kind() == std::io::ErrorKind::BrokenPipe =>
            {
                return ExitCode::SUCCESS;
            }
            Self::Codec(error) => match stream.filter(|_| is_of_a_file(error)) {
                Some(stream) => (named(stream, &error.with_causes()), error.exit_code()),
                None => (error.with_causes(), error.exit_code()),
            },
            Self::Of(path, error) => (named(path, &error.with_causes()), error.exit_code()),
            Self::Usage(text) => (text.clone(), 2),
            Self::Mismatch(text) | Self::Held(text) => (text.clone(), 1),
        };
        warn(format_args!("error: {}", one_line(&text)));
        ExitCode::from(code)
    }
}

/// Whether the sentence of `error` lacks the name of the file that it is about.
fn is_of_a_file(error: &Error) -> bool {
    let asked = matches!(error, Error::NotInStream { .. } | Error::Storage { .. });
    asked || error.is_of_the_stream() || matches!(error, Error::Template { .. })
}

fn named(path: &Path, sentence: &str) -> String {
    let joint = if sentence.starts_with("is ") { "" } else { ":" };
    format!("{}{joint} {sentence}", path.display())
}

/// `text` without line breaks and other control characters, as of a file's name, that a terminal would act on.
fn one_line(text: &str) -> String {
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
    text.chars().map(escaped).collect()
}

/// Says `words` on standard error; where that is closed, nobody listens.
pub(crate) fn warn(words: Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "iev: {words}");
}

/// Makes sure that what is printed does not go into a file that is read.
pub(crate) fn claim_standard_output<'a>(
    inputs: impl Iterator<Item = &'a Path>,
) -> Result<(), Failure> {
    let mut outputs = Outputs::default();
    inputs.for_each(|input| drop(outputs.reads(input)));
    Ok(outputs.claim(Path::new("-"))?)
}

/// Prints to standard output; a reader that left ends the program quietly.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let path = PathBuf::from("standard output");
    let printed = writeln!(std::io::stdout(), "{text}");
    printed.map_err(|source| Failure::Codec(Error::File { path, source }))
}
