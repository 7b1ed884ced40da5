//! `iev-export encode`.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use iev_exporter::encode::encode;
use iev_exporter::input::open_views;
use iev_exporter::machine::Machine;
use iev_exporter::request::EncodeRequest;
use iev_exporter::verify::{check_backend, verify};
use serde_json::json;

use super::print;
use super::verify::Figures;

/// Encode the views of a clip into one .iev stream.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  iev-export encode v0.y4m v1.y4m v2.y4m -o clip.iev --anchor 1
  iev-export encode v*.y4m -o clip.iev --anchor 2 --preset standard --work clip.work
  iev-export encode v*.y4m -o finer.iev --anchor 2 --qp 34 --steps 2000 --warm-start clip.work
  iev-export encode left/ right/ -o stereo.iev --qp 34 --lambda 1e-3    (PNG folders)
  iev-export encode v*.y4m -o clip.iev --report clip.html --json > clip.json

The finished file is decoded by the player and measured; figures are of those pictures.")]
pub(crate) struct EncodeArgs {
    /// One y4m file, folder of PNG files or video per view.
    #[arg(required = true)]
    views: Vec<PathBuf>,
    /// The stream to write.
    #[arg(short, long)]
    output: PathBuf,
    #[command(flatten)]
    request: EncodeRequest,
    /// Folder for checkpoints; training goes on from what it holds.
    #[arg(long)]
    work: Option<PathBuf>,
    /// Work folder of a finished training of the same clip and profile, with other --lambda or --qp:
    /// training starts from its parameters and needs fewer steps.
    #[arg(long, value_name = "FOLDER")]
    warm_start: Option<PathBuf>,
    /// Lines instead of a progress bar.
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

pub(crate) fn run(args: EncodeArgs) -> Result<()> {
    let views = open_views(&args.views, args.request.limit)?;
    let mut settings =
        args.request.settings(&views, args.output.clone(), args.work.clone(), args.quiet)?;
    ensure!(
        args.work.is_none() || !same_folder(&args.work, &args.warm_start),
        "--work and --warm-start name the same folder: the new training would overwrite the old one"
    );
    settings.training.warm_start = args.warm_start;
    if !args.no_verify && settings.plan.implicit().next().is_some() {
        check_backend()?;
    }
    if let Some(folder) = &args.work {
        std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    let started = Instant::now();
    let encoded = encode(&views, &settings)?;
    let encode_seconds = started.elapsed().as_secs_f64();
    if args.no_verify {
        return print(&format!("{} bytes", encoded.bytes));
    }
    let verified = verify(&args.output, &views, &encoded.predicted_db())
        .with_context(|| format!("verifying {}", args.output.display()))?;
    let more = json!({
        "request": args.request,
        "encode_seconds": encode_seconds,
        "machine": Machine::this(),
    });
    let figures = Figures { stream: &args.output, views: &views, verified: &verified };
    if !args.json {
        print(&format!("encoded in {:.1} min", encode_seconds / 60.0))?;
    }
    figures.tell(args.json, args.report.as_deref(), more)
}

fn same_folder(a: &Option<PathBuf>, b: &Option<PathBuf>) -> bool {
    let real = |path: &Option<PathBuf>| path.as_ref().map(|p| p.canonicalize().ok());
    a == b || (real(a).flatten().is_some() && real(a) == real(b))
}
