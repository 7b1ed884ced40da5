//! `iev-export farm`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use iev_exporter::progress::Progress;
use iev_exporter::rd::curve::{COLUMNS, fields};
use iev_exporter::rd::{Config, Farm, Harness};
use iev_runtime::outputs::{Outputs, write_whole};

use super::{print, rd, read_config};

/// Run curves as the elements of a cluster's array job, and gather their results.
#[derive(Debug, clap::Args)]
#[command(after_help = concat!(
    "The file of jobs is TOML; a job is a curve, and a clip is a curve of one point:\n\n",
    include_str!("../rd/farm.toml"),
    "
Examples:
  iev-export farm jobs.toml --out results             (writes results/NAME.sbatch)
  sbatch results/NAME.sbatch                          (from a shell that can run iev-export)
  iev-export farm jobs.toml --out results --gather    (tables of what is finished)

An element that Slurm preempts, or whose time is over, writes a checkpoint, is queued again and goes on to the same
bytes; threads are those of --cpus-per-task."
))]
pub(crate) struct FarmArgs {
    /// What to measure.
    jobs: PathBuf,
    /// Folder for the script and for results, which all machines see.
    #[arg(long)]
    out: PathBuf,
    /// Run this job, counted from 0: what an element of the array does.
    #[arg(long, conflicts_with = "gather")]
    index: Option<usize>,
    /// Report on the results that are there.
    #[arg(long)]
    gather: bool,
}

pub(crate) fn run(args: &FarmArgs) -> Result<()> {
    let farm = Farm::read(&args.jobs)?;
    let harness =
        |index: usize| Harness { config: farm.jobs[index].clone(), out: args.out.clone() };
    let all: Vec<Harness> = (0..farm.jobs.len()).map(harness).collect();
    let written = |extension: &str| args.out.join(format!("{}.{extension}", farm.name));
    let progress = Progress::to_stderr(false);
    let mut outputs = Outputs::default();
    outputs.reads(&args.jobs);
    for config in &farm.jobs {
        // Jobs may share views.
        read_config(&mut outputs, config, Progress::Quiet);
        tell_of_missing_files(config, progress);
    }
    outputs.claim(Path::new("-"))?;
    outputs.claim_folder(&args.out)?;
    all.iter().try_for_each(|harness| harness.claim_files(&mut outputs))?;
    let (table, script) = (written("csv"), written("sbatch"));
    outputs.claim_in_new_folder(&table)?;
    outputs.claim_in_new_folder(&script)?;
    match args.index {
        Some(index) => run_element(&all, index),
        None if args.gather => gather(&all, &table),
        None => write_script(&farm, args, &script),
    }
}

/// Names what a job asks for and this machine does not have: others may, but a typing error is cheaper to mend before
/// the job has waited its turn.
fn tell_of_missing_files(config: &Config, progress: Progress) {
    let named = config.views.iter().chain(&config.peers).chain(&config.cameras);
    for path in named.filter(|path| !path.exists()) {
        let (name, path) = (&config.name, path.display());
        progress.warn(format_args!("{path}, which job {name} reads, is not there"));
    }
}

fn write_script(farm: &Farm, args: &FarmArgs, script: &Path) -> Result<()> {
    let made = || format!("making {}", args.out.display());
    std::fs::create_dir_all(&args.out).with_context(made)?;
    let whole =
        |path: &Path| path.canonicalize().with_context(|| format!("finding {}", path.display()));
    let program = std::env::current_exe().context("finding this program")?;
    let text = farm.slurm_script(&program, &whole(&args.jobs)?, &whole(&args.out)?)?;
    write_whole(script, text)?;
    print(&format!("sbatch {}", script.display()))
}

fn run_element(all: &[Harness], index: usize) -> Result<()> {
    let last = all.len() - 1;
    ensure!(index <= last, "there is no job {index}: the farm has jobs 0 to {last}");
    all[index].peers()?;
    // A log is kept, whatever the terminal of whoever tries an element by hand.
    rd::encode(&all[index], &[], Progress::Lines).map(|_| ())
}

/// Writes every curve's own report, and a table of all points.
fn gather(all: &[Harness], table: &Path) -> Result<()> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(["clip"].into_iter().chain(COLUMNS))?;
    for harness in all {
        let report = harness.report(None)?;
        harness.write(&report)?;
        let name = &harness.config.name;
        for row in &report.ours.rows {
            csv.write_record([name.clone()].into_iter().chain(fields(row)))?;
        }
        print(&format!("{name}\n{}", rd::text(&report)))?;
    }
    write_whole(table, csv.into_inner()?)?;
    print(&table.display().to_string())
}
