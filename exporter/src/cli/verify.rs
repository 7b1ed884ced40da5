//! `iev-export verify`, and the figures that `encode` ends with.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use iev_exporter::encode::request::EncodeRequest;
use iev_exporter::input::{View, warnings};
use iev_exporter::progress::Progress;
use iev_exporter::rd::curve::read_curves;
use iev_exporter::rd::floor::hold_against;
use iev_exporter::rd::machine::MachineFacts;
use iev_exporter::report::encode_page::encode_page;
use iev_exporter::verify::measure::ViewFigures;
use iev_exporter::verify::{Verification, verify_by};
use iev_runtime::network::opening::NetworkPath;
use iev_runtime::outputs::write_whole;
use serde::Serialize;

use super::measured::Measured;
use super::{print, print_json, warn};

/// Decode a stream with the player and measure it against its source.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  iev-export verify clip.iev v0.y4m v1.y4m v2.y4m
  iev-export verify clip.iev v*.y4m --report clip.html
  iev-export verify clip.iev v*.y4m --path full
  iev-export verify clip.iev v*.y4m --floor peers.csv")]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    measured: Measured,
    /// Page with figures and pictures to write.
    #[arg(long, value_name = "HTML")]
    report: Option<PathBuf>,
    /// Curves of other codecs, as `iev-export peers` writes them: says what each takes at this stream's quality, and
    /// fails where the best takes 2 % less.
    #[arg(long, value_name = "CSV")]
    floor: Option<PathBuf>,
    /// What paints implicit views, on the CPU either way: split, as CPUs do, or full, the graph that GPUs run; the mean
    /// in 8 bits is then that of TensorRT's int8
    #[arg(long, value_name = "PATH", default_value = "split")]
    path: NetworkPath,
}

pub(crate) fn run(args: &VerifyArgs) -> Result<()> {
    let Measured { stream, json, .. } = &args.measured;
    let mut outputs = args.measured.outputs(args.floor.as_deref())?;
    args.report.iter().try_for_each(|page| outputs.claim(page))?;
    let floor = args.floor.as_deref().map(read_curves).transpose()?;
    let (views, progress) = (args.measured.source()?, args.measured.progress());
    // Measured, told, and held against other codecs.
    let verified = verify_by(args.path, stream, &views, &[], progress)
        .with_context(|| format!("verifying {}", stream.display()))?;
    let figures = MeasuredFile { stream, views: &views, verified: &verified, progress };
    figures.tell(*json, args.report.as_deref(), None)?;
    let Some(floor) = floor else { return Ok(()) };
    let lines = hold_against(&verified.figures, &floor)?;
    lines.iter().for_each(|line| warn(format_args!("{line}")));
    Ok(())
}

/// What is told of a finished file.
pub(crate) struct MeasuredFile<'a> {
    pub(crate) stream: &'a Path,
    pub(crate) views: &'a [View],
    pub(crate) verified: &'a Verification,
    /// Where its warnings go.
    pub(crate) progress: Progress,
}

/// What `--json` says.
#[derive(Serialize)]
struct VerifyReport<'a> {
    stream: String,
    verified: &'a Verification,
    /// Of the views, and of what was decoded.
    warnings: Vec<String>,
    #[serde(flatten)]
    encoding: Option<Encoding<'a>>,
}

/// How the file came about, where it was encoded just now.
#[derive(Serialize)]
pub(crate) struct Encoding<'a> {
    pub(crate) request: &'a EncodeRequest,
    pub(crate) encode_seconds: f64,
    pub(crate) machine: MachineFacts,
}

impl MeasuredFile<'_> {
    /// Prints text, or JSON with the `encoding`; writes the page where one is asked for.
    pub(crate) fn tell(
        &self,
        json: bool,
        page: Option<&Path>,
        encoding: Option<Encoding<'_>>,
    ) -> Result<()> {
        // Standard output has the figures alone; warnings go to standard error as well.
        let decoded = self.verified.warnings();
        if json {
            let of_views = warnings(self.views).map(|warning| warning.to_string());
            print_json(&VerifyReport {
                stream: self.stream.display().to_string(),
                verified: self.verified,
                warnings: of_views.chain(decoded.clone()).collect(),
                encoding,
            })?;
        } else {
            print(&text(self.verified))?;
        }
        decoded.iter().for_each(|warning| self.progress.warn(warning));
        match page {
            Some(path) => {
                Ok(write_whole(path, encode_page(self.stream, self.views, self.verified)?)?)
            }
            None => Ok(()),
        }
    }
}

fn text(verified: &Verification) -> String {
    let figures = &verified.figures;
    let parts = verified.parts.named().map(|(name, bytes)| format!("{name} {bytes}"));
    let (bytes, kbps) = (figures.bytes, figures.kbps);
    let mut lines =
        vec![format!("{bytes} bytes, {kbps:.1} kbit/s"), format!("bytes: {}", parts.join(", "))];
    if verified.path == NetworkPath::Full {
        lines.push("painted by the full graph, on the CPU".into());
    }
    lines.extend(figures.views.iter().map(|view| view_line(verified, view)));
    let (y, yuv, ms_ssim) = (figures.psnr_y, figures.psnr_611, figures.ms_ssim);
    let worst = figures.worst_y();
    lines.push(format!(
        "mean: luma {y:.3} dB, worst view {worst:.3} dB, 6:1:1 {yuv:.3} dB, MS-SSIM {ms_ssim:.4}"
    ));
    lines.extend(verified.int8_psnr_y.map(|db| format!("mean in 8 bits: luma {db:.3} dB")));
    lines.extend(verified.mean_layers_db().map(|[warped, implicit, fused]| {
        format!(
            "mean of implicit views: warped {warped:.2}, implicit {implicit:.2}, fused {fused:.2}"
        )
    }));
    lines.join("\n")
}

fn view_line(verified: &Verification, figures: &ViewFigures) -> String {
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
