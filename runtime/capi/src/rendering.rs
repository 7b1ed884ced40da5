//! `iev_look` and `iev_render`: what a camera anywhere sees of the frame in hand.
#![allow(unsafe_code, reason = "functions of a C interface")]

use iev_runtime::format::header::MAX_VIEWS;
use iev_runtime::render::{Renderer, Viewpoint};
use iev_runtime::{Picture, Result, Size};
use nalgebra::{Quaternion, UnitQuaternion};

use crate::abi::{self, Format, OK, Status};
use crate::edge::{Place, edge, given, listed, usage};
use crate::pictures::Planes;
use crate::playing::Handle;

/// By how much the length of a quaternion may be off.
const OFF_UNIT: f64 = 1e-2;

/// What pictures between the cameras are rendered with.
#[derive(Default)]
pub(crate) struct Head {
    /// Taken out while it works, so that a panic leaves none.
    renderer: Option<Renderer>,
    /// Whether it has the frame in hand.
    taken: bool,
    picture: Option<Picture>,
}

impl Head {
    /// Another frame is in hand.
    pub(crate) fn forget(&mut self) {
        self.taken = false;
    }
}

/// The camera of a caller's, with pictures of `size`.
fn viewpoint(camera: &abi::Camera, size: Size) -> Result<Viewpoint> {
    let [w, x, y, z] = camera.rotation_wxyz;
    let rotation = Quaternion::new(w, x, y, z);
    if (rotation.norm() - 1.0).abs() > OFF_UNIT || !rotation.norm().is_finite() {
        return Err(usage("rotation_wxyz is no unit quaternion"));
    }
    let at = Viewpoint {
        position: camera.position.into(),
        rotation: UnitQuaternion::from_quaternion(rotation),
        focal_px: camera.focal_px,
        centre_px: camera.centre_px,
        size,
    };
    if !at.is_finite() {
        return Err(usage("a number of a camera is not finite, or a focal length not above zero"));
    }
    Ok(at)
}

/// # Safety
/// As iev.h says: `player` is open, and there are `count` cameras.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iev_look(
    player: *mut Handle,
    cameras: *const abi::Camera,
    count: usize,
) -> Status {
    edge(|| {
        if !(1..=MAX_VIEWS).contains(&count) {
            return Err(usage(format!("{count} cameras: 1 to {MAX_VIEWS} can be looked from")));
        }
        // SAFETY: the caller keeps the rule.
        let (handle, given) =
            unsafe { (given(player, "player")?, listed(cameras, count, "cameras")?) };
        let size = handle.player.header().size;
        let guide = Renderer::new(size, handle.cameras()?);
        let poses = given.iter().map(|camera| viewpoint(camera, size));
        let poses = poses.collect::<Result<Vec<_>>>()?;
        handle.show(poses.iter().flat_map(|at| guide.views(at)).collect())
    })
}

/// # Safety
/// As iev.h says: `player` is open, and there are `count` planes with as many bytes as they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iev_render(
    player: *mut Handle,
    camera: *const abi::Camera,
    size: *const abi::Extent,
    format: Format,
    planes: *const abi::Plane,
    count: usize,
    seen: *mut f64,
) -> Status {
    edge(|| {
        // SAFETY: the caller keeps the rule.
        let (handle, camera, size) =
            unsafe { (given(player, "player")?, given(camera, "camera")?, given(size, "size")?) };
        let size = picture_size(handle, size)?;
        let at = viewpoint(camera, size)?;
        // SAFETY: as above.
        let planes = unsafe { Planes::of(format, size, planes, count) }?;
        let header = handle.player.header();
        let cameras = handle.cameras()?;
        let playing = &mut *handle.playing();
        let shown =
            playing.shown.as_ref().ok_or_else(|| usage("no frame is in hand: call iev_next"))?;
        let Head { renderer, taken, picture } = &mut playing.head;
        let fresh = || Renderer::new(header.size, cameras);
        let (mut working, known) = match renderer.take() {
            Some(renderer) => (renderer, *taken),
            None => (fresh(), false),
        };
        if !known {
            working.take(shown.with_ids().map(|(id, picture)| (id.view, picture)));
        }
        let kept = picture.take().filter(|picture| picture.size() == size);
        let mut out = kept.unwrap_or_else(|| Picture::new(size));
        let share = working.render(&at, &mut out);
        // SAFETY: as above.
        unsafe { planes.fill(&out, header.colour) };
        (*renderer, *taken, *picture) = (Some(working), true, Some(out));
        // SAFETY: as above.
        if let Ok(place) = unsafe { Place::of(seen, "seen") } {
            place.put(share);
        }
        Ok(OK)
    })
}

/// A size that the stream's limits allow.
fn picture_size(handle: &Handle, size: &abi::Extent) -> Result<Size> {
    let side = |side: u32| u16::try_from(side).ok().filter(|side| *side > 0);
    let sides = side(size.width_px).zip(side(size.height_px));
    let size = sides.map(|(width_px, height_px)| Size { width_px, height_px });
    let size = size.ok_or_else(|| usage("a side of a picture is 1 to 65535 pixels"))?;
    handle.player.options().limits.check_size(size)?;
    Ok(size)
}
