//! Playing: pipelines over the built plugin show what the player shows, at the same times, from anywhere, and whatever is
//! wrong is an error message.
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod pipeline;
#[path = "../../tests/small_stream/mod.rs"]
mod small_stream;

use std::path::Path;

use gst::ClockTime;
use gst::prelude::*;
use iev_runtime::{Backend, Options, Player, Selection, SessionOptions, Size, Source, ViewId};
use pipeline::{Pipeline, Shown, error_of, file};
use small_stream::explicit_stream;

/// What the player in Rust shows of a view, as the element has it.
fn expected(stream: &[u8], view: u8) -> Vec<Shown> {
    let session = SessionOptions { threads: 1, ..SessionOptions::default() };
    let options = Options::new(Backend::new(None, session).opener());
    let player = Player::over(Source::from(stream.to_vec()), options).unwrap();
    let selection = Selection::new([ViewId(view)].into_iter().collect(), player.frames());
    let (frames, seconds) = player.header().rate;
    let time =
        |frame: u32| u64::from(frame) * u64::from(seconds) * 1_000_000_000 / u64::from(frames);
    let shown = player.play(&selection).unwrap().map(|shown| {
        let shown = shown.unwrap();
        let (id, picture) = shown.with_ids().next().unwrap();
        let (start, end) = (time(id.frame.0), time(id.frame.0 + 1));
        Shown { start_ns: start, duration_ns: end - start, i420: picture.i420().to_vec() }
    });
    shown.collect()
}

fn at(frame: u64) -> ClockTime {
    ClockTime::SECOND.mul_div_floor(frame, 24).unwrap()
}

#[test]
fn explicit_pictures_and_their_times_are_those_of_the_player() {
    let stream = file(iev_models::SAMPLE);
    let pipeline = Pipeline::over(stream.path(), "");
    assert!(pipeline.rest() == expected(iev_models::SAMPLE, 2), "the first explicit view is 2");
    let caps = "video/x-raw, format=(string)I420, width=(int)480, height=(int)272, interlace-mode=(string)progressive, \
                pixel-aspect-ratio=(fraction)1/1, colorimetry=(string)2:4:0:0, framerate=(fraction)24/1";
    assert_eq!(pipeline.caps().to_string(), caps, "matrix of BT.601, as players show unknown ones");
}

#[test]
fn implicit_pictures_are_those_of_the_player() {
    if iev_skips::fetched("ONNX Runtime", Backend::default().library()).is_some() {
        let stream = file(iev_models::SAMPLE);
        let pipeline = Pipeline::over(stream.path(), "view=1 threads=1 provider=cpu precision=f32");
        assert!(pipeline.rest() == expected(iev_models::SAMPLE, 1));
    }
}

#[test]
fn rows_are_as_far_apart_as_gstreamer_has_them() {
    let size = Size { width_px: 52, height_px: 38 };
    let bytes = explicit_stream(size, 2, 3);
    let stream = file(&bytes);
    assert!(Pipeline::over(stream.path(), "").rest() == expected(&bytes, 0));
}

#[test]
fn seeks_are_accurate_to_the_frame() {
    let (stream, all) = (file(iev_models::SAMPLE), expected(iev_models::SAMPLE, 2));
    let pipeline = Pipeline::over(stream.path(), "");
    let flush = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
    // At its start, one nanosecond before it ends, behind where we are, and again to the beginning.
    let almost = at(31) - ClockTime::NSECOND;
    for (time, frame) in [(at(30), 30), (almost, 30), (at(7), 7), (ClockTime::ZERO, 0)] {
        pipeline.element.seek_simple(flush, time).unwrap();
        assert!(pipeline.rest() == all[frame..], "from {time}");
    }
    // Up to a frame that does not show any more.
    let set = gst::SeekType::Set;
    pipeline.element.seek(1.0, flush, set, at(20), set, at(23)).unwrap();
    assert!(pipeline.rest() == all[20..23]);
    // What cannot be: nothing is lost by it.
    assert!(pipeline.element.seek(-1.0, flush, set, at(20), set, at(23)).is_err());
    assert!(pipeline.element.seek_simple(flush, gst::format::Default::from_u64(20)).is_err());
    pipeline.element.seek_simple(flush, at(47)).unwrap();
    assert!(pipeline.rest() == all[47..]);
}

#[test]
fn a_seek_while_it_plays_breaks_off_what_is_under_way() {
    let (stream, all) = (file(iev_models::SAMPLE), expected(iev_models::SAMPLE, 2));
    let pipeline = Pipeline::over(stream.path(), "");
    for frame in [40, 3, 21, 0, 46] {
        assert!(pipeline.next().is_some());
        pipeline.element.seek_simple(gst::SeekFlags::FLUSH, at(frame)).unwrap();
        assert!(pipeline.next().as_ref() == Some(&all[frame as usize]), "frame {frame}");
    }
}

#[test]
fn a_segment_ends_with_a_word_and_no_end_of_stream() {
    let (stream, all) = (file(iev_models::SAMPLE), expected(iev_models::SAMPLE, 2));
    let pipeline = Pipeline::over(stream.path(), "");
    let set = gst::SeekType::Set;
    let flush = gst::SeekFlags::FLUSH;
    // The second one follows the first without a gap.
    let (first, second) = (ClockTime::ZERO, at(6) - at(4));
    for (flags, begin) in [(flush, first), (gst::SeekFlags::empty(), second)] {
        let flags = flags | gst::SeekFlags::SEGMENT;
        pipeline.element.seek(1.0, flags, set, at(4), set, at(6)).unwrap();
        let (shown, running) = pipeline.next_at().unwrap();
        assert!((shown, running) == (all[4].clone(), Some(begin)), "{running:?}");
        assert!(pipeline.next().as_ref() == Some(&all[5]));
        let done = pipeline.message(gst::MessageType::SegmentDone);
        let gst::MessageView::SegmentDone(done) = done.view() else {
            unreachable!("it was asked for")
        };
        assert_eq!(done.get(), gst::GenericFormattedValue::Time(Some(at(6))));
    }
}

#[test]
fn duration_position_and_seekability_are_known() {
    let stream = file(iev_models::SAMPLE);
    let pipeline = Pipeline::over(stream.path(), "");
    assert!(pipeline.next().is_some());
    let element = &pipeline.element;
    assert_eq!(element.query_duration::<ClockTime>(), Some(2 * ClockTime::SECOND));
    assert_eq!(element.query_duration::<gst::format::Bytes>(), None, "those of the file");
    let flush = gst::SeekFlags::FLUSH;
    element.seek_simple(flush, at(30)).unwrap();
    assert_eq!(pipeline.rest().len(), 18);
    assert_eq!(element.query_position::<ClockTime>(), Some(2 * ClockTime::SECOND));
    let mut seeking = gst::query::Seeking::new(gst::Format::Time);
    assert!(element.query(&mut seeking));
    let (seekable, start, end) = seeking.result();
    let times = [0, 2].map(|s| gst::GenericFormattedValue::Time(Some(s * ClockTime::SECOND)));
    assert_eq!((seekable, [start, end]), (true, times));
}

#[test]
fn whatever_plays_files_finds_the_element_by_their_first_bytes() {
    // A name that tells nothing.
    let (stream, all) = (file(iev_models::SAMPLE), expected(iev_models::SAMPLE, 2));
    let (path, uri) = (stream.path().display(), format!("file://{}", stream.path().display()));
    let shown = "appsink name=shown sync=false max-buffers=2";
    for line in [
        format!("filesrc location={path} ! decodebin ! {shown}"),
        format!("uridecodebin uri={uri} ! {shown}"),
        format!("uridecodebin3 uri={uri} ! {shown}"),
        format!("filesrc location={path} ! parsebin ! {shown}"),
    ] {
        let pipeline = Pipeline::launch(&line);
        assert!(pipeline.rest() == all, "{line}");
        pipeline.pipeline.seek_simple(gst::SeekFlags::FLUSH, at(30)).unwrap();
        assert!(pipeline.rest() == all[30..], "{line}");
    }
    for player in ["playbin", "playbin3"] {
        let sink = "video-sink=\"videoconvert ! fakesink sync=false\"";
        assert_eq!(error_of(&format!("{player} uri={uri} {sink}")), None);
    }
}

#[test]
fn a_damaged_a_cut_and_a_foreign_file_are_error_messages() {
    let whole = iev_models::SAMPLE;
    let mut damaged = whole.to_vec();
    let middle = whole.len() / 2;
    damaged[middle] ^= 1;
    let refused = [
        (damaged.as_slice(), "does not match: the file was damaged or changed"),
        (&whole[..middle], "cut off: "),
        (&whole[..3], "cut off: "),
        (b"RIFF....WAVEfmt is no stream of cameras", "is no IEV stream"),
    ];
    for (bytes, words) in refused {
        let stream = file(bytes);
        // Of all views' sections the damaged one is an implicit view's, or the anchor's.
        let errors = [1, 2].map(|view| {
            let path = stream.path().display();
            error_of(&format!("filesrc location={path} ! iev view={view} ! fakesink"))
        });
        assert!(errors.iter().flatten().any(|error| error.contains(words)), "{words}: {errors:?}");
    }
}

/// Every bit would take long, and the player's own tests have them.
#[test]
fn no_flipped_byte_ends_the_program() {
    let bytes = explicit_stream(small_stream::SIZE, 2, 2);
    for place in (0..bytes.len()).step_by(17) {
        let mut damaged = bytes.clone();
        damaged[place] ^= 0x20;
        let stream = file(&damaged);
        let line = format!("filesrc location={} ! iev ! fakesink", stream.path().display());
        assert!(error_of(&line).is_some(), "a checksum is over every byte: {place}");
    }
}

#[test]
fn what_was_set_wrong_is_an_error_message() {
    let stream = file(iev_models::SAMPLE);
    for (set, words) in [
        ("view=5", "no such view: 5; there are 5, counted from 0"),
        ("provider=cpu,gpu", "no execution provider is called \"gpu\""),
        ("precision=f8", "no precision is called \"f8\""),
        ("board=toaster", "no board profile \"toaster\""),
    ] {
        let path = stream.path().display();
        let error = error_of(&format!("filesrc location={path} ! iev {set} ! fakesink")).unwrap();
        assert!(error.contains(words), "{set}: {error}");
    }
}

#[test]
fn what_only_pushes_is_refused_with_what_to_do() {
    let stream = file(iev_models::SAMPLE);
    let path = stream.path().display();
    let error = error_of(&format!("filesrc location={path} ! queue ! iev ! fakesink")).unwrap();
    assert!(error.contains("link a source that can be pulled from and seeks"), "{error}");
}

#[test]
fn a_stream_that_goes_away_is_an_error_message() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stream");
    std::fs::write(&path, iev_models::SAMPLE).unwrap();
    let pipeline = Pipeline::over(&path, "");
    assert!(pipeline.next().is_some());
    cut(&path);
    pipeline.element.seek_simple(gst::SeekFlags::FLUSH, at(30)).unwrap();
    pipeline.rest_of_any();
    let message = pipeline.message(gst::MessageType::Error);
    let gst::MessageView::Error(error) = message.view() else { unreachable!("it was asked for") };
    assert!(!error.error().to_string().is_empty());
}

fn cut(path: &Path) {
    std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(300).unwrap();
}
