//! x264 through ffmpeg: raw pictures go in by one pipe, Annex B comes out by another.

use std::io::{self, Read, Write};
use std::process::{ChildStdin, Stdio};
use std::thread;

use crate::anchor::{AnchorError, AnchorSettings, AnchorSpeed, Input, even};
use crate::ffmpeg;
use crate::picture::PictureExt;
use crate::stop::Tied;

/// Decoded picture buffer of level 5.1, in macroblocks (H.264 table A-1).
///
/// openh264 decodes up to level 5.2, whose buffer is the same.
const BUFFER_MACROBLOCKS: usize = 184_320;

/// What [`AnchorSpeed::Thorough`] does beyond `veryslow`: exhaustive search and mild adaptive quantisation save 2 to
/// 4 % (EXPERIMENTS.md §21).
const SEARCH: &str = "me=tesa:merange=64:subme=11:aq-mode=1:aq-strength=0.4";

/// The whole stream of `pictures`, as x264 wrote it.
pub(in crate::anchor) fn encode(
    pictures: &[Input<'_>],
    rate: (u32, u32),
    settings: &AnchorSettings,
) -> Result<Vec<u8>, AnchorError> {
    let (first, _) = pictures[0];
    let (width, height) = (first.width().next_multiple_of(2), first.height().next_multiple_of(2));
    let preset = match settings.speed {
        AnchorSpeed::Thorough => "veryslow",
        AnchorSpeed::Draft => "medium",
    };
    let mut child = ffmpeg::command()?
        .args([
            "-loglevel",
            "warning",
            "-f",
            "rawvideo",
            "-pix_fmt",
            "yuv420p",
            "-s",
            &format!("{width}x{height}"),
        ])
        .args(["-r", &format!("{}/{}", rate.0, rate.1), "-i", "pipe:0"])
        .args(["-fps_mode", "passthrough", "-c:v", "libx264", "-preset", preset])
        .args(["-profile:v", "high", "-tune", "psnr", "-crf", &settings.qp.to_string(), "-bf", "0"])
        .args(["-x264-params", &params((width, height), pictures, settings)])
        .args(["-f", "h264", "pipe:1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let _tied = Tied::new(child.id());
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    // One thread per pipe: whichever fills first would otherwise stop the other two.
    let (stream, talk) = thread::scope(|scope| {
        let stream = scope.spawn(move || drain(stdout));
        let talk = scope.spawn(move || drain(stderr));
        // A broken pipe here means that ffmpeg gave up; its words and status say why.
        let _ = feed(stdin, pictures);
        (stream.join(), talk.join())
    });
    let broken = |_| io::Error::other("a pipe thread stopped");
    let (stream, talk) = (stream.map_err(broken)??, talk.map_err(broken)??);
    let talk = String::from_utf8_lossy(&talk);
    // ffmpeg goes on without a setting that x264 does not know, with no more than this warning.
    if !child.wait()?.success() || talk.contains("Error parsing option") {
        return Err(AnchorError::X264(talk.trim().to_owned()));
    }
    Ok(stream)
}

fn drain(pipe: Option<impl Read>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn feed(pipe: Option<ChildStdin>, pictures: &[Input<'_>]) -> io::Result<()> {
    let Some(mut pipe) = pipe else { return Ok(()) };
    for (picture, _) in pictures {
        for plane in even(picture).planes() {
            pipe.write_all(plane.samples)?;
        }
    }
    Ok(())
}

/// One IDR, no scene cuts, no delimiters, as many references as the level allows, and a quantiser zone for every run
/// of pictures of one quantiser.
///
/// `weightp=0`: weighted prediction cost 1 to 2 % on clips without fades.
fn params(
    (width, height): (usize, usize),
    pictures: &[Input<'_>],
    settings: &AnchorSettings,
) -> String {
    let macroblocks = width.div_ceil(16) * height.div_ceil(16);
    let references = (BUFFER_MACROBLOCKS / macroblocks).clamp(1, 16);
    let mut params = format!(
        "keyint=infinite:scenecut=0:bframes=0:open-gop=0:aud=0:annexb=1:weightp=0:rc-lookahead=60:threads={}:ref={references}",
        settings.threads
    );
    if settings.speed == AnchorSpeed::Thorough {
        params.push_str(&format!(":{SEARCH}"));
    }
    let mut zones = Vec::new();
    let mut first = 0;
    for run in pictures.chunk_by(|(_, a), (_, b)| a == b) {
        let end = first + run.len();
        let qp = (settings.qp + run[0].1).clamp(0, 51);
        zones.push(format!("{first},{},q={qp}", end - 1));
        first = end;
    }
    params.push_str(&format!(":zones={}", zones.join("/")));
    if !settings.x264_params.is_empty() {
        params.push(':');
        params.push_str(&settings.x264_params);
    }
    params
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Picture, PictureExt};

    fn params_of(size: (usize, usize), offsets: &[i32], settings: &AnchorSettings) -> String {
        let picture = Picture::zeros(2, 2);
        let pictures: Vec<Input<'_>> = offsets.iter().map(|offset| (&picture, *offset)).collect();
        params(size, &pictures, settings)
    }

    #[test]
    fn references_fit_the_buffer_of_the_level() {
        let settings = AnchorSettings::new(26);
        assert!(params_of((1920, 1080), &[0; 9], &settings).contains(":ref=16:"));
        assert!(params_of((3840, 2160), &[0; 9], &settings).contains(":ref=5:"));
    }

    #[test]
    fn zones_cover_every_picture_and_the_caller_has_the_last_word() {
        let mut settings = AnchorSettings::new(40);
        settings.x264_params = String::from("me=esa");
        let all = params_of((64, 64), &[-12, -8, -8, 0, 0, 0], &settings);
        assert!(all.ends_with(":zones=0,0,q=28/1,2,q=32/3,5,q=40:me=esa"), "{all}");
        let one = params_of((64, 64), &[-12], &AnchorSettings::new(40));
        assert!(one.ends_with(":zones=0,0,q=28"), "{one}");
    }
}
