//! Opens the views: y4m, folders of PNG, and the rest through ffmpeg.
//!
//! Each `source` says what it knows of colour, sampling and times; what is lost on the way in becomes a
//! [`Warning`], the same for each container. `agree` then makes one description of all views.

use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use iev_runtime::Size;
use iev_runtime::foreign::FileKind;
use iev_runtime::format::header::MAGIC;

use crate::ffmpeg::FfmpegMissing;
use crate::picture::{MAX_SIDE_PX, Picture, PictureExt};
use crate::stop::Stopped;

mod agree;
pub mod cameras;
mod digest;
mod foreign;
pub mod layout;
mod notice;
mod png_folder;
mod reading;
mod room;
mod showinfo;
mod source;
#[cfg(test)]
mod tests;
mod times;
pub mod y4m;

pub use self::digest::{clip_digest, digest_with};
pub use self::notice::{Notice, Warning};
pub use self::reading::{Reading, parse_rate};
use self::room::Room;
use self::source::Source;
pub use self::source::{SourceFacts, UNKNOWN_RATE};
use self::y4m::{HeaderLine, Y4mError};

/// One camera's pictures.
#[derive(Clone, Debug)]
pub struct View {
    /// Where the pictures come from.
    pub path: PathBuf,
    /// At least one picture, all of one size.
    pub frames: Vec<Picture>,
    /// Frames per second as numerator and denominator.
    pub rate: (u32, u32),
    /// What is known of colour and sampling: after [`open_views`] the same in all views.
    pub told: SourceFacts,
    /// When the first picture is shown by the clock of its file, in milliseconds, where there is one.
    pub starts_at_ms: Option<i64>,
    /// What was lost, changed or guessed.
    pub notices: Vec<Notice>,
}

impl View {
    /// A view of which no more is known.
    pub fn new(path: PathBuf, frames: Vec<Picture>, rate: (u32, u32)) -> Self {
        let (told, notices) = (SourceFacts::NOTHING, Vec::new());
        Self { path, frames, rate, told, starts_at_ms: None, notices }
    }

    /// The header line of the view as y4m.
    ///
    /// # Panics
    /// If there is no picture.
    pub fn header_line(&self) -> HeaderLine {
        let (width, height) = (self.frames[0].width(), self.frames[0].height());
        let side = |px: usize| u16::try_from(px).unwrap_or_else(|_| panic!("a side fits 16 bits"));
        let size = Size { width_px: side(width), height_px: side(height) };
        let SourceFacts { full_range, sampling, .. } = self.told;
        HeaderLine { size, rate: self.rate, full_range, sampling }
    }

    fn size(&self) -> Option<(usize, usize)> {
        self.frames.first().map(|frame| (frame.width(), frame.height()))
    }
}

/// What was lost, changed or guessed in any of `views`.
pub fn warnings(views: &[View]) -> impl Iterator<Item = Warning> + '_ {
    views.iter().flat_map(|view| {
        view.notices.iter().map(|n| Warning { file: view.path.clone(), notice: n.clone() })
    })
}

/// Why the views could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// No path was given.
    #[error("at least one view is needed")]
    NoViews,
    /// A file or folder could not be opened or read.
    #[error("{}: cannot be read", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A y4m file breaks its format.
    #[error("{}", path.display())]
    Y4m {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Y4mError,
    },
    /// A PNG file breaks its format.
    #[error("{}: {}: make it anew, or take it out of its folder", path.display(), no_png(*seems))]
    Png {
        /// The file.
        path: PathBuf,
        /// What it seems to be.
        seems: Option<FileKind>,
        /// What is wrong with it.
        source: png::DecodingError,
    },
    /// A picture is larger than the program accepts.
    #[error("{}: {width}x{height} is above {MAX_SIDE_PX} pixels a side", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its width in pixels.
        width: usize,
        /// Its height in pixels.
        height: usize,
    },
    /// The file needs ffmpeg.
    #[error("{}: this format is read through ffmpeg", path.display())]
    NeedsFfmpeg {
        /// The file.
        path: PathBuf,
        /// What to install.
        source: FfmpegMissing,
    },
    /// Another file has taken the name between two looks.
    #[error("{}: changed while it was read: give it when it is whole", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// ffmpeg refused the file.
    #[error("{}: ffmpeg says {message:?}", path.display())]
    Ffmpeg {
        /// The file.
        path: PathBuf,
        /// Its last words.
        message: String,
    },
    /// Somebody asked for it.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// A container of other things, or one whose list of streams is cut off.
    #[error("{}: ffmpeg finds no video in it: it has none, or is cut off", path.display())]
    NoVideo {
        /// The file.
        path: PathBuf,
    },
    /// Pictures that have no room in memory found none on the disk.
    #[error(
        "pictures beyond --memory go to a file in {}, which cannot be written: name a roomier folder by TMPDIR",
        folder.display()
    )]
    Scratch {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Standard input is given for two views.
    #[error("- is standard input, which is one view: give the others by name")]
    StandardInputTwice,
    /// A file without a byte.
    #[error("{}: this is empty: 0 bytes", path.display())]
    NoBytes {
        /// The file.
        path: PathBuf,
    },
    /// A view without a picture.
    #[error("{}: a view has at least one picture, this has none", path.display())]
    Empty {
        /// The file or folder.
        path: PathBuf,
    },
    /// A folder without pictures.
    #[error("{}: a folder holds PNG files, one per picture, this has none{}", path.display(), instead(path, *holds))]
    NoPictures {
        /// The folder.
        path: PathBuf,
        /// What its first file seems to be.
        holds: Option<FileKind>,
    },
    /// A stream, where its source is asked for.
    #[error("{0}: is an IEV stream already, no view; `iev decode {0} -o v%v.y4m` writes its views", path.display())]
    Stream {
        /// The file.
        path: PathBuf,
    },
    /// A file with the name of y4m and the contents of something else.
    #[error("{}: is named as y4m, but seems to be {}: give it the name that it should have", path.display(), kind.name())]
    Misnamed {
        /// The file.
        path: PathBuf,
        /// What it seems to be.
        kind: FileKind,
    },
    /// Bare samples.
    #[error(
        "{0}: bare samples say neither their size nor their format: ffmpeg -f rawvideo -pix_fmt yuv420p -s WxH -r RATE \
         -i {0} OUT.y4m",
        path.display()
    )]
    Bare {
        /// The file.
        path: PathBuf,
    },
    /// Frames are flagged as two fields.
    #[error(
        "{0}: is interlaced by its flags; pass --progressive if its frames are whole pictures all the same, \
         else deinterlace it: ffmpeg -i {0} -vf bwdif OUT.y4m",
        path.display()
    )]
    Interlaced {
        /// The file.
        path: PathBuf,
    },
    /// The size changes between frames.
    #[error(
        "{0}: frame {frame} has {size} after {first}; bring all to one size: ffmpeg -i {0} -vf scale=W:H OUT.y4m",
        path.display()
    )]
    Resized {
        /// The file.
        path: PathBuf,
        /// The first frame of another size, from 0.
        frame: usize,
        /// The size of the first frame.
        first: String,
        /// The size of this one.
        size: String,
    },
    /// Views differ in length.
    #[error(
        "{} has {long_frames} frames, {} more than {} with {short_frames}: --shortest cuts all views to {short_frames}",
        long.display(), long_frames - short_frames, short.display()
    )]
    Lengths {
        /// The longest view.
        long: PathBuf,
        /// Its frames.
        long_frames: usize,
        /// The shortest view.
        short: PathBuf,
        /// Its frames.
        short_frames: usize,
    },
    /// Two views, or two pictures of one folder, do not belong together.
    #[error(
        "all views have one {what}, but {} has {} and {} has {}: {remedy}",
        first.display(), has[0], other.display(), has[1]
    )]
    Differ {
        /// What is the same in all views.
        what: &'static str,
        /// The first file.
        first: PathBuf,
        /// The file that differs.
        other: PathBuf,
        /// What each of both has.
        has: Box<[String; 2]>,
        /// What to do about it.
        remedy: String,
    },
}

impl InputError {
    /// Exit code of a program that ends on this error: 1 the file, 2 what was asked for, 3 ffmpeg.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NoViews | Self::StandardInputTwice => 2,
            Self::Read { .. } | Self::Scratch { .. } | Self::Stopped(_) => 2,
            Self::NeedsFfmpeg { .. } => 3,
            _ => 1,
        }
    }
}

/// What a file is that cannot be read as PNG.
fn no_png(seems: Option<FileKind>) -> String {
    match seems {
        None => "is damaged, or no PNG".into(),
        Some(FileKind::Picture("PNG")) => "is damaged or cut off".into(),
        Some(kind) => format!("is no PNG, it seems to be {}", kind.name()),
    }
}

/// What a folder without PNG files holds, and what to do with that.
fn instead(folder: &Path, holds: Option<FileKind>) -> String {
    match holds {
        Some(FileKind::Picture(name)) => format!(
            ", but {name}: ffmpeg -pattern_type glob -i '{}/*' OUT.y4m, and give OUT.y4m as the view",
            folder.display()
        ),
        Some(kind) => format!(", but {}: give one file per view", kind.name()),
        None => String::new(),
    }
}

/// What the file at `path` starts with, as far as a format is known by it.
fn start(path: &Path) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    File::open(path)?.take(16).read_to_end(&mut start)?;
    Ok(start)
}

/// Fails on what no reader would read right, or none at all. A pipe is left alone: what is read of it is gone.
fn check_kind(path: &Path) -> Result<(), InputError> {
    if !path.is_file() {
        return Ok(());
    }
    let failed = |source| InputError::Read { path: path.to_owned(), source };
    let start = start(path).map_err(failed)?;
    let path = path.to_owned();
    if start.is_empty() {
        return Err(InputError::NoBytes { path });
    }
    if start.starts_with(&MAGIC) {
        return Err(InputError::Stream { path });
    }
    match FileKind::of(&start) {
        Some(kind) if is_named(&path, &["y4m"]) && kind != FileKind::Video("y4m") => {
            Err(InputError::Misnamed { path, kind })
        }
        None if is_named(&path, &["yuv", "raw", "rgb", "nv12"]) => Err(InputError::Bare { path }),
        _ => Ok(()),
    }
}

fn is_named(path: &Path, extensions: &[&str]) -> bool {
    let own = path.extension().unwrap_or_default();
    extensions.iter().any(|extension| own.eq_ignore_ascii_case(extension))
}

/// Reads every view as `reading` says, and checks that they belong together.
///
/// # Errors
/// [`InputError`]; it names the file, or both files where two do not match.
pub fn open_views(paths: &[PathBuf], reading: &Reading) -> Result<Vec<View>, InputError> {
    if paths.iter().filter(|path| *path == Path::new("-")).count() > 1 {
        return Err(InputError::StandardInputTwice);
    }
    let mut room = Room::new(reading.memory);
    let opened = paths.iter().map(|path| open_view(path, reading, &mut room));
    let opened: Result<Vec<View>, _> = opened.collect();
    let mut views = opened?;
    agree::lengths(&mut views, reading.shortest)?;
    agree::rates(&mut views);
    agree::shapes(&views)?;
    agree::starts(&mut views);
    agree::descriptions(&mut views)?;
    Ok(views)
}

/// Reads y4m from `file`, which goes by the name `path`.
fn y4m(
    path: &Path,
    file: impl BufRead,
    reading: &Reading,
    room: &mut Room,
) -> Result<Source, InputError> {
    let mut source = Source::from_y4m(path, file, reading.limit_before_resampling(), room)?;
    if source.interlaced {
        reading.take_interlaced(path, &mut source.notices)?;
    }
    Ok(source)
}

fn open_view(path: &Path, reading: &Reading, room: &mut Room) -> Result<View, InputError> {
    let failed = |source| InputError::Read { path: path.to_owned(), source };
    let limit = reading.limit_before_resampling();
    check_kind(path)?;
    let mut source = if path == Path::new("-") {
        y4m(Path::new("standard input"), std::io::stdin().lock(), reading, room)?
    } else {
        let before = std::fs::metadata(path).map_err(failed)?;
        let source = if before.is_dir() {
            png_folder::read(path, limit, room)?
        } else if is_named(path, &["y4m"]) || !before.is_file() {
            // What comes through a pipe comes once, and other formats are looked at first.
            y4m(path, BufReader::new(File::open(path).map_err(failed)?), reading, room)?
        } else {
            foreign::read(path, reading, room)?
        };
        check_unchanged(path, &before)?;
        source
    };
    if source.frames.is_empty() {
        return Err(InputError::Empty { path: path.to_owned() });
    }
    let rate = source.set_rate(reading);
    source.frames.truncate(reading.limit.unwrap_or(usize::MAX));
    reading.override_told(&mut source.told, source.of_rgb);
    source.notices.extend(hdr(source.told.transfer));
    let Source { frames, told, notices, starts_at_ms, .. } = source;
    Ok(View { path: path.to_owned(), frames, rate, told, starts_at_ms, notices })
}

/// Fails where the file or folder is no longer what it was `before` it was read: which part of which was read, nobody
/// can tell.
fn check_unchanged(path: &Path, before: &Metadata) -> Result<(), InputError> {
    let version = |m: &Metadata| (m.dev(), m.ino(), m.len(), m.mtime(), m.mtime_nsec());
    let same = || std::fs::metadata(path).is_ok_and(|now| version(&now) == version(before));
    if !(before.is_file() || before.is_dir()) || same() {
        return Ok(());
    }
    Err(InputError::Changed { path: path.to_owned() })
}

/// What 8 bits make of a transfer for high dynamic range.
fn hdr(transfer: u8) -> Option<Notice> {
    match transfer {
        16 => Some(Notice::HdrTransfer("PQ")),
        18 => Some(Notice::HdrTransfer("HLG")),
        _ => None,
    }
}

fn in_pixels((width, height): (usize, usize)) -> String {
    format!("{width}x{height} pixels")
}
