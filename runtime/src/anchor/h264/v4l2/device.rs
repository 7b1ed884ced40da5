//! The edge between program and kernel: calls on a video device.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::ioctl::{Opcode, Setter, Updater, ioctl, opcode};

use super::words::{
    Buffer, Capability, Command, Control, Event, Format, Plane, Request, Selection, Subscription,
};

/// A call, with what it reads and what it writes.
pub(super) enum Call<'a> {
    Capability(&'a mut Capability),
    GetFormat(&'a mut Format),
    SetFormat(&'a mut Format),
    Request(&'a mut Request),
    Query(&'a mut Buffer, &'a mut Plane),
    Queue(&'a mut Buffer, &'a mut Plane),
    Dequeue(&'a mut Buffer, &'a mut Plane),
    /// `VIDIOC_STREAMON` for a side.
    Start(i32),
    GetControl(&'a mut Control),
    GetSelection(&'a mut Selection),
    Subscribe(Subscription),
    DequeueEvent(&'a mut Event),
    Command(&'a mut Command),
}

/// A video device that decodes, or what a test has in place of one.
pub(super) trait Device: Send {
    /// Makes a call.
    ///
    /// # Errors
    /// The kernel's; [`io::ErrorKind::WouldBlock`] where there is nothing to take yet.
    fn call(&mut self, call: Call<'_>) -> io::Result<()>;

    /// Waits until one of `flags` is true of the device; false when it takes longer than `patience`.
    ///
    /// # Errors
    /// The kernel's.
    fn wait(&mut self, flags: PollFlags, patience: Duration) -> io::Result<bool>;

    /// What buffers are mapped from.
    fn file(&self) -> &File;
}

/// A device of this machine.
pub(super) struct VideoDevice(File);

impl VideoDevice {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let no_waiting = OFlags::NONBLOCK.bits() as i32;
        let file = OpenOptions::new().read(true).write(true).custom_flags(no_waiting).open(path)?;
        Ok(Self(file))
    }

    /// `_IOWR('V', NUMBER, T)`.
    fn update<const OPCODE: Opcode, T>(&self, word: &mut T) -> io::Result<()> {
        // SAFETY: every caller below pairs the opcode with the type that the kernel reads and writes for it, whose size
        // is part of the opcode; `word` lives through the call.
        #[allow(unsafe_code, reason = "there is no safe form of a device's own calls")]
        unsafe {
            ioctl(&self.0, Updater::<OPCODE, T>::new(word))?;
        }
        Ok(())
    }

    /// `_IOW('V', NUMBER, T)`.
    fn set<const OPCODE: Opcode, T>(&self, word: T) -> io::Result<()> {
        // SAFETY: as in `update`; the kernel only reads.
        #[allow(unsafe_code, reason = "there is no safe form of a device's own calls")]
        unsafe {
            ioctl(&self.0, Setter::<OPCODE, T>::new(word))?;
        }
        Ok(())
    }

    /// The same of a buffer, which has the address of its one plane.
    fn exchange<const OPCODE: Opcode>(
        &self,
        buffer: &mut Buffer,
        plane: &mut Plane,
    ) -> io::Result<()> {
        buffer.planes = (&raw mut *plane).expose_provenance() as u64;
        let done = self.update::<OPCODE, Buffer>(buffer);
        buffer.planes = 0;
        done
    }
}

/// Opcode of a call by which the kernel changes what it is given.
const fn both<T>(number: u8) -> Opcode {
    opcode::read_write::<T>(b'V', number)
}

impl Device for VideoDevice {
    fn call(&mut self, call: Call<'_>) -> io::Result<()> {
        match call {
            Call::Capability(word) => {
                self.update::<{ opcode::read::<Capability>(b'V', 0) }, _>(word)
            }
            Call::GetFormat(word) => self.update::<{ both::<Format>(4) }, _>(word),
            Call::SetFormat(word) => self.update::<{ both::<Format>(5) }, _>(word),
            Call::Request(word) => self.update::<{ both::<Request>(8) }, _>(word),
            Call::Query(buffer, plane) => self.exchange::<{ both::<Buffer>(9) }>(buffer, plane),
            Call::Queue(buffer, plane) => self.exchange::<{ both::<Buffer>(15) }>(buffer, plane),
            Call::Dequeue(buffer, plane) => self.exchange::<{ both::<Buffer>(17) }>(buffer, plane),
            Call::Start(side) => self.set::<{ opcode::write::<i32>(b'V', 18) }, _>(side),
            Call::GetControl(word) => self.update::<{ both::<Control>(27) }, _>(word),
            Call::GetSelection(word) => self.update::<{ both::<Selection>(94) }, _>(word),
            Call::Subscribe(word) => {
                self.set::<{ opcode::write::<Subscription>(b'V', 90) }, _>(word)
            }
            Call::DequeueEvent(word) => self.update::<{ opcode::read::<Event>(b'V', 89) }, _>(word),
            Call::Command(word) => self.update::<{ both::<Command>(96) }, _>(word),
        }
    }

    fn wait(&mut self, flags: PollFlags, patience: Duration) -> io::Result<bool> {
        let until = Instant::now() + patience;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).map_err(io::Error::other)?;
            match poll(&mut [PollFd::new(&self.0, flags)], Some(&left)) {
                Err(Errno::INTR) => {}
                polled => return Ok(polled? > 0),
            }
        }
    }

    fn file(&self) -> &File {
        &self.0
    }
}
