//! The element: its properties, its pads, and what it is to GStreamer.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use crate::caps;
use crate::settings::Settings;
use crate::task::Opened;
use crate::timeline::Timeline;

/// What `GST_DEBUG=iev:4` shows.
pub(crate) static LOG: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("iev", gst::DebugColorFlags::empty(), Some("IEV multi-view video"))
});

/// Why nothing that only pushes will do.
const READS_ANYWHERE: &str = "an IEV stream is not read from front to back: link a source that can be pulled \
                              from and seeks, such as filesrc";

/// What the element holds.
#[derive(glib::Properties)]
#[properties(wrapper_type = crate::Iev)]
pub struct Iev {
    pub(crate) sink: gst::Pad,
    pub(crate) source: gst::Pad,
    #[property(name = "view", get, set, type = i32, member = view, minimum = -1, maximum = 31, default = -1,
        blurb = "View to show, counted from 0; -1 is the first that needs no network", mutable_ready)]
    #[property(name = "board", get, set, type = Option<String>, member = board,
        blurb = "Board profile, a name or a file: providers, threads, limits of a stream", mutable_ready)]
    #[property(name = "provider", get, set, type = Option<String>, member = provider,
        blurb = "Where networks run, best first, with commas: tensorrt, cuda, cpu", mutable_ready)]
    #[property(name = "threads", get, set, type = u32, member = threads, maximum = 1024,
        blurb = "Threads that paint, and most that decode; 0 is one per core", mutable_ready)]
    #[property(name = "precision", get, set, type = Option<String>, member = precision,
        blurb = "Numbers that networks are computed in: f32, f16 or int8", mutable_ready)]
    pub(crate) settings: Mutex<Settings>,
    /// Held for moments only: queries wait for it.
    pub(crate) place: Mutex<Place>,
    /// The task's own; others take it while the task rests.
    pub(crate) opened: Mutex<Option<Opened>>,
}

/// Where in the stream.
#[derive(Default)]
pub(crate) struct Place {
    /// Known once the header is read.
    pub(crate) timeline: Option<Timeline>,
    /// What is played, and the end of the frame that was pushed last.
    pub(crate) segment: gst::FormattedSegment<gst::ClockTime>,
    /// Of the seek that led here.
    pub(crate) seqnum: Option<gst::Seqnum>,
}

/// A panic is told once, by `catch_panic`; what it held is thrown away when the element stops.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Iev {
    /// Pulls, where upstream can be pulled from.
    fn activate(&self) -> Result<(), gst::LoggableError> {
        let mut query = gst::query::Scheduling::new();
        let seekable = gst::SchedulingFlags::SEEKABLE;
        if self.sink.peer_query(&mut query)
            && query.has_scheduling_mode_with_flags(gst::PadMode::Pull, seekable)
        {
            return Ok(self.sink.activate_mode(gst::PadMode::Pull, true)?);
        }
        gst::element_imp_error!(self, gst::StreamError::NotImplemented, ("{READS_ANYWHERE}"));
        Err(gst::loggable_error!(LOG, "{READS_ANYWHERE}"))
    }

    fn activate_mode(&self, mode: gst::PadMode, active: bool) -> Result<(), gst::LoggableError> {
        if mode != gst::PadMode::Pull {
            return Err(gst::loggable_error!(LOG, "{READS_ANYWHERE}"));
        }
        if active {
            *lock(&self.place) = Place::default();
            return Ok(self.start()?);
        }
        self.sink.stop_task()?;
        *lock(&self.opened) = None;
        Ok(())
    }

    fn source_event(&self, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::Seek(seek) => self.seek(seek),
            _ => gst::Pad::event_default(&self.source, Some(&*self.obj()), event),
        }
    }
}

#[glib::object_subclass]
impl ObjectSubclass for Iev {
    const NAME: &'static str = "GstIev";
    type Type = crate::Iev;
    type ParentType = gst::Element;

    fn with_class(class: &Self::Class) -> Self {
        let template = |name| {
            let template = class.pad_template(name);
            template.unwrap_or_else(|| unreachable!("the class has it"))
        };
        let refused = || Err(gst::loggable_error!(LOG, "it has panicked"));
        let sink = gst::Pad::builder_from_template(&template("sink"))
            .activate_function(move |_, parent| {
                Self::catch_panic_pad_function(parent, refused, Self::activate)
            })
            .activatemode_function(move |_, parent, mode, active| {
                let activate = |element: &Self| element.activate_mode(mode, active);
                Self::catch_panic_pad_function(parent, refused, activate)
            })
            // What upstream says is of its bytes.
            .event_function(|_, _, _| true)
            .build();
        let source = gst::Pad::builder_from_template(&template("src"))
            .event_function(|_, parent, event| {
                let take = |element: &Self| element.source_event(event);
                Self::catch_panic_pad_function(parent, || false, take)
            })
            .query_function(|_, parent, query| {
                let answer = |element: &Self| element.answer(query);
                Self::catch_panic_pad_function(parent, || false, answer)
            })
            .flags(gst::PadFlags::FIXED_CAPS)
            .build();
        let (settings, place, opened) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { sink, source, settings, place, opened }
    }
}

#[glib::derived_properties]
impl ObjectImpl for Iev {
    fn constructed(&self) {
        self.parent_constructed();
        for pad in [&self.sink, &self.source] {
            let added = self.obj().add_pad(pad);
            added.unwrap_or_else(|_| unreachable!("its pads have two names"));
        }
    }
}

impl GstObjectImpl for Iev {}

impl ElementImpl for Iev {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        // No "Decoder" in it: what plays a file takes that for something that wants no file, and only pushes to it.
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "IEV multi-view video",
                "Codec/Demuxer/Video",
                "Decodes one view of a stream of several cameras",
                env!("CARGO_PKG_REPOSITORY"),
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<[gst::PadTemplate; 2]> = LazyLock::new(|| {
            let template = |name, direction, caps: gst::Caps| {
                let always = gst::PadPresence::Always;
                let template = gst::PadTemplate::new(name, direction, always, &caps);
                template.unwrap_or_else(|_| unreachable!("its name has no place for a number"))
            };
            [
                template("sink", gst::PadDirection::Sink, caps::stream()),
                template("src", gst::PadDirection::Src, caps::pictures()),
            ]
        });
        &*TEMPLATES
    }
}
