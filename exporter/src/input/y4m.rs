//! YUV4MPEG2, 8-bit 4:2:0: the reader and, beside it, the writer.
//!
//! The format is a text header line, then for each frame a line that starts with `FRAME` and the
//! three planes. Planes have no row padding, and odd sizes round chroma up.

use std::io::{self, BufRead, Read, Write};

use crate::picture::{MAX_SIDE_PX, Picture};

/// Rate assumed where a source does not tell one; ffmpeg assumes the same.
pub const UNKNOWN_RATE: (u32, u32) = (25, 1);

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
    /// Frames per second as numerator and denominator, both positive.
    pub rate: (u32, u32),
    /// `XCOLORRANGE`, where present.
    pub full_range: Option<bool>,
}

/// Why a y4m stream could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Y4mError {
    /// The bytes break a rule of the format.
    #[error("malformed y4m at byte {offset}: {rule}")]
    Malformed {
        /// Position of the broken token, from the start of the stream.
        offset: u64,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// The stream ends inside a frame.
    #[error("y4m ends inside frame {frame} at byte {offset}: {missing} of its bytes are missing")]
    Truncated {
        /// Index of the frame that is cut, from 0.
        frame: usize,
        /// Length of the stream.
        offset: u64,
        /// Bytes still owed by that frame.
        missing: usize,
    },
    /// A valid stream of a kind this program does not read.
    #[error("y4m at byte {offset}: {what} is not read, only progressive 8-bit 4:2:0 is")]
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
        let line = read_line(&mut source, &mut offset)?;
        let Some(tokens) = line.strip_prefix(MAGIC) else {
            return Err(Y4mError::Malformed { offset: 0, rule: "a stream starts with YUV4MPEG2" });
        };
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
        let mut picture = Picture::new(self.header.width, self.header.height);
        let mut missing = picture.y.len() + 2 * picture.u.len();
        for plane in [&mut picture.y, &mut picture.u, &mut picture.v] {
            missing -= self.fill(plane, missing)?;
        }
        self.frame += 1;
        Ok(Some(picture))
    }

    fn fill(&mut self, plane: &mut [u8], missing: usize) -> Result<usize, Y4mError> {
        let mut filled = 0;
        while filled < plane.len() {
            let read = match self.source.read(&mut plane[filled..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(Y4mError::Read { offset: self.offset, source }),
                Ok(read) => read,
            };
            if read == 0 {
                let missing = missing - filled;
                return Err(Y4mError::Truncated {
                    frame: self.frame,
                    offset: self.offset,
                    missing,
                });
            }
            filled += read;
            self.offset += read as u64;
        }
        Ok(filled)
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
    let (mut width, mut height, mut rate, mut full_range) = (0, 0, UNKNOWN_RATE, None);
    let mut offset = start;
    for token in tokens.split(|&byte| byte == b' ') {
        let malformed = |rule| Y4mError::Malformed { offset, rule };
        match token {
            [] => {}
            [b'W', digits @ ..] => width = side(digits).ok_or_else(|| malformed(SIDE_RULE))?,
            [b'H', digits @ ..] => height = side(digits).ok_or_else(|| malformed(SIDE_RULE))?,
            [b'F', ratio @ ..] => rate = parse_rate(ratio).ok_or_else(|| malformed(RATE_RULE))?,
            [b'I', b'p' | b'?'] | b"C420" | b"C420jpeg" | b"C420mpeg2" | b"C420paldv" => {}
            b"XCOLORRANGE=FULL" => full_range = Some(true),
            b"XCOLORRANGE=LIMITED" => full_range = Some(false),
            [b'A' | b'X', ..] => {}
            [b'I' | b'C', ..] => {
                let what = String::from_utf8_lossy(token).into_owned();
                return Err(Y4mError::Unsupported { offset, what });
            }
            _ => return Err(malformed("header tokens are W, H, F, I, A, C or X")),
        }
        offset += token.len() as u64 + 1;
    }
    if width == 0 || height == 0 {
        let rule = "a header gives both width and height";
        return Err(Y4mError::Malformed { offset: start, rule });
    }
    Ok(Header { width, height, rate, full_range })
}

const SIDE_RULE: &str = "width and height are 1 to 8192 pixels";
const RATE_RULE: &str = "the frame rate is a ratio of two positive numbers";

fn side(digits: &[u8]) -> Option<usize> {
    number(digits).map(|side| side as usize).filter(|side| (1..=MAX_SIDE_PX).contains(side))
}

/// `0:0` means unknown.
fn parse_rate(ratio: &[u8]) -> Option<(u32, u32)> {
    let colon = ratio.iter().position(|&byte| byte == b':')?;
    match (number(&ratio[..colon])?, number(&ratio[colon + 1..])?) {
        (0, 0) => Some(UNKNOWN_RATE),
        (0, _) | (_, 0) => None,
        rate => Some(rate),
    }
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
    header: Header,
}

impl<W: Write> Writer<W> {
    /// Writes the header line.
    ///
    /// # Errors
    /// What the sink says.
    pub fn new(mut sink: W, header: Header) -> io::Result<Self> {
        let Header { width, height, rate: (numerator, denominator), full_range } = header;
        let range = match full_range {
            Some(true) => " XCOLORRANGE=FULL",
            Some(false) => " XCOLORRANGE=LIMITED",
            None => "",
        };
        writeln!(
            sink,
            "YUV4MPEG2 W{width} H{height} F{numerator}:{denominator} Ip A0:0 C420jpeg{range}"
        )?;
        Ok(Self { sink, header })
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
            (picture.width, picture.height),
            (self.header.width, self.header.height),
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
    use super::*;
    use crate::picture::synthetic;

    const HEADER: Header = Header { width: 13, height: 7, rate: (30, 1), full_range: Some(true) };

    fn written(frames: usize) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new(), HEADER).unwrap();
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

    #[test]
    fn odd_sized_frames_survive_writing_and_reading() {
        let stream = written(3);
        let mut reader = Reader::new(stream.as_slice()).unwrap();
        assert_eq!(reader.header(), HEADER);
        for frame in 0..3 {
            assert_eq!(reader.next_frame().unwrap(), Some(synthetic(13, 7, frame as f32)));
        }
        assert_eq!(reader.next_frame().unwrap(), None);
    }

    #[test]
    fn errors_name_the_byte() {
        let cases: [(&[u8], &str); 9] = [
            (b"RIFF\n", "malformed y4m at byte 0: a stream starts with YUV4MPEG2"),
            (b"YUV4MPEG2 W4 H4", "malformed y4m at byte 0: a header or frame line"),
            (b"YUV4MPEG2 W4\n", "malformed y4m at byte 9: a header gives both"),
            (b"YUV4MPEG2 W4 H99999\n", "malformed y4m at byte 13: width and height"),
            (b"YUV4MPEG2 W4 H+4\n", "malformed y4m at byte 13: width and height"),
            (b"YUV4MPEG2 W4 H4 F5:0\n", "malformed y4m at byte 16: the frame rate"),
            (b"YUV4MPEG2 W4 H4 C444\n", "y4m at byte 16: C444 is not read"),
            (b"YUV4MPEG2 W4 H4 It\n", "y4m at byte 16: It is not read"),
            (b"YUV4MPEG2 W4 H4\nFRAMES\n", "malformed y4m at byte 16: a frame starts"),
        ];
        for (bytes, expected) in cases {
            let got = message(bytes);
            assert!(got.starts_with(expected), "{got:?} should start with {expected:?}");
        }
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
