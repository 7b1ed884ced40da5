//! rav1d behind a safe door: one temporal unit in, one picture out.
//!
//! Its interface is that of the C library, in Rust. A panic inside it ends the process, because it cannot
//! leave an `extern "C"` function, and version 1.1.0 panics on every error that it meets in the tiles of a
//! frame (memorysafety/rav1d#1497). None is left to meet: the checker lets through no frame of several tiles, no intra
//! block copy and no chroma but 4:2:0, and no tile ends (`lent`).
#![allow(unsafe_code, reason = "rav1d's interface is that of a C library")]

use std::mem::MaybeUninit;
use std::ptr::NonNull;

use rav1d::Dav1dResult;
use rav1d::include::dav1d::dav1d::{Dav1dContext, Dav1dLogger, Dav1dSettings};
use rav1d::include::dav1d::headers::DAV1D_PIXEL_LAYOUT_I420;
use rav1d::include::dav1d::picture::Dav1dPicture;
use rav1d::src::lib::{
    dav1d_close, dav1d_default_settings, dav1d_get_picture, dav1d_open, dav1d_picture_unref,
    dav1d_send_data,
};

use super::lent::Lender;
use super::obu::{HAS_SIZE, Obu, ObuKind, split};
use crate::anchor::decoder::{Ready, SectionDecoder};
use crate::error::{BoxError, Error, Result};
use crate::picture::{Picture, Plane};
use crate::units::Size;

/// A decoder of one section.
pub struct Rav1d {
    context: Option<Dav1dContext>,
    lender: Lender,
}

// SAFETY: the context is a counted reference to state that rav1d itself shares with the threads it
// would start, behind a lock; this one is used through `&mut self` alone.
unsafe impl Send for Rav1d {}

impl Rav1d {
    /// A decoder without threads of its own for pictures of `size`.
    ///
    /// # Errors
    /// [`Error::Backend`] when rav1d does not start.
    pub fn start(size: Size) -> Result<Self> {
        let mut settings = MaybeUninit::<Dav1dSettings>::uninit();
        // SAFETY: the pointer is to writable memory of that type, which the call fills in.
        let mut settings = unsafe {
            dav1d_default_settings(NonNull::from(&mut settings).cast());
            settings.assume_init()
        };
        settings.n_threads = 1;
        settings.max_frame_delay = 1;
        settings.apply_grain = 0;
        // Strict, it would also look for the trailing bits of tiles, and end the process without them.
        settings.strict_std_compliance = 0;
        settings.frame_size_limit = size.width_px as u32 * size.height_px as u32;
        // SAFETY: without a function there is nothing that could be called wrongly.
        settings.logger = unsafe { Dav1dLogger::new(None, None) };
        let mut context = None;
        // SAFETY: both pointers are to live values, one of which is written.
        let started = unsafe {
            dav1d_open(Some(NonNull::from(&mut context)), Some(NonNull::from(&mut settings)))
        };
        match succeeded("start", started) {
            Ok(()) => Ok(Self { context, lender: Lender::new(size) }),
            Err(e) => Err(Error::Backend { what: e.to_string() }),
        }
    }

    /// Decodes a temporal unit that [`super::Checker`] has let through.
    ///
    /// # Errors
    /// What rav1d refuses, or a picture that is not as the checker read it.
    pub fn decode(&mut self, unit: &[u8], into: &mut Picture) -> Result<(), BoxError> {
        split(unit).try_for_each(|obu| self.send(&obu?))?;
        let mut decoded = Rav1dPicture::default();
        // SAFETY: the context is open until this is dropped, and the pointer is to a live value.
        let got = unsafe { dav1d_get_picture(self.context, Some(NonNull::from(&mut decoded.0))) };
        succeeded("show a picture", got)?;
        decoded.copy_to(into)
    }

    fn send(&self, obu: &Obu<'_>) -> Result<(), BoxError> {
        let without_size = obu.whole[0] & !HAS_SIZE;
        let mut lent = self.lender.lend(without_size, obu.payload, obu.kind == ObuKind::Frame)?;
        // SAFETY: as for the picture.
        let sent = unsafe { dav1d_send_data(self.context, Some(NonNull::from(&mut lent.0))) };
        succeeded("decode a temporal unit", sent)
    }
}

impl SectionDecoder for Rav1d {
    fn decode(&mut self, unit: &[u8], ready: &mut Ready) -> Result<(), BoxError> {
        ready.push(|picture| Self::decode(self, unit, picture))
    }

    fn finish(&mut self, _: &mut Ready) -> Result<(), BoxError> {
        Ok(())
    }
}

impl Drop for Rav1d {
    fn drop(&mut self) {
        // SAFETY: the pointer is to a live value, and nobody uses the context afterwards.
        unsafe { dav1d_close(Some(NonNull::from(&mut self.context))) }
    }
}

/// Zero is success, else a negative `errno`.
pub(super) fn succeeded(what: &str, result: Dav1dResult) -> Result<(), BoxError> {
    match result.0 {
        0 => Ok(()),
        number => {
            let cause = std::io::Error::from_raw_os_error(-number);
            Err(format!("rav1d cannot {what}: {cause}").into())
        }
    }
}

/// A picture on loan from rav1d.
#[derive(Default)]
struct Rav1dPicture(Dav1dPicture);

impl Rav1dPicture {
    fn copy_to(&self, picture: &mut Picture) -> Result<(), BoxError> {
        let size = picture.size();
        let Dav1dPicture { p, data, stride, .. } = &self.0;
        let is_as_read = (p.bpc, p.layout) == (8, DAV1D_PIXEL_LAYOUT_I420)
            && (p.w, p.h) == (size.width_px.into(), size.height_px.into());
        if !is_as_read {
            let what = format!("a picture is {}×{} with {} bits a sample", p.w, p.h, p.bpc);
            return Err(what.into());
        }
        let strides = [stride[0], stride[1], stride[1]];
        for ((plane, data), stride) in Plane::ALL.into_iter().zip(data).zip(strides) {
            let start = data.ok_or("rav1d shows a picture without samples")?.cast::<u8>();
            let (width, _) = picture.plane_size(plane);
            for (row, line) in picture.plane_mut(plane).chunks_exact_mut(width).enumerate() {
                // SAFETY: rav1d's own allocator gives a picture of this size and layout, as was just
                // asked, at least `height` rows of `stride` bytes, none shorter than `width`; while
                // the picture is on loan and no unit is being decoded, nothing is written there.
                let decoded = unsafe {
                    let start = start.offset(row as isize * stride);
                    std::slice::from_raw_parts(start.as_ptr(), width)
                };
                line.copy_from_slice(decoded);
            }
        }
        Ok(())
    }
}

impl Drop for Rav1dPicture {
    fn drop(&mut self) {
        // SAFETY: the pointer is to a live value, filled by rav1d or empty, which the call empties.
        unsafe { dav1d_picture_unref(Some(NonNull::from(&mut self.0))) }
        // Emptied by rav1d 1.1.0, it owns an empty list of messages, which nobody else frees.
        // SAFETY: the call has just made it of a counted pointer, and it is taken once.
        drop(self.0.itut_t35_ref.take().map(|messages| unsafe { messages.into_arc() }));
    }
}
