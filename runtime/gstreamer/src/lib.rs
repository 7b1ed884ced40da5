//! GStreamer's element `iev`: one view of a stream as raw video.
//!
//! ```text
//! filesrc ──pulled──► source ─► the player ─► task ──pushed──► sink
//!                     bytes     pictures      caps, time
//! ```
//!
//! * [`element`]: its properties, its pads, and what it is to GStreamer.
//! * [`settings`]: the properties, as the player has them.
//! * [`source`]: the bytes of whatever stands upstream.
//! * [`task`]: opens the stream, decodes one frame after another, and pushes each.
//! * [`caps`], [`picture`]: what a header says, and a picture, as GStreamer has them.
//! * [`timeline`]: when each frame is shown, and which one at a time.
//! * [`asked`]: where playing is, how long it takes, and to go on elsewhere.

mod asked;
mod caps;
mod element;
mod picture;
mod settings;
mod source;
mod task;
mod timeline;

use gst::glib;
use gst::prelude::*;
use iev_runtime::format::header::MAGIC;

glib::wrapper! {
    /// The element.
    pub struct Iev(ObjectSubclass<element::Iev>) @extends gst::Element, gst::Object;
}

/// The element alone takes streams, and nothing else takes its place.
const RANK: gst::Rank = gst::Rank::PRIMARY;

fn plugin_init(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    let stream = caps::stream();
    let extension = Some("iev");
    gst::TypeFind::register(
        Some(plugin),
        "video/x-iev",
        RANK,
        extension,
        Some(&stream.clone()),
        move |start| {
            if start.peek(0, MAGIC.len() as u32) == Some(&MAGIC) {
                start.suggest(gst::TypeFindProbability::Maximum, &stream);
            }
        },
    )?;
    gst::Element::register(Some(plugin), "iev", RANK, Iev::static_type())
}

gst::plugin_define!(
    iev,
    env!("CARGO_PKG_DESCRIPTION"),
    plugin_init,
    env!("CARGO_PKG_VERSION"),
    "MIT/X11",
    env!("CARGO_PKG_NAME"),
    env!("CARGO_PKG_NAME"),
    env!("CARGO_PKG_REPOSITORY")
);
