//! The machine's decoder where it can, openh264 where it cannot.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::V4l2;
use crate::anchor::decoder::{
    AnchorDecoder, InProcess, OpenAnchors, OpenSection, Ready, SectionDecoder, section_decoder,
};
use crate::anchor::h264::openh264::Openh264;
use crate::error::BoxError;
use crate::format::anchor::Codec;
use crate::units::Size;

/// Who is told of a section that was not decoded by the machine's decoder, which the report counts already.
type Tell = dyn Fn(&HardwareReport) + Send + Sync;
/// Opens the machine's decoder for a section of pictures of this size.
type Open = dyn Fn(Size) -> Result<Box<dyn SectionDecoder>, BoxError> + Send + Sync;

/// A machine's decoder of H.264, and what became of the sections that were given to it.
#[derive(Clone)]
pub struct Hardware {
    open: Arc<Open>,
    report: Arc<Mutex<HardwareReport>>,
    tell: Arc<Tell>,
}

/// How sections were decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HardwareReport {
    /// Sections of H.264 that were begun.
    pub sections: u64,
    /// Those of them that openh264 decoded, from their start or in the end.
    pub fallen_back: u64,
    /// Why the last of these.
    pub reason: Option<String>,
}

impl Hardware {
    /// The device at this path, such as `/dev/video10`; `tell` hears of every section that it does not decode.
    pub fn new(device: PathBuf, tell: impl Fn(&HardwareReport) + Send + Sync + 'static) -> Self {
        let open = move |size| match V4l2::open(&device, size) {
            Ok(opened) => Ok(Box::new(opened) as _),
            Err(reason) => Err(format!("{}: {reason}", device.display()).into()),
        };
        Self::by(open, tell)
    }

    /// The same by what opens it.
    pub(super) fn by(
        open: impl Fn(Size) -> Result<Box<dyn SectionDecoder>, BoxError> + Send + Sync + 'static,
        tell: impl Fn(&HardwareReport) + Send + Sync + 'static,
    ) -> Self {
        Self { open: Arc::new(open), report: Arc::default(), tell: Arc::new(tell) }
    }

    /// Opens decoders that use it, in this process.
    pub fn opener(&self) -> Arc<OpenAnchors> {
        let hardware = self.clone();
        let open: Arc<OpenSection> = Arc::new(move |codec, size| match codec {
            Codec::H264 => hardware.section(size),
            Codec::Av1 => section_decoder(codec, size),
        });
        Arc::new(move |_, _| {
            Ok(Box::new(InProcess::by(Arc::clone(&open))) as Box<dyn AnchorDecoder>)
        })
    }

    /// What became of the sections so far.
    pub fn report(&self) -> HardwareReport {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A fresh decoder for a section of pictures of `size`.
    fn section(&self, size: Size) -> crate::error::Result<Box<dyn SectionDecoder>> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).sections += 1;
        let by = match (self.open)(size) {
            Ok(device) => By::Device { device, units: Vec::new(), shown: 0 },
            Err(reason) => {
                self.fall_back(&reason);
                By::software()?
            }
        };
        Ok(Box::new(OrSoftware { hardware: self.clone(), by }))
    }

    fn fall_back(&self, reason: &BoxError) {
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        report.fallen_back += 1;
        report.reason = Some(reason.to_string());
        let so_far = report.clone();
        drop(report);
        (self.tell)(&so_far);
    }
}

/// A section that the device decodes until it fails; openh264 then begins it again, which makes the same pictures.
struct OrSoftware {
    hardware: Hardware,
    by: By,
}

enum By {
    Device {
        device: Box<dyn SectionDecoder>,
        /// What it has been given, and how many pictures it has made of it.
        units: Vec<Vec<u8>>,
        shown: usize,
    },
    Software {
        decoder: Openh264,
        /// Pictures to come that the device has made already.
        skip: usize,
    },
}

impl By {
    fn software() -> crate::error::Result<Self> {
        Ok(Self::Software { decoder: Openh264::start()?, skip: 0 })
    }
}

impl OrSoftware {
    /// Decodes `unit`, or what was held back where there is none.
    fn step(&mut self, unit: Option<&[u8]>, ready: &mut Ready) -> Result<(), BoxError> {
        let (units, shown) = match &mut self.by {
            By::Software { decoder, skip } => {
                return ready.behind(skip, |ready| step(decoder, unit, ready));
            }
            By::Device { device, units, shown } => {
                let before = ready.pictures().len();
                let done = step(&mut **device, unit, ready);
                *shown += ready.pictures().len() - before;
                let Err(reason) = done else {
                    units.extend(unit.map(<[u8]>::to_vec));
                    return Ok(());
                };
                self.hardware.fall_back(&reason);
                (std::mem::take(units), *shown)
            }
        };
        // From the start of the section, up to where the device failed.
        let (mut decoder, mut skip) = (Openh264::start()?, shown);
        for unit in units.iter().map(Vec::as_slice).map(Some).chain([unit]) {
            ready.behind(&mut skip, |ready| step(&mut decoder, unit, ready))?;
        }
        self.by = By::Software { decoder, skip };
        Ok(())
    }
}

fn step(
    decoder: &mut dyn SectionDecoder,
    unit: Option<&[u8]>,
    ready: &mut Ready,
) -> Result<(), BoxError> {
    match unit {
        Some(unit) => decoder.decode(unit, ready),
        None => decoder.finish(ready),
    }
}

impl SectionDecoder for OrSoftware {
    fn decode(&mut self, unit: &[u8], ready: &mut Ready) -> Result<(), BoxError> {
        self.step(Some(unit), ready)
    }

    fn finish(&mut self, ready: &mut Ready) -> Result<(), BoxError> {
        self.step(None, ready)
    }
}
