//! `iev-export rd`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use iev_exporter::progress::Progress;
use iev_exporter::rd::page::bd_cells;
use iev_exporter::rd::report::Report;
use iev_exporter::rd::{BdRow, Config, Harness};
use iev_exporter::rules::each_once;
use iev_runtime::outputs::Outputs;

use super::{print, read_config};

/// Encode a curve of points, measure it and compare it with other codecs.
#[derive(Debug, clap::Args)]
#[command(after_help = concat!(
    "The config is TOML:\n\n",
    include_str!("../rd/example.toml"),
    "
Examples:
  iev-export rd room.toml --out results
  iev-export rd room.toml --out results --only q37    (one point)
  iev-export rd room.toml --out results --report-only (no encoding)

A point with a finished result of the same settings, clip and program version is not encoded again;
an interrupted one goes on from its checkpoint. Remove OUT/NAME/LABEL to encode a point afresh, as
after a change of the program itself."
))]
pub(crate) struct RdArgs {
    /// What to measure.
    config: PathBuf,
    /// Folder for results.
    #[arg(long, default_value = "rd")]
    out: PathBuf,
    /// Encode only this point; may be repeated.
    #[arg(long, value_name = "LABEL")]
    only: Vec<String>,
    /// Encode nothing; report on the results that are there.
    #[arg(long, conflicts_with = "only")]
    report_only: bool,
    /// Say nothing but errors: neither progress nor warnings.
    #[arg(long)]
    quiet: bool,
}

pub(crate) fn run(args: RdArgs) -> Result<()> {
    let harness = Harness { config: Config::read(&args.config)?, out: args.out };
    let progress = Progress::to_stderr(args.quiet);
    let mut outputs = Outputs::default();
    outputs.reads(&args.config);
    read_config(&mut outputs, &harness.config, progress);
    outputs.claim(Path::new("-"))?;
    harness.claim(&mut outputs)?;
    harness.peers()?;
    each_once("--only", &args.only, String::clone)?;
    let clip = if args.report_only { None } else { encode(&harness, &args.only, progress)? };
    let report = harness.report(clip.as_deref())?;
    harness.write(&report)?;
    print(&text(&report))?;
    print(&harness.file("html").display().to_string())
}

#[cfg(feature = "train")]
pub(super) fn encode(
    harness: &Harness,
    only: &[String],
    progress: Progress,
) -> Result<Option<String>> {
    iev_exporter::verify::check_backend()?;
    Ok(Some(harness.encode(only, progress)?))
}

#[cfg(not(feature = "train"))]
pub(super) fn encode(_: &Harness, _: &[String], _: Progress) -> Result<Option<String>> {
    anyhow::bail!("this program was built without training: use --report-only")
}

pub(super) fn text(report: &Report) -> String {
    let mut lines = report.missing.clone();
    lines.extend(report.points.iter().map(|point| {
        let figures = &point.verified.figures;
        format!(
            "{:<12} {:>9} bytes {:>8.1} kbit/s  luma {:.3} dB  6:1:1 {:.3} dB  MS-SSIM {:.4}",
            point.label,
            figures.bytes,
            figures.kbps,
            figures.psnr_y,
            figures.psnr_611,
            figures.ms_ssim
        )
    }));
    lines.push(bd_text(&report.bd_rate));
    lines.join("\n")
}

/// BD-rates as lines.
pub(super) fn bd_text(rows: &[BdRow]) -> String {
    let mut lines = vec!["BD-rate against: luma, interval, YUV 6:1:1, worst view".to_owned()];
    lines.extend(bd_cells(rows).iter().map(|row| {
        let [peer, taken @ .., note] = &row[..] else {
            unreachable!("a row has a peer and a note")
        };
        let taken: Vec<String> = taken.iter().map(|cell| format!("{cell:<28}")).collect();
        format!("{peer:<22} {} {note}", taken.join(" ")).trim_end().to_owned()
    }));
    lines.join("\n")
}
