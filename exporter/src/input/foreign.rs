//! Any container or codec that ffmpeg knows, decoded by it and piped over as y4m.

use std::io::BufReader;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use super::notice::Notice;
use super::room::Room;
use super::showinfo::{FILTER, Frame, Log};
use super::y4m::Y4mError;
use super::{InputError, Reading, Source, SourceFacts, in_pixels};
use crate::ffmpeg;
use crate::stop::Tied;

/// What ffmpeg may hand over: the layouts of y4m that [`Layout`](super::layout::Layout) knows.
const FORMATS: &str = "format=yuv420p|yuv422p|yuv444p|yuv411p|gray|yuv420p9|yuv422p9|yuv444p9|gray9\
                       |yuv420p10|yuv422p10|yuv444p10|gray10|yuv420p12|yuv422p12|yuv444p12|gray12\
                       |yuv420p14|yuv422p14|yuv444p14|yuv420p16|yuv422p16|yuv444p16|gray16";

/// Reads the first video stream of `path`, as many frames as `reading` needs.
pub(super) fn read(path: &Path, reading: &Reading, room: &mut Room) -> Result<Source, InputError> {
    let log = first_frame(path)?;
    let empty = || InputError::Empty { path: path.to_owned() };
    let first = log.first.clone().ok_or_else(empty)?;
    let (mut source, log) = decode(path, reading, &first, room)?;
    // The first look decides how the second one is read.
    if log.first.as_ref() != Some(&first) {
        return Err(InputError::Changed { path: path.to_owned() });
    }
    if let Some((frame, size)) = log.resized {
        return Err(InputError::Resized {
            path: path.to_owned(),
            frame,
            first: in_pixels(first.size),
            size: in_pixels(size),
        });
    }
    if log.interlaced {
        reading.take_interlaced(path, &mut source.notices)?;
    }
    source.of_rgb = first.is_rgb();
    if source.of_rgb {
        // RGB that comes as 4:4:4 is no loss of its own.
        source.notices.retain(|notice| !matches!(notice, Notice::Chroma(_)));
    }
    source.told = told(&first, source.told);
    source.times = log.times(source.frames.len());
    source.starts_at_ms = log.starts_at_ms();
    source.notices.splice(0..0, notices(&log, &first));
    Ok(source)
}

/// What ffmpeg's log says of the first frame.
fn first_frame(path: &Path) -> Result<Log, InputError> {
    let mut command = call(path)?;
    command.args(["-frames:v", "1", "-vf", FILTER, "-f", "null", "-"]);
    let output = command.output().map_err(|e| does_not_run(path, &e))?;
    let log = Log::read(&output.stderr[..]);
    if output.status.success() { Ok(log) } else { Err(refusal(path, &log)) }
}

/// The frames, and what ffmpeg's log says of all of them.
fn decode(
    path: &Path,
    reading: &Reading,
    first: &Frame,
    room: &mut Room,
) -> Result<(Source, Log), InputError> {
    let failed = |source| InputError::Read { path: path.to_owned(), source };
    let mut command = call(path)?;
    match (reading.limit, reading.rate) {
        (Some(limit), Some((frames, seconds))) => {
            // One interval more than asked for: the last frame may be rounded into it.
            let span = (limit + 1) as f64 * f64::from(seconds) / f64::from(frames);
            command.args(["-t", &format!("{span:.6}")]);
        }
        (Some(limit), None) => {
            command.args(["-frames:v", &limit.to_string()]);
        }
        (None, _) => {}
    }
    // RGB has no matrix to keep: it becomes what folders of PNG become.
    let matrix = if first.is_rgb() { "scale=out_color_matrix=bt709:out_range=tv," } else { "" };
    command.args(["-vf", &format!("{FILTER},{matrix}{FORMATS}")]);
    // Depths above 8 bits and gray are extensions of the format, hence not strict.
    command.args(["-strict", "-1", "-f", "yuv4mpegpipe", "pipe:1"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(|e| does_not_run(path, &e))?;
    let _tied = Tied::new(child.id());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    // Both pipes are drained at once, or a talkative ffmpeg would block on the other one.
    let talk = thread::spawn(move || stderr.map(Log::read).unwrap_or_default());
    let source = match stdout {
        // ffmpeg writes its own guess of the fields; the log has the frames' flags.
        Some(pipe) => {
            let limit = reading.limit_before_resampling();
            Source::from_y4m(path, BufReader::new(pipe), limit, room)
        }
        None => Err(InputError::Empty { path: path.to_owned() }),
    };
    let status = child.wait().map_err(failed)?;
    let log = talk.join().unwrap_or_default();
    let enough = source.is_ok() && reading.limit.is_some();
    if status.success() || enough || source.as_ref().is_err_and(refused) {
        return Ok((source?, log));
    }
    Err(refusal(path, &log))
}

/// ffmpeg with `path` as its input; frames are neither dropped nor doubled to fit a constant rate.
fn call(path: &Path) -> Result<Command, InputError> {
    let needs = |source| InputError::NeedsFfmpeg { path: path.to_owned(), source };
    let mut command = ffmpeg::command().map_err(needs)?;
    command.args(["-loglevel", "level+info", "-nostats", "-i"]).arg(ffmpeg::file(path));
    // Covers count as videos by a small v.
    command.args(["-map", "0:V:0", "-fps_mode", "passthrough"]);
    Ok(command)
}

fn does_not_run(path: &Path, error: &std::io::Error) -> InputError {
    InputError::NeedsFfmpeg { path: path.to_owned(), source: ffmpeg::does_not_run(error) }
}

fn refusal(path: &Path, log: &Log) -> InputError {
    let path = path.to_owned();
    let message = log.why().to_owned();
    // In ffmpeg's words the option is at fault by which this program asks for the video.
    if message.contains("matches no streams") {
        return InputError::NoVideo { path };
    }
    InputError::Ffmpeg { path, message }
}

/// Whether the pictures are not what this program reads, or find no room; ffmpeg then fails too, at a pipe that nobody
/// empties.
fn refused(error: &InputError) -> bool {
    use Y4mError::{Malformed, Unsupported};
    // What ffmpeg has not begun to write is malformed from the start.
    matches!(
        error,
        InputError::Y4m { source: Malformed { offset: 1.., .. } | Unsupported { .. }, .. }
            | InputError::Scratch { .. }
    )
}

/// What the decoded frame says, but for what became of it on the way through y4m.
fn told(first: &Frame, piped: SourceFacts) -> SourceFacts {
    let mut told = first.told;
    if first.is_rgb() {
        (told.matrix, told.full_range) = (SourceFacts::BT709_MATRIX, Some(false));
    }
    // Chroma that was resampled lies where the conversion put it.
    if !first.format.contains("420") {
        told.sampling.siting = piped.sampling.siting;
    }
    told
}

fn notices(log: &Log, first: &Frame) -> Vec<Notice> {
    let mut notices = Vec::new();
    notices.extend((log.videos > 1).then_some(Notice::OtherVideos(log.videos)));
    notices.extend(log.rotation.clone().map(Notice::Rotated));
    notices.extend((first.format == "pal8").then_some(Notice::Palette));
    notices.extend(first.is_rgb().then_some(Notice::Rgb));
    notices.extend((log.alpha_layer || first.has_alpha()).then_some(Notice::Alpha));
    notices.extend(log.hdr_metadata.then_some(Notice::HdrMetadata));
    notices.extend(log.damage().map(|said| Notice::Damaged(said.to_owned())));
    notices
}
