//! Any container or codec that ffmpeg knows, decoded by it and piped over as y4m.

use std::io::{BufReader, Read};
use std::path::Path;
use std::process::Stdio;
use std::thread;

use super::{InputError, View};
use crate::ffmpeg;
use crate::input::y4m::Y4mError;

/// Reads at most `limit` frames of the first video stream of `path`.
pub(super) fn read(path: &Path, limit: Option<usize>) -> Result<View, InputError> {
    let failed = |source| InputError::Read { path: path.to_owned(), source };
    let needs = |source| InputError::NeedsFfmpeg { path: path.to_owned(), source };
    let mut command = ffmpeg::command().map_err(needs)?;
    command.arg("-i").arg(path);
    // `passthrough`: no frame is dropped or doubled to fit a constant rate.
    command.args(["-map", "0:v:0", "-fps_mode", "passthrough", "-pix_fmt", "yuv420p"]);
    if let Some(limit) = limit {
        command.args(["-frames:v", &limit.to_string()]);
    }
    command.args(["-f", "yuv4mpegpipe", "pipe:1"]);
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(failed)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    // Both pipes are drained at once, or a talkative ffmpeg would block on the other one.
    let talk = thread::spawn(move || {
        let mut text = Vec::new();
        stderr.map(|mut pipe| pipe.read_to_end(&mut text));
        String::from_utf8_lossy(&text).trim().to_owned()
    });
    let view = match stdout {
        Some(pipe) => View::from_y4m(path, BufReader::new(pipe), limit),
        None => Err(InputError::Empty { path: path.to_owned() }),
    };
    let status = child.wait().map_err(failed)?;
    let message = talk.join().unwrap_or_default();
    if status.success() || (view.is_ok() && limit.is_some()) || view.as_ref().is_err_and(refused) {
        return view;
    }
    Err(InputError::Ffmpeg { path: path.to_owned(), message })
}

/// Whether the pictures are not what this program reads; ffmpeg then fails too, at a pipe that nobody empties.
fn refused(error: &InputError) -> bool {
    use Y4mError::{Malformed, Unsupported};
    // What ffmpeg has not begun to write is malformed from the start.
    matches!(
        error,
        InputError::Y4m { source: Malformed { offset: 1.., .. } | Unsupported { .. }, .. }
    )
}
