//! MIV content JSON, as of TMIV and the common test conditions.

use nalgebra::Rotation3;
use serde::Deserialize;

use super::fault::{Fault, InEntry};
use super::given::{Axes, Entry, SourceCamera, finite};

/// What the test conditions list beside the cameras: a display, and the middle of the rig.
const NO_CAMERAS: [&str; 2] = ["viewport", "center"];

#[derive(Deserialize)]
struct Content {
    cameras: Vec<Camera>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Camera {
    name: String,
    projection: String,
    resolution: [f64; 2],
    position: [f64; 3],
    /// Yaw, pitch, roll in degrees.
    rotation: [f64; 3],
    focal: Option<[f64; 2]>,
    #[serde(rename = "Principle_point", alias = "Principal_point")]
    centre: Option<[f64; 2]>,
}

/// The cameras of `text`, but for viewports.
pub(super) fn parse(text: &str) -> Result<Vec<Entry>, InEntry> {
    let content: Content = serde_json::from_str(text).map_err(|e| InEntry::json(&e))?;
    let cameras = content.cameras.into_iter();
    let entry = |camera: Camera| Entry {
        place: format!("camera {:?}", camera.name),
        camera: given(&camera),
        name: camera.name,
    };
    Ok(cameras.filter(|c| !NO_CAMERAS.contains(&c.name.as_str())).map(entry).collect())
}

fn given(camera: &Camera) -> Result<SourceCamera, Fault> {
    if camera.projection != "Perspective" {
        return Err(Fault::Projection(camera.projection.clone()));
    }
    finite("rotation", &camera.rotation)?;
    let [yaw, pitch, roll] = camera.rotation.map(f64::to_radians);
    // nalgebra applies the first angle first: Rz(yaw) · Ry(pitch) · Rx(roll).
    let rotation = Rotation3::from_euler_angles(roll, pitch, yaw);
    SourceCamera {
        size_px: camera.resolution,
        focal_px: camera.focal.ok_or(Fault::Missing("Focal"))?,
        centre_px: camera.centre.ok_or(Fault::Missing("Principle_point"))?,
        pose: Axes::MIV.pose(*rotation.matrix(), camera.position)?,
    }
    .check()
}
