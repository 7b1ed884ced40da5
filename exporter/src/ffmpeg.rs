//! Finds the ffmpeg program, which reads other containers and brings x264.

use std::env;
use std::ffi::OsString;
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

/// Whether this ffmpeg has the encoder `name`.
///
/// # Errors
/// Those of [`find`], and where it does not run.
pub fn has_encoder(name: &str) -> Result<bool, FfmpegMissing> {
    let listed = command()?.arg("-encoders").output();
    let listed =
        listed.map_err(|e| FfmpegMissing { reason: format!("ffmpeg does not run: {e}") })?;
    let listed = String::from_utf8_lossy(&listed.stdout);
    Ok(listed.split_whitespace().any(|word| word == name))
}

#[cfg(test)]
mod tests {
    use super::*;

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
