//! x264 through ffmpeg: raw pictures go in by one pipe, Annex B comes out by another.

use std::io::{self, Read, Write};
use std::process::{ChildStdin, Stdio};
use std::thread;

use super::{AnchorError, AnchorSettings, AnchorSpeed, KeyOffset, even};
use crate::ffmpeg;
use crate::picture::Picture;

/// Decoded picture buffer of level 5.1, in macroblocks (H.264 table A-1).
///
/// openh264 decodes up to level 5.2, whose buffer is the same.
const BUFFER_MACROBLOCKS: usize = 184_320;

/// The whole stream of `pictures`, as x264 wrote it.
pub(super) fn encode(
    pictures: &[&Picture],
    rate: (u32, u32),
    settings: &AnchorSettings,
) -> Result<Vec<u8>, AnchorError> {
    let (width, height) =
        (pictures[0].width.next_multiple_of(2), pictures[0].height.next_multiple_of(2));
    let preset = match settings.speed {
        AnchorSpeed::Thorough => "veryslow",
        AnchorSpeed::Draft => "veryfast",
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
        .args([
            "-profile:v",
            "high",
            "-tune",
            "psnr",
            "-crf",
            &settings.crf.to_string(),
            "-bf",
            "0",
        ])
        .args(["-x264-params", &params(width, height, settings)])
        .args(["-f", "h264", "pipe:1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
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

fn feed(pipe: Option<ChildStdin>, pictures: &[&Picture]) -> io::Result<()> {
    let Some(mut pipe) = pipe else { return Ok(()) };
    for picture in pictures {
        for plane in even(picture).planes() {
            pipe.write_all(plane.samples)?;
        }
    }
    Ok(())
}

/// One IDR, no scene cuts, no delimiters, as many references as the level allows.
fn params(width: usize, height: usize, settings: &AnchorSettings) -> String {
    let mut params = format!(
        "keyint=infinite:scenecut=0:bframes=0:open-gop=0:aud=0:annexb=1:threads={}",
        settings.threads
    );
    if settings.speed == AnchorSpeed::Thorough {
        let macroblocks = width.div_ceil(16) * height.div_ceil(16);
        let references = (BUFFER_MACROBLOCKS / macroblocks).clamp(1, 16);
        params.push_str(&format!(":ref={references}"));
    }
    if let Some(KeyOffset { count: count @ 1.., delta_qp }) = settings.key_offset {
        // x264 divides the quantiser by `b`, and the quantiser doubles every 6 QP.
        let factor = (-delta_qp / 6.0).exp2();
        params.push_str(&format!(":zones=0,{},b={factor:.4}", count - 1));
    }
    if !settings.x264_params.is_empty() {
        params.push(':');
        params.push_str(&settings.x264_params);
    }
    params
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_fit_the_buffer_of_the_level() {
        let settings = AnchorSettings::new(26.0);
        assert!(params(1920, 1080, &settings).ends_with(":ref=16"));
        assert!(params(3840, 2160, &settings).ends_with(":ref=5"));
    }

    #[test]
    fn a_key_offset_becomes_a_zone_and_the_caller_has_the_last_word() {
        let mut settings =
            AnchorSettings { speed: AnchorSpeed::Draft, ..AnchorSettings::new(26.0) };
        settings.key_offset = Some(KeyOffset { count: 3, delta_qp: -6.0 });
        settings.x264_params = String::from("me=esa");
        assert!(params(64, 64, &settings).ends_with(":zones=0,2,b=2.0000:me=esa"));
    }
}
