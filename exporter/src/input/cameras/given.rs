//! A camera as a file gives it, brought to the stream's axes, and its way into the stream's numbers.

use iev_runtime::format::cameras::Camera;
use nalgebra::{Matrix3, Rotation3, UnitQuaternion, Vector3};

use super::fault::Fault;

/// How far the axes of a rotation may be from length 1 and from right angles, by rounding in the file.
const AXES_TOLERANCE: f64 = 0.01;

/// One entry of a file. What is wrong with it matters only where a view needs it.
#[derive(Debug)]
pub(super) struct Entry {
    /// The camera's or its image's name.
    pub(super) name: String,
    /// Where it is in the file, for errors.
    pub(super) place: String,
    /// The camera.
    pub(super) camera: Result<SourceCamera, Fault>,
}

/// A camera in the stream's axes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SourceCamera {
    /// Width and height that the pixels are counted in.
    pub(super) size_px: [f64; 2],
    /// Focal lengths, horizontal and vertical.
    pub(super) focal_px: [f64; 2],
    /// Principal point from the top left corner.
    pub(super) centre_px: [f64; 2],
    /// Centre and rotation.
    pub(super) pose: SourcePose,
}

/// Where a camera is, in the stream's axes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SourcePose {
    /// Centre of projection.
    pub(super) position: Vector3<f64>,
    /// From camera axes to world axes.
    pub(super) rotation: UnitQuaternion<f64>,
}

/// Axes of a format, as what turns them to the stream's.
pub(super) struct Axes {
    /// Rows: the stream's world axes in the format's.
    world: [[f64; 3]; 3],
    /// Rows: the stream's camera axes in the format's.
    camera: [[f64; 3]; 3],
}

impl Axes {
    /// Camera and world x forward, y left, z up.
    pub(super) const MIV: Self = Self { world: FORWARD_LEFT_UP, camera: FORWARD_LEFT_UP };
    /// Camera x right, y up, −z forward; world x right, y forward, z up.
    pub(super) const GRAPHICS: Self = Self {
        world: [[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]],
        camera: [[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]],
    };

    /// The pose of a camera-to-world `rotation` and `position` in these axes.
    pub(super) fn pose(
        &self,
        rotation: Matrix3<f64>,
        position: [f64; 3],
    ) -> Result<SourcePose, Fault> {
        finite("position", &position)?;
        let [world, camera] = [self.world, self.camera].map(matrix);
        Ok(SourcePose {
            position: world * Vector3::from(position),
            rotation: checked(world * rotation * camera.transpose())?,
        })
    }

    /// The pose of a camera-to-world matrix; its last row is not looked at.
    pub(super) fn pose_of_matrix(&self, rows: &[[f64; 4]; 4]) -> Result<SourcePose, Fault> {
        let [x, y, z, _] = rows;
        let rotation = matrix([x, y, z].map(|row| [row[0], row[1], row[2]]));
        self.pose(rotation, [x[3], y[3], z[3]])
    }
}

const FORWARD_LEFT_UP: [[f64; 3]; 3] = [[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]];

fn matrix(rows: [[f64; 3]; 3]) -> Matrix3<f64> {
    Matrix3::from_fn(|row, column| rows[row][column])
}

/// The rotation that a matrix is, but for rounding.
fn checked(matrix: Matrix3<f64>) -> Result<UnitQuaternion<f64>, Fault> {
    finite("rotation", matrix.as_slice())?;
    let off = (matrix.transpose() * matrix - Matrix3::identity()).amax();
    let determinant = matrix.determinant();
    if off > AXES_TOLERANCE || determinant < 0.0 {
        return Err(Fault::Rotation(format!("a matrix of determinant {determinant:.3}")));
    }
    Ok(UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix_unchecked(matrix)))
}

/// Fails where one of `numbers` is infinite or no number.
pub(super) fn finite(what: &'static str, numbers: &[f64]) -> Result<(), Fault> {
    let all = numbers.iter().all(|number| number.is_finite());
    if all { Ok(()) } else { Err(Fault::NotFinite(what)) }
}

impl SourceCamera {
    /// Checks what every format has to hold.
    pub(super) fn check(self) -> Result<Self, Fault> {
        finite("size", &self.size_px)?;
        finite("focal length", &self.focal_px)?;
        finite("principal point", &self.centre_px)?;
        let [width, height] = self.size_px;
        if width < 1.0 || height < 1.0 {
            return Err(Fault::Size(width, height));
        }
        match self.focal_px.iter().find(|focal| **focal <= 0.0) {
            Some(focal) => Err(Fault::Focal(*focal)),
            None => Ok(self),
        }
    }

    /// Whether its pixels are those of pictures of another size.
    pub(super) fn is_scaled(&self, (width, height): (usize, usize)) -> bool {
        self.size_px != [width as f64, height as f64]
    }

    /// The camera of the same picture at `size`, as the stream stores it.
    ///
    /// Both sides have to scale alike, but for the rounding of the shorter to whole pixels.
    pub(super) fn at(&self, size: (usize, usize)) -> Result<Camera, Fault> {
        let (width, height) = (size.0 as f64, size.1 as f64);
        let [own_width, own_height] = self.size_px;
        let (across, down) = (width / own_width, height / own_height);
        let alike =
            (own_height * across - height).abs() <= 0.5 || (own_width * down - width).abs() <= 0.5;
        if !alike {
            return Err(Fault::OtherSize(own_width, own_height, size.0, size.1));
        }
        let scaled = |[x, y]: [f64; 2]| [x * across, y * down];
        Camera::of_numbers(
            self.pose.position.into(),
            self.pose.rotation,
            scaled(self.focal_px),
            scaled(self.centre_px),
        )
        .ok_or(Fault::Range)
    }
}
