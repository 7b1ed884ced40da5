//! The anchor stage: H.264 sections to pictures, one time after another.

use std::sync::Arc;
use std::time::Instant;

use heapless::Vec as FixedVec;

use super::decoder::{AnchorDecoder, Input, Ready, failed};
use super::h264::checker::Unit;
use crate::anchor::body::AnchorBody;
use crate::error::Result;
use crate::format::anchor::{Coded, Key};
use crate::format::header::{Header, MAX_VIEWS};
use crate::picture::Picture;
use crate::picture::pool::{Pool, Pooled, Shared};
use crate::play::timing::Timings;
use crate::play::wanted::Wanted;
use crate::stream::gop_reader::Gop;
use crate::units::views::ViewSet;
use crate::units::{FrameId, TimeIndex, ViewId};

/// Key pictures of one section, kept for its GOP.
pub type Keys = Vec<(Key, Pooled<Picture>)>;

/// The picture of one explicit view at one time.
#[derive(Debug, Clone)]
pub struct AnchorPicture {
    /// The explicit view.
    pub view: ViewId,
    /// Its decoded picture.
    pub picture: Shared<Picture>,
    /// Key pictures of the views that warp it.
    pub keys: Arc<Keys>,
}

/// Everything needed to paint all shown views at one time; clones share the pictures.
#[derive(Debug, Clone)]
pub struct TimeJob {
    /// The time.
    pub time: TimeIndex,
    /// How many times the playback decoded before it.
    pub number: u64,
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
    wanted: Arc<Wanted>,
    pictures: Pool<Picture>,
    decoder: Box<dyn AnchorDecoder>,
    active: Option<Active>,
    /// Times decoded so far.
    decoded: u64,
    failed: bool,
}

struct Active {
    gop: Arc<Gop>,
    next: u32,
    sections: Vec<Section>,
}

impl<I: Iterator<Item = Result<Gop>>> AnchorStage<I> {
    /// Decodes `gops` by `decoder` for the views that are `wanted` at each time.
    pub fn new(
        gops: I,
        header: Arc<Header>,
        wanted: Arc<Wanted>,
        pictures: Pool<Picture>,
        decoder: Box<dyn AnchorDecoder>,
    ) -> Self {
        let (active, decoded, failed) = (None, 0, false);
        Self { gops, header, wanted, pictures, decoder, active, decoded, failed }
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
        let number = self.decoded;
        self.decoded += 1;
        let (decoder, timings) = (&mut *self.decoder, Timings::begin(read_us));
        let shown = (number, self.wanted.shown());
        Some(active.decode(shown, &self.header, decoder, &self.pictures, timings))
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
        (number, shown): (u64, ViewSet),
        header: &Header,
        decoder: &mut dyn AnchorDecoder,
        pool: &Pool<Picture>,
        mut timings: Timings,
    ) -> Result<TimeJob> {
        let started = Instant::now();
        let time = self.next;
        self.next += 1;
        let mut anchors = FixedVec::new();
        for view in shown.explicit_needed(header).iter() {
            let section = self.section(view, || Ready::new(header.size, pool.clone()));
            let picture = section.picture_at(time, decoder)?.share();
            let anchor = AnchorPicture { view, picture, keys: Arc::clone(&section.keys) };
            assert!(anchors.push(anchor).is_ok(), "a stream has at most {MAX_VIEWS} views");
        }
        timings.anchor_us = started.elapsed().as_micros() as u64;
        let gop = Arc::clone(&self.gop);
        Ok(TimeJob { time: TimeIndex(time), number, gop, shown, anchors, timings })
    }

    /// The section of `view`, begun when the view is first needed in this GOP.
    fn section(&mut self, view: ViewId, ready: impl FnOnce() -> Ready) -> &mut Section {
        let place = match self.sections.iter().position(|s| s.view == view) {
            Some(place) => place,
            None => {
                self.sections.push(Section::new(Arc::clone(&self.gop), view, ready()));
                self.sections.len() - 1
            }
        };
        &mut self.sections[place]
    }
}

/// One anchor section on its way through the decoder.
struct Section {
    view: ViewId,
    gop: Arc<Gop>,
    body: usize,
    unit: Vec<u8>,
    next_nal: usize,
    /// Whether the decoder has been told that the section is over.
    ended: bool,
    ready: Ready,
    /// Pictures that came out, in coding order.
    decoded: usize,
    /// Time of the next picture that is shown.
    next_time: u32,
    keys: Arc<Keys>,
}

impl Section {
    fn new(gop: Arc<Gop>, view: ViewId, ready: Ready) -> Self {
        let body = gop.anchors.iter().position(|a| a.view == view);
        let body = body.unwrap_or_else(|| panic!("the reader reads what reachable views need"));
        Self {
            view,
            next_time: gop.first,
            gop,
            body,
            unit: Vec::new(),
            next_nal: 0,
            ended: false,
            ready,
            decoded: 0,
            keys: Arc::default(),
        }
    }

    fn body(&self) -> &AnchorBody {
        &self.gop.anchors[self.body]
    }

    /// The view's picture at `time`, counted from the start of the stream; times only grow.
    fn picture_at(&mut self, time: u32, by: &mut dyn AnchorDecoder) -> Result<Pooled<Picture>> {
        loop {
            let picture = self.next_shown(by)?;
            self.next_time += 1;
            if self.next_time > time {
                return Ok(picture);
            }
        }
    }

    /// The next picture of the view itself that is shown.
    fn next_shown(&mut self, by: &mut dyn AnchorDecoder) -> Result<Pooled<Picture>> {
        loop {
            let coded = self.body().order[self.decoded];
            let picture = self.next_picture(by)?;
            if self.decoded == 1 {
                self.decode_keys(by)?;
            }
            if coded == Coded::Shown {
                return Ok(picture);
            }
        }
    }

    /// Decodes the key pictures, which follow the first picture.
    fn decode_keys(&mut self, by: &mut dyn AnchorDecoder) -> Result<()> {
        let mut keys = Keys::new();
        while let Some(Coded::Key(key)) = self.body().order.get(self.decoded).copied() {
            keys.push((key, self.next_picture(by)?));
        }
        self.keys = Arc::new(keys);
        Ok(())
    }

    /// The next picture in coding order.
    fn next_picture(&mut self, by: &mut dyn AnchorDecoder) -> Result<Pooled<Picture>> {
        let frame = FrameId { view: self.view, time: TimeIndex(self.next_time) };
        loop {
            if let Some(picture) = self.ready.pop() {
                self.decoded += 1;
                return Ok(picture);
            }
            if self.ended {
                return Err(failed(frame, "fewer pictures come out than the section has slices"));
            }
            let is_first = self.next_nal == 0;
            let input = match self.gather_access_unit() {
                true if is_first => Input::First(&self.unit),
                true => Input::Next(&self.unit),
                false => Input::End,
            };
            by.decode(frame, input, &mut self.ready)?;
            self.ended = input == Input::End;
        }
    }

    /// Fills `unit` up to the next slice; false at the end of the section.
    fn gather_access_unit(&mut self) -> bool {
        self.unit.clear();
        let section = &self.gop.anchors[self.body];
        while let Some((unit, nal)) = section.nal(self.next_nal) {
            self.next_nal += 1;
            self.unit.extend([0, 0, 0, 1]);
            self.unit.extend(nal);
            if matches!(unit, Unit::Idr | Unit::Slice) {
                return true;
            }
        }
        false
    }
}
