//! `iev-export paper`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use iev_exporter::input::Reading;
use iev_exporter::paper::{Outcome, Settings, measure_published};
use iev_exporter::progress::Progress;
use iev_exporter::verify::{check_clip, open};
use iev_runtime::outputs::Outputs;

use super::{open_source, print, print_json, read_views};

/// Train the published network (arXiv 2311.17350) in the place of a stream's own, and measure it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Its bits are counted, as the published ones are: no file is written. The stream's explicit views serve both.

Examples:
  iev-export paper clip.iev v*.y4m --steps 6000
  iev-export paper clip.iev v*.y4m --channels 5
  iev-export paper clip.iev v*.y4m --implicit-only --json"
)]
pub(crate) struct PaperArgs {
    /// A stream of this clip.
    stream: PathBuf,
    /// Its source: one y4m file, folder of PNG files or video per view; a longer one is cut.
    #[arg(required = true)]
    views: Vec<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    /// Figures as JSON.
    #[arg(long)]
    json: bool,
    /// Say nothing but errors: neither progress nor warnings.
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    reading: Reading,
}

pub(crate) fn run(args: &PaperArgs) -> Result<()> {
    let mut outputs = Outputs::default();
    outputs.reads(&args.stream);
    let progress = Progress::to_stderr(args.quiet);
    read_views(&mut outputs, &args.views, progress);
    outputs.claim(Path::new("-"))?;
    let header = open(&args.stream)?.header().clone();
    let views = open_source(&args.views, &args.reading, &header, progress)?;
    check_clip(&header, &views)?;
    let outcome = measure_published(&args.stream, &views, args.settings, progress)?;
    if args.json { print_json(&outcome) } else { print(&text(&outcome)) }
}

fn text(outcome: &Outcome) -> String {
    let line = |name: &str, bytes: u64, [mean, worst]: [f64; 2]| {
        format!("{name}: {bytes} bytes, luma {mean:.3} dB, worst view {worst:.3} dB")
    };
    [
        format!(
            "{} parameters in {} bytes, trained for {:.0} s",
            outcome.parameters, outcome.network_bytes, outcome.seconds
        ),
        line("published", outcome.bytes, outcome.mean_and_worst()),
        line("stream", outcome.stream.bytes, outcome.of_stream()),
    ]
    .join("\n")
}
