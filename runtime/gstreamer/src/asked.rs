//! What downstream asks: where playing is, how long it takes, and to go on elsewhere.

use gst::GenericFormattedValue;
use gst::prelude::*;
use gst::subclass::prelude::*;

use crate::element::{Iev, lock};

impl Iev {
    /// Goes on elsewhere. Any frame can be first; backwards in time, or at another rate from one picture to the next
    /// without a new segment, is refused.
    pub(crate) fn seek(&self, event: &gst::event::Seek) -> bool {
        let (rate, flags, start_type, start, stop_type, stop) = event.get();
        let (GenericFormattedValue::Time(start), GenericFormattedValue::Time(stop)) = (start, stop)
        else {
            return false;
        };
        let seek = |segment: &mut gst::FormattedSegment<gst::ClockTime>| {
            segment.do_seek(rate, flags, start_type, start, stop_type, stop).is_some()
        };
        let instant = flags.contains(gst::SeekFlags::INSTANT_RATE_CHANGE);
        if rate <= 0.0 || instant || self.sink.mode() != gst::PadMode::Pull {
            return false;
        }
        // What cannot be does not stop what plays.
        if !seek(&mut lock(&self.place).segment.clone()) {
            return false;
        }
        let (seqnum, flush) = (event.seqnum(), flags.contains(gst::SeekFlags::FLUSH));
        if flush {
            // Upstream too, so that a read under way comes back.
            self.push_both_ways(&gst::event::FlushStart::builder().seqnum(seqnum).build());
        }
        // Waits for the frame under way.
        let _ = self.sink.pause_task();
        {
            let mut place = lock(&self.place);
            seek(&mut place.segment);
            place.seqnum = Some(seqnum);
        }
        // Its threads end here.
        if let Some(opened) = &mut *lock(&self.opened) {
            opened.playback = None;
        }
        if flush {
            self.push_both_ways(&gst::event::FlushStop::builder(true).seqnum(seqnum).build());
        }
        self.start().is_ok()
    }

    fn push_both_ways(&self, event: &gst::Event) {
        for pad in [&self.sink, &self.source] {
            pad.push_event(event.clone());
        }
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
