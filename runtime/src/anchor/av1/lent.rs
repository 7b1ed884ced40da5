//! Bytes on loan to rav1d: an OBU and, behind a frame, zeros for as long as its symbols can go on.
//!
//! Why zeros: nothing keeps the symbols of a broken tile from going on behind its end. Where rav1d 1.1.0
//! notices that they did, it panics on its way to the error, inside a function of C's calling convention, which
//! ends the process (memorysafety/rav1d#1497). The specification has zeros there (8.2.6), so they change no
//! picture of a good tile; a broken one becomes a broken picture. A frame has one tile, so its end is that of
//! the OBU.
//!
//! Zeros that nobody reads are pages that nobody has touched, and those that are read are one page of the
//! kernel's: they take addresses and no memory.
#![allow(unsafe_code, reason = "rav1d's interface is that of a C library")]

use std::ffi::c_void;
use std::io;
use std::mem;
use std::ptr::NonNull;

use crossbeam_channel::{Receiver, Sender, bounded};
use memmap2::MmapMut;
use rav1d::include::dav1d::data::Dav1dData;
use rav1d::src::lib::{dav1d_data_unref, dav1d_data_wrap};
use rav1d::src::send_sync_non_null::SendSyncNonNull;

use super::decoder::succeeded;
use crate::error::BoxError;
use crate::units::Size;

/// Most bytes that the symbols of a frame take per pixel.
///
/// A symbol takes at most 13 bits, for its probability is at least 4 of 32768 (8.2.6). A coefficient has at most
/// 5 of them, 65 bits and a sign, 132 bits in all, and a pixel one and a half. A block has at least 16
/// pixels and, with two motion vectors, their references and its modes, less than 120 symbols beside them. That
/// makes 37 bytes; filters take the part of one.
const SYMBOL_BYTES_PER_PX: usize = 40;
/// Sides of the largest transform, which may reach over the edge of a picture.
const TRANSFORM_PX: usize = 64;
/// Room for an OBU; a larger one takes a larger loan.
const OBU_BYTES: usize = 1 << 18;
/// rav1d keeps hold of the last OBU until the next.
const LOANS: usize = 2;

/// Most bytes that a frame of `size` takes behind the end of its tile.
fn behind(size: Size) -> usize {
    let [width, height] =
        [size.width(), size.height()].map(|side| side.next_multiple_of(TRANSFORM_PX));
    width * height * SYMBOL_BYTES_PER_PX
}

/// Addresses that the loans of one decoder take.
pub fn address_bytes(size: Size) -> u64 {
    (LOANS * (behind(size) + OBU_BYTES)) as u64
}

/// Gives loans and takes them back.
pub(super) struct Lender {
    /// Zeros behind a frame.
    behind: usize,
    home: Sender<Box<Loan>>,
    idle: Receiver<Box<Loan>>,
}

/// What one loan is made of.
struct Loan {
    /// Zeros but for the first `filled`.
    bytes: MmapMut,
    filled: usize,
    home: Sender<Box<Loan>>,
}

impl Lender {
    /// Lends to a decoder of pictures of `size`.
    pub(super) fn new(size: Size) -> Self {
        let (home, idle) = bounded(LOANS);
        Self { behind: behind(size), home, idle }
    }

    /// Lends the OBU that begins with `head` and goes on with `payload`, both without its size, and zeros behind it
    /// where it `is_frame`.
    pub(super) fn lend(&self, head: u8, payload: &[u8], is_frame: bool) -> Result<Lent, BoxError> {
        let obu = 1 + payload.len();
        let idle = self.idle.try_iter().find(|loan| loan.bytes.len() >= obu + self.behind);
        let mut loan = idle.map_or_else(|| self.loan(obu), Ok)?;
        let zeroed = mem::replace(&mut loan.filled, obu);
        loan.bytes[..zeroed].fill(0);
        loan.bytes[0] = head;
        loan.bytes[1..obu].copy_from_slice(payload);
        let length = obu + if is_frame { self.behind } else { 0 };
        let start = NonNull::new(loan.bytes.as_mut_ptr());
        let mut lent = Lent(Dav1dData::default());
        let cookie = SendSyncNonNull::from_box(loan).cast::<c_void>();
        // SAFETY: the pointers are to a live value and to `length` bytes of the loan's map, which is given up to rav1d and
        // stays where it is until `give_back` has it.
        let wrapped = unsafe {
            dav1d_data_wrap(
                Some(NonNull::from(&mut lent.0)),
                start,
                length,
                Some(give_back),
                Some(cookie),
            )
        };
        succeeded("take a temporal unit", wrapped)?;
        Ok(lent)
    }

    fn loan(&self, obu: usize) -> io::Result<Box<Loan>> {
        let bytes = obu.next_multiple_of(OBU_BYTES) + self.behind;
        let bytes = MmapMut::map_anon(bytes)?;
        Ok(Box::new(Loan { bytes, filled: 0, home: self.home.clone() }))
    }
}

impl Drop for Lender {
    fn drop(&mut self) {
        // A loan holds the channel that would go on holding the loan.
        self.idle.try_iter().for_each(drop);
    }
}

/// Sends a loan home; where the lender has enough of them or is gone, it ends.
///
/// # Safety
/// `cookie` is that of a loan, which nobody uses any more.
unsafe extern "C" fn give_back(_: *const u8, cookie: Option<SendSyncNonNull<c_void>>) {
    if let Some(cookie) = cookie {
        // SAFETY: it was made of a loan in a box, once, and rav1d calls this once for each.
        let loan = unsafe { cookie.cast::<Loan>().into_box() };
        let home = loan.home.clone();
        let _ = home.try_send(loan);
    }
}

/// An OBU on loan.
pub(super) struct Lent(pub(super) Dav1dData);

impl Drop for Lent {
    fn drop(&mut self) {
        // SAFETY: the pointer is to a live value, filled by rav1d or empty, which the call empties.
        unsafe { dav1d_data_unref(Some(NonNull::from(&mut self.0))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loans_come_back_clean_and_end_with_their_lender() {
        let size = Size { width_px: 65, height_px: 64 };
        let lender = Lender::new(size);
        let bytes = |lent: &Lent| {
            let start = lent.0.data.unwrap();
            // SAFETY: as many bytes are lent.
            unsafe { std::slice::from_raw_parts(start.as_ptr(), lent.0.sz) }.to_vec()
        };
        for (head, payload) in [(1, &[2, 3, 4][..]), (5, &[6]), (7, &[8; OBU_BYTES])] {
            let first = lender.lend(head, payload, true).unwrap();
            let second = lender.lend(9, &[], false).unwrap();
            let lent = bytes(&first);
            assert_eq!((lent[0], &lent[1..=payload.len()]), (head, payload));
            assert!(lent[1 + payload.len()..].iter().all(|byte| *byte == 0));
            assert_eq!(lent.len(), 1 + payload.len() + 128 * 64 * SYMBOL_BYTES_PER_PX);
            assert_eq!(bytes(&second), [9]);
        }
        assert_eq!(lender.idle.len(), LOANS);
        let last = lender.lend(1, &[2], true).unwrap();
        let home = lender.home.clone();
        drop(lender);
        assert!(home.is_empty(), "idle loans end with it");
        assert_eq!(bytes(&last)[..2], [1, 2], "rav1d may hold it for longer");
    }
}
