//! The player: opens a stream and decodes any views of any frames.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::demand::Demand;
use super::memory::{fit, most_key_pictures};
use super::options::Options;
use super::pipeline::{Chain, PlayerPipeline};
use super::shares::Arrival;
use super::shown::ShownFrame;
use crate::anchor::av1::address_bytes;
use crate::error::{Error, Result};
use crate::format::anchor::Codec;
use crate::format::cameras::Cameras;
use crate::format::header::{Header, MAX_VIEWS};
use crate::format::reader::StreamReader;
use crate::format::views::ViewSet;
use crate::network::Witness;
use crate::network::opening::Opening;
use crate::stream::gop_index::{FileReader, GopIndex};
use crate::stream::gop_reader::GopReader;
use crate::stream::source::{Source, Waiting};
use crate::units::{FrameIndex, Size};

/// What to decode.
///
/// ```
/// use iev_runtime::{Backend, Options, Player, Selection, Source, ViewId, ViewSet};
///
/// # fn main() -> iev_runtime::Result<()> {
/// let stream = Source::from(iev_models::SAMPLE.to_vec());
/// let player = Player::over(stream, Options::new(Backend::default().opener()))?;
/// let left: ViewSet = [ViewId(1)].into_iter().collect();
/// // The first second of one view, over and over; every other view can be switched to.
/// let second = Selection { repeat: true, ..Selection::switchable(left, player.header(), 0..24) };
/// assert_eq!(second.reachable.len(), 5);
/// // The same second once; sections that only other views need are not even read.
/// assert_eq!(Selection::new(left, 0..24).reachable, left);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Selection {
    /// Views shown from the start.
    pub shown: ViewSet,
    /// Views that [`Playback::show`] may switch to; sections they need are read along.
    pub reachable: ViewSet,
    /// Frames, from the start of the stream.
    pub frames: Range<u32>,
    /// Whether the first frame follows the last, for ever.
    pub repeat: bool,
    /// Frames before this one are left out until they repeat: seek.
    pub skip_to: u32,
}

impl Selection {
    /// The given views at the given frames; nothing else is read, so no other view can be shown.
    pub fn new(views: ViewSet, frames: Range<u32>) -> Self {
        Self { shown: views, reachable: views, frames, repeat: false, skip_to: 0 }
    }

    /// The given views at the given frames, and [`Playback::show`] may switch to any other.
    pub fn switchable(views: ViewSet, header: &Header, frames: Range<u32>) -> Self {
        Self { shown: views, reachable: ViewSet::all(header), frames, repeat: false, skip_to: 0 }
    }
}

/// An opened stream.
///
/// ```
/// use iev_runtime::{Backend, Options, Player, Source, FrameIndex, ViewId};
///
/// # fn main() -> iev_runtime::Result<()> {
/// let stream = Source::from(iev_models::SAMPLE.to_vec());
/// let player = Player::over(stream, Options::new(Backend::default().opener()))?;
/// assert_eq!((player.header().size.width(), player.frames()), (480, 0..48));
/// // Seek: one frame, decoded from the start of its GOP.
/// let shown = player.at([ViewId(2)].into_iter().collect(), FrameIndex(30))?;
/// assert_eq!(shown.with_ids().count(), 1);
/// # Ok(())
/// # }
/// ```
pub struct Player {
    /// As checked at opening; readers are clones of it, so that a file rewritten since cannot give
    /// one of them another header.
    reader: FileReader,
    header: Arc<Header>,
    index: Arc<GopIndex>,
    /// Estimate of what playing holds.
    bytes: u64,
    /// Key pictures that a GOP may have for that to stay within the limit.
    most_keys: u32,
    options: Options,
}

impl Player {
    /// Opens the stream at `path`.
    ///
    /// # Errors
    /// [`Error::File`] for the disk's fault, otherwise the stream's.
    pub fn open(path: &Path, options: Options) -> Result<Self> {
        Self::over(Source::open(path)?, options)
    }

    /// Opens a stream in memory.
    ///
    /// # Errors
    /// The stream's.
    pub fn over(source: Source, mut options: Options) -> Result<Self> {
        let mut reader = StreamReader::open(source, &options.limits)?;
        let index = Arc::new(GopIndex::build(&mut reader)?);
        for codec in Codec::ALL {
            if index.uses(codec) && !options.codecs.contains(&codec) {
                return Err(Error::unsupported(0, codec.not_played()));
            }
        }
        let header = Arc::new(reader.header().clone());
        let gop = index.largest();
        let bytes = fit(&header, gop, &mut options)?;
        let most_keys = most_key_pictures(&header, gop, bytes, options.limits.memory_bytes);
        Ok(Self { reader, header, index, bytes, most_keys, options })
    }

    /// The stream header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Estimate of the bytes that playing holds.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// GOPs of the stream.
    pub fn index(&self) -> &GopIndex {
        &self.index
    }

    /// What it was opened with, but with a smaller batch and fewer painters where the memory limit asks
    /// for that.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// All frames of the stream.
    pub fn frames(&self) -> Range<u32> {
        0..self.header.frames
    }

    /// A second reader over the stream, for reports.
    pub fn reader(&self) -> FileReader {
        self.reader.clone()
    }

    /// Cameras of the views, if the stream has them.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the section is broken.
    pub fn cameras(&self) -> Result<Option<Cameras>> {
        let Some(entry) = self.index.cameras() else { return Ok(None) };
        let body = self.reader().section(entry)?;
        let cameras = Cameras::decode(&body, self.header.views.len());
        cameras.map(Some).map_err(|e| e.moved_by(entry.offset))
    }

    /// Decodes in the caller's thread: the oracle of [`Player::play`].
    ///
    /// # Errors
    /// [`Error::NotInStream`] for views or frames the stream lacks.
    pub fn decode_serial(
        &self,
        selection: &Selection,
    ) -> Result<impl Iterator<Item = Result<ShownFrame>> + use<>> {
        Ok(self.chain(selection, 1)?.0.serial(None))
    }

    /// Decodes in the caller's thread and shows `witness` what implicit pictures are blended from; always
    /// by the split network, which has it.
    ///
    /// # Errors
    /// [`Error::NotInStream`] for views or frames the stream lacks.
    pub fn decode_layers<'w>(
        &self,
        selection: &Selection,
        witness: Box<Witness<'w>>,
    ) -> Result<impl Iterator<Item = Result<ShownFrame>> + use<'w>> {
        let mut chain = self.chain(selection, 1)?.0;
        chain.opening = Opening::split(chain.opening.batch);
        Ok(chain.serial(Some(witness)))
    }

    /// Decodes on a thread per stage, and explicit views on threads of their own.
    ///
    /// # Errors
    /// [`Error::NotInStream`] for views or frames the stream lacks.
    pub fn play(&self, selection: &Selection) -> Result<Playback> {
        let (mut chain, wanted) = self.chain(selection, self.options.decoders)?;
        let waiting = chain.reader.wait_apart();
        let pipeline = chain.pipelined(self.options.painters, self.options.queue)?;
        let (header, reachable) = (Arc::clone(&self.header), selection.reachable);
        Ok(Playback { waiting, pipeline, header, wanted, taken: 0, reachable })
    }

    /// The pictures of one frame: seek.
    ///
    /// # Errors
    /// As [`Player::play`], and what decoding meets.
    pub fn at(&self, views: ViewSet, frame: FrameIndex) -> Result<ShownFrame> {
        let frames = frame.0..frame.0.saturating_add(1);
        let mut shown = self.decode_serial(&Selection::new(views, frames))?;
        shown.next().unwrap_or_else(|| panic!("a selected frame is decoded"))
    }

    /// The stages of a selection, whose anchors are decoded by at most so many decoders.
    fn chain(&self, selection: &Selection, decoders: usize) -> Result<(Chain, Arc<Demand>)> {
        let Selection { shown, reachable, frames, repeat, skip_to } = selection.clone();
        // Only views and frames that the stream has.
        shown.check(&self.header)?;
        reachable.check(&self.header)?;
        if !reachable.includes(shown) {
            return Err(unreachable_view(shown, reachable));
        }
        let available = self.header.frames.into();
        if frames.start > frames.end {
            let what = "frame in a range that ends before its start";
            return Err(Error::NotInStream { what, asked: frames.start.into(), available });
        }
        if frames.end > self.header.frames {
            let asked = u64::from(frames.end) - 1;
            return Err(Error::NotInStream { what: "frame", asked, available });
        }
        // The stages; they begin to work when somebody asks.
        let again = if repeat { frames.clone() } else { 0..0 };
        let frames = skip_to.clamp(frames.start, frames.end)..frames.end;
        let (index, most_keys) = (Arc::clone(&self.index), self.most_keys);
        let reader = GopReader::new(self.reader(), index, most_keys, reachable, frames, again);
        let wanted = Arc::new(Demand::new(shown));
        let sections = reachable.explicit_needed(&self.header).len();
        // A limit on memory counts addresses too.
        let av1 = u64::from(self.index.largest().has_av1);
        let addresses = av1 * sections as u64 * address_bytes(self.header.size);
        let bytes = self.bytes.saturating_add(addresses);
        let anchors = (0..decoders.min(sections).max(1))
            .map(|_| (self.options.anchors)(self.header.size, bytes));
        let chain = Chain {
            reader,
            header: Arc::clone(&self.header),
            wanted: Arc::clone(&wanted),
            anchors: anchors.collect::<Result<_>>()?,
            open: Arc::clone(&self.options.open),
            opening: Opening {
                batch: self.options.batch.clamp(1, MAX_VIEWS),
                path: self.options.path,
                precision: self.options.precision,
            },
        };
        Ok((chain, wanted))
    }
}

/// The error of showing `views`, of which one at least is not among the `reachable`, or which are none.
fn unreachable_view(views: ViewSet, reachable: ViewSet) -> Error {
    let available = reachable.len() as u64;
    match views.iter().find(|view| !reachable.contains(*view)) {
        Some(view) => {
            let what = "view among those that were selected as reachable";
            Error::NotInStream { what, asked: view.0.into(), available }
        }
        None => Error::NotInStream { what: "view in an empty selection", asked: 0, available },
    }
}

/// A stream being played; pictures come from its iterator.
pub struct Playback {
    /// Dropped before the stages are, which end once the reader waits for nothing.
    waiting: Waiting,
    pipeline: PlayerPipeline,
    header: Arc<Header>,
    wanted: Arc<Demand>,
    /// Frames taken so far.
    taken: u64,
    reachable: ViewSet,
}

impl Playback {
    /// Shows other views. The next frame still shows the old ones, and one more for every place in the
    /// queue; with fewer views than painters at the start, as many as fill the painters. Views that
    /// need an explicit picture the old ones did not need come as many frames later again.
    ///
    /// # Errors
    /// [`Error::NotInStream`] unless all are reachable and there is at least one.
    pub fn show(&self, views: ViewSet) -> Result<()> {
        if views.is_empty() || !self.reachable.includes(views) {
            return Err(unreachable_view(views, self.reachable));
        }
        self.wanted.show(views);
        Ok(())
    }

    /// The next frame if it comes within `patience`.
    pub fn next_within(&mut self, patience: Duration) -> Arrival<Result<ShownFrame>> {
        let taken = self.pipeline.next_within(self.wanted.shown(), patience);
        self.taken += u64::from(matches!(taken, Arrival::Item(_)));
        match taken {
            Arrival::Item(painted) => Arrival::Item(painted.map(|p| p.show(&self.header))),
            Arrival::NotYet => Arrival::NotYet,
            Arrival::Ended => Arrival::Ended,
        }
    }

    /// What ends its waiting for bytes that have not come, before it is dropped.
    pub(crate) fn waiting(&self) -> Waiting {
        self.waiting.clone()
    }

    /// The size of its pictures.
    pub(crate) fn size(&self) -> Size {
        self.header.size
    }

    /// The views that are wanted by now.
    pub(crate) fn wanted(&self) -> ViewSet {
        self.wanted.shown()
    }

    /// Frames taken so far.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    /// Lets the painters skip all frames before `number`, counted from the start of the playback.
    pub(crate) fn skip_before(&self, number: u64) {
        self.wanted.skip_before(number);
    }
}

impl Iterator for Playback {
    type Item = Result<ShownFrame>;

    fn next(&mut self) -> Option<Self::Item> {
        let painted = self.pipeline.next(self.wanted.shown())?;
        self.taken += 1;
        Some(painted.map(|painted| painted.show(&self.header)))
    }
}
