//! Which output a picture goes to, and how it is written there.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::md5::Md5Sink;
use super::null::NullSink;
use super::pattern::{expand, names_frame, names_view};
use super::png::PngSink;
use super::raw::RawSink;
use super::tile::{Tile, TileLayout};
use super::y4m::Y4mSink;
use super::{Output, PictureSink};
use crate::error::{Error, Result};
use crate::format::header::Header;
use crate::picture::packing::Packing;
use crate::play::shown::ShownFrame;
use crate::units::{FrameIndex, Size, ViewId};

/// How pictures are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Muxer {
    /// YUV4MPEG2, readable by every player.
    Y4m,
    /// Bare samples.
    Raw(Packing),
    /// A numbered PNG per picture.
    Png,
    /// MD5 of all pictures, in order of time, then view.
    Md5,
    /// Nowhere.
    Null,
}

impl Muxer {
    /// The muxer of a name on the command line: ffmpeg's of a muxer, or of a pixel format that stands bare.
    pub fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "yuv4mpeg2" | "y4m" => Self::Y4m,
            "yuv" | "raw" | "rawvideo" => Self::Raw(Packing::I420),
            "nv12" => Self::Raw(Packing::Nv12),
            "rgba" => Self::Raw(Packing::Rgba),
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
        path.extension().and_then(|e| Self::by_name(&e.to_str()?.to_ascii_lowercase()))
    }
}

/// What goes where.
#[derive(Debug, Clone)]
pub struct Plan<'a> {
    /// How.
    pub muxer: Muxer,
    /// Where; `%v` is the view, `%t` the frame and `%%` a percent sign, `-` is standard output.
    pub path: &'a Path,
    /// Of which stream.
    pub header: &'a Header,
    /// Which views, each once, in the order in which they stand in a tile.
    pub views: &'a [ViewId],
    /// Where views stand in a tile.
    pub layout: TileLayout,
    /// True when there is only one frame, so PNG files need no number.
    pub single: bool,
}

/// The outputs of a decode.
pub enum Sink {
    /// One output for all views: a single view, or several in a tile.
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
    /// [`crate::Error::File`] when one cannot be created, [`crate::Error::OverBudget`] when tiles get too large.
    pub fn open(plan: &Plan<'_>) -> Result<Self> {
        let size = plan.header.size;
        if names_view(plan.path) {
            let per_view = |view: &ViewId| Ok((*view, plan.one(Some(*view), size)?));
            let sinks: Result<_> = plan.views.iter().map(per_view).collect();
            return sinks.map(Self::PerView);
        }
        match plan.muxer {
            Muxer::Md5 | Muxer::Null => Ok(Self::InTurn(plan.one(None, size)?)),
            _ if plan.tiles() => {
                let tile = Tile::new(size, plan.views, plan.layout)?;
                Ok(Self::Together(plan.one(None, tile.size())?, Some(tile)))
            }
            _ => Ok(Self::Together(plan.one(None, size)?, None)),
        }
    }

    /// Takes all views of one frame.
    ///
    /// # Errors
    /// [`crate::Error::File`] when they cannot be written.
    pub fn put(&mut self, shown: &ShownFrame) -> Result<()> {
        match self {
            Self::Together(sink, None) | Self::InTurn(sink) => {
                shown.with_ids().try_for_each(|(id, picture)| sink.put(id.frame, picture))
            }
            Self::Together(sink, Some(tile)) => sink.put(shown.frame, tile.compose(shown)),
            Self::PerView(sinks) => shown.with_ids().try_for_each(|(id, picture)| {
                let sink = sinks.iter_mut().find(|(view, _)| *view == id.view);
                sink.map_or(Ok(()), |(_, sink)| sink.put(id.frame, picture))
            }),
        }
    }

    /// Writes what is left, and gives the outputs their names: those of a sink that is dropped before are not there.
    ///
    /// # Errors
    /// [`crate::Error::File`] when it cannot be written.
    pub fn finish(self) -> Result<()> {
        match self {
            Self::Together(sink, _) | Self::InTurn(sink) => sink.finish(),
            Self::PerView(sinks) => sinks.into_iter().try_for_each(|(_, sink)| sink.finish()),
        }
    }
}

impl Plan<'_> {
    /// Whether several views stand in one picture, so that the layout counts.
    pub fn tiles(&self) -> bool {
        let pictures = !matches!(self.muxer, Muxer::Md5 | Muxer::Null);
        pictures && self.views.len() > 1 && !names_view(self.path)
    }

    /// Whether the path has a place for the frame that nothing is put into.
    pub fn keeps_place_of_frame(&self) -> bool {
        self.muxer != Muxer::Png && self.muxer != Muxer::Null && names_frame(self.path)
    }

    /// Fails where `path` cannot take the numbered files of [`Muxer::Png`]: beside a device, a pipe or a folder nobody
    /// looks for them.
    ///
    /// # Errors
    /// [`Error::Usage`] with what to do.
    pub fn check(&self) -> Result<()> {
        use std::os::unix::fs::FileTypeExt;
        let numbered = self.muxer == Muxer::Png && !self.single && !names_frame(self.path);
        let path = expand(self.path, self.views.first().copied(), None);
        let shown = path.display();
        let kind = std::fs::metadata(&path).map(|m| m.file_type());
        let named_folder = path.as_os_str().as_encoded_bytes().ends_with(b"/");
        if numbered && (named_folder || kind.as_ref().is_ok_and(std::fs::FileType::is_dir)) {
            let file = path.join("%t.png");
            let what = format!(
                "{shown} is a folder: name numbered pictures in it, as by {}",
                file.display()
            );
            return Err(Error::Usage { what });
        }
        let special =
            |k: std::fs::FileType| k.is_char_device() || k.is_block_device() || k.is_fifo();
        let open_already = ["/dev/stdout", "/dev/stderr", "/dev/fd", "/proc"].map(Path::new);
        let open_already = open_already.iter().any(|start| path.starts_with(start));
        if !numbered || !(open_already || kind.is_ok_and(special)) {
            return Ok(());
        }
        let what = format!(
            "{shown} is no place for numbered pictures: name a file such as NAME-%t.png, or decode one frame with --limit 1"
        );
        Err(Error::Usage { what })
    }

    /// Every file that is written when `frames` are shown.
    pub fn files(&self, frames: Range<u32>) -> Vec<PathBuf> {
        let views = self.views.iter().copied().map(Some).filter(|_| names_view(self.path));
        let views: Vec<_> = if names_view(self.path) { views.collect() } else { vec![None] };
        match self.muxer {
            Muxer::Null => Vec::new(),
            Muxer::Png => {
                let of_view = |view| {
                    let sink = PngSink::new(self.path, view, self.header, self.single);
                    frames.clone().map(move |frame| sink.path_at(FrameIndex(frame)))
                };
                let mut files: Vec<_> = views.into_iter().flat_map(of_view).collect();
                // Without a number of its own, the last picture is the one that stays.
                files.dedup();
                files
            }
            _ => views.into_iter().map(|view| expand(self.path, view, None)).collect(),
        }
    }

    fn one(&self, view: Option<ViewId>, size: Size) -> Result<Box<dyn PictureSink>> {
        let output = || Output::create(&expand(self.path, view, None));
        Ok(match self.muxer {
            Muxer::Y4m => Box::new(Y4mSink::new(output()?, size, self.header)?),
            Muxer::Raw(packing) => Box::new(RawSink::new(output()?, packing, self.header.colour)),
            Muxer::Png => Box::new(PngSink::new(self.path, view, self.header, self.single)),
            Muxer::Md5 => Box::new(Md5Sink::new(output()?)),
            Muxer::Null => Box::new(NullSink),
        })
    }
}
