//! A PNG file per picture.

use std::path::{Path, PathBuf};

use super::pattern::{expand, names_frame, numbered};
use super::{Output, PictureSink, file_error};
use crate::error::Result;
use crate::format::header::{Colour, Header, Sampling};
use crate::picture::Picture;
use crate::picture::rgb::Rgb;
use crate::units::{FrameIndex, ViewId};

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
    /// Writes to `pattern`, with the frame in place of `%t`, else before the extension unless `single`; of one view
    /// where there is a file per view.
    pub fn new(pattern: &Path, view: Option<ViewId>, header: &Header, single: bool) -> Self {
        let Header { colour, sampling, .. } = *header;
        Self { pattern: pattern.to_owned(), view, colour, sampling, single }
    }

    /// The file of `frame`.
    pub(super) fn path_at(&self, frame: FrameIndex) -> PathBuf {
        if names_frame(&self.pattern) {
            return expand(&self.pattern, self.view, Some(frame));
        }
        let path = expand(&self.pattern, self.view, None);
        if self.single || path == Path::new("-") {
            return path;
        }
        let mut name = path.file_stem().unwrap_or_default().to_owned();
        name.push(format!("-{}.png", numbered(frame)));
        path.with_file_name(name)
    }
}

impl PictureSink for PngSink {
    fn put(&mut self, frame: FrameIndex, picture: &Picture) -> Result<()> {
        let path = self.path_at(frame);
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
