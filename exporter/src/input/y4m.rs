//! YUV4MPEG2: the reader and, beside it, the writer.
//!
//! The format is a text header line, then for each frame a line that starts with `FRAME` and the
//! planes of its [`Layout`]. Planes have no row padding, and odd sizes round chroma up.

use std::io::{self, BufRead, Read, Write};

pub use iev_runtime::sink::HeaderLine;

use iev_runtime::format::header::{Sampling, Siting};

use super::layout::Layout;
use super::times::lowest;
use crate::picture::{MAX_SIDE_PX, Picture, PictureExt};

/// Longest header or frame line; real ones are below 200 bytes.
const MAX_LINE_BYTES: u64 = 1024;

const MAGIC: &[u8] = b"YUV4MPEG2";

/// What the header line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Width of luma in pixels.
    pub width: usize,
    /// Height of luma in pixels.
    pub height: usize,
    /// Frames per second as numerator and denominator, both positive, where the line tells.
    pub rate: Option<(u32, u32)>,
    /// `XCOLORRANGE`, where present.
    pub full_range: Option<bool>,
    /// How samples are stored.
    pub layout: Layout,
    /// Pixel aspect and place of chroma, as stored.
    pub sampling: Sampling,
    /// Whether frames are flagged as two fields, all or some.
    pub interlaced: bool,
}

/// Why a y4m stream could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Y4mError {
    /// The bytes break a rule of the format.
    #[error("malformed y4m: byte {offset} breaks the rule that {rule}")]
    Malformed {
        /// Position of the broken token, from the start of the stream.
        offset: u64,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// The stream ends inside a frame.
    #[error(
        "y4m ends inside frame {frame} at byte {offset}: {missing} of its bytes are missing: copy it again, or take fewer frames by --limit"
    )]
    Truncated {
        /// Index of the frame that is cut, from 0.
        frame: usize,
        /// Length of the stream.
        offset: u64,
        /// Bytes still owed by that frame.
        missing: usize,
    },
    /// A valid stream of a kind this program does not read.
    #[error(
        "y4m at byte {offset}: {what} is not read; convert it: ffmpeg -i FILE -pix_fmt yuv420p OUT.y4m"
    )]
    Unsupported {
        /// Position of the token.
        offset: u64,
        /// The token as written.
        what: String,
    },
    /// The source failed.
    #[error("read failed at byte {offset}")]
    Read {
        /// Bytes read before.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
}

/// Reads frames one by one.
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    header: Header,
    offset: u64,
    frame: usize,
}

impl<R: BufRead> Reader<R> {
    /// Reads and checks the header; nothing the size of a picture is allocated yet.
    ///
    /// # Errors
    /// [`Y4mError`] with the offset of the token at fault.
    pub fn new(mut source: R) -> Result<Self, Y4mError> {
        let mut offset = 0;
        let start = source.fill_buf().map_err(|source| Y4mError::Read { offset, source })?;
        let rule = match start.len().min(MAGIC.len()) {
            0 => Some("a file has a header line, this is empty"),
            known if start[..known] != MAGIC[..known] => Some(MAGIC_RULE),
            _ => None,
        };
        if let Some(rule) = rule {
            return Err(Y4mError::Malformed { offset, rule });
        }
        let line = read_line(&mut source, &mut offset)?;
        let Some(tokens) = line.strip_prefix(MAGIC) else {
            return Err(Y4mError::Malformed { offset: 0, rule: MAGIC_RULE });
        };
        if line.ends_with(b"\r") {
            let at = line.len() as u64 - 1;
            return Err(Y4mError::Malformed { offset: at, rule: TEXT_RULE });
        }
        let header = parse_header(tokens, MAGIC.len() as u64)?;
        Ok(Self { source, header, offset, frame: 0 })
    }

    /// The header line's content.
    pub fn header(&self) -> Header {
        self.header
    }

    /// The next frame, or `None` where the stream ends between frames.
    ///
    /// # Errors
    /// [`Y4mError`] with the offset of the frame line or of the missing bytes.
    pub fn next_frame(&mut self) -> Result<Option<Picture>, Y4mError> {
        let offset = self.offset;
        if self.source.fill_buf().map_err(|source| Y4mError::Read { offset, source })?.is_empty() {
            return Ok(None);
        }
        let line = read_line(&mut self.source, &mut self.offset)?;
        if !matches!(line.strip_prefix(b"FRAME"), Some([] | [b' ', ..])) {
            return Err(Y4mError::Malformed { offset, rule: "a frame starts with FRAME" });
        }
        let Header { width, height, layout, .. } = self.header;
        // Room grows with what is there, not with what the header promises.
        let mut stored = Vec::new();
        let (wanted, offset) = (layout.bytes(width, height), self.offset);
        let read = self.source.by_ref().take(wanted as u64).read_to_end(&mut stored);
        read.map_err(|source| Y4mError::Read { offset, source })?;
        self.offset += stored.len() as u64;
        let missing = wanted - stored.len();
        if missing > 0 {
            return Err(Y4mError::Truncated { frame: self.frame, offset: self.offset, missing });
        }
        self.frame += 1;
        Ok(Some(layout.to_picture(&stored, width, height)))
    }
}

/// Reads a line without its line feed and moves `offset` behind it.
fn read_line<R: BufRead>(source: &mut R, offset: &mut u64) -> Result<Vec<u8>, Y4mError> {
    let start = *offset;
    let mut line = Vec::new();
    source
        .by_ref()
        .take(MAX_LINE_BYTES)
        .read_until(b'\n', &mut line)
        .map_err(|source| Y4mError::Read { offset: start, source })?;
    *offset += line.len() as u64;
    if line.pop() != Some(b'\n') {
        let rule = "a header or frame line ends with a line feed within 1024 bytes";
        return Err(Y4mError::Malformed { offset: start, rule });
    }
    Ok(line)
}

fn parse_header(tokens: &[u8], start: u64) -> Result<Header, Y4mError> {
    let mut header = Header {
        width: 0,
        height: 0,
        rate: None,
        full_range: None,
        layout: Layout::I420,
        sampling: Sampling::UNSPECIFIED,
        interlaced: false,
    };
    // The layout is that of C; ffmpeg's XYSCSS says it where C is missing.
    let (mut stored, mut also_stored) = (None, None);
    let mut offset = start;
    for token in tokens.split(|&byte| byte == b' ') {
        let malformed = |rule| Y4mError::Malformed { offset, rule };
        let unsupported = || {
            let what = String::from_utf8_lossy(token).into_owned();
            Y4mError::Unsupported { offset, what }
        };
        let layout = |name| layout(name).ok_or_else(unsupported);
        match token {
            [] => {}
            [b'W', digits @ ..] => {
                header.width = side(digits).ok_or_else(|| malformed(SIDE_RULE))?;
            }
            [b'H', digits @ ..] => {
                header.height = side(digits).ok_or_else(|| malformed(SIDE_RULE))?;
            }
            [b'F', ratio @ ..] => {
                header.rate = parse_rate(ratio).ok_or_else(|| malformed(RATE_RULE))?;
            }
            [b'A', ratio @ ..] => {
                let aspect = parse_aspect(ratio).ok_or_else(|| malformed(ASPECT_RULE))?;
                header.sampling.pixel_aspect = aspect;
            }
            [b'I', b'p' | b'?'] => header.interlaced = false,
            [b'I', b't' | b'b' | b'm'] => header.interlaced = true,
            [b'C', name @ ..] => stored = Some(layout(name)?),
            [b'I', ..] => return Err(unsupported()),
            [b'X', extension @ ..] => match extension.to_ascii_uppercase().as_slice() {
                b"COLORRANGE=FULL" => header.full_range = Some(true),
                b"COLORRANGE=LIMITED" => header.full_range = Some(false),
                // A layout that only C may name is no reason to refuse the file here.
                [b'Y', b'S', b'C', b'S', b'S', b'=', name @ ..] => also_stored = Some(layout(name)),
                _ => {}
            },
            _ => return Err(malformed("header tokens are W, H, F, I, A, C or X")),
        }
        offset += token.len() as u64 + 1;
    }
    if header.width == 0 || header.height == 0 {
        let rule = "a header gives both width and height";
        return Err(Y4mError::Malformed { offset: start, rule });
    }
    let stored = if stored.is_none() { also_stored.transpose()? } else { stored };
    if let Some((layout, siting)) = stored {
        (header.layout, header.sampling.siting) = (layout, siting);
    }
    Ok(header)
}

fn layout(name: &[u8]) -> Option<(Layout, Siting)> {
    Layout::by_name(std::str::from_utf8(name).ok()?)
}

const MAGIC_RULE: &str = "a stream starts with YUV4MPEG2";
const SIDE_RULE: &str = "width and height are 1 to 8192 pixels";
const RATE_RULE: &str =
    "the frame rate is a ratio of two positive numbers, at most 10000 a second, or 0:0";
const ASPECT_RULE: &str = "the pixel aspect is a ratio of two positive numbers, or 0:0";
const TEXT_RULE: &str =
    "a header line ends with a line feed alone, not as text files of Windows do";

/// Most frames a second: above, the rate is a slip.
const MAX_RATE: u32 = 10_000;

fn side(digits: &[u8]) -> Option<usize> {
    number(digits).map(|side| side as usize).filter(|side| (1..=MAX_SIDE_PX).contains(side))
}

/// Frames a second; `0:0` is `None`, as unknown.
fn parse_rate(ratio: &[u8]) -> Option<Option<(u32, u32)>> {
    match parse_ratio(ratio)? {
        (0, 0) => Some(None),
        (0, _) | (_, 0) => None,
        (frames, seconds) if frames / seconds > MAX_RATE => None,
        rate => Some(Some(rate)),
    }
}

/// Width of a pixel to its height in lowest terms; `0:0` means unknown.
fn parse_aspect(ratio: &[u8]) -> Option<(u32, u32)> {
    match parse_ratio(ratio)? {
        (0, 0) => Some((0, 0)),
        (0, _) | (_, 0) => None,
        aspect => Some(lowest(aspect)),
    }
}

fn parse_ratio(ratio: &[u8]) -> Option<(u32, u32)> {
    let colon = ratio.iter().position(|&byte| byte == b':')?;
    Some((number(&ratio[..colon])?, number(&ratio[colon + 1..])?))
}

fn number(digits: &[u8]) -> Option<u32> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Writes frames one by one.
#[derive(Debug)]
pub struct Writer<W> {
    sink: W,
    size: (usize, usize),
}

impl<W: Write> Writer<W> {
    /// Writes the header line.
    ///
    /// # Errors
    /// What the sink says.
    pub fn new(mut sink: W, line: HeaderLine) -> io::Result<Self> {
        writeln!(sink, "{line}")?;
        Ok(Self { sink, size: (line.size.width(), line.size.height()) })
    }

    /// Writes one frame.
    ///
    /// # Errors
    /// What the sink says.
    ///
    /// # Panics
    /// If the picture's size is not the header's.
    pub fn write(&mut self, picture: &Picture) -> io::Result<()> {
        assert_eq!(
            (picture.width(), picture.height()),
            self.size,
            "every frame has the size of the header"
        );
        self.sink.write_all(b"FRAME\n")?;
        for plane in picture.planes() {
            self.sink.write_all(plane.samples)?;
        }
        Ok(())
    }

    /// Flushes and returns the sink.
    ///
    /// # Errors
    /// What the sink says.
    pub fn finish(mut self) -> io::Result<W> {
        self.sink.flush()?;
        Ok(self.sink)
    }
}

#[cfg(test)]
mod tests {
    use iev_runtime::Size;

    use super::super::layout::Chroma;
    use super::*;
    use crate::picture::synthetic;

    const LINE: HeaderLine = HeaderLine {
        size: Size { width_px: 13, height_px: 7 },
        rate: (30, 1),
        full_range: Some(true),
        sampling: Sampling { pixel_aspect: (64, 45), siting: Siting::Left },
    };

    fn written(frames: usize) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new(), LINE).unwrap();
        for frame in 0..frames {
            writer.write(&synthetic(13, 7, frame as f32)).unwrap();
        }
        writer.finish().unwrap()
    }

    fn message(bytes: &[u8]) -> String {
        let mut reader = match Reader::new(bytes) {
            Ok(reader) => reader,
            Err(error) => return error.to_string(),
        };
        loop {
            match reader.next_frame() {
                Ok(Some(_)) => {}
                Ok(None) => return String::from("end"),
                Err(error) => return error.to_string(),
            }
        }
    }

    fn header(rest: &str) -> Header {
        Reader::new(format!("YUV4MPEG2 W4 H4 {rest}\n").as_bytes()).unwrap().header()
    }

    #[test]
    fn odd_sized_frames_survive_writing_and_reading() {
        let stream = written(3);
        let mut reader = Reader::new(stream.as_slice()).unwrap();
        let Header { width, height, rate, full_range, layout, sampling, .. } = reader.header();
        assert_eq!((width, height, rate), (13, 7, Some(LINE.rate)));
        assert_eq!((full_range, layout, sampling), (LINE.full_range, Layout::I420, LINE.sampling));
        for frame in 0..3 {
            assert_eq!(reader.next_frame().unwrap(), Some(synthetic(13, 7, frame as f32)));
        }
        assert_eq!(reader.next_frame().unwrap(), None);
    }

    #[test]
    fn range_aspect_siting_layout_and_fields_are_read() {
        for (text, expected) in [
            ("", None),
            ("XCOLORRANGE=FULL", Some(true)),
            ("Xcolorrange=full", Some(true)),
            ("XColorRange=Limited", Some(false)),
            ("XCOMMENT", None),
        ] {
            assert_eq!(header(text).full_range, expected, "{text}");
        }
        for (text, aspect) in
            [("", (0, 0)), ("A0:0", (0, 0)), ("A1:1", (1, 1)), ("A128:90", (64, 45))]
        {
            assert_eq!(header(text).sampling.pixel_aspect, aspect, "{text}");
        }
        for (text, chroma, bits, siting) in [
            ("", Chroma::Yuv420, 8, Siting::Unspecified),
            ("C420paldv", Chroma::Yuv420, 8, Siting::TopLeft),
            ("C420jpeg XYSCSS=420MPEG2", Chroma::Yuv420, 8, Siting::Centre),
            ("XYSCSS=444", Chroma::Yuv444, 8, Siting::Unspecified),
            ("XYSCSS=420MPEG2", Chroma::Yuv420, 8, Siting::Left),
            ("Xyscss=422p10", Chroma::Yuv422, 10, Siting::Unspecified),
            ("C420p10 XYSCSS=NEW", Chroma::Yuv420, 10, Siting::Unspecified),
        ] {
            let Header { layout, sampling, .. } = header(text);
            assert_eq!(
                (layout.chroma, layout.bits, sampling.siting),
                (chroma, bits, siting),
                "{text}"
            );
        }
        for (text, interlaced) in
            [("", false), ("Ip", false), ("I?", false), ("It", true), ("Ib", true), ("Im", true)]
        {
            assert_eq!(header(text).interlaced, interlaced, "{text}");
        }
        assert_eq!([header("F0:0").rate, header("F24000:1001").rate], [None, Some((24_000, 1001))]);
    }

    #[test]
    fn errors_name_the_byte() {
        let cases: [(&[u8], &str); 22] = [
            (
                b"",
                "malformed y4m: byte 0 breaks the rule that a file has a header line, this is empty",
            ),
            (
                b"RIFF\n",
                "malformed y4m: byte 0 breaks the rule that a stream starts with YUV4MPEG2",
            ),
            (
                b"YUV4MPEG2 W4 H4",
                "malformed y4m: byte 0 breaks the rule that a header or frame line",
            ),
            (
                b"YUV4MPEG2 W4 H4\r\n",
                "malformed y4m: byte 15 breaks the rule that a header line ends with a line feed",
            ),
            (b"YUV4MPEG2 W4\n", "malformed y4m: byte 9 breaks the rule that a header gives both"),
            (
                b"YUV4MPEG2 W4 H99999\n",
                "malformed y4m: byte 13 breaks the rule that width and height",
            ),
            (b"YUV4MPEG2 W4 H0\n", "malformed y4m: byte 13 breaks the rule that width and height"),
            (
                b"YUV4MPEG2 W4 H99999999999\n",
                "malformed y4m: byte 13 breaks the rule that width and height",
            ),
            (b"YUV4MPEG2 W4 H+4\n", "malformed y4m: byte 13 breaks the rule that width and height"),
            (
                b"YUV4MPEG2 W4 H4 F5:0\n",
                "malformed y4m: byte 16 breaks the rule that the frame rate",
            ),
            (
                b"YUV4MPEG2 W4 H4 F30000:0\n",
                "malformed y4m: byte 16 breaks the rule that the frame rate",
            ),
            (
                b"YUV4MPEG2 W4 H4 F0:1\n",
                "malformed y4m: byte 16 breaks the rule that the frame rate",
            ),
            (
                b"YUV4MPEG2 W4 H4 F1000000000:1\n",
                "malformed y4m: byte 16 breaks the rule that the frame rate",
            ),
            (
                b"YUV4MPEG2 W4 H4 F24\n",
                "malformed y4m: byte 16 breaks the rule that the frame rate",
            ),
            (
                b"YUV4MPEG2 W4 H4 A1:0\n",
                "malformed y4m: byte 16 breaks the rule that the pixel aspect",
            ),
            (b"YUV4MPEG2 W4 H4 C410\n", "y4m at byte 16: C410 is not read"),
            (b"YUV4MPEG2 W4 H4 XYSCSS=410\n", "y4m at byte 16: XYSCSS=410 is not read"),
            (b"YUV4MPEG2 W4 H4 Ix\n", "y4m at byte 16: Ix is not read"),
            (
                b"YUV4MPEG2 W4 H4 Q1\n",
                "malformed y4m: byte 16 breaks the rule that header tokens are",
            ),
            (
                b"YUV4MPEG2 W4 H4\nFRAMES\n",
                "malformed y4m: byte 16 breaks the rule that a frame starts",
            ),
            (
                b"YUV4MPEG2 W2 H1\nFRAME Ip\nabcdjunk\n",
                "malformed y4m: byte 29 breaks the rule that a frame starts",
            ),
            (b"YUV4MPEG2 W2 H1 C422\nFRAME\nabc", "y4m ends inside frame 0 at byte 30: 1 of its"),
        ];
        for (bytes, expected) in cases {
            let got = message(bytes);
            assert!(got.starts_with(expected), "{got:?} should start with {expected:?}");
        }
    }

    #[test]
    fn frames_may_have_parameters_and_headers_comments() {
        assert_eq!(message(b"YUV4MPEG2 W1 H1 XMADE=here Xmore\nFRAME It Xa=b\nabc"), "end");
    }

    #[test]
    fn a_cut_frame_tells_where_and_how_much() {
        let stream = written(2);
        let got = message(&stream[..stream.len() - 10]);
        let length = stream.len() - 10;
        let expected = format!("y4m ends inside frame 1 at byte {length}: 10 of its");
        assert!(got.starts_with(&expected), "{got}");
    }

    #[test]
    fn every_truncation_is_an_error_or_whole_frames() {
        let stream = written(2);
        for length in 0..stream.len() {
            let ended = message(&stream[..length]) == "end";
            let header = stream.iter().position(|&byte| byte == b'\n').unwrap() + 1;
            let frame = (stream.len() - header) / 2;
            let between = length >= header && (length - header) % frame == 0;
            assert_eq!(ended, between, "cut to {length} bytes");
        }
    }
}
