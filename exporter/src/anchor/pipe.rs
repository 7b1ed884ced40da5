//! Pictures through an encoder of ffmpeg: raw ones go in by one pipe, the elementary stream comes out by
//! another, and what is said by a third.

use std::borrow::Cow;
use std::io::{self, Read, Write};
use std::process::{ChildStdin, Stdio};
use std::thread;

use crate::anchor::{AnchorError, CodingInput};
use crate::ffmpeg;
use crate::picture::Picture;
use crate::stop::Tied;

/// What came out.
pub(super) struct Piped {
    /// The elementary stream.
    pub(super) stream: Vec<u8>,
    /// Warnings, and errors where there were any.
    pub(super) talk: String,
    /// Whether ffmpeg says that all went well.
    pub(super) succeeded: bool,
}

/// Feeds `pictures`, each as `shape` makes it, to ffmpeg with the arguments `coding` behind its input.
pub(super) fn through_ffmpeg(
    pictures: &[CodingInput<'_>],
    shape: impl Fn(&Picture) -> Cow<'_, Picture>,
    rate: (u32, u32),
    coding: &[&str],
) -> Result<Piped, AnchorError> {
    let first = shape(pictures[0].0).size();
    let mut child = ffmpeg::command()?
        .args(["-loglevel", "warning", "-f", "rawvideo", "-pix_fmt", "yuv420p"])
        .args(["-s", &format!("{}x{}", first.width_px, first.height_px)])
        .args(["-r", &format!("{}/{}", rate.0, rate.1), "-i", "pipe:0"])
        .args(["-fps_mode", "passthrough"])
        .args(coding)
        .arg("pipe:1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let _tied = Tied::new(child.id());
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    // One thread per pipe: the one that fills first would otherwise stop the other two.
    let (stream, talk) = thread::scope(|scope| {
        let stream = scope.spawn(move || drain(stdout));
        let talk = scope.spawn(move || drain(stderr));
        // A broken pipe here means that ffmpeg gave up; its words and status say why.
        let _ = feed(stdin, pictures.iter().map(|(picture, _)| shape(picture)));
        (stream.join(), talk.join())
    });
    let broken = |_| io::Error::other("a pipe thread stopped");
    let (stream, talk) = (stream.map_err(broken)??, talk.map_err(broken)??);
    let talk = String::from_utf8_lossy(&talk).trim().to_owned();
    Ok(Piped { stream, talk, succeeded: child.wait()?.success() })
}

fn drain(pipe: Option<impl Read>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn feed<'a>(
    pipe: Option<ChildStdin>,
    pictures: impl Iterator<Item = Cow<'a, Picture>>,
) -> io::Result<()> {
    let Some(mut pipe) = pipe else { return Ok(()) };
    for picture in pictures {
        pipe.write_all(picture.i420())?;
    }
    Ok(())
}
