//! The anchor stage: sections of explicit pictures to pictures, one frame after another.

use std::sync::Arc;
use std::time::Instant;

use heapless::Vec as FixedVec;

use super::demand::Demand;
use crate::anchor::body::AnchorBody;
use crate::anchor::decoder::{AnchorDecoder, Input, Ready, failed};
use crate::error::Result;
use crate::format::anchor::CodedPicture;
use crate::format::header::{Header, MAX_VIEWS};
use crate::format::views::ViewSet;
use crate::paint::job::{AnchorPicture, FrameJob, Keys};
use crate::paint::timing::Timings;
use crate::picture::Picture;
use crate::picture::pool::{Loan, Pool, SharedLoan};
use crate::stream::gop_reader::Gop;
use crate::units::{FrameIndex, PictureId, ViewId};

/// The anchor stage: an adaptor from GOPs to frames.
pub struct AnchorStage<I> {
    gops: I,
    header: Arc<Header>,
    wanted: Arc<Demand>,
    pictures: Pool<Picture>,
    decoder: Box<dyn AnchorDecoder>,
    active: Option<Active>,
    /// Frames decoded so far.
    decoded: u64,
    failed: bool,
}

struct Active {
    gop: Arc<Gop>,
    next: u32,
    sections: Vec<OpenSection>,
}

impl<I: Iterator<Item = Result<Gop>>> AnchorStage<I> {
    /// Decodes `gops` by `decoder` for the views that are `wanted` at each frame.
    pub fn new(
        gops: I,
        header: Arc<Header>,
        wanted: Arc<Demand>,
        pictures: Pool<Picture>,
        decoder: Box<dyn AnchorDecoder>,
    ) -> Self {
        let (active, decoded, failed) = (None, 0, false);
        Self { gops, header, wanted, pictures, decoder, active, decoded, failed }
    }

    fn advance(&mut self) -> Option<Result<FrameJob>> {
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
    type Item = Result<FrameJob>;

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
    ) -> Result<FrameJob> {
        let started = Instant::now();
        let frame = self.next;
        self.next += 1;
        let mut anchors = FixedVec::new();
        for view in shown.explicit_needed(header).iter() {
            let section = self.section(view, || Ready::new(header.size, pool.clone()));
            let picture = section.picture_at(view, frame, decoder)?;
            let anchor = AnchorPicture { view, picture, keys: Arc::clone(&section.keys) };
            assert!(anchors.push(anchor).is_ok(), "a stream has at most {MAX_VIEWS} views");
        }
        timings.anchor_us = started.elapsed().as_micros() as u64;
        let gop = Arc::clone(&self.gop);
        Ok(FrameJob { frame: FrameIndex(frame), number, gop, shown, anchors, timings })
    }

    /// The section with `view`, begun when one of its views is first needed in this GOP.
    fn section(&mut self, view: ViewId, ready: impl FnOnce() -> Ready) -> &mut OpenSection {
        let place = match self.sections.iter().position(|s| s.body().views.contains(&view)) {
            Some(place) => place,
            None => {
                self.sections.push(OpenSection::new(Arc::clone(&self.gop), view, ready()));
                self.sections.len() - 1
            }
        };
        &mut self.sections[place]
    }
}

/// One section on its way through its decoder.
struct OpenSection {
    gop: Arc<Gop>,
    body: usize,
    unit: Vec<u8>,
    next_unit: usize,
    /// Whether the decoder has been told that the section is over.
    ended: bool,
    ready: Ready,
    /// Pictures that came out, in coding order.
    decoded: usize,
    /// The frame after that of `current`.
    next_frame: u32,
    /// The picture of each of its views at the last frame.
    current: FixedVec<SharedLoan<Picture>, MAX_VIEWS>,
    keys: Arc<Keys>,
}

impl OpenSection {
    fn new(gop: Arc<Gop>, view: ViewId, ready: Ready) -> Self {
        let body = gop.anchors.iter().position(|a| a.views.contains(&view));
        let body = body.unwrap_or_else(|| panic!("the reader reads what reachable views need"));
        Self {
            next_frame: gop.first,
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

    /// The picture of `view` at `frame`, counted from the start of the stream; frames only grow.
    fn picture_at(
        &mut self,
        view: ViewId,
        frame: u32,
        by: &mut dyn AnchorDecoder,
    ) -> Result<SharedLoan<Picture>> {
        while self.next_frame <= frame {
            self.current.clear();
            for _ in 0..self.body().views.len() {
                let picture = self.next_shown(by)?.share();
                assert!(self.current.push(picture).is_ok(), "a section has at most 32 views");
            }
            self.next_frame += 1;
        }
        let views = self.body().views.iter();
        let found = views.zip(&self.current).find(|(of, _)| **of == view);
        let (_, picture) = found.unwrap_or_else(|| panic!("the section has the view"));
        Ok(picture.clone())
    }

    /// The next picture that is shown.
    fn next_shown(&mut self, by: &mut dyn AnchorDecoder) -> Result<Loan<Picture>> {
        loop {
            let coded = self.body().order[self.decoded];
            let picture = self.next_picture(by)?;
            if self.decoded == 1 {
                self.decode_keys(by)?;
            }
            if coded == CodedPicture::Shown {
                return Ok(picture);
            }
        }
    }

    /// Decodes the key pictures, which follow the first picture.
    fn decode_keys(&mut self, by: &mut dyn AnchorDecoder) -> Result<()> {
        let mut keys = Keys::new();
        while let Some(CodedPicture::Key(key)) = self.body().order.get(self.decoded).copied() {
            keys.push((key, self.next_picture(by)?));
        }
        self.keys = Arc::new(keys);
        Ok(())
    }

    /// The next picture in coding order.
    fn next_picture(&mut self, by: &mut dyn AnchorDecoder) -> Result<Loan<Picture>> {
        let first_view = self.body().views[0];
        let place = PictureId { view: first_view, frame: FrameIndex(self.next_frame) };
        loop {
            if let Some(picture) = self.ready.pop() {
                self.decoded += 1;
                return Ok(picture);
            }
            if self.ended {
                return Err(failed(place, "fewer pictures come out than the section has"));
            }
            let is_first = self.next_unit == 0;
            let section = &self.gop.anchors[self.body];
            let input = match section.access_unit(self.next_unit, &mut self.unit) {
                true if is_first => Input::First(section.codec, &self.unit),
                true => Input::Next(&self.unit),
                false => Input::End,
            };
            self.next_unit += 1;
            by.decode(place, input, &mut self.ready)?;
            self.ended = input == Input::End;
        }
    }
}
