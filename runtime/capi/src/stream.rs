//! `iev_get_header` and `iev_get_camera`: what a stream says of itself.
#![allow(unsafe_code, reason = "functions of a C interface")]

use iev_runtime::Header;
use iev_runtime::format::header::Siting;

use crate::abi::{self, OK, Status};
use crate::edge::{Place, bits, edge, given, usage};
use crate::playing::Handle;

/// # Safety
/// As iev.h says: `player` is open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iev_get_header(player: *const Handle, header: *mut abi::Header) -> Status {
    edge(|| {
        // SAFETY: the caller keeps the rule.
        let (handle, place) = unsafe { (given(player, "player")?, Place::of(header, "header")?) };
        let cameras = handle.player.index().cameras().is_some();
        place.put(of_stream(handle.player.header(), cameras));
        Ok(OK)
    })
}

fn of_stream(header: &Header, cameras: bool) -> abi::Header {
    let Header { size, rate, colour, sampling, .. } = header;
    abi::Header {
        width_px: size.width_px.into(),
        height_px: size.height_px.into(),
        rate_frames: rate.0,
        rate_seconds: rate.1,
        frames: header.frames,
        views: header.views.len() as u32,
        implicit_views: bits(header.implicit_views()),
        aspect_width: sampling.pixel_aspect.0,
        aspect_height: sampling.pixel_aspect.1,
        chroma_location: match sampling.siting {
            Siting::Unspecified => -1,
            Siting::Left => 0,
            Siting::Centre => 1,
            Siting::TopLeft => 2,
            Siting::Top => 3,
            Siting::BottomLeft => 4,
            Siting::Bottom => 5,
        },
        primaries: colour.primaries,
        transfer: colour.transfer,
        matrix: colour.matrix,
        full_range: colour.full_range.into(),
        cameras: cameras.into(),
    }
}

/// # Safety
/// As iev.h says: `player` is open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iev_get_camera(
    player: *const Handle,
    view: u32,
    camera: *mut abi::Camera,
) -> Status {
    edge(|| {
        // SAFETY: the caller keeps the rule.
        let (handle, place) = unsafe { (given(player, "player")?, Place::of(camera, "camera")?) };
        let cameras = handle.cameras()?;
        let found = usize::try_from(view).ok().and_then(|view| cameras.views.get(view));
        let found = found.ok_or_else(|| {
            usage(format!("no such view: {view}; there are {}", cameras.views.len()))
        })?;
        let (pose, intrinsics) = (found.pose, found.intrinsics);
        place.put(abi::Camera {
            position: pose.position.map(|x| x.to_num()),
            rotation_wxyz: pose.rotation.map(|q| q.to_num()),
            focal_px: intrinsics.focal_px.map(|f| f.to_num()),
            centre_px: intrinsics.centre_px.map(|c| c.to_num()),
        });
        Ok(OK)
    })
}
