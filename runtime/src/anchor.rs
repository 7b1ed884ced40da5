//! The anchor stage: H.264 sections to pictures, one time after another.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use heapless::Vec as FixedVec;
use openh264::decoder::{DecodeOptions, DecodedYUV, Decoder, DecoderConfig, Flush};
use openh264::formats::YUVSource;

use crate::error::{BoxError, Error, Result};
use crate::format::anchor::Key;
use crate::format::header::{Header, MAX_VIEWS};
use crate::gop::{AnchorBody, Gop};
use crate::h264::Unit;
use crate::picture::{Picture, Plane};
use crate::pool::{Pool, Pooled};
use crate::timing::Timings;
use crate::units::{FrameId, Size, TimeIndex, ViewId};
use crate::views::ViewSet;

/// Key pictures of one section, kept for its GOP.
pub type Keys = Vec<(Key, Pooled<Picture>)>;

/// The picture of one explicit view at one time.
#[derive(Debug)]
pub struct AnchorPicture {
    /// The explicit view.
    pub view: ViewId,
    /// Its decoded picture.
    pub picture: Pooled<Picture>,
    /// Key pictures of the views that warp it.
    pub keys: Arc<Keys>,
}

/// Everything needed to paint all shown views at one time.
#[derive(Debug)]
pub struct TimeJob {
    /// The time.
    pub time: TimeIndex,
    /// The GOP it is in.
    pub gop: Arc<Gop>,
    /// Views to show.
    pub shown: ViewSet,
    /// Explicit pictures those views need.
    pub anchors: FixedVec<AnchorPicture, MAX_VIEWS>,
    /// Time taken so far.
    pub timings: Timings,
}

impl TimeJob {
    /// The picture of explicit view `view` and the keys of its section.
    ///
    /// # Panics
    /// If the view was not decoded: the anchor stage decodes what the shown views need.
    pub fn anchor(&self, view: ViewId) -> &AnchorPicture {
        let found = self.anchors.iter().find(|a| a.view == view);
        found.unwrap_or_else(|| panic!("the anchor stage decodes what the shown views need"))
    }
}

/// The anchor stage: an adaptor from GOPs to times.
pub struct AnchorStage<I> {
    gops: I,
    header: Arc<Header>,
    shown: Arc<AtomicU32>,
    pictures: Pool<Picture>,
    active: Option<Active>,
    failed: bool,
}

struct Active {
    gop: Arc<Gop>,
    next: u32,
    sections: Vec<SectionDecoder>,
}

impl<I: Iterator<Item = Result<Gop>>> AnchorStage<I> {
    /// Name in errors, traces and board profiles.
    pub const NAME: &'static str = "anchor";

    /// Decodes `gops` for the views whose bits are set in `shown` at each time.
    pub fn new(
        gops: I,
        header: Arc<Header>,
        shown: Arc<AtomicU32>,
        pictures: Pool<Picture>,
    ) -> Self {
        Self { gops, header, shown, pictures, active: None, failed: false }
    }

    fn advance(&mut self) -> Option<Result<TimeJob>> {
        let (active, read_us) = match self.active.take().filter(|a| a.next < a.gop.show.end) {
            Some(active) => (active, 0),
            None => {
                let gop = match self.gops.next()? {
                    Ok(gop) => Arc::new(gop),
                    Err(error) => return Some(Err(error)),
                };
                let read_us = gop.read_us;
                (Active { next: gop.show.start, gop, sections: Vec::new() }, read_us)
            }
        };
        let active = self.active.insert(active);
        let shown = ViewSet::from_bits(self.shown.load(Ordering::Relaxed));
        Some(active.decode(shown, &self.header, &self.pictures, Timings::begin(read_us)))
    }
}

impl<I: Iterator<Item = Result<Gop>>> Iterator for AnchorStage<I> {
    type Item = Result<TimeJob>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let job = self.advance();
        self.failed = matches!(job, Some(Err(_)));
        job
    }
}

impl Active {
    fn decode(
        &mut self,
        shown: ViewSet,
        header: &Header,
        pool: &Pool<Picture>,
        mut timings: Timings,
    ) -> Result<TimeJob> {
        let started = Instant::now();
        let time = self.next;
        self.next += 1;
        let mut anchors = FixedVec::new();
        for view in shown.explicit_needed(header).iter() {
            let section = self.section(view, header.size)?;
            let picture = section.picture_at(time, pool)?;
            let anchor = AnchorPicture { view, picture, keys: Arc::clone(&section.keys) };
            assert!(anchors.push(anchor).is_ok(), "a stream has at most {MAX_VIEWS} views");
        }
        timings.anchor_us = started.elapsed().as_micros() as u64;
        let gop = Arc::clone(&self.gop);
        Ok(TimeJob { time: TimeIndex(time), gop, shown, anchors, timings })
    }

    /// The decoder of `view`, opened when the view is first needed in this GOP.
    fn section(&mut self, view: ViewId, size: Size) -> Result<&mut SectionDecoder> {
        let place = match self.sections.iter().position(|s| s.view == view) {
            Some(place) => place,
            None => {
                self.sections.push(SectionDecoder::new(Arc::clone(&self.gop), view, size)?);
                self.sections.len() - 1
            }
        };
        Ok(&mut self.sections[place])
    }
}

/// Decoder of one anchor section.
///
/// Why a decoder per section: no state of an earlier GOP can then leak into a picture, so seeking
/// equals playing.
struct SectionDecoder {
    view: ViewId,
    gop: Arc<Gop>,
    body: usize,
    size: Size,
    decoder: Decoder,
    packet: Vec<u8>,
    next_nal: usize,
    /// Pictures the decoder held back until the end.
    flushed: VecDeque<Pooled<Picture>>,
    /// Time of the next picture of the view itself.
    next_time: u32,
    keys: Arc<Keys>,
}

impl SectionDecoder {
    fn new(gop: Arc<Gop>, view: ViewId, size: Size) -> Result<Self> {
        let body = gop.anchors.iter().position(|a| a.view == view);
        let body = body.unwrap_or_else(|| panic!("the reader reads what reachable views need"));
        let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
        let api = openh264::OpenH264API::from_source();
        let decoder = Decoder::with_api_config(api, config)
            .map_err(|e| Error::Backend { what: format!("openh264 does not start: {e}") })?;
        Ok(Self {
            view,
            next_time: gop.first,
            gop,
            body,
            size,
            decoder,
            packet: Vec::new(),
            next_nal: 0,
            flushed: VecDeque::new(),
            keys: Arc::default(),
        })
    }

    fn section(&self) -> &AnchorBody {
        &self.gop.anchors[self.body]
    }

    /// The view's picture at `time`, counted from the start of the stream; times only grow.
    fn picture_at(&mut self, time: u32, pool: &Pool<Picture>) -> Result<Pooled<Picture>> {
        loop {
            let picture = self.next_picture(pool)?;
            if self.next_time == self.gop.first {
                self.decode_keys(pool)?;
            }
            self.next_time += 1;
            if self.next_time > time {
                return Ok(picture);
            }
        }
    }

    /// Decodes the key pictures, which follow the first picture of the view (FORMAT.md §8).
    fn decode_keys(&mut self, pool: &Pool<Picture>) -> Result<()> {
        let mut keys = Keys::new();
        for index in 0..self.section().keys.len() {
            let key = self.section().keys[index];
            keys.push((key, self.next_picture(pool)?));
        }
        self.keys = Arc::new(keys);
        Ok(())
    }

    fn next_picture(&mut self, pool: &Pool<Picture>) -> Result<Pooled<Picture>> {
        if let Some(picture) = self.flushed.pop_front() {
            return Ok(picture);
        }
        while self.gather_access_unit() {
            let frame = self.frame();
            let options = DecodeOptions::default();
            match self.decoder.decode_with_options(&self.packet, options) {
                Ok(Some(yuv)) => return crop(&yuv, self.size, pool).map_err(|e| failed(frame, e)),
                Ok(None) => {}
                Err(error) => return Err(failed(frame, error.into())),
            }
        }
        let frame = self.frame();
        let held = self.decoder.flush_remaining().map_err(|e| failed(frame, e.into()))?;
        for yuv in &held {
            let picture = crop(yuv, self.size, pool).map_err(|e| failed(frame, e))?;
            self.flushed.push_back(picture);
        }
        let short = "fewer pictures come out than the section has slices";
        self.flushed.pop_front().ok_or_else(|| failed(frame, short.into()))
    }

    fn frame(&self) -> FrameId {
        FrameId { view: self.view, time: TimeIndex(self.next_time) }
    }

    /// Fills `packet` up to the next slice; false at the end of the section.
    fn gather_access_unit(&mut self) -> bool {
        self.packet.clear();
        let section = &self.gop.anchors[self.body];
        while let Some((unit, nal)) = section.nal(self.next_nal) {
            self.next_nal += 1;
            self.packet.extend([0, 0, 0, 1]);
            self.packet.extend(nal);
            if matches!(unit, Unit::Idr | Unit::Slice) {
                return true;
            }
        }
        false
    }
}

fn failed(frame: FrameId, source: BoxError) -> Error {
    Error::Stage { stage: "anchor", frame, source }
}

/// Copies the top left `size` out of a decoded picture, which may be one larger on odd sides.
fn crop(
    yuv: &DecodedYUV<'_>,
    size: Size,
    pool: &Pool<Picture>,
) -> Result<Pooled<Picture>, BoxError> {
    let (columns, rows) = yuv.dimensions();
    let even = (size.width().next_multiple_of(2), size.height().next_multiple_of(2));
    if (columns, rows) != even {
        return Err(format!("a picture is {columns}×{rows}, not {}×{}", even.0, even.1).into());
    }
    let mut picture = pool.take_or(|| Picture::new(size));
    let sources =
        [(yuv.y(), yuv.strides().0), (yuv.u(), yuv.strides().1), (yuv.v(), yuv.strides().2)];
    for (plane, (samples, stride)) in Plane::ALL.into_iter().zip(sources) {
        let (width, _) = picture.plane_size(plane);
        let lines = picture.plane_mut(plane).chunks_exact_mut(width);
        for (line, source) in lines.zip(samples.chunks(stride)) {
            let source = source.get(..width).ok_or("a decoded plane is cut off")?;
            line.copy_from_slice(source);
        }
    }
    Ok(picture)
}
