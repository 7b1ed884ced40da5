//! `iev_get_picture` and `iev_copy`: the frame in hand.
#![allow(unsafe_code, reason = "functions of a C interface")]

use iev_runtime::format::header::Colour;
use iev_runtime::picture::packing::{Extent, Packing};
use iev_runtime::play::shown::ShownFrame;
use iev_runtime::{Picture, Plane, Result, Size};

use crate::abi::{self, Format, OK, Status};
use crate::edge::{Place, edge, given, listed, usage};
use crate::playing::Handle;

/// The picture of `view` of the frame in hand.
fn in_hand(shown: Option<&ShownFrame>, view: u32) -> Result<&Picture> {
    let shown = shown.ok_or_else(|| usage("no frame is in hand: call iev_next"))?;
    let found = shown.with_ids().find(|(id, _)| u32::from(id.view.0) == view);
    let found = found.map(|(_, picture)| picture);
    found.ok_or_else(|| usage(format!("view {view} is not shown in frame {}", shown.frame.0)))
}

/// # Safety
/// As iev.h says: `player` is open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iev_get_picture(
    player: *mut Handle,
    view: u32,
    picture: *mut abi::Picture,
) -> Status {
    edge(|| {
        // SAFETY: the caller keeps the rule.
        let (handle, place) = unsafe { (given(player, "player")?, Place::of(picture, "picture")?) };
        let playing = handle.playing();
        let found = in_hand(playing.shown(), view)?;
        place.put(abi::Picture {
            planes: Plane::ALL.map(|plane| found.plane(plane).as_ptr()),
            strides: Plane::ALL.map(|plane| found.plane_size(plane).0),
        });
        Ok(OK)
    })
}

/// # Safety
/// As iev.h says: `player` is open, and there are `count` planes with as many bytes as they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iev_copy(
    player: *mut Handle,
    view: u32,
    format: Format,
    planes: *const abi::Plane,
    count: usize,
) -> Status {
    edge(|| {
        // SAFETY: the caller keeps the rule.
        let handle = unsafe { given(player, "player") }?;
        // SAFETY: as above.
        let planes = unsafe { Planes::of(format, handle.player.header().size, planes, count) }?;
        let playing = handle.playing();
        let picture = in_hand(playing.shown(), view)?;
        // SAFETY: as above.
        unsafe { planes.fill(picture, handle.player.header().colour) };
        Ok(OK)
    })
}

/// Memory of the caller's for a picture.
pub(crate) struct Planes<'a> {
    packing: Packing,
    planes: &'a [abi::Plane],
    /// Bytes of each that are written.
    needed: Vec<usize>,
}

impl<'a> Planes<'a> {
    /// Looks at all before any is written.
    ///
    /// # Safety
    /// There are `count` planes with as many bytes as they say.
    pub(crate) unsafe fn of(
        format: Format,
        size: Size,
        planes: *const abi::Plane,
        count: usize,
    ) -> Result<Self> {
        let packing = packing(format)?;
        let extents = packing.planes(size);
        if count != extents.len() {
            return Err(usage(format!("{count} planes: the format has {}", extents.len())));
        }
        // SAFETY: the caller's.
        let planes = unsafe { listed(planes, count, "planes") }?;
        let needed: Vec<usize> = (0..)
            .zip(planes.iter().zip(&extents))
            .map(|(index, (plane, extent))| needed(plane, *extent, index))
            .collect::<Result<_>>()?;
        Ok(Self { packing, planes, needed })
    }

    /// The same of two pictures, whose planes follow one another.
    ///
    /// # Safety
    /// As [`Self::of`].
    pub(crate) unsafe fn of_two(
        format: Format,
        size: Size,
        planes: *const abi::Plane,
        count: usize,
    ) -> Result<(Self, Self)> {
        let each = packing(format)?.planes(size).len();
        if count != 2 * each {
            return Err(usage(format!("{count} planes: two of the format have {}", 2 * each)));
        }
        // SAFETY: the caller's.
        let planes = unsafe { listed(planes, count, "planes") }?;
        let (first, second) = planes.split_at(each);
        // SAFETY: the caller's, and as many as there are.
        unsafe {
            Ok((
                Self::of(format, size, first.as_ptr(), each)?,
                Self::of(format, size, second.as_ptr(), each)?,
            ))
        }
    }

    /// Writes a picture of the size that was announced.
    ///
    /// # Safety
    /// The planes are still there.
    pub(crate) unsafe fn fill(&self, picture: &Picture, colour: Colour) {
        for (index, (plane, bytes)) in self.planes.iter().zip(&self.needed).enumerate() {
            // SAFETY: there are as many bytes, as the caller says; one plane at a time, since rows of two may alternate.
            let out = unsafe { std::slice::from_raw_parts_mut(plane.samples.cast::<u8>(), *bytes) };
            self.packing.write_plane(index, picture, colour, out, plane.stride);
        }
    }
}

fn packing(format: Format) -> Result<Packing> {
    Ok(match format {
        0 => Packing::I420,
        1 => Packing::Nv12,
        2 => Packing::Rgba,
        other => return Err(usage(format!("no format is {other}: see iev_format"))),
    })
}

/// Bytes from the first to the last sample of a plane that `plane` has room for.
fn needed(plane: &abi::Plane, extent: Extent, index: u8) -> Result<usize> {
    let Extent { row_bytes, rows } = extent;
    if plane.samples.is_null() {
        return Err(usage(format!("samples of plane {index} is NULL")));
    }
    if plane.stride < row_bytes {
        let stride = plane.stride;
        return Err(usage(format!(
            "stride {stride} of plane {index}: a row has {row_bytes} bytes"
        )));
    }
    let needed = rows
        .saturating_sub(1)
        .checked_mul(plane.stride)
        .and_then(|bytes| bytes.checked_add(row_bytes));
    let room = isize::MAX as usize;
    needed.filter(|needed| *needed <= plane.bytes.min(room)).ok_or_else(|| {
        let (bytes, stride) = (plane.bytes, plane.stride);
        let asked = format!("{rows} rows of {row_bytes} bytes at a stride of {stride}");
        usage(format!("{bytes} bytes of plane {index} are too few for {asked}"))
    })
}
