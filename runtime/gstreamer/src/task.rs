//! What runs on the sink pad: opens the stream, decodes one frame after another, and pushes each.

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_video::VideoInfo;
use iev_runtime::{Backend, Error, Picture, Playback, Player, Selection, Source};

use crate::element::{Iev, LOG, lock};
use crate::source::Pulled;
use crate::timeline::Timeline;
use crate::{caps, picture};

/// A stream that is read.
pub(crate) struct Opened {
    player: Player,
    backend: Backend,
    selection: Selection,
    info: VideoInfo,
    timeline: Timeline,
    /// None where a seek has ended it.
    pub(crate) playback: Option<Playback>,
}

impl Opened {
    /// A picture with its time; `first` where none was pushed before it since a seek.
    fn buffer(&self, frame: u32, picture: &Picture, first: bool) -> gst::Buffer {
        let mut buffer = picture::buffer(&self.info, picture);
        let [start, end] = [0, 1].map(|on| self.timeline.start(frame.saturating_add(on)));
        let writable = buffer.get_mut().unwrap_or_else(|| unreachable!("nobody else has it yet"));
        writable.set_pts(start);
        writable.set_duration(end - start);
        writable.set_offset(frame.into());
        writable.set_offset_end(u64::from(frame) + 1);
        if first {
            writable.set_flags(gst::BufferFlags::DISCONT);
        }
        buffer
    }
}

/// Why the task rests.
enum Rest {
    /// Somebody stops the element, or seeks.
    Flushing,
    /// The last frame was pushed.
    Ended,
    /// An error of the stream, or of what stands downstream.
    Failed(gst::ErrorMessage),
}

impl From<Error> for Rest {
    fn from(error: Error) -> Self {
        let said = error.with_causes();
        Self::Failed(match error {
            Error::Storage { .. } => gst::error_msg!(gst::ResourceError::Read, ("{said}")),
            Error::Foreign { .. } => gst::error_msg!(gst::StreamError::WrongType, ("{said}")),
            Error::NotInStream { .. } | Error::OverBudget { .. } | Error::Usage { .. } => {
                gst::error_msg!(gst::LibraryError::Settings, ("{said}"))
            }
            Error::Backend { .. } => gst::error_msg!(gst::LibraryError::Init, ("{said}")),
            _ => gst::error_msg!(gst::StreamError::Decode, ("{said}")),
        })
    }
}

impl From<gst::FlowError> for Rest {
    fn from(flow: gst::FlowError) -> Self {
        match flow {
            gst::FlowError::Flushing => Self::Flushing,
            gst::FlowError::Eos => Self::Ended,
            _ => Self::Failed(gst::error_msg!(
                gst::StreamError::Failed,
                ("what stands downstream of iev takes no picture: {flow}")
            )),
        }
    }
}

impl Iev {
    /// Lets the task run.
    pub(crate) fn start(&self) -> Result<(), glib::BoolError> {
        let element = self.downgrade();
        self.sink.start_task(move || {
            if let Some(element) = element.upgrade() {
                let panicked = || element.rest(Rest::Ended);
                element.catch_panic(panicked, |element| {
                    if let Err(why) = element.step() {
                        element.rest(why);
                    }
                });
            }
        })
    }

    /// Stops the task until a seek, with a word to whoever must know.
    fn rest(&self, why: Rest) {
        // Fails only where the pad has no task any more.
        let _ = self.sink.pause_task();
        let (seqnum, segment) = {
            let place = lock(&self.place);
            (place.seqnum.unwrap_or_else(gst::Seqnum::next), place.segment.clone())
        };
        match why {
            Rest::Flushing => return,
            // Who plays a segment seeks on from its end, and wants no end of the stream.
            Rest::Ended if segment.flags().contains(gst::SegmentFlags::SEGMENT) => {
                let end = segment.stop().or(segment.duration());
                let (element, done) = (self.obj(), gst::event::SegmentDone::builder(end));
                let told = gst::message::SegmentDone::builder(end).src(&*element).seqnum(seqnum);
                let _ = element.post_message(told.build());
                self.source.push_event(done.seqnum(seqnum).build());
                return;
            }
            Rest::Ended => {}
            Rest::Failed(message) => self.post_error_message(message),
        }
        self.source.push_event(gst::event::Eos::builder().seqnum(seqnum).build());
    }

    /// One frame.
    fn step(&self) -> Result<(), Rest> {
        let buffer = self.next_buffer()?;
        let end = buffer.pts().zip(buffer.duration()).map(|(start, duration)| start + duration);
        self.source.push(buffer)?;
        // A segment that follows without a flush begins where this one stopped.
        let segment = &mut lock(&self.place).segment;
        segment.set_position(end.map(|end| segment.stop().map_or(end, |stop| end.min(stop))));
        Ok(())
    }

    /// The next frame, and before it whatever is to be opened and said.
    fn next_buffer(&self) -> Result<gst::Buffer, Rest> {
        let mut opened = lock(&self.opened);
        let opened = match &mut *opened {
            Some(opened) => opened,
            none => none.insert(self.open().map_err(|error| self.unless_flushing(error))?),
        };
        let first = opened.playback.is_none();
        let playback = match &mut opened.playback {
            Some(playback) => playback,
            none => {
                none.insert(self.play(&opened.player, &mut opened.selection, opened.timeline)?)
            }
        };
        let shown = playback.next().ok_or(Rest::Ended)?;
        let shown = shown.map_err(|error| self.unless_flushing(error))?;
        if first && let Some(report) = opened.backend.report() {
            gst::info!(LOG, imp = self, "networks run on {report}");
        }
        let Some((id, picture)) = shown.with_ids().next() else {
            unreachable!("a frame has the view that was asked for");
        };
        Ok(opened.buffer(id.frame.0, picture, first))
    }

    /// Reads the header, and says what kind of pictures come.
    fn open(&self) -> Result<Opened, Error> {
        let settings = lock(&self.settings).clone();
        let source = Source::custom(Pulled(self.sink.clone()));
        let (backend, options) = settings.player()?;
        let player = Player::over(source, options)?;
        let header = player.header();
        let (info, timeline) = (caps::info(header)?, Timeline::of(header)?);
        let caps = info.to_caps();
        let caps =
            caps.map_err(|_| caps::unsupported("pictures that GStreamer has no caps for"))?;
        let view = [settings.view(header)].into_iter().collect();
        let selection = Selection::new(view, player.frames());
        {
            let mut place = lock(&self.place);
            place.timeline = Some(timeline);
            place.segment.set_duration(timeline.duration());
        }
        let id = self.source.create_stream_id(&*self.obj(), None);
        let start = gst::event::StreamStart::builder(&id).group_id(gst::GroupId::next());
        self.source.push_event(start.build());
        self.source.push_event(gst::event::Caps::new(&caps));
        Ok(Opened { player, backend, selection, info, timeline, playback: None })
    }

    /// Begins at the segment's start.
    fn play(
        &self,
        player: &Player,
        selection: &mut Selection,
        timeline: Timeline,
    ) -> Result<Playback, Rest> {
        let (segment, seqnum) = {
            let place = lock(&self.place);
            (place.segment.clone(), place.seqnum)
        };
        selection.frames = timeline.within(&segment);
        let playback = player.play(selection)?;
        let event = gst::event::Segment::builder(&segment).seqnum_if_some(seqnum);
        self.source.push_event(event.build());
        Ok(playback)
    }

    /// What the player says of a read that a seek or a stop has broken off is no error.
    fn unless_flushing(&self, error: Error) -> Rest {
        let flushing = |pad: &gst::Pad| pad.pad_flags().contains(gst::PadFlags::FLUSHING);
        match flushing(&self.sink) || flushing(&self.source) {
            true => Rest::Flushing,
            false => error.into(),
        }
    }
}
