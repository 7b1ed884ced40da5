//! Where decoded pictures go.

mod md5;
mod null;
mod png;
mod raw;
#[cfg(test)]
mod tests;
mod tile;
mod y4m;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

pub use self::md5::{Digest, Md5Sink};
pub use self::null::NullSink;
pub use self::png::PngSink;
pub use self::raw::RawSink;
pub use self::tile::Tile;
pub use self::y4m::Y4mSink;

use crate::error::{Error, Result};
use crate::format::header::Header;
use crate::picture::Picture;
use crate::play::shown::Shown;
use crate::units::views::ViewSet;
use crate::units::{Size, TimeIndex, ViewId};

/// Takes the pictures of one output in time order.
pub trait PictureSink {
    /// Takes a picture.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be written.
    fn put(&mut self, time: TimeIndex, picture: &Picture) -> Result<()>;

    /// Writes what is left.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be written.
    fn finish(&mut self) -> Result<()>;
}

/// How pictures are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Muxer {
    /// YUV4MPEG2, readable by every player.
    Y4m,
    /// Bare I420.
    Raw,
    /// A numbered PNG per picture.
    Png,
    /// MD5 of all pictures, in order of time, then view.
    Md5,
    /// Nowhere.
    Null,
}

impl Muxer {
    /// The muxer of a name on the command line.
    pub fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "yuv4mpeg2" | "y4m" => Self::Y4m,
            "yuv" | "raw" => Self::Raw,
            "png" => Self::Png,
            "md5" => Self::Md5,
            "null" => Self::Null,
            _ => return None,
        })
    }

    /// The muxer of a file's extension; standard output gets y4m.
    pub fn by_path(path: &Path) -> Option<Self> {
        if path == Path::new("-") {
            return Some(Self::Y4m);
        }
        path.extension().and_then(|e| Self::by_name(e.to_str()?))
    }
}

/// A file or standard output, with the name for errors.
pub struct Output {
    path: PathBuf,
    writer: BufWriter<Box<dyn Write>>,
}

impl Output {
    /// Creates the file at `path`; `-` is standard output.
    ///
    /// # Errors
    /// [`Error::File`] with the system's reason.
    pub fn create(path: &Path) -> Result<Self> {
        let target: Box<dyn Write> = if path == Path::new("-") {
            Box::new(std::io::stdout())
        } else {
            Box::new(File::create(path).map_err(|source| file_error(path, source))?)
        };
        Ok(Self { path: path.to_owned(), writer: BufWriter::with_capacity(1 << 18, target) })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.writer.write_all(bytes).map_err(|source| file_error(&self.path, source))
    }

    fn flush(&mut self) -> Result<()> {
        self.writer.flush().map_err(|source| file_error(&self.path, source))
    }
}

fn file_error(path: &Path, source: std::io::Error) -> Error {
    Error::File { path: path.to_owned(), source }
}

/// What goes where.
#[derive(Debug, Clone)]
pub struct Plan<'a> {
    /// How.
    pub muxer: Muxer,
    /// Where; `%v` is the view and `%t` the time, `-` is standard output.
    pub path: &'a Path,
    /// Of which stream.
    pub header: &'a Header,
    /// Which views.
    pub views: ViewSet,
    /// True when there is only one time, so PNG files need no number.
    pub single: bool,
}

/// The output of `view` where `path` has a `%v`; else the one of all.
pub fn path_of(path: &Path, view: ViewId) -> PathBuf {
    path.to_string_lossy().replace("%v", &view.0.to_string()).into()
}

/// The outputs of a decode.
pub enum Sink {
    /// One output for all views: a single view, or several side by side.
    Together(Box<dyn PictureSink>, Option<Tile>),
    /// All pictures one after another.
    InTurn(Box<dyn PictureSink>),
    /// An output per view.
    PerView(Vec<(ViewId, Box<dyn PictureSink>)>),
}

impl Sink {
    /// Opens the outputs of `plan`.
    ///
    /// # Errors
    /// [`Error::File`] when one cannot be created, [`Error::OverBudget`] when tiles get too wide.
    pub fn open(plan: &Plan<'_>) -> Result<Self> {
        let size = plan.header.size;
        if plan.path.to_string_lossy().contains("%v") {
            let per_view = |view: ViewId| Ok((view, plan.one(&path_of(plan.path, view), size)?));
            let sinks: Result<_> = plan.views.iter().map(per_view).collect();
            return sinks.map(Self::PerView);
        }
        match plan.muxer {
            Muxer::Md5 | Muxer::Null => Ok(Self::InTurn(plan.one(plan.path, size)?)),
            _ if plan.views.len() == 1 => Ok(Self::Together(plan.one(plan.path, size)?, None)),
            _ => {
                let tile = Tile::new(size, plan.views)?;
                Ok(Self::Together(plan.one(plan.path, tile.size())?, Some(tile)))
            }
        }
    }

    /// Takes all views of one time.
    ///
    /// # Errors
    /// [`Error::File`] when they cannot be written.
    pub fn put(&mut self, shown: &Shown) -> Result<()> {
        match self {
            Self::Together(sink, None) | Self::InTurn(sink) => {
                shown.frames().try_for_each(|(id, picture)| sink.put(id.time, picture))
            }
            Self::Together(sink, Some(tile)) => sink.put(shown.time, tile.compose(shown)),
            Self::PerView(sinks) => shown.frames().try_for_each(|(id, picture)| {
                let sink = sinks.iter_mut().find(|(view, _)| *view == id.view);
                sink.map_or(Ok(()), |(_, sink)| sink.put(id.time, picture))
            }),
        }
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be written.
    pub fn finish(&mut self) -> Result<()> {
        match self {
            Self::Together(sink, _) | Self::InTurn(sink) => sink.finish(),
            Self::PerView(sinks) => sinks.iter_mut().try_for_each(|(_, sink)| sink.finish()),
        }
    }
}

impl Plan<'_> {
    fn one(&self, path: &Path, size: Size) -> Result<Box<dyn PictureSink>> {
        Ok(match self.muxer {
            Muxer::Y4m => Box::new(Y4mSink::new(Output::create(path)?, size, self.header)?),
            Muxer::Raw => Box::new(RawSink::new(Output::create(path)?)),
            Muxer::Png => Box::new(PngSink::new(path, self.header.colour, self.single)),
            Muxer::Md5 => Box::new(Md5Sink::new(Output::create(path)?)),
            Muxer::Null => Box::new(NullSink),
        })
    }
}
