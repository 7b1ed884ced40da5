//! Cameras of the views (FORMAT.md §10): the view nearest to a head pose, and plane homographies.
//!
//! World and camera axes are x right, y down, z forward. Stored numbers are fixed-point, so every
//! machine reads the same camera; geometry on them is `f64` and only chooses views or starts flows.

use fixed::types::{I2F30, I16F16};
use heapless::Vec;
use nalgebra::{Matrix3, Point3, Quaternion, UnitQuaternion, Vector3};
use serde::{Deserialize, Serialize};

use super::header::MAX_VIEWS;
use crate::error::{Error, Result};
use crate::units::ViewId;

/// Where a camera is and where it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pose {
    /// Centre of projection in world units, usually metres.
    pub position: [I16F16; 3],
    /// Unit quaternion (w, x, y, z) from camera axes to world axes.
    pub rotation: [I2F30; 4],
}

/// How a camera projects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intrinsics {
    /// Focal length in pixels, horizontal and vertical.
    pub focal_px: [I16F16; 2],
    /// Principal point in pixels from the top left corner.
    pub centre_px: [I16F16; 2],
}

/// A calibrated view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Camera {
    /// Extrinsic parameters.
    pub pose: Pose,
    /// Intrinsic parameters.
    pub intrinsics: Intrinsics,
}

/// A camera as stored: the bits of its numbers.
#[derive(Serialize, Deserialize)]
struct CameraRecord {
    position: [i32; 3],
    rotation: [i32; 4],
    focal: [i32; 2],
    centre: [i32; 2],
}

impl Camera {
    fn to_record(self) -> CameraRecord {
        CameraRecord {
            position: self.pose.position.map(I16F16::to_bits),
            rotation: self.pose.rotation.map(I2F30::to_bits),
            focal: self.intrinsics.focal_px.map(I16F16::to_bits),
            centre: self.intrinsics.centre_px.map(I16F16::to_bits),
        }
    }

    /// The camera stored at byte `at` of its section.
    fn from_record(record: &CameraRecord, at: u64) -> Result<Self> {
        let pose = Pose {
            position: record.position.map(I16F16::from_bits),
            rotation: record.rotation.map(I2F30::from_bits),
        };
        let intrinsics = Intrinsics {
            focal_px: record.focal.map(I16F16::from_bits),
            centre_px: record.centre.map(I16F16::from_bits),
        };
        if intrinsics.focal_px.iter().any(|f| *f <= I16F16::ZERO) {
            return Err(Error::malformed(at, "a focal length is above zero"));
        }
        let norm: f64 = pose.rotation.iter().map(|q| q.to_num::<f64>() * q.to_num::<f64>()).sum();
        if !(0.98..=1.02).contains(&norm) {
            return Err(Error::malformed(at, "a camera rotation is a unit quaternion"));
        }
        Ok(Self { pose, intrinsics })
    }

    /// The camera whose stored numbers are nearest to these; none where one does not fit its bits, or a focal length
    /// becomes zero.
    pub fn of_numbers(
        position: [f64; 3],
        rotation: UnitQuaternion<f64>,
        focal_px: [f64; 2],
        centre_px: [f64; 2],
    ) -> Option<Self> {
        let pair =
            |[x, y]: [f64; 2]| Some([I16F16::checked_from_num(x)?, I16F16::checked_from_num(y)?]);
        let [x, y, z] = position.map(I16F16::checked_from_num);
        let [qw, qx, qy, qz] =
            [rotation.w, rotation.i, rotation.j, rotation.k].map(I2F30::checked_from_num);
        let pose = Pose { position: [x?, y?, z?], rotation: [qw?, qx?, qy?, qz?] };
        let intrinsics = Intrinsics { focal_px: pair(focal_px)?, centre_px: pair(centre_px)? };
        let sees = intrinsics.focal_px.iter().all(|focal| *focal > I16F16::ZERO);
        sees.then_some(Self { pose, intrinsics })
    }

    /// Centre of projection.
    pub fn position(&self) -> Point3<f64> {
        Point3::from(self.pose.position.map(|p| p.to_num()))
    }

    /// Rotation from camera axes to world axes.
    pub fn rotation(&self) -> UnitQuaternion<f64> {
        let [w, x, y, z] = self.pose.rotation.map(|q| q.to_num());
        UnitQuaternion::new_normalize(Quaternion::new(w, x, y, z))
    }

    /// Calibration matrix `K`.
    pub fn calibration(&self) -> Matrix3<f64> {
        let [fx, fy] = self.intrinsics.focal_px.map(|f| f.to_num());
        let [cx, cy] = self.intrinsics.centre_px.map(|c| c.to_num());
        Matrix3::new(fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0)
    }

    /// `K⁻¹`; it exists because focal lengths are above zero.
    fn calibration_inverse(&self) -> Matrix3<f64> {
        let k = self.calibration();
        let (fx, fy) = (k[(0, 0)], k[(1, 1)]);
        Matrix3::new(1.0 / fx, 0.0, -k[(0, 2)] / fx, 0.0, 1.0 / fy, -k[(1, 2)] / fy, 0.0, 0.0, 1.0)
    }

    /// Homography from this camera's pixels to `source`'s, induced by one scene plane.
    ///
    /// `H = K' (R + t nᵀ / d) K⁻¹`, where `X' = R X + t` and the plane is `n·X = d` in this
    /// camera's axes; for a wall straight ahead `normal` is (0, 0, 1) and `distance` its depth.
    ///
    /// # Panics
    /// If `distance` is zero: the plane would go through this camera's centre.
    ///
    /// # Source
    /// Hartley and Zisserman, Multiple View Geometry, §13.1.
    pub fn homography_to(
        &self,
        source: &Self,
        normal: Vector3<f64>,
        distance: f64,
    ) -> Matrix3<f64> {
        assert!(distance != 0.0, "a plane does not go through the camera");
        let to_source = source.rotation().inverse();
        let rotation = (to_source * self.rotation()).to_rotation_matrix();
        let offset = to_source * (self.position() - source.position());
        let plane = rotation.matrix() + offset * normal.transpose() / distance;
        source.calibration() * plane * self.calibration_inverse()
    }
}

/// Cameras of all views, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cameras {
    /// One per view.
    pub views: Vec<Camera, MAX_VIEWS>,
}

/// Most bytes of a camera section: 11 numbers of at most 5 bytes each.
pub const MAX_CAMERAS_BYTES: usize = MAX_VIEWS * 11 * 5;

impl Cameras {
    /// Decodes a camera section of a stream with `views` views.
    ///
    /// # Errors
    /// [`Error::Malformed`] when it is cut off, too long, or has impossible numbers.
    pub fn decode(body: &[u8], views: usize) -> Result<Self> {
        let rule = "a camera section has one record per view";
        let mut cameras = Self { views: Vec::new() };
        let mut rest = body;
        for _ in 0..views {
            let at = (body.len() - rest.len()) as u64;
            let (record, after) = postcard::take_from_bytes::<CameraRecord>(rest)
                .map_err(|_| Error::malformed(at, rule))?;
            let camera = Camera::from_record(&record, at)?;
            cameras.views.push(camera).map_err(|_| Error::malformed(at, rule))?;
            rest = after;
        }
        let end = (body.len() - rest.len()) as u64;
        if rest.is_empty() { Ok(cameras) } else { Err(Error::malformed(end, rule)) }
    }

    /// Codes a camera section.
    pub fn encode(&self) -> Vec<u8, MAX_CAMERAS_BYTES> {
        let mut body = Vec::new();
        for camera in &self.views {
            let mut record = [0; MAX_CAMERAS_BYTES / MAX_VIEWS];
            let used = postcard::to_slice(&camera.to_record(), &mut record);
            let fits = used.map(|bytes| body.extend_from_slice(bytes));
            assert!(matches!(fits, Ok(Ok(()))), "11 numbers take at most 55 bytes");
        }
        body
    }

    /// The view whose camera is nearest to `head`, in world units; of two equally near, the first.
    pub fn nearest(&self, head: Point3<f64>) -> Option<ViewId> {
        let mut best: Option<(f64, ViewId)> = None;
        for (view, camera) in (0..).map(ViewId).zip(&self.views) {
            let distance = (camera.position() - head).norm_squared();
            if best.is_none_or(|(least, _)| distance < least) {
                best = Some((distance, view));
            }
        }
        best.map(|(_, view)| view)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A camera at `x`, looking along z.
    fn camera(x: f64) -> Camera {
        let number = I16F16::from_num::<f64>;
        Camera {
            pose: Pose {
                position: [number(x), number(0.0), number(0.0)],
                rotation: [I2F30::ONE, I2F30::ZERO, I2F30::ZERO, I2F30::ZERO],
            },
            intrinsics: Intrinsics {
                focal_px: [number(1000.0), number(1000.0)],
                centre_px: [number(960.0), number(540.0)],
            },
        }
    }

    fn row() -> Cameras {
        Cameras { views: [-0.5, 0.0, 0.5].into_iter().map(camera).collect() }
    }

    #[test]
    fn cameras_survive_coding_and_broken_ones_are_refused() {
        let body = row().encode();
        assert_eq!(Cameras::decode(&body, 3).unwrap(), row());
        assert!(Cameras::decode(&body, 2).is_err(), "a camera too many");
        assert!(Cameras::decode(&body[..body.len() - 1], 3).is_err(), "cut off");
        let mut flat = row();
        flat.views[1].intrinsics.focal_px[0] = I16F16::ZERO;
        assert!(Cameras::decode(&flat.encode(), 3).is_err(), "no focal length");
        let mut spun = row();
        spun.views[1].pose.rotation = [I2F30::ZERO; 4];
        assert!(Cameras::decode(&spun.encode(), 3).is_err(), "no rotation");
    }

    #[test]
    fn the_nearest_camera_is_chosen_and_ties_go_to_the_first() {
        for (x, view) in [(-3.0, 0), (-0.2, 1), (0.3, 2), (0.25, 1)] {
            assert_eq!(row().nearest(Point3::new(x, 0.1, -1.0)), Some(ViewId(view)), "head at {x}");
        }
    }

    #[test]
    fn a_wall_shifts_by_focal_length_times_baseline_over_depth() {
        let views = row().views;
        let h = views[1].homography_to(&views[2], Vector3::z(), 4.0);
        let mapped = h * Vector3::new(960.0, 540.0, 1.0);
        let expected = Vector3::new(960.0 - 1000.0 * 0.5 / 4.0, 540.0, 1.0);
        assert!((mapped / mapped.z - expected).norm() < 1e-9, "{mapped}");
    }

    #[test]
    fn homographies_follow_points_of_a_tilted_plane() {
        let views = row().views;
        let mut turned = views[2];
        let turn = UnitQuaternion::from_euler_angles(0.05, -0.2, 0.1);
        turned.pose.rotation = [turn.w, turn.i, turn.j, turn.k].map(I2F30::from_num);
        let normal = Vector3::new(0.2, -0.1, 1.0).normalize();
        let h = views[0].homography_to(&turned, normal, 3.0);
        let ray = Vector3::new(0.1, -0.2, 1.0);
        let point = ray * (3.0 / normal.dot(&ray));
        let world = views[0].rotation() * point + views[0].position().coords;
        let seen = turned.rotation().inverse() * (world - turned.position().coords);
        let direct = turned.calibration() * seen;
        let mapped = h * (views[0].calibration() * point);
        assert!((mapped / mapped.z - direct / direct.z).norm() < 1e-6);
    }
}
