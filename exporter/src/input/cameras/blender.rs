//! A list of Blender cameras, as a script of one line writes it: `matrix_world`, `lens_mm`, `sensor_mm`.

use serde::Deserialize;
use serde_json::Number;

use super::fault::{Fault, InEntry};
use super::given::{Axes, Entry, SourceCamera, finite};

#[derive(Deserialize)]
struct Camera {
    cam: Name,
    matrix_world: [[f64; 4]; 4],
    lens_mm: f64,
    /// Of the longer side of the picture, which is Blender's sensor fit "auto".
    sensor_mm: f64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Name {
    Number(Number),
    Text(String),
}

/// The cameras of `text`, which took pictures of `size`.
pub(super) fn parse(text: &str, size: (usize, usize)) -> Result<Vec<Entry>, InEntry> {
    let cameras: Vec<Camera> = serde_json::from_str(text).map_err(|e| InEntry::json(&e))?;
    let entry = |camera: Camera| {
        let name = match &camera.cam {
            Name::Number(number) => number.to_string(),
            Name::Text(text) => text.clone(),
        };
        Entry { place: format!("camera {name:?}"), camera: given(&camera, size), name }
    };
    Ok(cameras.into_iter().map(entry).collect())
}

fn given(camera: &Camera, (width, height): (usize, usize)) -> Result<SourceCamera, Fault> {
    let size_px = [width as f64, height as f64];
    finite("sensor size", &[camera.sensor_mm])?;
    let focal = camera.lens_mm / camera.sensor_mm * width.max(height) as f64;
    SourceCamera {
        size_px,
        focal_px: [focal; 2],
        centre_px: size_px.map(|side| side / 2.0),
        pose: Axes::GRAPHICS.pose_of_matrix(&camera.matrix_world)?,
    }
    .check()
}
