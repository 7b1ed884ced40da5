//! `iev-export encode`.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use iev_exporter::encode::request::EncodeRequest;
use iev_exporter::encode::size::{SizedFile, encode_to_size, parse_amount};
use iev_exporter::encode::{EncodeResult, EncodeSettings, encode, plan};
use iev_exporter::input::cameras::{self, read_cameras};
use iev_exporter::input::{Reading, View};
use iev_exporter::progress::Progress;
use iev_exporter::rd::machine::MachineFacts;
use iev_exporter::train::checkpoint_in;
use iev_exporter::verify::{check_backend, verify};
use iev_exporter::work_folder::WorkFolder;
use iev_runtime::format::cameras::Cameras;
use iev_runtime::format::header::MAGIC;
use iev_runtime::outputs::Outputs;

use super::verify::{Encoding, MeasuredFile};
use super::{open_clip, print, read_views};

/// Encode the views of a clip into one .iev stream.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  iev-export encode v0.y4m v1.y4m v2.y4m -o clip.iev --anchor 1
  iev-export encode v*.y4m -o clip.iev --anchor 2 --preset standard --work clip.work
  iev-export encode v*.y4m -o finer.iev --anchor 2 --qp 34 --steps 2000 --warm-start clip.work
  iev-export encode v*.y4m -o clip.iev --anchor 2 --size 80k
  iev-export encode left/ right/ -o stereo.iev --rate 24 --qp 34 --lambda 1e-3    (PNG folders)
  iev-export encode v*.y4m -o clip.iev --cameras transforms.json    (then iev decode --pose x,y,z)
  iev-export encode v*.y4m -o clip.iev --scenes 0,120    (a cut at frame 120; found unless given)
  iev-export encode v*.y4m -o clip.iev --report clip.html --json > clip.json

The finished file is decoded by the player and measured; figures are of those pictures.")]
pub(crate) struct EncodeArgs {
    /// One y4m file, folder of PNG files or video per view; - is y4m from standard input.
    #[arg(required = true)]
    views: Vec<PathBuf>,
    /// The stream to write.
    #[arg(short, long)]
    output: PathBuf,
    /// Pinhole cameras of the views, to be sent along: MIV content JSON, transforms.json of nerfstudio, a list of
    /// Blender cameras, or COLMAP text (the folder of images.txt and cameras.txt); by name of the view, else by order.
    #[arg(long, value_name = "FILE")]
    cameras: Option<PathBuf>,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    request: EncodeRequest,
    /// Folder for checkpoints; training goes on from what it holds.
    #[arg(long)]
    work: Option<PathBuf>,
    /// Time between checkpoints, 0 for one after every step [default: 120].
    #[arg(long, value_name = "SECONDS", requires = "work")]
    checkpoint_every: Option<u64>,
    /// Memory of a device for pictures; those beyond it are sent when they are needed [default: 4096].
    #[arg(long, value_name = "MIB")]
    device_memory: Option<usize>,
    /// Bytes of the file, such as 80k or 1.5M, met within 5 %; finds the quantiser and λ.
    #[arg(long, value_parser = parse_amount, conflicts_with_all = ["bitrate", "qp", "lambda", "warm_start"])]
    size: Option<u64>,
    /// Bits per second of all views, such as 500k, met within 5 %; finds the quantiser and λ.
    #[arg(long, value_parser = parse_amount, conflicts_with_all = ["qp", "lambda", "warm_start"])]
    bitrate: Option<u64>,
    /// Work folder of a finished training of the same clip and profile, or of a narrower one, with another --lambda
    /// or --qp: training starts from its parameters and needs fewer steps. Or the stream that came of it.
    #[arg(long, value_name = "FOLDER|STREAM")]
    warm_start: Option<PathBuf>,
    /// Say nothing but errors: neither progress nor warnings.
    #[arg(long)]
    quiet: bool,
    /// Page with figures and pictures to write.
    #[arg(long, value_name = "HTML", conflicts_with = "no_verify")]
    report: Option<PathBuf>,
    /// Figures as JSON.
    #[arg(long, conflicts_with = "no_verify")]
    json: bool,
    /// Do not decode the finished file.
    #[arg(long)]
    no_verify: bool,
}

impl EncodeArgs {
    /// Whether the same command goes on where it was stopped.
    pub(crate) fn goes_on(&self) -> bool {
        self.work.is_some()
    }
}

pub(crate) fn run(mut args: EncodeArgs) -> Result<()> {
    args.request.check()?;
    let progress = Progress::to_stderr(args.quiet);
    claim_outputs(&args, progress)?;
    args.reading.limit = args.request.limit;
    args.request.check_for(args.views.len())?;
    let views = open_clip(&args.views, &args.reading, progress)?;
    let cameras = args.cameras.as_deref();
    let cameras = cameras.map(|path| open_cameras(path, &views, progress)).transpose()?;
    // Before planning, which may be long; a folder that is not there yet is made once all is checked.
    let work = args.work.as_deref().filter(|folder| folder.exists());
    let mut held = work.map(WorkFolder::take).transpose()?;
    let plan = plan(&views, &args.request, progress)?;
    if plan.implicit().next().is_none() {
        tell_of_no_training(&args, progress);
    }
    let mut settings =
        args.request.settings(plan, args.output.clone(), args.work.clone(), progress)?;
    settings.cameras = cameras;
    settings.training.warm_start.clone_from(&args.warm_start);
    if let Some(seconds) = args.checkpoint_every {
        settings.training.checkpoint_every = Duration::from_secs(seconds);
    }
    if let Some(mib) = args.device_memory {
        settings.training.device_bytes = mib << 20;
    }
    if !args.no_verify && settings.plan.implicit().next().is_some() {
        check_backend()?;
    }
    if let (None, Some(folder)) = (&held, &args.work) {
        held = Some(WorkFolder::take(folder)?);
    }
    settings.tell_fallback(&args.request)?;
    let started = Instant::now();
    let encoded = encode_as_asked(&mut args, &views, &settings)?;
    let encode_seconds = started.elapsed().as_secs_f64();
    drop(held);
    if args.no_verify {
        return print(&format!("{} bytes", encoded.bytes));
    }
    let verified = verify(&args.output, &views, &encoded.predicted_db(), progress)
        .with_context(|| format!("verifying {}", args.output.display()))?;
    let encoding =
        Encoding { request: &args.request, encode_seconds, machine: MachineFacts::this() };
    let figures =
        MeasuredFile { stream: &args.output, views: &views, verified: &verified, progress };
    if !args.json {
        print(&format!("encoded in {:.1} min", encode_seconds / 60.0))?;
    }
    figures.tell(args.json, args.report.as_deref(), Some(encoding))
}

/// Says what was typed for a training that will not be.
fn tell_of_no_training(args: &EncodeArgs, progress: Progress) {
    let typed = [
        ("--warm-start", args.warm_start.is_some()),
        ("--steps", args.request.steps.is_some()),
        ("--lambda", args.request.lambda.is_some()),
    ];
    for (name, _) in typed.iter().filter(|(_, typed)| *typed) {
        progress.warn(format_args!(
            "{name} changes nothing: every view is explicit, so nothing is trained"
        ));
    }
}

/// Reads the cameras, and says which view got which.
fn open_cameras(path: &Path, views: &[View], progress: Progress) -> Result<Cameras> {
    let (cameras, said) = read_cameras(path, views)?;
    said.iter().for_each(|line| progress.say(format_args!("iev-export: cameras: {line}")));
    Ok(cameras)
}

/// Encodes once, or to the size asked for; where another quantiser was found, the request then says so.
fn encode_as_asked(
    args: &mut EncodeArgs,
    views: &[View],
    settings: &EncodeSettings,
) -> Result<EncodeResult> {
    let of_rate = |bits: u64| {
        let (pictures, per_seconds) = views[0].rate;
        let seconds = views[0].frames.len() as f64 * f64::from(per_seconds) / f64::from(pictures);
        (bits as f64 * seconds / 8.0).round() as u64
    };
    // Once; where the network did not pay, the request says how the file came about instead.
    let Some(bytes) = args.size.or(args.bitrate.map(of_rate)) else {
        let encoded = encode(views, settings)?;
        if encoded.explicit_db.len() > settings.plan.explicit().count() {
            args.request.anchor = encoded.explicit_db.iter().map(|(view, _)| *view).collect();
            args.request.qp = encoded.anchor.qp;
            args.request.intra_offset = Some(encoded.anchor.intra_offset);
        }
        return Ok(encoded);
    };
    // To a size, by several tries in folders of their own.
    let passing = tempfile::tempdir().context("making a folder for the search")?;
    let work = args.work.as_deref().unwrap_or(passing.path());
    let SizedFile { encoded, settings } = encode_to_size(views, settings, bytes, work)?;
    args.request.qp = settings.anchor.qp;
    args.request.intra_offset = Some(settings.anchor.intra_offset);
    args.request.lambda = Some(settings.training.lambda);
    Ok(encoded)
}

/// Makes sure, before anything is read, that no output is an input or another output.
fn claim_outputs(args: &EncodeArgs, progress: Progress) -> Result<()> {
    let mut outputs = Outputs::default();
    read_views(&mut outputs, &args.views, progress);
    let of_cameras = args.cameras.iter().flat_map(|path| cameras::files(path));
    of_cameras.for_each(|file| drop(outputs.reads(&file)));
    // A training would overwrite the one it starts from; new files may join it.
    if let Some(start) = &args.warm_start {
        if start.is_file() {
            drop(outputs.reads(start));
        } else {
            outputs.reads_files_of(start);
        }
    }
    outputs.claim(Path::new("-"))?;
    if let Some(work) = &args.work {
        outputs.claim_folder(work)?;
        outputs.claim_in_new_folder(&checkpoint_in(work))?;
    }
    let straight = args.output == Path::new("-");
    ensure!(!straight, "a stream goes to a file, for standard output has its figures: name one");
    outputs.claim(&args.output)?;
    check_stream(&args.output)?;
    Ok(args.report.iter().try_for_each(|page| outputs.claim(page))?)
}

/// Fails where the stream could not be read back, or would take the place of something else, as of the first view
/// where `-o v*.y4m` was typed.
fn check_stream(path: &Path) -> Result<()> {
    let shown = path.display();
    ensure!(path.is_file() || !path.exists(), "{shown} is there already and is not a file");
    let Ok(file) = File::open(path) else { return Ok(()) };
    let mut start = Vec::new();
    file.take(MAGIC.len() as u64).read_to_end(&mut start)?;
    ensure!(
        start.is_empty() || start == MAGIC,
        "{} is there already and is no IEV stream: give -o another name, or delete it",
        path.display()
    );
    Ok(())
}
