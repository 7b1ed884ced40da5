//! Where decoded pictures go.

#[cfg(feature = "cli")]
mod md5;
mod null;
#[cfg(feature = "png")]
mod pattern;
#[cfg(feature = "cli")]
mod plan;
#[cfg(feature = "png")]
mod png;
mod raw;
#[cfg(all(test, feature = "cli"))]
mod tests;
#[cfg(feature = "cli")]
mod tile;
mod y4m;

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

#[cfg(feature = "cli")]
pub use self::md5::{Digest, Md5Sink};
pub use self::null::NullSink;
#[cfg(feature = "png")]
pub use self::pattern::names_view;
#[cfg(feature = "cli")]
pub use self::plan::{Muxer, Plan, Sink};
#[cfg(feature = "png")]
pub use self::png::PngSink;
pub use self::raw::RawSink;
#[cfg(feature = "cli")]
pub use self::tile::{Tile, TileLayout};
pub use self::y4m::{HeaderLine, Y4mSink};

use crate::error::{Error, Result};
use crate::outputs::OutputFile;
use crate::picture::Picture;
use crate::units::FrameIndex;

/// Takes the pictures of one output in time order.
pub trait PictureSink {
    /// Takes a picture.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be written.
    fn put(&mut self, frame: FrameIndex, picture: &Picture) -> Result<()>;

    /// Writes what is left, and gives the output its name: one that is dropped before is not there.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be written.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// A file or standard output, with the name for errors.
pub struct Output {
    path: PathBuf,
    writer: BufWriter<OutputFile>,
}

impl Output {
    /// Creates the file at `path`; `-` is standard output.
    ///
    /// # Errors
    /// [`Error::File`] with the system's reason.
    pub fn create(path: &Path) -> Result<Self> {
        let target = OutputFile::create(path)?;
        Ok(Self { path: path.to_owned(), writer: BufWriter::with_capacity(1 << 18, target) })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.writer.write_all(bytes).map_err(|source| file_error(&self.path, source))
    }

    /// Writes what a picture ends with, and hands all of it on: somebody may wait for it at the other end of a pipe.
    fn end_picture(&mut self, bytes: &[u8]) -> Result<()> {
        self.write(bytes)?;
        self.writer.flush().map_err(|source| file_error(&self.path, source))
    }

    fn finish(self) -> Result<()> {
        let Self { path, writer } = self;
        writer.into_inner().map_err(|e| file_error(&path, e.into_error()))?.finish()
    }
}

fn file_error(path: &Path, source: std::io::Error) -> Error {
    Error::File { path: path.to_owned(), source }
}
