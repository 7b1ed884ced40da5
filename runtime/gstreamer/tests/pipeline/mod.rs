//! Pipelines over the plugin that cargo built beside this test.

use std::io::Write;
use std::path::Path;
use std::sync::LazyLock;

use gst::ClockTime;
use gst::prelude::*;
use gst_video::{VideoFrameExt, VideoFrameRef, VideoInfo};
use tempfile::NamedTempFile;

/// Longer than anything takes on a busy machine.
const PATIENCE: ClockTime = ClockTime::from_seconds(120);

/// Loaded once; GStreamer then knows the element as if it were installed.
static PLUGIN: LazyLock<gst::Plugin> = LazyLock::new(|| {
    gst::init().unwrap();
    let library = std::env::current_exe().unwrap().with_file_name("libgstiev.so");
    gst::Plugin::load_file(library).unwrap()
});

/// A picture that was pushed.
#[derive(Clone, PartialEq, Eq)]
pub struct Shown {
    pub start_ns: u64,
    pub duration_ns: u64,
    pub i420: Vec<u8>,
}

/// A file of these bytes, whose name tells nothing.
pub fn file(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

/// A pipeline that plays as fast as its pictures are taken.
pub struct Pipeline {
    pub pipeline: gst::Pipeline,
    /// The element, where the line names it.
    pub element: gst::Element,
    sink: gst_app::AppSink,
}

impl Pipeline {
    /// The element over the file at `path`, with properties.
    pub fn over(path: &Path, properties: &str) -> Self {
        let path = path.display();
        Self::launch(&format!(
            "filesrc location={path} ! iev name=element {properties} ! appsink name=shown sync=false max-buffers=2"
        ))
    }

    /// Any pipeline with an appsink called "shown".
    pub fn launch(line: &str) -> Self {
        LazyLock::force(&PLUGIN);
        let pipeline = gst::parse::launch(line).unwrap().downcast::<gst::Pipeline>().unwrap();
        let sink = pipeline.by_name("shown").unwrap().downcast::<gst_app::AppSink>().unwrap();
        let element = pipeline.by_name("element").unwrap_or(sink.clone().upcast());
        pipeline.set_state(gst::State::Playing).unwrap();
        Self { pipeline, element, sink }
    }

    /// The next picture; none at the end.
    pub fn next(&self) -> Option<Shown> {
        self.next_at().map(|(shown, _)| shown)
    }

    /// The next picture, and when a clock shows it; none at the end.
    pub fn next_at(&self) -> Option<(Shown, Option<ClockTime>)> {
        let sample = self.sink.try_pull_sample(PATIENCE)?;
        let (buffer, caps) = (sample.buffer().unwrap(), sample.caps().unwrap());
        let info = VideoInfo::from_caps(caps).unwrap();
        let frame = VideoFrameRef::from_buffer_ref_readable(buffer, &info).unwrap();
        let mut i420 = Vec::new();
        for plane in 0..3 {
            let columns = frame.comp_width(plane) as usize;
            let rows = frame.comp_height(plane) as usize;
            let stride = frame.plane_stride()[plane as usize] as usize;
            let lines = frame.comp_data(plane).unwrap().chunks(stride).take(rows);
            lines.for_each(|line| i420.extend_from_slice(&line[..columns]));
        }
        let [start, duration] = [buffer.pts(), buffer.duration()].map(Option::unwrap);
        let shown = Shown { start_ns: start.nseconds(), duration_ns: duration.nseconds(), i420 };
        let segment = sample.segment().unwrap().downcast_ref::<ClockTime>().unwrap();
        Some((shown, segment.to_running_time(start)))
    }

    /// All pictures to the end of the stream, which must come.
    pub fn rest(&self) -> Vec<Shown> {
        let shown = self.rest_of_any();
        assert!(self.sink.is_eos());
        shown
    }

    /// All pictures that come.
    pub fn rest_of_any(&self) -> Vec<Shown> {
        std::iter::from_fn(|| self.next()).collect()
    }

    /// What its pictures are.
    pub fn caps(&self) -> gst::Caps {
        self.sink.static_pad("sink").unwrap().current_caps().unwrap()
    }

    /// The next message of a kind.
    pub fn message(&self, kind: gst::MessageType) -> gst::Message {
        let bus = self.pipeline.bus().unwrap();
        bus.timed_pop_filtered(PATIENCE, &[kind]).unwrap()
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// The error that a pipeline ends with; none if it plays to its end.
pub fn error_of(line: &str) -> Option<String> {
    LazyLock::force(&PLUGIN);
    let pipeline = gst::parse::launch(line).unwrap();
    // What fails at once has said so as a message too.
    let _ = pipeline.set_state(gst::State::Playing);
    let kinds = [gst::MessageType::Error, gst::MessageType::Eos];
    let ended = pipeline.bus().unwrap().timed_pop_filtered(PATIENCE, &kinds).unwrap();
    pipeline.set_state(gst::State::Null).unwrap();
    match ended.view() {
        gst::MessageView::Error(error) => Some(error.error().to_string()),
        _ => None,
    }
}
