//! What downstream asks: where playing is, how long it takes, and to go on elsewhere.

use gst::prelude::*;
use gst::subclass::prelude::*;

use crate::element::{Iev, lock};

impl Iev {
    /// Goes on elsewhere. Any frame can be first; a seek backwards in time is refused.
    pub(crate) fn seek(&self, event: &gst::event::Seek) -> bool {
        let (rate, flags, start_type, start, stop_type, stop) = event.get();
        use gst::GenericFormattedValue::Time;
        let (Time(start), Time(stop)) = (start, stop) else { return false };
        if rate <= 0.0 || self.sink.mode() != gst::PadMode::Pull {
            return false;
        }
        let (seqnum, flush) = (event.seqnum(), flags.contains(gst::SeekFlags::FLUSH));
        if flush {
            // Upstream too, so that a read under way comes back.
            let event = gst::event::FlushStart::builder().seqnum(seqnum).build();
            self.sink.push_event(event.clone());
            self.source.push_event(event);
        }
        // Waits for the frame under way.
        let _ = self.sink.pause_task();
        let sought = {
            let mut place = lock(&self.place);
            let segment = &mut place.segment;
            let sought = segment.do_seek(rate, flags, start_type, start, stop_type, stop).is_some();
            if sought {
                place.seqnum = Some(seqnum);
            }
            sought
        };
        // Its threads end here.
        if let Some(opened) = &mut *lock(&self.opened) {
            opened.playback = None;
        }
        if flush {
            let event = gst::event::FlushStop::builder(true).seqnum(seqnum).build();
            self.sink.push_event(event.clone());
            self.source.push_event(event);
        }
        self.start().is_ok() && sought
    }

    /// Duration, position, and where a seek may go: in time alone, since upstream would answer for its bytes.
    pub(crate) fn answer(&self, query: &mut gst::QueryRef) -> bool {
        let (timeline, position) = {
            let place = lock(&self.place);
            (place.timeline, place.segment.position())
        };
        let time = gst::Format::Time;
        match (query.view_mut(), timeline) {
            (gst::QueryViewMut::Duration(query), Some(line)) if query.format() == time => {
                query.set(line.duration());
            }
            (gst::QueryViewMut::Position(query), Some(_)) if query.format() == time => {
                query.set(position);
            }
            (gst::QueryViewMut::Seeking(query), Some(line)) if query.format() == time => {
                query.set(true, gst::ClockTime::ZERO, line.duration());
            }
            (
                gst::QueryViewMut::Duration(_)
                | gst::QueryViewMut::Position(_)
                | gst::QueryViewMut::Seeking(_),
                _,
            ) => return false,
            _ => return gst::Pad::query_default(&self.source, Some(&*self.obj()), query),
        }
        true
    }
}
