//! `iev-export paper`.

use anyhow::Result;
use iev_exporter::paper::{Outcome, Settings, measure_published};

use super::measured::Measured;
use super::{print, print_json};

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
    #[command(flatten)]
    measured: Measured,
    #[command(flatten)]
    settings: Settings,
}

pub(crate) fn run(args: &PaperArgs) -> Result<()> {
    let measured = &args.measured;
    measured.outputs(None)?;
    let (views, progress) = (measured.source()?, measured.progress());
    let outcome = measure_published(&measured.stream, &views, args.settings, progress)?;
    if measured.json { print_json(&outcome) } else { print(&text(&outcome)) }
}

fn text(outcome: &Outcome) -> String {
    let line = |name: &str, bytes: u64, [mean, worst]: [f64; 2]| {
        format!("{name}: {bytes} bytes, luma {mean:.3} dB, worst view {worst:.3} dB")
    };
    let stream = &outcome.stream;
    [
        format!(
            "{} parameters in {} bytes, trained for {:.0} s",
            outcome.parameters, outcome.network_bytes, outcome.seconds
        ),
        line("published", outcome.bytes, outcome.mean_and_worst()),
        line("stream", stream.bytes, [stream.psnr_y, stream.worst_y()]),
    ]
    .join("\n")
}
