//! `iev-export ablate`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use iev_exporter::ablation::Part;
use iev_exporter::progress::Progress;
use iev_exporter::rd::ablate::Ablate;
use iev_exporter::rd::{Config, Harness};
use iev_exporter::rules::each_once;
use iev_runtime::outputs::Outputs;

use super::{print, read_config};

/// Measure what each part of the codec is worth: a curve without it against the whole codec's.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The config is that of rd. Every part is left out in turn and the points are trained \
again; the context model's row codes the levels of the whole codec's streams again.

Examples:
  iev-export ablate exporter/curves/ablate_room.toml --out results
  iev-export ablate room.toml --out results --only key-pictures,inter-view

Finished points are kept, as by rd: the same command goes on where it was interrupted."
)]
pub(crate) struct AblateArgs {
    /// What to measure.
    config: PathBuf,
    /// Folder for results.
    #[arg(long, default_value = "rd")]
    out: PathBuf,
    /// Only these parts.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Say nothing but errors: neither progress nor warnings.
    #[arg(long)]
    quiet: bool,
}

pub(crate) fn run(args: AblateArgs) -> Result<()> {
    each_once("--only", &args.only, |part| part.name().to_owned())?;
    let whole = Harness { config: Config::read(&args.config)?, out: args.out };
    let parts = if args.only.is_empty() { Part::ALL.to_vec() } else { args.only };
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
