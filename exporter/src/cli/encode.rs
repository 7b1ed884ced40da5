//! `iev-export encode`.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use iev_exporter::encode::encode;
use iev_exporter::input::{View, open_views};
use iev_exporter::machine::Machine;
use iev_exporter::measure::ViewFigures;
use iev_exporter::report::encode_page::encode_page;
use iev_exporter::request::EncodeRequest;
use iev_exporter::verify::{Verified, check_backend, verify};
use iev_exporter::whole_file::write_whole;
use serde_json::json;

use super::print;

/// Encode the views of a clip into one .iev stream.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  iev-export encode v0.y4m v1.y4m v2.y4m -o clip.iev --anchor 1
  iev-export encode v*.y4m -o clip.iev --anchor 2 --preset standard --work clip.work
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
    let settings =
        args.request.settings(&views, args.output.clone(), args.work.clone(), args.quiet)?;
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
    report(&args, &views, &verified, encode_seconds)
}

fn report(
    args: &EncodeArgs,
    views: &[View],
    verified: &Verified,
    encode_seconds: f64,
) -> Result<()> {
    if args.json {
        let all = json!({
            "stream": args.output,
            "request": args.request,
            "verified": verified,
            "warnings": verified.warnings(),
            "encode_seconds": encode_seconds,
            "machine": Machine::this(),
        });
        print(&format!("{all:#}"))?;
    } else {
        print(&text(verified, encode_seconds))?;
    }
    for warning in verified.warnings() {
        eprintln!("iev-export: warning: {warning}");
    }
    match &args.report {
        Some(path) => write_whole(path, &encode_page(&args.output, views, verified)?),
        None => Ok(()),
    }
}

fn text(verified: &Verified, encode_seconds: f64) -> String {
    let figures = &verified.figures;
    let parts = verified.parts.named().map(|(name, bytes)| format!("{name} {bytes}"));
    let (bytes, kbps, minutes) = (figures.bytes, figures.kbps, encode_seconds / 60.0);
    let mut lines = vec![
        format!("{bytes} bytes, {kbps:.1} kbit/s, encoded in {minutes:.1} min"),
        format!("bytes: {}", parts.join(", ")),
    ];
    lines.extend(figures.views.iter().map(|view| view_line(verified, view)));
    let (y, yuv, ms_ssim) = (figures.psnr_y, figures.psnr_611, figures.ms_ssim);
    lines.push(format!("mean: luma {y:.3} dB, 6:1:1 {yuv:.3} dB, MS-SSIM {ms_ssim:.4}"));
    lines.extend(verified.mean_layers_db().map(|[warped, implicit, fused]| {
        format!(
            "mean of implicit views: warped {warped:.2}, implicit {implicit:.2}, fused {fused:.2}"
        )
    }));
    lines.join("\n")
}

fn view_line(verified: &Verified, figures: &ViewFigures) -> String {
    let view = figures.view;
    let [y, u, v] = figures.psnr_db();
    let role = if figures.explicit { "explicit" } else { "implicit" };
    let mut line = format!("view {view} {role}: Y {y:.2} U {u:.2} V {v:.2} dB");
    if let Some(l) = verified.layers.iter().find(|l| l.view == view) {
        let (warped, implicit, fused) = (l.warped_db, l.implicit_db, l.fused_db);
        line += &format!(", warped {warped:.2}, implicit {implicit:.2}, fused {fused:.2}");
    }
    if let Some(d) = verified.trainer.iter().find(|d| d.view == view) {
        line += &format!(", off trainer {:.3}", d.difference_db);
    }
    line
}
