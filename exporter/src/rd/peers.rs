//! Re-measures conventional codecs by ffmpeg: every view coded on its own or all in turn in one stream, intra pictures
//! 250 apart, 256 by VVenC, tuned for PSNR.
//!
//! Why the pictures are compared here and not by ffmpeg's `psnr` filter: a raw stream has no
//! timestamps, and the filter then pairs pictures wrongly without a word.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;

use serde::{Deserialize, Serialize};

use crate::error::{Context, Result, bail, ensure};
use crate::ffmpeg;
use crate::input::y4m;
use crate::input::{Reading, View, open_views};
use crate::quality::PlaneErrors;
use crate::rd::curve::CurveRow;
use crate::stop::Tied;
use crate::verify::measure::{kbps, seconds};
use iev_runtime::outputs::write_whole;

/// One encoder at one effort, such as `x265-medium`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerCodec {
    /// Its name as typed.
    pub name: String,
    family: &'static Family,
    preset: String,
    /// Whether the pictures of all views take turns in one stream.
    interleaved: bool,
}

/// End of the name of a codec that codes all views in one stream.
const INTERLEAVED: &str = "-interleaved";

/// An encoder of ffmpeg.
#[derive(Debug, PartialEq, Eq)]
struct Family {
    name: &'static str,
    encoder: &'static str,
    /// Arguments between preset and quality.
    tuning: &'static [&'static str],
    quality: &'static str,
    /// Muxer and file extension of the elementary stream.
    format: (&'static str, &'static str),
    /// Qualities of a curve.
    qualities: &'static [u32],
    /// The coarsest quality there is: beyond, encoders take it without a word.
    coarsest: u32,
}

static FAMILIES: [Family; 4] = [
    Family {
        name: "x264",
        encoder: "libx264",
        tuning: &["-tune", "psnr"],
        quality: "-crf",
        format: ("h264", "264"),
        qualities: &[20, 24, 28, 32, 36],
        coarsest: 51,
    },
    Family {
        name: "x265",
        encoder: "libx265",
        tuning: &["-tune", "psnr"],
        quality: "-crf",
        format: ("hevc", "265"),
        qualities: &[18, 22, 26, 30, 34, 38],
        coarsest: 51,
    },
    Family {
        name: "svtav1",
        encoder: "libsvtav1",
        tuning: &["-svtav1-params", "tune=1"],
        quality: "-crf",
        format: ("obu", "obu"),
        qualities: &[26, 34, 42, 50, 58],
        coarsest: 63,
    },
    Family {
        name: "vvenc",
        encoder: "libvvenc",
        // ffmpeg's -g does not reach it, and by itself it has an intra picture every second; multiples of 32 alone.
        tuning: &["-qpa", "0", "-vvenc-params", "intraperiod=256"],
        quality: "-qp",
        format: ("vvc", "266"),
        qualities: &[24, 28, 32, 36, 40],
        coarsest: 63,
    },
];

impl PeerCodec {
    /// Takes a name such as `x264-medium`, `svtav1-p4` or `svtav1-p4-interleaved` apart.
    ///
    /// # Errors
    /// The known families.
    pub fn parse(name: &str) -> Result<Self, String> {
        let known = || FAMILIES.each_ref().map(|f| f.name).join(", ");
        let unknown = || format!("a codec is FAMILY-PRESET with a family of {}", known());
        let alone = name.strip_suffix(INTERLEAVED);
        let (family, preset) = alone.unwrap_or(name).split_once('-').ok_or_else(unknown)?;
        let family = FAMILIES.iter().find(|f| f.name == family).ok_or_else(unknown)?;
        let preset = if family.name == "svtav1" {
            preset.strip_prefix('p').unwrap_or(preset)
        } else {
            preset
        };
        // It becomes part of a file's name.
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if preset.is_empty() || !preset.chars().all(plain) {
            return Err(format!("{preset:?} is no preset of {}", family.name));
        }
        let interleaved = alone.is_some();
        Ok(Self { name: name.into(), family, preset: preset.into(), interleaved })
    }

    /// Whether this ffmpeg, listing its `encoders`, has it.
    pub fn is_in(&self, encoders: &str) -> bool {
        encoders.split_whitespace().any(|word| word == self.family.encoder)
    }

    /// Name of ffmpeg's encoder.
    pub fn encoder(&self) -> &'static str {
        self.family.encoder
    }

    /// Streams of `views` views at one quality.
    pub fn streams(&self, views: usize) -> usize {
        if self.interleaved { 1 } else { views }
    }

    /// The qualities of its curve: those that are `asked` for, or else its own.
    ///
    /// # Errors
    /// Where the codec has no such quality.
    pub fn qualities(&self, asked: &[u32]) -> Result<Vec<u32>> {
        let Family { name, coarsest, qualities, .. } = self.family;
        let beyond = asked.iter().find(|quality| *quality > coarsest);
        ensure!(
            beyond.is_none(),
            "{name} has qualities 0 to {coarsest}, not {}",
            beyond.unwrap_or(&0)
        );
        Ok(if asked.is_empty() { qualities.to_vec() } else { asked.to_vec() })
    }

    /// ffmpeg's arguments after the input.
    fn arguments(&self, quality: u32) -> Vec<String> {
        let Family { encoder, tuning, quality: flag, format, .. } = self.family;
        let start = ["-fps_mode", "passthrough", "-c:v", encoder, "-preset", &self.preset];
        let all = start.iter().chain(*tuning).map(|a| (*a).to_owned());
        let rest = [*flag, &quality.to_string(), "-g", "250", "-f", format.0].map(str::to_owned);
        all.chain(rest).collect()
    }
}

/// One stream at one quality; its file beside it says that the stream is complete.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct PeerPoint {
    bytes: u64,
    /// Of every view in it.
    psnr_db: Vec<[f64; 3]>,
}

/// Codes every view at `quality` unless `work` has it already, and averages.
///
/// # Errors
/// What ffmpeg says, or the disk.
pub fn measure_point(
    codec: &PeerCodec,
    quality: u32,
    views: &[View],
    work: &Path,
    mut progress: impl FnMut(),
) -> Result<CurveRow> {
    let mut coded = Vec::new();
    // A stream per view, or one of all views in turn.
    let all_in_turn = codec.interleaved.then(|| in_turn(views));
    let streams = all_in_turn.as_ref().map_or(views, std::slice::from_ref);
    let turns = views.len() / streams.len();
    for (index, view) in streams.iter().enumerate() {
        let stream = format!("{}-{quality}-v{index}.{}", codec.name, codec.family.format.1);
        let within = || format!("{} at {quality}, view {index}", codec.name);
        let stream = work.join(stream);
        coded.push(code_stream(codec, quality, view, turns, &stream).with_context(within)?);
        progress();
    }
    // Bytes are added up and quality is averaged over views.
    let bytes = coded.iter().map(|c| c.bytes).sum();
    let psnr_db: Vec<[f64; 3]> = coded.into_iter().flat_map(|c| c.psnr_db).collect();
    let mean = |plane: usize| psnr_db.iter().map(|db| db[plane]).sum::<f64>() / views.len() as f64;
    let seconds = seconds(views[0].frames.len(), views[0].rate);
    Ok(CurveRow {
        codec: codec.name.clone(),
        quality: quality.to_string(),
        bytes,
        kbps: kbps(bytes, seconds),
        psnr_y: mean(0),
        psnr_u: mean(1),
        psnr_v: mean(2),
        worst_y: Some(psnr_db.iter().map(|db| db[0]).fold(f64::INFINITY, f64::min)),
    })
}

/// The pictures of all views in turn, as those of one camera that is as many times as fast.
fn in_turn(views: &[View]) -> View {
    let (rate, per) = views[0].rate;
    let frames = 0..views[0].frames.len();
    let frames = frames.flat_map(|frame| views.iter().map(move |view| view.frames[frame].clone()));
    let rate = (rate.saturating_mul(views.len() as u32), per);
    let mut all = View::new(views[0].path.clone(), frames.collect(), rate);
    all.told = views[0].told;
    all
}

/// Codes a view, or the pictures of as many as take `turns` in it.
fn code_stream(
    codec: &PeerCodec,
    quality: u32,
    view: &View,
    turns: usize,
    stream: &Path,
) -> Result<PeerPoint> {
    // A stream is complete when its figures lie beside it.
    let figures = stream.with_extension("json");
    let length = |path: &Path| std::fs::metadata(path).map(|m| m.len()).ok();
    let stored = std::fs::read(&figures).ok().and_then(|t| serde_json::from_slice(&t).ok());
    if let Some(coded) = stored.filter(|c: &PeerPoint| length(stream) == Some(c.bytes)) {
        return Ok(coded);
    }
    // Coded, decoded as any view is read, and compared.
    run_encoder(codec, quality, view, stream)?;
    let decoded = open_views(&[stream.to_owned()], &Reading::default())?.remove(0);
    let (wanted, got) = (view.frames.len(), decoded.frames.len());
    ensure!(wanted == got, "{wanted} pictures were coded and {got} decoded");
    let psnr_db = (0..turns).map(|turn| {
        let mut errors = PlaneErrors::default();
        let pairs = view.frames.iter().zip(&decoded.frames).skip(turn).step_by(turns);
        pairs.for_each(|(original, decoded)| errors.add(original, decoded));
        errors.psnr_db()
    });
    let psnr_db = psnr_db.collect();
    let coded = PeerPoint { bytes: length(stream).context("the stream has gone")?, psnr_db };
    write_whole(&figures, serde_json::to_string(&coded)?)?;
    Ok(coded)
}

fn run_encoder(codec: &PeerCodec, quality: u32, view: &View, stream: &Path) -> Result<()> {
    let mut child = ffmpeg::command()?
        .args(["-y", "-f", "yuv4mpegpipe", "-i", "pipe:0"])
        .args(codec.arguments(quality))
        .arg(ffmpeg::file(stream))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| ffmpeg::does_not_run(&e))?;
    let _tied = Tied::new(child.id());
    let stdin = child.stdin.take();
    // ffmpeg's words are drained while pictures go in, or both sides could wait for each other.
    let output = thread::scope(|scope| {
        let fed = scope.spawn(|| stdin.map(|pipe| feed(pipe, view)));
        let output = child.wait_with_output();
        // A broken pipe means that ffmpeg gave up; its status and words say why.
        let _ = fed.join();
        output
    })?;
    if !output.status.success() {
        bail!("ffmpeg says {:?}", ffmpeg::fault(&String::from_utf8_lossy(&output.stderr)));
    }
    Ok(())
}

fn feed(pipe: impl io::Write, view: &View) -> io::Result<()> {
    let mut writer = y4m::Writer::new(io::BufWriter::new(pipe), view.header_line())?;
    view.frames.iter().try_for_each(|frame| writer.write(frame))?;
    writer.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok(())
}

/// The folder for streams of a clip with digest `clip` under `work`: another clip gets another.
pub fn clip_folder(work: &Path, clip: &str) -> PathBuf {
    work.join(&clip[..clip.len().min(16)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_the_documented_command_lines() {
        let line = |name: &str, q| PeerCodec::parse(name).unwrap().arguments(q).join(" ");
        let start = "-fps_mode passthrough -c:v";
        assert_eq!(
            line("x265-medium", 26),
            format!("{start} libx265 -preset medium -tune psnr -crf 26 -g 250 -f hevc")
        );
        assert_eq!(
            line("svtav1-p4", 34),
            format!("{start} libsvtav1 -preset 4 -svtav1-params tune=1 -crf 34 -g 250 -f obu")
        );
        assert_eq!(line("svtav1-p4-interleaved", 34), line("svtav1-p4", 34));
        let streams =
            ["svtav1-p4-interleaved", "svtav1-p4"].map(|c| PeerCodec::parse(c).unwrap().streams(5));
        assert_eq!(streams, [1, 5]);
        assert_eq!(
            line("vvenc-medium", 32),
            format!(
                "{start} libvvenc -preset medium -qpa 0 -vvenc-params intraperiod=256 -qp 32 -g 250 -f vvc"
            )
        );
    }

    #[test]
    fn unknown_codecs_are_refused_and_absent_encoders_noticed() {
        assert!(PeerCodec::parse("h266-medium").unwrap_err().contains("svtav1"));
        assert!(PeerCodec::parse("x264").is_err());
        for name in ["x264-", "svtav1-p", "x264-a/../b", "x264-a b", "x264-a\n"] {
            assert!(PeerCodec::parse(name).unwrap_err().contains("is no preset"), "{name:?}");
        }
        let listed = " V....D libx264rgb  RGB\n V....D libx265  H.265";
        assert!(PeerCodec::parse("x265-medium").unwrap().is_in(listed));
        assert!(!PeerCodec::parse("x264-medium").unwrap().is_in(listed));
    }
}
