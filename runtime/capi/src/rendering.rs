//! `iev_look`, `iev_render` and `iev_render_pair`: what cameras anywhere see of the frame in hand.
#![allow(unsafe_code, reason = "functions of a C interface")]

use iev_runtime::format::header::MAX_VIEWS;
use iev_runtime::render::{Renderer, Viewpoint};
use iev_runtime::{Picture, PosedPlayback, Result, Size};
use nalgebra::{Quaternion, UnitQuaternion};

use crate::abi::{self, Format, OK, Status};
use crate::edge::{Place, edge, given, listed, usage};
use crate::pictures::Planes;
use crate::playing::Handle;

/// By how much the length of a quaternion may be off.
const OFF_UNIT: f64 = 1e-2;

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
        let share = render(handle, [(at, planes)], |posed, [(at, out)]| [posed.render(at, out)])?;
        // SAFETY: as above.
        if let Ok(place) = unsafe { Place::of(seen, "seen") } {
            place.put(share[0]);
        }
        Ok(OK)
    })
}

/// # Safety
/// As iev.h says: `player` is open, there are two cameras, `count` planes with as many bytes as they say, and room for
/// two shares.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iev_render_pair(
    player: *mut Handle,
    cameras: *const abi::Camera,
    size: *const abi::Extent,
    format: Format,
    planes: *const abi::Plane,
    count: usize,
    seen: *mut f64,
) -> Status {
    edge(|| {
        // SAFETY: the caller keeps the rule.
        let (handle, cameras, size) = unsafe {
            (given(player, "player")?, listed(cameras, 2, "cameras")?, given(size, "size")?)
        };
        let size = picture_size(handle, size)?;
        let (left, right) = (viewpoint(&cameras[0], size)?, viewpoint(&cameras[1], size)?);
        // SAFETY: as above.
        let (first, second) = unsafe { Planes::of_two(format, size, planes, count) }?;
        let eyes = [(left, first), (right, second)];
        let shares = render(handle, eyes, |posed, eyes| posed.render_pair(eyes))?;
        // SAFETY: as above.
        if let Ok(place) = unsafe { Place::of(seen.cast::<[f64; 2]>(), "seen") } {
            place.put(shares);
        }
        Ok(OK)
    })
}

/// Renders what eyes see of the frame in hand to planes of the caller's, all of one size.
fn render<const N: usize>(
    handle: &Handle,
    eyes: [(Viewpoint, Planes<'_>); N],
    rendered: impl FnOnce(&mut PosedPlayback, [(&Viewpoint, &mut Picture); N]) -> [f64; N],
) -> Result<[f64; N]> {
    let cameras = handle.cameras()?;
    let playing = &mut *handle.playing();
    let mut posed = playing.take_posed(cameras)?;
    // Pictures of the same size are there from the last time.
    let mut kept = playing.pictures.iter_mut().map(Option::take);
    let mut out = eyes.each_ref().map(|(at, _)| {
        let kept = kept.next().flatten().filter(|picture| picture.size() == at.size);
        kept.unwrap_or_else(|| Picture::new(at.size))
    });
    drop(kept);
    let mut places = out.iter_mut();
    let seen = rendered(
        &mut posed,
        eyes.each_ref().map(|(at, _)| {
            (at, places.next().unwrap_or_else(|| unreachable!("a picture for each eye")))
        }),
    );
    for ((_, planes), picture) in eyes.iter().zip(&out) {
        // SAFETY: the caller of a function of iev.h keeps the rule, and they were looked at.
        unsafe { planes.fill(picture, handle.player.header().colour) };
    }
    playing.put_posed(posed);
    playing.pictures.iter_mut().zip(out).for_each(|(kept, picture)| *kept = Some(picture));
    Ok(seen)
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
