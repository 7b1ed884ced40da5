//! A camera that a picture is rendered for, and the way from one camera's pixels to another's.

use nalgebra::{Matrix3, Point3, UnitQuaternion, Vector3};

use crate::format::cameras::Camera;
use crate::units::Size;

/// A pinhole camera: where it is, where it looks, and what of it becomes a picture. Axes are x right, y down,
/// z forward, as of the stream's cameras.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Viewpoint {
    /// Centre of projection, in the stream's world units.
    pub position: Point3<f64>,
    /// From camera axes to world axes.
    pub rotation: UnitQuaternion<f64>,
    /// Focal lengths in pixels, horizontal and vertical.
    pub focal_px: [f64; 2],
    /// Principal point in pixels from the top left corner.
    pub centre_px: [f64; 2],
    /// Size of the picture.
    pub size: Size,
}

impl Viewpoint {
    /// The viewpoint of a stream's camera, whose pictures are of `size`.
    pub fn of_camera(camera: &Camera, size: Size) -> Self {
        let lens = camera.calibration();
        Self {
            position: camera.position(),
            rotation: camera.rotation(),
            focal_px: [lens[(0, 0)], lens[(1, 1)]],
            centre_px: [lens[(0, 2)], lens[(1, 2)]],
            size,
        }
    }

    /// The same view in a picture of another size.
    #[must_use]
    pub fn resized(&self, size: Size) -> Self {
        let across = size.width() as f64 / self.size.width() as f64;
        let down = size.height() as f64 / self.size.height() as f64;
        let scaled = |[x, y]: [f64; 2]| [x * across, y * down];
        Self { focal_px: scaled(self.focal_px), centre_px: scaled(self.centre_px), size, ..*self }
    }

    /// The same view with `scale`×`scale` pixels as one.
    pub(super) fn shrunk(&self, scale: usize) -> Self {
        let shrunk = |[x, y]: [f64; 2]| [x / scale as f64, y / scale as f64];
        let side = |side: usize| side.div_ceil(scale) as u16;
        let size = Size { width_px: side(self.size.width()), height_px: side(self.size.height()) };
        Self { focal_px: shrunk(self.focal_px), centre_px: shrunk(self.centre_px), size, ..*self }
    }

    /// Whether points up to `nearest` are within `tolerance_px` of where they are in the picture of `other`.
    pub(super) fn sees_as(&self, other: &Self, nearest: f32, tolerance_px: f32) -> bool {
        let transfer = Transfer::between(self, other);
        let (width, height) = (self.size.width() as f32, self.size.height() as f32);
        let corners = [(0.0, 0.0), (width, 0.0), (0.0, height), (width, height)];
        let spots = corners
            .iter()
            .flat_map(|(x, y)| [0.0, nearest].map(|nearness| Spot { x: *x, y: *y, nearness }));
        let near = |a: f32, b: f32| (a - b).abs() <= tolerance_px;
        let stays = |spot: Spot| {
            transfer.at(spot).is_some_and(|there| near(there.x, spot.x) && near(there.y, spot.y))
        };
        self.size == other.size && { spots }.all(stays)
    }

    /// The viewpoint `right` world units to the right, as of an eye.
    #[must_use]
    pub fn moved_right(&self, right: f64) -> Self {
        Self { position: self.position + self.rotation * Vector3::new(right, 0.0, 0.0), ..*self }
    }

    /// Whether every number is one, and focal lengths are above zero.
    pub fn is_finite(&self) -> bool {
        let numbers = self.position.iter().chain(self.rotation.coords.iter());
        numbers.chain(&self.focal_px).chain(&self.centre_px).all(|number| number.is_finite())
            && self.focal_px.iter().all(|focal| *focal > 0.0)
    }

    fn calibration(&self) -> Matrix3<f64> {
        let ([fx, fy], [cx, cy]) = (self.focal_px, self.centre_px);
        Matrix3::new(fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0)
    }

    fn calibration_inverse(&self) -> Matrix3<f64> {
        let ([fx, fy], [cx, cy]) = (self.focal_px, self.centre_px);
        Matrix3::new(1.0 / fx, 0.0, -cx / fx, 0.0, 1.0 / fy, -cy / fy, 0.0, 0.0, 1.0)
    }
}

/// Where a point is in a picture, and how near.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spot {
    /// Column, from the left edge of the picture.
    pub x: f32,
    /// Row, from the upper edge of the picture.
    pub y: f32,
    /// One over the depth along the camera's axis: 0 is as far as can be.
    pub nearness: f32,
}

/// A point nearer to a camera than such a share of its depth to the other is behind it for all purposes.
pub(super) const LEAST_AHEAD: f32 = 1e-3;

/// The way of points from one camera's picture to another's: `q = K' R K⁻¹ p + w K' t` for pixel `p` of nearness
/// `w`, where `X' = R X + t` (Hartley and Zisserman, §9.6).
#[derive(Debug, Clone, Copy)]
pub(super) struct Transfer {
    /// Rows of `K' R K⁻¹`.
    pub turn: [[f32; 3]; 3],
    /// `K' t`.
    pub shift: [f32; 3],
}

impl Transfer {
    pub(super) fn between(from: &Viewpoint, to: &Viewpoint) -> Self {
        let to_axes = to.rotation.inverse();
        let rotation = (to_axes * from.rotation).to_rotation_matrix();
        let offset = to_axes * (from.position - to.position);
        let turn = to.calibration() * rotation.matrix() * from.calibration_inverse();
        let shift = to.calibration() * offset;
        Self {
            turn: [0, 1, 2].map(|row| [0, 1, 2].map(|column| turn[(row, column)] as f32)),
            shift: [0, 1, 2].map(|row| shift[row] as f32),
        }
    }

    /// `q` of the point at column `x` and row `y`.
    #[inline(always)]
    pub(super) fn row(&self, x: f32, y: f32, nearness: f32) -> [f32; 3] {
        let [across, down, ahead] = self.turn;
        // What a row of pixels shares is one sum.
        let place = |[a, b, c]: [f32; 3], shift: f32| a * x + (b * y + c) + nearness * shift;
        let [right, below, forward] = self.shift;
        [place(across, right), place(down, below), place(ahead, forward)]
    }

    /// Where the point at `spot` is in the other picture; none behind the other camera.
    #[inline(always)]
    pub(super) fn at(&self, spot: Spot) -> Option<Spot> {
        let [across, down, ahead] = self.row(spot.x, spot.y, spot.nearness);
        let scale = 1.0 / ahead;
        let there = Spot { x: across * scale, y: down * scale, nearness: spot.nearness * scale };
        (ahead > LEAST_AHEAD).then_some(there)
    }
}
