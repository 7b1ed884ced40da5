//! A PNG file per picture.

use std::path::{Path, PathBuf};

use super::pattern::{expand, names_time, numbered};
use super::{Output, PictureSink, file_error};
use crate::error::Result;
use crate::format::header::{Colour, Header, Sampling};
use crate::picture::Picture;
use crate::picture::rgb::Rgb;
use crate::units::{TimeIndex, ViewId};

/// Writes numbered PNG files.
#[derive(Debug)]
pub struct PngSink {
    pattern: PathBuf,
    view: Option<ViewId>,
    colour: Colour,
    sampling: Sampling,
    single: bool,
}

impl PngSink {
    /// Writes to `pattern`, with the time in place of `%t`, else before the extension unless `single`; of one view
    /// where there is a file per view.
    pub fn new(pattern: &Path, view: Option<ViewId>, header: &Header, single: bool) -> Self {
        let Header { colour, sampling, .. } = *header;
        Self { pattern: pattern.to_owned(), view, colour, sampling, single }
    }

    /// The file of `time`.
    pub(super) fn path_at(&self, time: TimeIndex) -> PathBuf {
        if names_time(&self.pattern) {
            return expand(&self.pattern, self.view, Some(time));
        }
        let path = expand(&self.pattern, self.view, None);
        if self.single || path == Path::new("-") {
            return path;
        }
        let mut name = path.file_stem().unwrap_or_default().to_owned();
        name.push(format!("-{}.png", numbered(time)));
        path.with_file_name(name)
    }
}

impl PictureSink for PngSink {
    fn put(&mut self, time: TimeIndex, picture: &Picture) -> Result<()> {
        let path = self.path_at(time);
        let file = Rgb::of(picture, self.colour).to_png(self.colour, self.sampling);
        let file = file.map_err(|e| file_error(&path, std::io::Error::other(e)))?;
        let mut output = Output::create(&path)?;
        output.write(&file)?;
        output.finish()
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
