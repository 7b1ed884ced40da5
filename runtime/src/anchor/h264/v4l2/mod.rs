//! A machine's own decoder of H.264, as Linux has it: Video4Linux's stateful memory-to-memory devices.
//!
//! ```text
//! access unit ─► coded buffer ─► device ─► picture in NV12 or YU12 ─► picture
//! ```
//! The protocol is the kernel's "Memory-to-Memory Stateful Video Decoder Interface". Nothing that the device says is believed:
//! sizes, offsets, indices and counts are checked before memory is read by them. It has run with a device made for tests
//! only. A Jetson's decoder is none of these: it speaks through a library of NVIDIA's, and its pictures lie in blocks.

mod device;
mod or_software;
#[cfg(test)]
mod tests;
mod words;

use std::io;
use std::path::Path;
use std::time::Duration;

use memmap2::{MmapMut, MmapOptions};
use rustix::event::PollFlags;

use crate::anchor::decoder::{Ready, SectionDecoder};
use crate::error::BoxError;
use crate::picture::{Picture, Plane};
use crate::units::Size;

use device::{Call, Device, VideoDevice};
pub use or_software::{Hardware, HardwareReport};
use words::{
    BROKEN, Buffer, COMPOSE, Capability, Command, Control, DECODES, Event, Format, FourCc, H264,
    LAST, LEAST_SHOWN, MAPPED, NV12, Plane as BufferPlane, Request, SOURCE_CHANGE, STOP, Selection,
    Side, Subscription, YU12,
};

/// Access units that are with the device.
const CODED_BUFFERS: u32 = 2;
/// Pictures beyond those that the device keeps for itself.
const MORE_SHOWN: u32 = 2;
/// Most pictures that a device may want: what H.264 keeps, and some.
const MOST_SHOWN: u32 = 32;
/// Longest wait for a device.
const PATIENCE: Duration = Duration::from_secs(2);

/// A device that decodes one section.
struct V4l2<D> {
    device: D,
    size: Size,
    coded: Vec<Slot>,
    /// Once the device has read what its pictures are.
    shown: Option<Shown>,
    /// Access units given.
    given: u64,
    /// The numbers of those whose pictures have not come.
    waiting: Vec<u64>,
}

/// A buffer of the device's.
struct Slot {
    memory: MmapMut,
    /// Whether the device has it.
    queued: bool,
}

/// The buffers of pictures, and how these lie there.
struct Shown {
    slots: Vec<Slot>,
    layout: Layout,
}

/// Where samples lie in a buffer.
struct Layout {
    is_nv12: bool,
    stride: usize,
    rows: usize,
    left: usize,
    top: usize,
}

/// What came of taking a picture.
enum Taken {
    Picture,
    Nothing,
    End,
}

impl V4l2<VideoDevice> {
    /// A fresh decoder of pictures of `size` on the device at `path`.
    fn open(path: &Path, size: Size) -> Result<Self, BoxError> {
        Self::start(VideoDevice::open(path)?, size)
    }
}

impl<D: Device> V4l2<D> {
    fn start(mut device: D, size: Size) -> Result<Self, BoxError> {
        let mut has = Capability::default();
        device.call(Call::Capability(&mut has))?;
        ensure((has.capabilities | has.of_device) & DECODES == DECODES, "it decodes no streams")?;
        // The stream's format, in buffers as large as a picture that is not compressed.
        let (width, height) = (size.width() as u32, size.height() as u32);
        let mut format =
            Format { side: Side::Coded as u32, width, height, layout: H264, ..Format::default() };
        format.plane_count = 1;
        format.planes[0].bytes = width.max(64) * height.max(64) * 3 / 2;
        device.call(Call::SetFormat(&mut format))?;
        ensure(format.layout == H264 && format.plane_count == 1, "it does not decode H.264")?;
        let event = Subscription { event: SOURCE_CHANGE, ..Subscription::default() };
        device.call(Call::Subscribe(event))?;
        let coded = slots(&mut device, Side::Coded, CODED_BUFFERS)?;
        device.call(Call::Start(Side::Coded as i32))?;
        Ok(Self { device, size, coded, shown: None, given: 0, waiting: Vec::new() })
    }

    /// A coded buffer that the device does not have; pictures are taken meanwhile, for which it may wait.
    fn free_slot(&mut self, ready: &mut Ready) -> Result<usize, BoxError> {
        loop {
            if let Some(free) = self.coded.iter().position(|slot| !slot.queued) {
                return Ok(free);
            }
            match dequeued(&mut self.device, Side::Coded, &mut self.coded)? {
                Some((buffer, _)) => return Ok(buffer.index as usize),
                None => self.wait_taking(PollFlags::OUT, ready)?,
            }
        }
    }

    /// Waits for `flags`, or for a picture and takes it.
    fn wait_taking(&mut self, flags: PollFlags, ready: &mut Ready) -> Result<(), BoxError> {
        let pictures = if self.shown.is_some() { PollFlags::IN } else { PollFlags::empty() };
        ensure(self.device.wait(flags | pictures, PATIENCE)?, "it takes too long")?;
        self.take_all(ready)
    }

    /// What pictures are, which the device knows once it has read the first access unit.
    fn begin_showing(&mut self) -> Result<(), BoxError> {
        ensure(self.device.wait(PollFlags::PRI, PATIENCE)?, "it does not find a stream")?;
        let mut event = Event::default();
        self.device.call(Call::DequeueEvent(&mut event))?;
        ensure(event.event == SOURCE_CHANGE, "it says something else than what pictures are")?;
        let format = self.shown_format()?;
        let layout = Layout::of(&format, self.visible(&format), self.size)?;
        let mut least = Control { id: LEAST_SHOWN, value: 0 };
        // A device that does not tell is content with what every stream is.
        let told = self.device.call(Call::GetControl(&mut least)).is_ok();
        let least = if told { u32::try_from(least.value)? } else { MOST_SHOWN / 2 };
        ensure(least <= MOST_SHOWN - MORE_SHOWN, "it wants too many buffers")?;
        let mut slots = slots(&mut self.device, Side::Shown, least + MORE_SHOWN)?;
        let bytes = layout.bytes();
        ensure(slots.iter().all(|slot| slot.memory.len() >= bytes), "its buffers are too small")?;
        for (index, slot) in slots.iter_mut().enumerate() {
            queue(&mut self.device, Side::Shown, index, slot, [0; 2])?;
        }
        self.device.call(Call::Start(Side::Shown as i32))?;
        self.shown = Some(Shown { slots, layout });
        Ok(())
    }

    /// The format of pictures, in one of the layouts that are read here.
    fn shown_format(&mut self) -> Result<Format, BoxError> {
        let mut format = Format { side: Side::Shown as u32, ..Format::default() };
        self.device.call(Call::GetFormat(&mut format))?;
        let known = |layout: FourCc| [NV12, YU12].contains(&layout);
        if !known(format.layout) {
            format.layout = NV12;
            self.device.call(Call::SetFormat(&mut format))?;
        }
        let letters = format.layout.to_le_bytes();
        let letters = letters.escape_ascii();
        if known(format.layout) && format.plane_count == 1 {
            Ok(format)
        } else {
            Err(format!("its pictures are {letters} in {} planes", format.plane_count).into())
        }
    }

    /// The part of a picture that is shown; all of it where the device does not tell.
    fn visible(&mut self, format: &Format) -> Selection {
        let (side, target) = (Side::Shown as u32, COMPOSE);
        let mut part = Selection { side, target, ..Selection::default() };
        match self.device.call(Call::GetSelection(&mut part)) {
            Ok(()) => part,
            Err(_) => {
                let Format { width, height, .. } = *format;
                Selection { side, target, width, height, ..Selection::default() }
            }
        }
    }

    /// Takes the pictures that are there.
    fn take_all(&mut self, ready: &mut Ready) -> Result<(), BoxError> {
        loop {
            match self.take(ready)? {
                Taken::Picture => {}
                Taken::Nothing => return Ok(()),
                Taken::End => return Err("it ends before the section".into()),
            }
        }
    }

    fn take(&mut self, ready: &mut Ready) -> Result<Taken, BoxError> {
        let Some(Shown { slots, layout }) = &mut self.shown else { return Ok(Taken::Nothing) };
        let (buffer, plane) = match dequeued(&mut self.device, Side::Shown, slots) {
            Ok(Some(taken)) => taken,
            Ok(None) => return Ok(Taken::Nothing),
            // How a device says that the last picture has been taken.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::PIPE.raw_os_error()) => {
                return Ok(Taken::End);
            }
            Err(error) => return Err(error.into()),
        };
        ensure(buffer.flags & BROKEN == 0, "it could not decode a picture")?;
        let is_last = buffer.flags & LAST != 0;
        if is_last && plane.used == 0 {
            return Ok(Taken::End);
        }
        let whole = plane.data_offset == 0 && plane.used as usize >= layout.bytes();
        ensure(whole, "a picture is cut off")?;
        // In whatever order access units are shown, each makes one picture.
        let of_unit = self.waiting.iter().position(|unit| buffer.time[0] == *unit);
        self.waiting.swap_remove(of_unit.ok_or("a picture is of no access unit")?);
        let index = buffer.index as usize;
        let slot = &mut slots[index];
        ready.push(|picture| {
            layout.copy(&slot.memory, picture);
            Ok::<_, BoxError>(())
        })?;
        if is_last {
            return Ok(Taken::End);
        }
        queue(&mut self.device, Side::Shown, index, slot, [0; 2])?;
        Ok(Taken::Picture)
    }
}

impl<D: Device> SectionDecoder for V4l2<D> {
    fn decode(&mut self, unit: &[u8], ready: &mut Ready) -> Result<(), BoxError> {
        let index = self.free_slot(ready)?;
        let slot = &mut self.coded[index];
        let place =
            slot.memory.get_mut(..unit.len()).ok_or("an access unit is too large for it")?;
        place.copy_from_slice(unit);
        let number_and_bytes = [self.given, unit.len() as u64];
        queue(&mut self.device, Side::Coded, index, slot, number_and_bytes)?;
        self.waiting.push(self.given);
        self.given += 1;
        if self.shown.is_none() {
            self.begin_showing()?;
        }
        self.take_all(ready)
    }

    fn finish(&mut self, ready: &mut Ready) -> Result<(), BoxError> {
        self.device.call(Call::Command(&mut Command { command: STOP, ..Command::default() }))?;
        loop {
            match self.take(ready)? {
                Taken::Picture => {}
                Taken::End => break,
                Taken::Nothing => {
                    ensure(self.device.wait(PollFlags::IN, PATIENCE)?, "it does not end")?;
                }
            }
        }
        ensure(self.waiting.is_empty(), "fewer pictures come out than went in")
    }
}

fn ensure(holds: bool, what: &'static str) -> Result<(), BoxError> {
    if holds { Ok(()) } else { Err(what.into()) }
}

/// As many buffers of a side, mapped.
fn slots(device: &mut impl Device, side: Side, count: u32) -> Result<Vec<Slot>, BoxError> {
    let mut request = Request { count, side: side as u32, memory: MAPPED, ..Request::default() };
    device.call(Call::Request(&mut request))?;
    // It may give more or fewer than it is asked for.
    ensure((1..=MOST_SHOWN).contains(&request.count), "it gives no buffers, or too many")?;
    let map = |index| {
        let mut buffer = Buffer { index, ..Buffer::of(side) };
        let mut plane = BufferPlane::default();
        device.call(Call::Query(&mut buffer, &mut plane))?;
        let mut options = MmapOptions::new();
        options.offset(plane.offset).len(plane.length as usize);
        // SAFETY: the memory is the device's, which writes it while a buffer is queued. It is read and written here only
        // while the buffer is not, as `Slot::queued` has it, and all that is read there are samples of any value.
        #[allow(unsafe_code, reason = "what a file maps to may be changed by others")]
        let memory = unsafe { options.map_mut(device.file())? };
        Ok(Slot { memory, queued: false })
    };
    (0..request.count).map(map).collect()
}

/// Gives a buffer to the device, with the access unit of this number and this many bytes if it is a coded one.
fn queue(
    device: &mut impl Device,
    side: Side,
    index: usize,
    slot: &mut Slot,
    [number, bytes]: [u64; 2],
) -> Result<(), BoxError> {
    let (index, length) = (u32::try_from(index)?, u32::try_from(slot.memory.len())?);
    let (time, used) = ([number, 0], u32::try_from(bytes)?);
    let mut buffer = Buffer { index, time, ..Buffer::of(side) };
    let mut plane = BufferPlane { used, length, ..BufferPlane::default() };
    device.call(Call::Queue(&mut buffer, &mut plane))?;
    slot.queued = true;
    Ok(())
}

/// Takes a buffer that the device has done with, if there is one; its index is that of one it had.
fn dequeued(
    device: &mut impl Device,
    side: Side,
    slots: &mut [Slot],
) -> io::Result<Option<(Buffer, BufferPlane)>> {
    let mut buffer = Buffer::of(side);
    let mut plane = BufferPlane::default();
    match device.call(Call::Dequeue(&mut buffer, &mut plane)) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
        done => done?,
    }
    let slot = slots.get_mut(buffer.index as usize).filter(|slot| slot.queued);
    let slot =
        slot.ok_or_else(|| io::Error::other("it gives back a buffer that it does not have"))?;
    slot.queued = false;
    Ok(Some((buffer, plane)))
}

impl Layout {
    /// That of `format`, whose shown part must be pictures of `size`, rounded up to even.
    fn of(format: &Format, part: Selection, size: Size) -> Result<Self, BoxError> {
        let even = [size.width(), size.height()].map(|px| px.next_multiple_of(2));
        let [width, height] = [part.width, part.height].map(|px| px as usize);
        if [width, height] != even {
            let [columns, rows] = even;
            return Err(format!("its pictures are {width}×{height}, not {columns}×{rows}").into());
        }
        let (left, top) = (usize::try_from(part.left)?, usize::try_from(part.top)?);
        let (stride, rows) = (format.planes[0].bytes_per_line as usize, format.height as usize);
        let fits = left + width <= stride && top + height <= rows;
        let halves = [left, top, stride, rows].iter().all(|px| px % 2 == 0);
        // So that no product of them is too large.
        let sane = stride <= 1 << 16 && rows <= 1 << 16;
        ensure(fits && halves && sane, "its pictures do not fit their lines")?;
        Ok(Self { is_nv12: format.layout == NV12, stride, rows, left, top })
    }

    fn bytes(&self) -> usize {
        self.stride * self.rows * 3 / 2
    }

    /// Copies the shown part of `memory`, which has at least [`Self::bytes`].
    fn copy(&self, memory: &[u8], picture: &mut Picture) {
        let luma = self.stride * self.rows;
        for plane in Plane::ALL {
            // Where a plane begins, from one line to the next, and from one sample to the next.
            let (start, stride, step) = match (plane, self.is_nv12) {
                (Plane::Y, _) => (0, self.stride, 1),
                (Plane::U, true) => (luma, self.stride, 2),
                (Plane::V, true) => (luma + 1, self.stride, 2),
                (Plane::U, false) => (luma, self.stride / 2, 1),
                (Plane::V, false) => (luma + luma / 4, self.stride / 2, 1),
            };
            let halved = if plane == Plane::Y { 1 } else { 2 };
            let first = start + self.top / halved * stride + self.left / halved * step;
            let (columns, _) = picture.plane_size(plane);
            let lines = picture.plane_mut(plane).chunks_exact_mut(columns).enumerate();
            for (y, line) in lines {
                let from = &memory[first + y * stride..];
                match step {
                    1 => line.copy_from_slice(&from[..columns]),
                    _ => {
                        line.iter_mut().zip(from.iter().step_by(step)).for_each(|(to, s)| *to = *s)
                    }
                }
            }
        }
    }
}
