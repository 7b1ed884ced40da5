//! `iev-export rd`.

use std::path::PathBuf;

use anyhow::Result;
use iev_exporter::rd::harness::Report;
use iev_exporter::rd::{Config, Harness};
use iev_exporter::report::rd_page::bd_cells;

/// Encode a curve of points, measure it and compare it with other codecs.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The config is TOML; keys of [settings] and of a point are the long flags of encode:

  name = \"room\"                       # files are OUT/room.json, .csv and .html
  peers = [\"peers/room.csv\"]          # codec,quality,bytes,kbps,psnr_y,psnr_u,psnr_v
  interval = [31, 36]                 # dB of luma for the second BD-rate
  [clip]
  views = [\"v0.y4m\", \"v1.y4m\"]        # from the config's folder
  rate = [24, 1]                      # instead of the files' own
  [settings]                          # of every point
  preset = \"standard\"
  [[points]]
  label = \"q37\"
  qp = 37

Examples:
  iev-export rd room.toml --out results
  iev-export rd room.toml --out results --only q37    (one point)
  iev-export rd room.toml --out results --report-only (no encoding)

A point with a finished result of the same settings, clip and program version is not encoded again;
an interrupted one goes on from its checkpoint. Remove OUT/NAME/LABEL to encode a point afresh."
)]
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
    /// Lines instead of a progress bar.
    #[arg(long)]
    quiet: bool,
}

pub(crate) fn run(args: RdArgs) -> Result<()> {
    let harness = Harness { config: Config::read(&args.config)?, out: args.out };
    let clip = if args.report_only { None } else { encode(&harness, &args.only, args.quiet)? };
    let report = harness.report(clip.as_deref())?;
    harness.write(&report)?;
    print(&report);
    println!("{}", harness.file("html").display());
    Ok(())
}

#[cfg(feature = "train")]
fn encode(harness: &Harness, only: &[String], quiet: bool) -> Result<Option<String>> {
    iev_exporter::verify::check_backend()?;
    harness.encode(only, quiet).map(Some)
}

#[cfg(not(feature = "train"))]
fn encode(_: &Harness, _: &[String], _: bool) -> Result<Option<String>> {
    anyhow::bail!("this program was built without training: use --report-only")
}

fn print(report: &Report) {
    report.missing.iter().for_each(|m| println!("{m}"));
    for point in &report.points {
        let figures = &point.verified.figures;
        println!(
            "{:<12} {:>9} bytes {:>8.1} kbit/s  luma {:.3} dB  6:1:1 {:.3} dB  MS-SSIM {:.4}",
            point.label,
            figures.bytes,
            figures.kbps,
            figures.psnr_y,
            figures.psnr_611,
            figures.ms_ssim
        );
    }
    println!("BD-rate against: whole overlap, interval, YUV 6:1:1");
    for row in bd_cells(&report.bd_rate) {
        println!("{:<14} {:<28} {:<28} {:<28} {}", row[0], row[1], row[2], row[3], row[4]);
    }
}
