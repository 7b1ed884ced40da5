//! A PNG file per picture.

use std::path::{Path, PathBuf};

use super::{Output, PictureSink, file_error};
use crate::error::Result;
use crate::format::header::Colour;
use crate::picture::Picture;
use crate::picture::rgb::Rgb;
use crate::units::TimeIndex;

/// Writes numbered PNG files.
#[derive(Debug)]
pub struct PngSink {
    path: PathBuf,
    colour: Colour,
    single: bool,
}

impl PngSink {
    /// Writes to `path`, with the time in place of `%t`, else before the extension unless `single`.
    pub fn new(path: &Path, colour: Colour, single: bool) -> Self {
        Self { path: path.to_owned(), colour, single }
    }

    fn path_at(&self, time: TimeIndex) -> PathBuf {
        let text = self.path.to_string_lossy();
        let number = format!("{:05}", time.0);
        if text.contains("%t") {
            return PathBuf::from(text.replace("%t", &number));
        }
        if self.single || self.path == Path::new("-") {
            return self.path.clone();
        }
        let stem = self.path.file_stem().unwrap_or_default().to_string_lossy();
        self.path.with_file_name(format!("{stem}-{number}.png"))
    }
}

impl PictureSink for PngSink {
    fn put(&mut self, time: TimeIndex, picture: &Picture) -> Result<()> {
        let path = self.path_at(time);
        let file = Rgb::of(picture, self.colour).to_png();
        let file = file.map_err(|e| file_error(&path, std::io::Error::other(e)))?;
        let mut output = Output::create(&path)?;
        output.write(&file)?;
        output.flush()
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}
