//! The anchor stage: sections of explicit pictures to pictures, one frame after another.

use std::sync::Arc;

use heapless::Vec as FixedVec;

use super::demand::Demand;
use super::lanes::{Items, Lanes};
use super::section::{OpenSection, SectionFrame};
use super::shares::WorkQueue;
use crate::anchor::decoder::{AnchorDecoder, Ready};
use crate::error::Result;
use crate::format::header::{Header, MAX_VIEWS};
use crate::format::views::ViewSet;
use crate::paint::job::{AnchorPicture, FrameJob};
use crate::paint::timing::Timings;
use crate::picture::Picture;
use crate::picture::pool::Pool;
use crate::stream::gop_reader::{Gop, GopReader};
use crate::units::{FrameIndex, ViewId};

/// Frames that the section of a view may be decoded ahead of the one that is asked for. A picture of AV1 may take
/// six decodes, for those that are hidden before it, and the next five none; the first of a GOP comes with key
/// pictures.
pub(crate) const AHEAD: usize = 6;

/// GOPs in order, some of which may be there before they are needed.
pub trait Gops: Iterator<Item = Result<Gop>> {
    /// The next, if it is there.
    fn waiting(&mut self) -> Option<Result<Gop>>;
}

/// Read when they are needed.
impl Gops for GopReader {
    fn waiting(&mut self) -> Option<Result<Gop>> {
        None
    }
}

impl Gops for WorkQueue<Gop> {
    fn waiting(&mut self) -> Option<Result<Gop>> {
        self.now()
    }
}

/// Where sections are decoded.
pub trait Sections {
    /// A section that has begun.
    type Begun;

    /// Begins a section whose first frame is `number` in the playback, the one in this `order` of those that are decoded
    /// together; so many frames may be decoded `ahead`.
    fn begin(
        &mut self,
        order: usize,
        section: OpenSection,
        number: u64,
        ahead: usize,
    ) -> Self::Begun;

    /// So many more frames may be decoded ahead.
    fn more(&mut self, begun: &Self::Begun, frames: usize);

    /// What the section shows at `frame`.
    ///
    /// # Errors
    /// The decoder's.
    fn at(&mut self, begun: &mut Self::Begun, frame: u32) -> Result<SectionFrame>;
}

/// In the caller's thread, when asked: the oracle of [`Ahead`].
pub struct Here(pub Box<dyn AnchorDecoder>);

impl Sections for Here {
    type Begun = OpenSection;

    fn begin(&mut self, _: usize, section: OpenSection, _: u64, _: usize) -> OpenSection {
        section
    }

    fn more(&mut self, _: &OpenSection, _: usize) {}

    fn at(&mut self, begun: &mut OpenSection, frame: u32) -> Result<SectionFrame> {
        begun.at(frame, &mut *self.0)
    }
}

/// On threads, `AHEAD` frames ahead.
pub struct Ahead(Lanes<OpenSection, SectionFrame>);

impl Ahead {
    /// A thread for each of the decoders.
    ///
    /// # Errors
    /// [`Error::Backend`](crate::Error::Backend) when the system refuses one.
    pub fn start(decoders: Vec<Box<dyn AnchorDecoder>>) -> Result<Self> {
        Lanes::start("decoder", decoders).map(Self)
    }
}

impl Sections for Ahead {
    type Begun = Items<OpenSection, SectionFrame>;

    fn begin(
        &mut self,
        order: usize,
        section: OpenSection,
        number: u64,
        ahead: usize,
    ) -> Self::Begun {
        self.0.begin(order, section, number, (ahead, AHEAD))
    }

    fn more(&mut self, begun: &Self::Begun, frames: usize) {
        begun.more(frames);
    }

    fn at(&mut self, begun: &mut Self::Begun, frame: u32) -> Result<SectionFrame> {
        loop {
            let decoded = self.0.take(begun)?;
            // Those before were decoded when its views were shown the last time.
            if decoded.frame == frame {
                return Ok(decoded);
            }
        }
    }
}

/// The anchor stage: an adaptor from GOPs to frames.
pub struct AnchorStage<I, S: Sections> {
    gops: I,
    header: Arc<Header>,
    wanted: Arc<Demand>,
    pictures: Pool<Picture>,
    /// The GOP of the next frame.
    now: Option<Turn<S::Begun>>,
    /// The one behind it, once that is nearly over.
    coming: Option<Result<Turn<S::Begun>>>,
    /// Frames decoded so far.
    decoded: u64,
    failed: bool,
    sections: S,
}

/// A GOP and those of its sections that have begun, each by its place in the GOP.
struct Turn<B> {
    gop: Arc<Gop>,
    /// The next frame.
    next: u32,
    /// Frames that its sections may be decoded ahead.
    ahead: usize,
    begun: Vec<(usize, B)>,
}

impl<B> Turn<B> {
    fn of(gop: Gop) -> Self {
        Self { next: gop.show.start, gop: Arc::new(gop), ahead: 0, begun: Vec::new() }
    }

    /// Frames that are still to come.
    fn left(&self) -> usize {
        (self.gop.show.end - self.next) as usize
    }

    /// Places of the sections that have `explicit` views, by the first of those.
    fn sections_of(&self, explicit: ViewSet) -> FixedVec<usize, MAX_VIEWS> {
        let mut places = FixedVec::new();
        for view in explicit.iter() {
            let found = self.gop.anchors.iter().position(|a| a.views.contains(&view));
            let place = found.unwrap_or_else(|| panic!("the reader reads what views need"));
            if !places.contains(&place) {
                assert!(places.push(place).is_ok(), "a stream has at most {MAX_VIEWS} views");
            }
        }
        places
    }
}

impl<I: Gops, S: Sections> AnchorStage<I, S> {
    /// Decodes `gops` in `sections` for the views that are `wanted` at each frame.
    pub fn new(
        gops: I,
        header: Arc<Header>,
        wanted: Arc<Demand>,
        pictures: Pool<Picture>,
        sections: S,
    ) -> Self {
        let (now, coming, decoded, failed) = (None, None, 0, false);
        Self { gops, header, wanted, pictures, now, coming, decoded, failed, sections }
    }

    fn advance(&mut self) -> Option<Result<FrameJob>> {
        let turn = match self.now.take().filter(|turn| turn.left() > 0) {
            Some(turn) => turn,
            None => match self.coming.take().or_else(|| Some(self.gops.next()?.map(Turn::of)))? {
                Ok(mut turn) => {
                    self.let_ahead(&mut turn, AHEAD);
                    turn
                }
                Err(error) => return Some(Err(error)),
            },
        };
        let job = self.job(turn);
        self.look_ahead();
        Some(job)
    }

    /// Begins with the next GOP when this one has few frames left: together they are decoded [`AHEAD`] frames ahead.
    fn look_ahead(&mut self) {
        let Some(left) = self.now.as_ref().map(Turn::left) else { return };
        let Some(ahead) = AHEAD.checked_sub(left) else { return };
        let coming = match self.coming.take() {
            None => self.gops.waiting().map(|gop| gop.map(|gop| self.begin_early(gop, left))),
            coming => coming,
        };
        self.coming = coming.map(|turn| {
            turn.map(|mut turn| {
                self.let_ahead(&mut turn, ahead);
                turn
            })
        });
    }

    /// Begins what is wanted now of a GOP that has its turn after so many frames.
    fn begin_early(&mut self, gop: Gop, after: usize) -> Turn<S::Begun> {
        let mut turn = Turn::of(gop);
        let explicit = self.wanted.shown().explicit_needed(&self.header);
        let number = self.decoded + after as u64;
        for (order, place) in turn.sections_of(explicit).into_iter().enumerate() {
            self.begin(&mut turn, order, place, number);
        }
        turn
    }

    fn let_ahead(&mut self, turn: &mut Turn<S::Begun>, ahead: usize) {
        let more = ahead - turn.ahead;
        if more > 0 {
            turn.begun.iter().for_each(|(_, begun)| self.sections.more(begun, more));
            turn.ahead = ahead;
        }
    }

    fn begin(&mut self, turn: &mut Turn<S::Begun>, order: usize, place: usize, number: u64) {
        let ready = Ready::new(self.header.size, self.pictures.clone());
        let section = OpenSection::new(Arc::clone(&turn.gop), place, turn.next, ready);
        let begun = self.sections.begin(order, section, number, turn.ahead);
        turn.begun.push((place, begun));
    }

    /// Gives up what was begun early of the section that `leader` leads, so that an earlier one has its decoder.
    fn give_up_early(&mut self, leader: ViewId) {
        if let Some(Ok(Turn { gop, begun, .. })) = &mut self.coming {
            begun.retain(|(place, _)| gop.anchors[*place].views[0] != leader);
        }
    }

    /// The next frame of the GOP that has its turn, with what is wanted by now.
    fn job(&mut self, mut turn: Turn<S::Begun>) -> Result<FrameJob> {
        let (frame, number, shown) = (turn.next, self.decoded, self.wanted.shown());
        let is_first = frame == turn.gop.show.start;
        let mut timings = Timings::begin(if is_first { turn.gop.read_us } else { 0 });
        let explicit = shown.explicit_needed(&self.header);
        let mut anchors = FixedVec::new();
        // A section is begun when one of its views is first needed in this GOP, and before any is waited for, so that no
        // decoder idles until another has its first picture.
        let places = turn.sections_of(explicit);
        for (order, place) in places.iter().copied().enumerate() {
            if !turn.begun.iter().any(|(of, _)| *of == place) {
                self.give_up_early(turn.gop.anchors[place].views[0]);
                self.begin(&mut turn, order, place, number);
            }
        }
        for place in places {
            let begun = turn.begun.iter_mut().find(|(of, _)| *of == place);
            let (_, begun) = begun.unwrap_or_else(|| unreachable!("it has just begun"));
            let decoded = self.sections.at(begun, frame)?;
            timings.anchor_us += decoded.anchor_us;
            // Of a section of several views only what is needed goes on.
            let views = turn.gop.anchors[place].views.iter().copied();
            for (view, picture) in views.zip(decoded.pictures) {
                let anchor = AnchorPicture { view, picture, keys: Arc::clone(&decoded.keys) };
                if explicit.contains(view) {
                    assert!(anchors.push(anchor).is_ok(), "a stream has at most {MAX_VIEWS} views");
                }
            }
        }
        let gop = Arc::clone(&turn.gop);
        (turn.next, self.decoded) = (frame + 1, number + 1);
        self.now = Some(turn);
        Ok(FrameJob { frame: FrameIndex(frame), number, gop, shown, anchors, timings })
    }
}

impl<I: Gops, S: Sections> Iterator for AnchorStage<I, S> {
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
