//! `iev-export compare`.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use iev_exporter::rd::bd_rows;
use iev_exporter::rd::config::{INTERVAL_DB, check_interval};
use iev_exporter::rd::curve::{Curve, read_curves};

use super::rd::bd_text;
use super::{print, print_json};

/// Compare the first curve with all others by the rate that they take for the same quality.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  iev-export compare exporter/curves/room_av1.csv peers.csv
  iev-export compare rd/room.csv peers.csv mvhevc.csv --interval 32,36
  iev-export compare new.csv old.csv --json

Curves are CSV files as rd and peers write them. Rates are compared over the qualities that both curves cover (BD-rate by
monotone cubics of the logarithm); nothing is extrapolated.")]
pub(crate) struct CompareArgs {
    /// The curve that is compared: a file of one codec.
    curve: PathBuf,
    /// Files of the curves that it is compared with.
    #[arg(required = true)]
    peers: Vec<PathBuf>,
    /// Luma PSNR in dB, lowest and highest, over which rates are compared once more.
    #[arg(long, value_name = "LOW,HIGH", value_delimiter = ',', num_args = 1, default_values_t = [INTERVAL_DB.0, INTERVAL_DB.1])]
    interval: Vec<f64>,
    /// Figures as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &CompareArgs) -> Result<()> {
    let [low, high] = args.interval[..] else {
        anyhow::bail!("interval is two numbers, such as 31,36");
    };
    check_interval((low, high))?;
    let mut ours = read_curves(&args.curve)?;
    let shown = args.curve.display();
    ensure!(ours.len() == 1, "{shown} has curves of {} codecs: give a file of one", ours.len());
    let ours = ours.remove(0);
    let peers: Vec<Vec<Curve>> =
        args.peers.iter().map(|path| Ok(read_curves(path)?)).collect::<Result<_>>()?;
    let rows = bd_rows(&ours, &peers.concat(), (low, high));
    if args.json { print_json(&rows) } else { print(&bd_text(&rows)) }
}
