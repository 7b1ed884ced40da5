//! The anchor stage: sections of explicit pictures to pictures, one time after another.

use std::sync::Arc;
use std::time::Instant;

use heapless::Vec as FixedVec;

use super::decoder::{AnchorDecoder, Input, Ready, failed};
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
            let picture = section.picture_at(view, time, decoder)?;
            let anchor = AnchorPicture { view, picture, keys: Arc::clone(&section.keys) };
            assert!(anchors.push(anchor).is_ok(), "a stream has at most {MAX_VIEWS} views");
        }
        timings.anchor_us = started.elapsed().as_micros() as u64;
        let gop = Arc::clone(&self.gop);
        Ok(TimeJob { time: TimeIndex(time), number, gop, shown, anchors, timings })
    }

    /// The section with `view`, begun when one of its views is first needed in this GOP.
    fn section(&mut self, view: ViewId, ready: impl FnOnce() -> Ready) -> &mut Section {
        let place = match self.sections.iter().position(|s| s.body().views.contains(&view)) {
            Some(place) => place,
            None => {
                self.sections.push(Section::new(Arc::clone(&self.gop), view, ready()));
                self.sections.len() - 1
            }
        };
        &mut self.sections[place]
    }
}

/// One section on its way through its decoder.
struct Section {
    gop: Arc<Gop>,
    body: usize,
    unit: Vec<u8>,
    next_unit: usize,
    /// Whether the decoder has been told that the section is over.
    ended: bool,
    ready: Ready,
    /// Pictures that came out, in coding order.
    decoded: usize,
    /// The time after that of `current`.
    next_time: u32,
    /// The picture of each of its views at the last time.
    current: FixedVec<Shared<Picture>, MAX_VIEWS>,
    keys: Arc<Keys>,
}

impl Section {
    fn new(gop: Arc<Gop>, view: ViewId, ready: Ready) -> Self {
        let body = gop.anchors.iter().position(|a| a.views.contains(&view));
        let body = body.unwrap_or_else(|| panic!("the reader reads what reachable views need"));
        Self {
            next_time: gop.first,
            gop,
            body,
            unit: Vec::new(),
            next_unit: 0,
            ended: false,
            ready,
            decoded: 0,
            current: FixedVec::new(),
            keys: Arc::default(),
        }
    }

    fn body(&self) -> &AnchorBody {
        &self.gop.anchors[self.body]
    }

    /// The picture of `view` at `time`, counted from the start of the stream; times only grow.
    fn picture_at(
        &mut self,
        view: ViewId,
        time: u32,
        by: &mut dyn AnchorDecoder,
    ) -> Result<Shared<Picture>> {
        while self.next_time <= time {
            self.current.clear();
            for _ in 0..self.body().views.len() {
                let picture = self.next_shown(by)?.share();
                assert!(self.current.push(picture).is_ok(), "a section has at most 32 views");
            }
            self.next_time += 1;
        }
        let views = self.body().views.iter();
        let found = views.zip(&self.current).find(|(of, _)| **of == view);
        let (_, picture) = found.unwrap_or_else(|| panic!("the section has the view"));
        Ok(picture.clone())
    }

    /// The next picture that is shown.
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
        let first_view = self.body().views[0];
        let frame = FrameId { view: first_view, time: TimeIndex(self.next_time) };
        loop {
            if let Some(picture) = self.ready.pop() {
                self.decoded += 1;
                return Ok(picture);
            }
            if self.ended {
                return Err(failed(frame, "fewer pictures come out than the section has"));
            }
            let is_first = self.next_unit == 0;
            let section = &self.gop.anchors[self.body];
            let input = match section.access_unit(self.next_unit, &mut self.unit) {
                true if is_first => Input::First(section.codec, &self.unit),
                true => Input::Next(&self.unit),
                false => Input::End,
            };
            self.next_unit += 1;
            by.decode(frame, input, &mut self.ready)?;
            self.ended = input == Input::End;
        }
    }
}
