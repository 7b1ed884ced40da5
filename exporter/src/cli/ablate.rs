//! `iev-export ablate`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use iev_exporter::ablation::{Part, Parts};
use iev_exporter::progress::Progress;
use iev_exporter::rd::ablate::Ablate;
use iev_exporter::rd::{Config, Harness};
use iev_exporter::rules::each_once;
use iev_runtime::outputs::Outputs;

use super::{print, read_config};

/// Measure what each part of the codec is worth: a curve without it against the whole codec's.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The config is that of rd. Every part is left out in turn, or those that are named, \
and the points are trained again; the context model's row codes the levels of the whole codec's streams again.

Examples:
  iev-export ablate exporter/curves/ablate_room.toml --out results
  iev-export ablate room.toml --out results --without key-pictures --without grids,inter-view

Finished points are kept, as by rd: the same command goes on where it was interrupted."
)]
pub(crate) struct AblateArgs {
    /// What to measure.
    config: PathBuf,
    /// Folder for results.
    #[arg(long, default_value = "rd")]
    out: PathBuf,
    #[arg(
        long, value_name = "PART[,PART…]", help = help_of_parts(),
        value_parser = |text: &str| text.parse::<Parts>()
    )]
    without: Vec<Parts>,
    /// Say nothing but errors: neither progress nor warnings.
    #[arg(long)]
    quiet: bool,
}

fn help_of_parts() -> String {
    let parts = Part::ALL.map(Part::name).join(", ");
    format!("Leave only this part out, or these at once; for a row each, repeat it. Parts: {parts}")
}

pub(crate) fn run(args: AblateArgs) -> Result<()> {
    each_once("--without", &args.without, Parts::name)?;
    let whole = Harness { config: Config::read(&args.config)?, out: args.out };
    let parts =
        if args.without.is_empty() { Part::ALL.map(Parts::from).to_vec() } else { args.without };
    let ablate = Ablate { whole, parts };
    let progress = Progress::to_stderr(args.quiet);
    let mut outputs = Outputs::default();
    outputs.reads(&args.config);
    read_config(&mut outputs, &ablate.whole.config, progress);
    outputs.claim(Path::new("-"))?;
    ablate.claim(&mut outputs)?;
    ablate.check()?;
    iev_exporter::verify::check_backend()?;
    let clip = ablate.encode(progress)?;
    let rows = ablate.rows(Some(&clip))?;
    ablate.write(&rows)?;
    print(ablate.markdown(&rows).trim_end())?;
    print(&ablate.file("html").display().to_string())
}
