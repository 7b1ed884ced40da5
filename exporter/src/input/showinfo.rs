//! What ffmpeg's filter `showinfo` says of each frame, read from its log.
//!
//! Why this filter: builds of ffmpeg without ffprobe have it; it prints code points, pixel aspect, place of chroma,
//! field order and exact times of the *decoded* frames in one pass with the pictures, for every container and
//! codec; and its names are those of ffmpeg's own options. What `-i` alone prints is made for people, and y4m
//! carries no matrix and no times.

use std::io::{BufRead, BufReader, Read};

use iev_runtime::format::colour::{MATRICES, Names, PRIMARIES, Siting, TRANSFERS};
use iev_runtime::format::header::Sampling;

use super::SourceFacts;
use super::times::{Times, lowest};

/// The filter, without the checksums that cost time.
pub(super) const FILTER: &str = "showinfo=checksum=0";

/// How damage is told by what is no error, or is one whose level is lost: `showinfo` prints its lines in pieces, and what
/// a decoder says between two of them goes on with the line of the first, without its own start.
const DAMAGE: [&str; 5] = [
    "error while decoding",
    "corrupt decoded frame",
    "corrupt input packet",
    "Packet corrupt",
    "concealing ",
];

/// Sums up a log.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// The first frame.
    pub(super) first: Option<Frame>,
    /// The first frame whose size is another, with its index.
    pub(super) resized: Option<(usize, (usize, usize))>,
    /// Whether any frame is flagged as two fields.
    pub(super) interlaced: bool,
    /// Degrees by which ffmpeg turned the pictures, as it prints them.
    pub(super) rotation: Option<String>,
    /// Whether an alpha layer beside the pictures is announced.
    pub(super) alpha_layer: bool,
    /// Video streams in the file, without covers.
    pub(super) videos: usize,
    /// Whether the file's streams are all listed.
    listed: bool,
    /// Whether frames carry mastering display or content light metadata.
    pub(super) hdr_metadata: bool,
    first_error: Option<String>,
    first_damage: Option<String>,
    /// Seconds by the clock of the file that the frames' times are counted from.
    origin_s: Option<f64>,
    last_line: String,
    starts: Vec<Option<i64>>,
    last: Option<i64>,
    tick: Option<(u32, u32)>,
}

/// What is said of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    /// Pixel format by ffmpeg's name.
    pub(super) format: String,
    /// Columns and rows.
    pub(super) size: (usize, usize),
    /// Colour and sampling.
    pub(super) told: SourceFacts,
}

impl Frame {
    /// Whether there are no luma and colour differences yet.
    pub(super) fn is_rgb(&self) -> bool {
        let names = ["rgb", "bgr", "gbr", "pal8"];
        self.told.matrix == 0 || names.iter().any(|name| self.format.contains(name))
    }

    pub(super) fn has_alpha(&self) -> bool {
        let alpha =
            ["yuva", "gbrap", "rgba", "bgra", "argb", "abgr", "ya8", "ya16", "ayuv", "vuya"];
        alpha.iter().any(|start| self.format.starts_with(start))
    }
}

impl Log {
    /// Reads a log to its end.
    pub(super) fn read(from: impl Read) -> Self {
        let mut log = Self::default();
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
            log.add(&String::from_utf8_lossy(&line));
            line.clear();
        }
        log
    }

    /// The first error, else the last words.
    pub(super) fn why(&self) -> &str {
        self.first_error().unwrap_or(&self.last_line)
    }

    /// The first line that was logged as an error: later ones say what failed because of it.
    pub(super) fn first_error(&self) -> Option<&str> {
        self.first_error.as_deref()
    }

    /// What is said of pictures that are wrong or missing, if anything is.
    pub(super) fn damage(&self) -> Option<&str> {
        self.first_error().or(self.first_damage.as_deref())
    }

    /// When the first frame is shown by the clock of the file.
    pub(super) fn starts_at_ms(&self) -> Option<i64> {
        let first = (*self.starts.first()?)?;
        let (seconds, parts) = self.tick.filter(|(_, parts)| *parts > 0)?;
        let start_s = self.origin_s? + first as f64 * f64::from(seconds) / f64::from(parts);
        Some((start_s * 1000.0).round() as i64)
    }

    fn add(&mut self, line: &str) {
        self.last_line.clear();
        self.last_line.push_str(line.trim());
        if let Some(at) = DAMAGE.iter().filter_map(|words| line.find(words)).min() {
            self.first_damage.get_or_insert_with(|| line[at..].trim().to_owned());
        }
        let mut levels = ["[error] ", "[fatal] ", "[panic] "].iter();
        if let Some((_, words)) = levels.find_map(|level| line.split_once(level)) {
            self.first_error.get_or_insert_with(|| words.trim().to_owned());
        } else if line.contains("Parsed_showinfo") {
            self.add_shown(line);
        } else if let Some(degrees) = rotation(line) {
            self.rotation = Some(degrees.trim_end_matches(".00").to_owned());
        } else if is_video(line) && !self.listed {
            self.videos += 1;
        } else if let Some(start) = start_of_file(line) {
            self.origin_s = Some(start);
        } else if line.contains("Stream mapping:") {
            self.listed = true;
        } else if line.contains("alpha_mode") && line.trim_end().ends_with(": 1") {
            self.alpha_layer = true;
        }
    }

    fn add_shown(&mut self, line: &str) {
        if let Some(tick) = field(line, "config in time_base:") {
            self.tick = ratio(tick.trim_end_matches(','));
        } else if field(line, " fmt:").is_some() {
            self.add_frame(line);
        } else if let (Some(frame), 1) = (&mut self.first, self.starts.len()) {
            frame.told.add_colour(line);
        }
        let metadata =
            ["Mastering display", "Content Light", "Content light", "HDR10+", "Dolby Vision"];
        if line.contains("side data") && metadata.iter().any(|kind| line.contains(kind)) {
            self.hdr_metadata = true;
        }
    }

    fn add_frame(&mut self, line: &str) {
        let size = field(line, " s:").and_then(|size| size.split_once('x'));
        let size = size.and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
        let size = size.unwrap_or_default();
        // 1. Of every frame: its time, whether it is of two fields, and the first change of size.
        let index = self.starts.len();
        self.starts.push(field(line, " pts:").and_then(|pts| pts.parse().ok()));
        self.last = field(line, " duration:").and_then(|ticks| ticks.parse().ok());
        self.interlaced |= matches!(field(line, " i:"), Some("T" | "B"));
        match &self.first {
            Some(first) if first.size != size && self.resized.is_none() => {
                self.resized = Some((index, size));
            }
            Some(_) => {}
            // 2. Of the first alone: what its samples are.
            None => {
                let format = field(line, " fmt:").unwrap_or_default().to_owned();
                let aspect = field(line, " sar:").and_then(ratio).map(lowest);
                let pixel_aspect = aspect.filter(|(w, h)| *w > 0 && *h > 0).unwrap_or((0, 0));
                let siting = field(line, " cl:").map_or(Siting::Unspecified, siting);
                let sampling = Sampling { pixel_aspect, siting };
                self.first = Some(Frame {
                    format,
                    size,
                    told: SourceFacts { sampling, ..SourceFacts::NOTHING },
                });
            }
        }
    }

    /// Times of the first `count` frames, where all have one.
    pub(super) fn times(&self, count: usize) -> Option<Times> {
        let starts: Option<Vec<i64>> = self.starts.get(..count)?.iter().copied().collect();
        let last = match self.starts.get(count) {
            // The frame after a cut says how long the last one before it is shown.
            Some(next) => next.zip(*self.starts.get(count.checked_sub(1)?)?).map(|(b, a)| b - a),
            None => self.last,
        };
        let last = last.filter(|ticks| *ticks > 0);
        let tick = self.tick.filter(|(seconds, parts)| *seconds > 0 && *parts > 0)?;
        Some(Times { starts: starts?, last, tick })
    }
}

impl SourceFacts {
    fn add_colour(&mut self, line: &str) {
        let code = |names: &Names, key| field(line, key).and_then(|name| names.code(name));
        self.matrix = code(&MATRICES, "color_space:").unwrap_or(self.matrix);
        self.primaries = code(&PRIMARIES, "color_primaries:").unwrap_or(self.primaries);
        self.transfer = code(&TRANSFERS, "color_trc:").unwrap_or(self.transfer);
        self.full_range = match field(line, "color_range:") {
            Some("pc") => Some(true),
            Some("tv") => Some(false),
            _ => self.full_range,
        };
    }
}

/// The word after `key` and any spaces.
fn field<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let (_, after) = line.split_once(key)?;
    after.split_whitespace().next()
}

/// The degrees of a display matrix; other lines may end alike, as titles do.
fn rotation(line: &str) -> Option<&str> {
    let (key, degrees) = line.split_once(": rotation of ")?;
    let key = key.trim_start_matches("[info]").trim();
    let names = ["Display Matrix", "displaymatrix"];
    names.iter().any(|name| key.eq_ignore_ascii_case(name)).then_some(())?;
    degrees.split_whitespace().next()
}

/// Where the clock of the first file stands at its start, in seconds.
fn start_of_file(line: &str) -> Option<f64> {
    let listed = line.trim_start_matches("[info]").trim_start().strip_prefix("Duration: ")?;
    let (_, start) = listed.split_once(", start: ")?;
    start.split(',').next()?.trim().parse().ok()
}

/// Whether a line lists a video stream that is no cover picture.
fn is_video(line: &str) -> bool {
    let stream = line.trim_start_matches("[info]").trim_start().starts_with("Stream #0:");
    stream && line.contains(": Video: ") && !line.contains("(attached pic)")
}

fn ratio(text: &str) -> Option<(u32, u32)> {
    let (a, b) = text.split_once('/')?;
    Some((a.parse().ok()?, b.parse().ok()?))
}

fn siting(name: &str) -> Siting {
    match name {
        "left" => Siting::Left,
        "center" => Siting::Centre,
        "topleft" => Siting::TopLeft,
        "top" => Siting::Top,
        "bottomleft" => Siting::BottomLeft,
        "bottom" => Siting::Bottom,
        _ => Siting::Unspecified,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
[info]   Stream #0:0: Video: h264, yuv420p(tv, bt709/unknown/unknown, progressive), 96x64
[info]   Stream #0:1(und): Video: h264 (High), yuv420p, 96x64
[info]   Stream #0:2[0x0]: Video: png, rgb24, 64x48 (attached pic)
[info]   Stream #0:3: Audio: aac
[info] Stream mapping:
[info]   Stream #0:0 -> #0:0 (h264 (native) -> wrapped_avframe (native))
[info]   Stream #0:0: Video: wrapped_avframe, yuv420p, 96x64
[info]       Display Matrix: rotation of -90.00 degrees
[info]     title           : Display Matrix: rotation of 45.00 degrees
[Parsed_showinfo_0 @ 0x7f2d] [info] config in time_base: 1/12800, frame_rate: 25/1
[Parsed_showinfo_0 @ 0x7f2d] [info] n:   0 pts:      0 pts_time:0       duration:    512 \
duration_time:0.04 fmt:yuv420p10le cl:topleft sar:128/90 s:96x64 i:P iskey:1 type:I
[Parsed_showinfo_0 @ 0x7f2d] [info]   side data - Mastering display metadata: has_primaries:1
[Parsed_showinfo_0 @ 0x7f2d] [info] color_range:tv color_space:bt2020nc color_primaries:bt2020 \
color_trc:smpte2084
[Parsed_showinfo_0 @ 0x7f2d] [info] n:   1 pts:   1024 pts_time:0.08 duration:    512 \
duration_time:0.04 fmt:yuv420p10le cl:left sar:1/1 s:32x16 i:T iskey:0 type:B
[Parsed_showinfo_0 @ 0x7f2d] [info] color_range:pc color_space:bt709 color_primaries:unknown
[h264 @ 0x55] [error] Invalid data
";

    #[test]
    fn damage_is_seen_in_warnings_and_in_lines_that_run_together() {
        let rows = [
            (
                "[in#0/mpegts @ 0x5] [warning] Packet corrupt (stream = 0, dts = 2).",
                "Packet corrupt (",
            ),
            (
                "[Parsed_showinfo_0 @ 0x7] [info] n: 0 pts: 9 fmt:gray type:P error while decoding MB 5 1",
                "error while decoding MB 5 1",
            ),
            ("[h264 @ 0x5] [info] concealing 48 DC errors in P frame", "concealing 48 DC"),
        ];
        for (line, said) in rows {
            let log = Log::read(line.as_bytes());
            assert!(log.damage().is_some_and(|words| words.starts_with(said)), "{line}");
        }
        assert_eq!(
            Log::read(&b"[h264 @ 0x5] [warning] co located POCs unavailable"[..]).damage(),
            None
        );
    }

    #[test]
    fn the_clock_of_a_file_starts_where_its_first_frame_does() {
        let start = |duration: &str| {
            let line = "[Parsed_showinfo_0 @ 0x7] [info] config in time_base: 1/90000, frame_rate: 25/1\n\
                        [Parsed_showinfo_0 @ 0x7] [info] n: 0 pts: 7200 fmt:gray s:4x2";
            Log::read(format!("{duration}\n{line}").as_bytes()).starts_at_ms()
        };
        assert_eq!(
            start("[info]   Duration: 00:00:02.00, start: 1.480000, bitrate: 9 kb/s"),
            Some(1560)
        );
        assert_eq!(
            start("[info]   Duration: 00:00:02.00, start: -0.050000, bitrate: 9 kb/s"),
            Some(30)
        );
        assert_eq!(start("[info]   Duration: N/A, bitrate: N/A"), None);
    }

    #[test]
    fn a_log_tells_of_the_first_frame_and_of_changes() {
        let log = Log::read(LOG.as_bytes());
        let first = log.first.clone().unwrap();
        assert_eq!(log.videos, 2);
        assert_eq!((first.format.as_str(), first.size), ("yuv420p10le", (96, 64)));
        let sampling = Sampling { pixel_aspect: (64, 45), siting: Siting::TopLeft };
        let told = SourceFacts {
            matrix: 9,
            primaries: 9,
            transfer: 16,
            full_range: Some(false),
            sampling,
        };
        assert_eq!(first.told, told);
        assert_eq!((log.resized, log.interlaced), (Some((1, (32, 16))), true));
        assert_eq!((log.rotation.as_deref(), log.hdr_metadata), (Some("-90"), true));
        assert_eq!((log.why(), log.first_error()), ("Invalid data", Some("Invalid data")));
        assert_eq!(Log::read(&b"[info] ready\nout of luck\n"[..]).why(), "out of luck");
        let times = Times { starts: vec![0, 1024], last: Some(512), tick: (1, 12_800) };
        assert_eq!(log.times(2), Some(times));
        let cut = Times { starts: vec![0], last: Some(1024), tick: (1, 12_800) };
        assert_eq!(log.times(1), Some(cut));
        assert_eq!(log.times(3), None);
    }

    #[test]
    fn an_empty_or_foreign_log_tells_nothing() {
        for text in ["", "\n\n", "n:0 pts:0", "[Parsed_showinfo_0] fmt:", "\u{fffd} s:x"] {
            let log = Log::read(text.as_bytes());
            assert!(log.times(1).is_none() && !log.interlaced, "{text}");
        }
    }
}
