//! `iev survey`: all that a board can paint by, tried on one stream: what a first device is asked.
//!
//! Each way is tried by programs of its own, so that a driver which ends one of them ends no more than that.

mod likeness;
mod page;
mod rung;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;
use iev_runtime::Error;
use iev_runtime::board::Board;
use iev_runtime::network::providers::Provider;
use iev_runtime::outputs::{Outputs, write_whole};
use serde::Serialize;
use serde_json::Value;

use super::decode::in_json;
use super::{Failure, print};
use rung::{RUNGS, Trial};

/// Mean difference to what the split path paints on the CPU in f32, in 8-bit levels, that is still the same picture.
const MOST_LEVELS: f64 = 1.0;

/// Try every provider, path and precision on a stream, and compare speed and pictures
///
/// Writes survey.json and survey.md: what this machine is, what was prepared, how each plays, and how far its pictures
/// are from the CPU's. TensorRT's engines go to a folder of their own, so that what is measured as building is building.
#[derive(Debug, Args)]
pub(crate) struct Survey {
    /// The stream
    pub(super) stream: PathBuf,
    /// Board profile, a name or a file
    #[arg(long, value_name = "BOARD", value_parser = Board::find)]
    board: Board,
    /// The ONNX Runtime library; otherwise ORT_DYLIB_PATH, one beside iev or in ../lib/iev, target/ort, or the system's
    #[arg(long, value_name = "PATH")]
    ort: Option<PathBuf>,
    /// How long each plays
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Where to write
    #[arg(short, long, value_name = "FOLDER", default_value = "survey")]
    output: PathBuf,
    /// Let a GPU be missing: to try this command where there is none
    #[arg(long)]
    dry_run: bool,
}

/// What is written as JSON.
#[derive(Serialize)]
struct SurveyReport {
    dry_run: bool,
    /// What `iev doctor` says of this machine.
    doctor: Value,
    rungs: Vec<Trial>,
}

pub(crate) fn run(survey: &Survey) -> Result<(), Failure> {
    let [json, page] = ["survey.json", "survey.md"].map(|name| survey.output.join(name));
    survey.claim([&json, &page])?;
    let doctor = survey.iev("doctor").args(survey.machine()).arg("--json").output();
    let doctor = doctor.ok().and_then(|said| serde_json::from_slice(&said.stdout).ok());

    let mut reference = None;
    let mut rungs = Vec::new();
    for rung in RUNGS {
        print(&rung.name())?;
        let trial = rung.tried(survey, &mut reference);
        print(&trial.in_words())?;
        rungs.push(trial);
    }
    let report =
        SurveyReport { dry_run: survey.dry_run, doctor: doctor.unwrap_or_default(), rungs };
    let text = page::of(&report);
    print(&format!("\n{text}"))?;
    write_whole(&json, format!("{}\n", in_json(&report)))?;
    write_whole(&page, text)?;
    report.verdict()
}

impl Survey {
    /// Makes sure that what is written takes no input's place, and that its folder is there.
    fn claim(&self, files: [&Path; 2]) -> iev_runtime::Result<()> {
        let mut outputs = Outputs::default();
        [Some(&*self.stream), self.board.file.as_deref(), self.ort.as_deref()]
            .into_iter()
            .flatten()
            .for_each(|input| drop(outputs.reads(input)));
        outputs.claim_folder(&self.output)?;
        files.into_iter().try_for_each(|file| outputs.claim_in_new_folder(file))?;
        std::fs::create_dir_all(&self.output)
            .map_err(|source| Error::File { path: self.output.clone(), source })
    }

    /// This program, to be started for `command`.
    fn iev(&self, command: &str) -> Command {
        let mut iev = Command::new(std::env::current_exe().unwrap_or_else(|_| "iev".into()));
        iev.arg(command).stdin(Stdio::null());
        iev
    }

    /// The board and the library, as arguments.
    fn machine(&self) -> Vec<OsString> {
        let board = self.board.file.clone().unwrap_or_else(|| self.board.name.clone().into());
        let ort = self.ort.iter().flat_map(|ort| ["--ort".into(), ort.clone().into()]);
        ["--board".into(), board.into()].into_iter().chain(ort).collect()
    }
}

impl SurveyReport {
    /// Fails where something did not play that has to, or shows other pictures.
    fn verdict(&self) -> Result<(), Failure> {
        let may_lack = |trial: &Trial| self.dry_run && trial.rung.provider != Provider::Cpu;
        let refused = self.rungs.iter().filter(|t| t.refusal.is_some() && !may_lack(t));
        let refused: Vec<String> = refused.map(|trial| trial.rung.name()).collect();
        if !refused.is_empty() {
            let what = format!("{} did not play: survey.md says why", refused.join(", "));
            return Err(Failure::Codec(Error::Backend { what }));
        }
        let unlike = |trial: &&Trial| trial.likeness.is_some_and(|l| l.mean_levels > MOST_LEVELS);
        let unlike: Vec<String> = self.rungs.iter().filter(unlike).map(|t| t.rung.name()).collect();
        if !unlike.is_empty() {
            return Err(Failure::Mismatch(format!(
                "pictures of {} differ from the CPU's by more than {MOST_LEVELS} level in the mean",
                unlike.join(", ")
            )));
        }
        Ok(())
    }
}
