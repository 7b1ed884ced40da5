//! The contract with a device, by one that decodes with openh264 and does all that a bad one may do.
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::event::PollFlags;
use rustix::io::Errno;

use super::device::{Call, Device};
use super::words::{
    BROKEN, Buffer, COMPOSE, DECODES, FourCc, H264, LAST, NV12, Plane as BufferPlane,
    SOURCE_CHANGE, Side, YU12,
};
use super::{Hardware, HardwareReport, V4l2};
use crate::anchor::decoder::{Ready, SectionDecoder};
use crate::anchor::h264::openh264::Openh264;
use crate::format::header::Role;
use crate::format::views::ViewSet;
use crate::picture::pool::Pool;
use crate::picture::{Picture, Plane};
use crate::play::options::Options;
use crate::play::player::{Player, Selection};
use crate::tests::streams::{KEYED, fake, header, stream};
use crate::units::{PictureId, Size};

const SIZE: Size = Size { width_px: 69, height_px: 51 };
/// Its pictures as the device has them: aligned, and not from the corner on.
const STRIDE: usize = 96;
const ROWS: usize = 64;
const PART: [usize; 4] = [2, 4, 70, 52];
/// Bytes from one buffer to the next.
const APART: u64 = 1 << 16;

/// What is wrong with a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    DecodesNothing,
    OtherCodec,
    OtherLayout,
    OtherSize,
    LinesTooShort,
    LinesTooLong,
    NegativePart,
    NoBuffers,
    TooManyBuffers,
    SmallBuffers,
    WantsTooMany,
    NeverStarts,
    OtherEvent,
    /// With the picture of this number.
    Broken(u32),
    CutOff(u32),
    Shifted(u32),
    OtherBuffer(u32),
    SameBuffer(u32),
    Silent(u32),
    Ends(u32),
    Twice(u32),
    Refuses(u32),
}

struct FakeDevice {
    fault: Fault,
    layout: FourCc,
    file: File,
    decoder: Openh264,
    pictures: Ready,
    event: Option<u32>,
    coded_done: VecDeque<u32>,
    shown_free: VecDeque<u32>,
    stopped: bool,
    ended: bool,
    units: u32,
    shown: u32,
}

impl FakeDevice {
    fn new(fault: Fault, layout: FourCc) -> Self {
        let file = tempfile::tempfile().unwrap();
        file.set_len(64 * APART).unwrap();
        Self {
            fault,
            layout,
            file,
            decoder: Openh264::start().unwrap(),
            pictures: Ready::new(SIZE, Pool::new(0)),
            event: None,
            coded_done: VecDeque::new(),
            shown_free: VecDeque::new(),
            stopped: false,
            ended: false,
            units: 0,
            shown: 0,
        }
    }

    /// Where the buffer of a side is mapped.
    fn offset(side: u32, index: u32) -> u64 {
        let first = if side == Side::Coded as u32 { 0 } else { 8 };
        (first + u64::from(index)) * APART
    }

    fn take_coded(&mut self, index: u32, used: u32) -> io::Result<()> {
        if self.fault == Fault::Refuses(self.units) {
            return Err(Errno::IO.into());
        }
        let mut unit = vec![0; used as usize];
        self.file.read_exact_at(&mut unit, Self::offset(Side::Coded as u32, index))?;
        self.decoder.decode(&unit, &mut self.pictures).map_err(io::Error::other)?;
        if self.units == 0 && self.fault != Fault::NeverStarts {
            self.event = Some(SOURCE_CHANGE + u32::from(self.fault == Fault::OtherEvent));
        }
        self.units += 1;
        self.coded_done.push_back(index);
        Ok(())
    }

    fn give_shown(&mut self, buffer: &mut Buffer, plane: &mut BufferPlane) -> io::Result<()> {
        let nothing = || Err(io::ErrorKind::WouldBlock.into());
        let at = self.shown;
        if self.fault == Fault::Silent(at) {
            return nothing();
        }
        if self.fault == Fault::Ends(at) {
            return Err(Errno::PIPE.into());
        }
        let whole = (STRIDE * ROWS * 3 / 2) as u32;
        let Some(picture) = self.pictures.pop() else {
            if self.fault == Fault::Twice(at) {
                (buffer.index, plane.used) = (self.shown_free.pop_front().unwrap(), whole);
                buffer.time = [u64::from(at) - 1, 0];
                return Ok(());
            }
            return match (self.stopped, self.ended) {
                (false, _) => nothing(),
                // The first end is an empty buffer, the next a broken pipe.
                (true, false) => {
                    self.ended = true;
                    buffer.index = self.shown_free.pop_front().unwrap();
                    buffer.flags = LAST;
                    Ok(())
                }
                (true, true) => Err(Errno::PIPE.into()),
            };
        };
        let index = self.shown_free.pop_front().unwrap();
        let bytes = laid_out(&picture, self.layout);
        self.file.write_all_at(&bytes, Self::offset(Side::Shown as u32, index))?;
        (buffer.index, plane.used) = (index, whole);
        buffer.time = [u64::from(at), 0];
        match self.fault {
            Fault::Broken(broken) if broken == at => buffer.flags = BROKEN,
            Fault::CutOff(cut) if cut == at => plane.used = whole - 1,
            Fault::Shifted(shifted) if shifted == at => plane.data_offset = 2,
            Fault::OtherBuffer(other) if other == at => buffer.index = u32::MAX,
            _ => {}
        }
        self.shown += 1;
        Ok(())
    }
}

/// A picture in a buffer, with other samples around it.
fn laid_out(picture: &Picture, layout: FourCc) -> Vec<u8> {
    let mut bytes = vec![77; STRIDE * ROWS * 3 / 2];
    let [left, top, ..] = PART;
    for plane in Plane::ALL {
        let (columns, _) = picture.plane_size(plane);
        for (at, sample) in picture.plane(plane).iter().enumerate() {
            let (x, y) = (at % columns, at / columns);
            let chroma = STRIDE * ROWS;
            let place = match (plane, layout == NV12) {
                (Plane::Y, _) => (top + y) * STRIDE + left + x,
                (Plane::U, true) => chroma + (top / 2 + y) * STRIDE + left + 2 * x,
                (Plane::V, true) => chroma + (top / 2 + y) * STRIDE + left + 2 * x + 1,
                (Plane::U, false) => chroma + (top / 2 + y) * STRIDE / 2 + left / 2 + x,
                (Plane::V, false) => chroma * 5 / 4 + (top / 2 + y) * STRIDE / 2 + left / 2 + x,
            };
            bytes[place] = *sample;
        }
    }
    bytes
}

impl Device for FakeDevice {
    fn call(&mut self, call: Call<'_>) -> io::Result<()> {
        let is = |fault| self.fault == fault;
        match call {
            Call::Capability(word) => {
                word.of_device = if is(Fault::DecodesNothing) { 0 } else { DECODES };
            }
            Call::SetFormat(word) if word.side == Side::Coded as u32 => {
                assert_eq!(word.layout, H264);
                word.planes[0].bytes = word.planes[0].bytes.min(APART as u32);
                word.layout = if is(Fault::OtherCodec) { YU12 } else { H264 };
            }
            Call::GetFormat(word) | Call::SetFormat(word) => {
                word.layout =
                    if is(Fault::OtherLayout) { u32::from_le_bytes(*b"NT12") } else { self.layout };
                (word.width, word.height) = (STRIDE as u32, ROWS as u32);
                word.plane_count = 1;
                word.planes[0].bytes_per_line = match self.fault {
                    Fault::LinesTooShort => 70,
                    Fault::LinesTooLong => u32::MAX - 1,
                    _ => STRIDE as u32,
                };
            }
            Call::Request(word) if is(Fault::NoBuffers) => word.count = 0,
            Call::Request(word) if is(Fault::TooManyBuffers) => word.count = u32::MAX,
            Call::Request(_) => {}
            Call::Query(buffer, plane) => {
                plane.offset = Self::offset(buffer.side, buffer.index);
                plane.length = if is(Fault::SmallBuffers) { 64 } else { APART as u32 };
            }
            Call::Queue(buffer, plane) if buffer.side == Side::Coded as u32 => {
                return self.take_coded(buffer.index, plane.used);
            }
            Call::Queue(buffer, _) => self.shown_free.push_back(buffer.index),
            Call::Dequeue(buffer, plane) if buffer.side == Side::Shown as u32 => {
                return self.give_shown(buffer, plane);
            }
            Call::Dequeue(buffer, _) => {
                let done = match self.fault {
                    Fault::SameBuffer(at) if at < self.units => Some(7),
                    _ => self.coded_done.pop_front(),
                };
                buffer.index = done.ok_or(io::ErrorKind::WouldBlock)?;
            }
            Call::Start(_) => {}
            Call::GetControl(word) => {
                word.value = match self.fault {
                    Fault::WantsTooMany => i32::MAX,
                    _ => 3,
                };
            }
            Call::GetSelection(word) => {
                assert_eq!((word.side, word.target), (Side::Shown as u32, COMPOSE));
                let [left, top, width, height] = PART;
                (word.left, word.top) = (left as i32, top as i32);
                (word.width, word.height) = (width as u32, height as u32);
                if is(Fault::OtherSize) {
                    word.width += 2;
                }
                if is(Fault::NegativePart) {
                    word.left = -2;
                }
            }
            Call::Subscribe(word) => assert_eq!(word.event, SOURCE_CHANGE),
            Call::DequeueEvent(word) => word.event = self.event.take().unwrap(),
            Call::Command(_) => {
                self.decoder.finish(&mut self.pictures).map_err(io::Error::other)?;
                self.stopped = true;
            }
        }
        Ok(())
    }

    fn wait(&mut self, flags: PollFlags, _: Duration) -> io::Result<bool> {
        let silent = self.fault == Fault::Silent(self.shown);
        let picture = self.pictures.pictures().len() > 0 && !silent;
        let ended = self.stopped && !silent;
        Ok(flags.contains(PollFlags::PRI) && self.event.is_some()
            || flags.contains(PollFlags::OUT) && !self.coded_done.is_empty()
            || flags.contains(PollFlags::IN) && (picture || ended))
    }

    fn file(&self) -> &File {
        &self.file
    }
}

/// All explicit pictures of a stream with key pictures and two sections, each of several GOPs.
fn pictures(hardware: Option<&Hardware>) -> Vec<(PictureId, Picture)> {
    let roles = [Role::Explicit, KEYED, Role::Explicit];
    let mut options = Options::new(fake());
    if let Some(hardware) = hardware {
        options.anchors = hardware.opener();
    }
    let player = Player::over(stream(&header(SIZE, 13, &roles)).into(), options).unwrap();
    let selection = Selection::new(ViewSet::all(player.header()), player.frames());
    let shown = player.decode_serial(&selection).unwrap().map(Result::unwrap);
    shown.flat_map(|s| s.with_ids().map(|(id, p)| (id, p.clone())).collect::<Vec<_>>()).collect()
}

/// A machine whose device has this fault, and what is told of it.
fn machine(fault: Fault, layout: FourCc) -> (Hardware, Arc<Mutex<Vec<String>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&told);
    let open = move |size| match V4l2::start(FakeDevice::new(fault, layout), size) {
        Ok(opened) => Ok(Box::new(opened) as Box<dyn SectionDecoder>),
        Err(reason) => Err(reason),
    };
    let tell = move |report: &HardwareReport| {
        hears.lock().unwrap().push(report.reason.clone().unwrap());
    };
    (Hardware::by(open, tell), told)
}

#[test]
fn a_device_shows_the_pictures_that_software_does() {
    let want = pictures(None);
    for layout in [NV12, YU12] {
        let (hardware, told) = machine(Fault::None, layout);
        assert!(pictures(Some(&hardware)) == want, "{layout:#x}");
        let report = hardware.report();
        assert!(report.sections > 2, "{report:?}");
        assert_eq!((report.fallen_back, report.reason), (0, None), "{:?}", told.lock().unwrap());
    }
}

#[test]
fn whatever_a_device_does_pictures_are_the_same_and_it_is_said() {
    let want = pictures(None);
    let faults = [
        (Fault::DecodesNothing, "decodes no streams"),
        (Fault::OtherCodec, "does not decode H.264"),
        (Fault::OtherLayout, "NT12"),
        (Fault::OtherSize, "72×52, not 70×52"),
        (Fault::LinesTooShort, "do not fit"),
        (Fault::LinesTooLong, "do not fit"),
        (Fault::NegativePart, "out of range"),
        (Fault::NoBuffers, "gives no buffers"),
        (Fault::TooManyBuffers, "or too many"),
        (Fault::SmallBuffers, "too large for it"),
        (Fault::WantsTooMany, "wants too many"),
        (Fault::NeverStarts, "does not find a stream"),
        (Fault::OtherEvent, "something else"),
        (Fault::Broken(0), "could not decode a picture"),
        (Fault::Broken(2), "could not decode a picture"),
        (Fault::CutOff(1), "cut off"),
        (Fault::Shifted(1), "cut off"),
        (Fault::OtherBuffer(1), "gives back a buffer"),
        (Fault::SameBuffer(1), "gives back a buffer"),
        (Fault::Silent(1), "does not end"),
        (Fault::Ends(1), "ends before the section"),
        (Fault::Twice(2), "of no access unit"),
        (Fault::Refuses(0), "Input/output error"),
        (Fault::Refuses(2), "Input/output error"),
    ];
    for (fault, reason) in faults {
        let (hardware, told) = machine(fault, NV12);
        assert!(pictures(Some(&hardware)) == want, "{fault:?}");
        let (report, told) = (hardware.report(), told.lock().unwrap());
        assert!(report.fallen_back > 0, "{fault:?}: {report:?}");
        assert_eq!(report.fallen_back as usize, told.len(), "{fault:?}");
        assert_eq!(report.reason.as_ref(), told.last());
        assert!(told.iter().all(|told| told.contains(reason)), "{fault:?}: {told:?}");
    }
}

#[test]
fn where_there_is_no_device_software_decodes() {
    let hardware = Hardware::new(PathBuf::from("/dev/no-such-decoder"), |_| ());
    assert!(pictures(Some(&hardware)) == pictures(None));
    let report = hardware.report();
    assert_eq!(report.fallen_back, report.sections);
    assert!(report.reason.unwrap().starts_with("/dev/no-such-decoder: "));
    // A file that is no device knows none of its calls.
    let other = Hardware::new(PathBuf::from("/dev/null"), |_| ());
    assert!(pictures(Some(&other)) == pictures(None));
    assert_eq!(other.report().fallen_back, other.report().sections);
}
