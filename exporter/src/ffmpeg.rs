//! Finds the ffmpeg program, which reads other containers and brings x264.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Variable that names the program, over the one on `PATH`.
pub const FFMPEG_VARIABLE: &str = "IEV_FFMPEG";

/// There is no ffmpeg, or the named one is not a file.
#[derive(Debug, thiserror::Error)]
#[error(
    "{reason}; fetch one by `cargo xtask ffmpeg`, which `cargo xtask export` does by itself, or install ffmpeg 6 \
     or newer with libx264; IEV_FFMPEG names the program to use"
)]
pub struct FfmpegMissing {
    reason: String,
}

/// The program named by `IEV_FFMPEG`, which set to nothing counts as unset, else the first `ffmpeg` on `PATH`.
///
/// # Errors
/// [`FfmpegMissing`], one sentence that tells what to install.
pub fn find() -> Result<PathBuf, FfmpegMissing> {
    if let Some(named) = env::var_os(FFMPEG_VARIABLE).filter(|named| !named.is_empty()) {
        let path = PathBuf::from(named);
        let reason = format!("IEV_FFMPEG names {}, which is not a file", path.display());
        return if path.is_file() { Ok(path) } else { Err(FfmpegMissing { reason }) };
    }
    which::which("ffmpeg")
        .map_err(|_| FfmpegMissing { reason: String::from("there is no ffmpeg on PATH") })
}

/// A quiet, non-interactive call of ffmpeg.
///
/// # Errors
/// Those of [`find`].
pub fn command() -> Result<Command, FfmpegMissing> {
    let mut command = Command::new(find()?);
    command.args(["-hide_banner", "-nostdin", "-loglevel", "error"]);
    Ok(command)
}

/// A file as ffmpeg takes it: `cam:1.mp4` would else be of a protocol "cam", and `-x.mkv` an option.
pub fn file(path: &Path) -> OsString {
    let mut name = OsString::from("file:");
    name.push(path);
    name
}

/// What of an encoder's `log` says why it failed: the first line about an error, else the first that is no mere
/// information. Later lines say what failed because of it.
pub fn fault(log: &str) -> String {
    let lines = || log.lines().map(str::trim).filter(|line| !line.is_empty());
    let idle = |line: &&str| ["[info]", "[warn]"].iter().any(|level| line.contains(level));
    let error = lines().find(|line| line.contains("rror"));
    let told = error.or_else(|| lines().find(|line| !idle(line))).or_else(|| lines().next_back());
    told.unwrap_or("nothing").to_owned()
}

/// Whether this ffmpeg has the encoder `name`.
///
/// # Errors
/// Those of [`find`], and where it does not run.
pub fn has_encoder(name: &str) -> Result<bool, FfmpegMissing> {
    Ok(encoders()?.split_whitespace().any(|word| word == name))
}

/// The encoders of this ffmpeg, as it lists them.
///
/// # Errors
/// Those of [`has_encoder`].
pub fn encoders() -> Result<String, FfmpegMissing> {
    let listed = command()?.arg("-encoders").output().map_err(|e| does_not_run(&e))?;
    Ok(String::from_utf8_lossy(&listed.stdout).into_owned())
}

/// The error of an ffmpeg that is there and cannot be started.
pub fn does_not_run(error: &io::Error) -> FfmpegMissing {
    let program = find().map_or_else(|_| "ffmpeg".into(), |path| path.display().to_string());
    FfmpegMissing { reason: format!("{program} does not run ({error})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fault_is_found_among_the_talk() {
        let svt = "Svt[info]: ----\nSvt[warn]: AQ mode\nSvt[error]: Source Width must be at least 4\n\
                   Error while opening encoder";
        assert_eq!(fault(svt), "Svt[error]: Source Width must be at least 4");
        assert_eq!(fault("x264 [info]: profile High\nout of luck\nlater"), "out of luck");
        assert_eq!(
            (fault("Svt[info]: end"), fault("\n")),
            ("Svt[info]: end".into(), "nothing".into())
        );
    }

    #[test]
    fn the_message_names_both_remedies() {
        let missing = FfmpegMissing { reason: String::from("there is no ffmpeg on PATH") };
        let said = missing.to_string();
        for part in [
            "there is no ffmpeg on PATH; ",
            "cargo xtask ffmpeg",
            "install ffmpeg",
            FFMPEG_VARIABLE,
        ] {
            assert!(said.contains(part), "{said:?} names {part:?}");
        }
    }
}
