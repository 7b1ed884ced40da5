//! Loads ONNX Runtime in a child process, for `iev doctor`: a library that is damaged between its
//! headers, or a driver under one of its providers, ends that process instead of the doctor.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use clap::Args;
use iev_runtime::network::providers::refusals;
use iev_runtime::network::session::OrtRuntime;

use super::Failure;

/// Name of the hidden subcommand.
pub(crate) const SUBCOMMAND: &str = "probe-onnx-runtime";

/// Load ONNX Runtime and register its providers, for a parent that would not survive it
#[derive(Debug, Args)]
pub(crate) struct ProbeOrt {
    /// The library; otherwise where `iev` looks for it
    #[arg(long, value_name = "PATH")]
    ort: Option<PathBuf>,
}

pub(crate) fn run(command: &ProbeOrt) -> Result<(), Failure> {
    let _ = refusals(&OrtRuntime::find(command.ort.as_deref())?);
    Ok(())
}

/// What ended a process that loaded the library `flag` names, or the one that is found; none where it
/// lived, or where its error will be met again here.
pub(super) fn death(flag: Option<&Path>) -> Option<String> {
    let program = std::env::current_exe().ok()?;
    let mut child = Command::new(program);
    child.arg(SUBCOMMAND).stdin(Stdio::null());
    flag.map(|path| child.arg("--ort").arg(path));
    let Output { status, stderr, .. } = child.output().ok()?;
    if status.code().is_some() {
        return None;
    }
    let last_words = String::from_utf8_lossy(&stderr);
    let last_words = last_words.lines().rfind(|line| !line.trim().is_empty());
    let named = flag.map(|path| path.display().to_string());
    let named = named.or_else(|| std::env::var("ORT_DYLIB_PATH").ok().filter(|v| !v.is_empty()));
    Some(format!(
        "loading ONNX Runtime{} ends the program ({status}{}): fetch or install the library again, \
         or name another with --ort",
        named.map(|path| format!(" from {path}")).unwrap_or_default(),
        last_words.map(|words| format!(", {words:?}")).unwrap_or_default()
    ))
}
