//! `iev-export encode`.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use iev_exporter::encode::encode;
use iev_exporter::input::{View, open_views};
use iev_exporter::machine::Machine;
use iev_exporter::report::encode_page::encode_page;
use iev_exporter::request::EncodeRequest;
use iev_exporter::verify::{Verified, check_backend, verify};
use iev_exporter::whole_file::write_whole;
use serde_json::json;

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
        println!("{} bytes", encoded.bytes);
        return Ok(());
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
        println!("{all:#}");
    } else {
        print(verified, encode_seconds);
    }
    for warning in verified.warnings() {
        eprintln!("iev-export: warning: {warning}");
    }
    match &args.report {
        Some(path) => write_whole(path, &encode_page(&args.output, views, verified)?),
        None => Ok(()),
    }
}

fn print(verified: &Verified, encode_seconds: f64) {
    let figures = &verified.figures;
    println!(
        "{} bytes, {:.1} kbit/s, encoded in {:.1} min",
        figures.bytes,
        figures.kbps,
        encode_seconds / 60.0
    );
    let parts = verified.parts.named().map(|(name, bytes)| format!("{name} {bytes}"));
    println!("bytes: {}", parts.join(", "));
    for v in &figures.views {
        let [y, u, w] = v.psnr_db();
        let role = if v.explicit { "explicit" } else { "implicit" };
        let layers = verified.layers.iter().find(|l| l.view == v.view).map_or(String::new(), |l| {
            let (warped, implicit) = (l.warped_db, l.implicit_db);
            format!(", warped {warped:.2}, implicit {implicit:.2}, fused {:.2}", l.fused_db)
        });
        let off = verified.trainer.iter().find(|d| d.view == v.view);
        let off = off.map_or(String::new(), |d| format!(", off trainer {:.3}", d.difference_db));
        println!("view {} {role}: Y {y:.2} U {u:.2} V {w:.2} dB{layers}{off}", v.view);
    }
    println!(
        "mean: luma {:.3} dB, 6:1:1 {:.3} dB, MS-SSIM {:.4}",
        figures.psnr_y, figures.psnr_611, figures.ms_ssim
    );
    if let Some([warped, implicit, fused]) = verified.mean_layers_db() {
        println!(
            "mean of implicit views: warped {warped:.2}, implicit {implicit:.2}, fused {fused:.2}"
        );
    }
}
