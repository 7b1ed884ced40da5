//! A section of explicit pictures on its way through its decoder.

use std::sync::Arc;
use std::time::Instant;

use heapless::Vec as FixedVec;

use super::lanes::Run;
use crate::anchor::body::AnchorBody;
use crate::anchor::decoder::{AnchorDecoder, Input, Ready, failed};
use crate::error::Result;
use crate::format::anchor::CodedPicture;
use crate::format::header::MAX_VIEWS;
use crate::paint::job::Keys;
use crate::picture::Picture;
use crate::picture::pool::{Loan, SharedLoan};
use crate::stream::gop_reader::Gop;
use crate::units::{FrameIndex, PictureId, ViewId};

/// What a section shows at one frame.
#[derive(Debug, Clone)]
pub struct SectionFrame {
    /// The frame, from the start of the stream.
    pub frame: u32,
    /// The picture of each of its views, in coding order.
    pub pictures: FixedVec<SharedLoan<Picture>, MAX_VIEWS>,
    /// Key pictures of the views that warp them.
    pub keys: Arc<Keys>,
    /// What decoding took.
    pub anchor_us: u64,
}

/// One section, from the first frame that is asked for.
pub struct OpenSection {
    gop: Arc<Gop>,
    body: usize,
    unit: Vec<u8>,
    next_unit: usize,
    /// Whether the decoder has been told that the section is over.
    ended: bool,
    ready: Ready,
    /// Pictures that came out, in coding order.
    decoded: usize,
    /// The frame whose pictures come next.
    next_frame: u32,
    /// The frame that is made next.
    from: u32,
    keys: Arc<Keys>,
}

impl OpenSection {
    /// Section `body` of `gop`, whose pictures from the frame `from` on are wanted.
    pub fn new(gop: Arc<Gop>, body: usize, from: u32, ready: Ready) -> Self {
        Self {
            next_frame: gop.first,
            from,
            gop,
            body,
            unit: Vec::new(),
            next_unit: 0,
            ended: false,
            ready,
            decoded: 0,
            keys: Arc::default(),
        }
    }

    fn body(&self) -> &AnchorBody {
        &self.gop.anchors[self.body]
    }

    /// The view by which the decoder knows the section.
    fn leader(&self) -> ViewId {
        self.body().views[0]
    }

    /// What is shown at `frame`, which is none of those before.
    ///
    /// # Errors
    /// The decoder's.
    pub fn at(&mut self, frame: u32, by: &mut dyn AnchorDecoder) -> Result<SectionFrame> {
        let started = Instant::now();
        let mut pictures = FixedVec::new();
        while self.next_frame <= frame {
            pictures.clear();
            for _ in 0..self.body().views.len() {
                let picture = self.next_shown(by)?.share();
                assert!(pictures.push(picture).is_ok(), "a section has at most {MAX_VIEWS} views");
            }
            self.next_frame += 1;
        }
        assert!(!pictures.is_empty(), "frames only grow");
        self.from = self.next_frame;
        let (keys, anchor_us) = (Arc::clone(&self.keys), started.elapsed().as_micros() as u64);
        Ok(SectionFrame { frame, pictures, keys, anchor_us })
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

    /// Decodes the key pictures, which follow the first picture. Of copies the first counts; the others only tell an
    /// encoder how much hangs on it.
    fn decode_keys(&mut self, by: &mut dyn AnchorDecoder) -> Result<()> {
        let mut keys = Keys::new();
        while let Some(CodedPicture::Key(key)) = self.body().order.get(self.decoded).copied() {
            let picture = self.next_picture(by)?;
            if keys.iter().all(|(known, _)| *known != key) {
                keys.push((key, picture));
            }
        }
        self.keys = Arc::new(keys);
        Ok(())
    }

    /// The next picture in coding order.
    fn next_picture(&mut self, by: &mut dyn AnchorDecoder) -> Result<Loan<Picture>> {
        let place = PictureId { view: self.leader(), frame: FrameIndex(self.next_frame) };
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

/// Frame by frame, up to the last that the GOP shows.
impl Run<Box<dyn AnchorDecoder>> for OpenSection {
    type Item = SectionFrame;

    fn key(&self) -> usize {
        self.leader().0.into()
    }

    fn make(&mut self, by: &mut Box<dyn AnchorDecoder>) -> Option<Result<SectionFrame>> {
        (self.from < self.gop.show.end).then(|| self.at(self.from, &mut **by))
    }

    fn end(self, by: &mut Box<dyn AnchorDecoder>) {
        by.forget(self.leader());
    }
}
