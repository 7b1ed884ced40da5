//! `transforms.json` of nerfstudio and instant-ngp: what all frames share at the top, what differs in each.

use serde::Deserialize;

use super::fault::{Fault, InEntry};
use super::given::{Axes, Entry, SourceCamera, finite};

/// Models that are a pinhole where their coefficients are zero.
const PINHOLES: [&str; 7] = [
    "OPENCV",
    "FULL_OPENCV",
    "PINHOLE",
    "SIMPLE_PINHOLE",
    "PERSPECTIVE",
    "SIMPLE_RADIAL",
    "RADIAL",
];

/// How pictures get straight: nerfstudio keeps the COLMAP model that it made.
const UNDISTORT: &str = "`colmap image_undistorter --image_path images --input_path colmap/sparse/0 --output_path OUT` \
                         in the folder that ns-process-data wrote, then --cameras OUT/sparse";

#[derive(Deserialize)]
struct Transforms {
    #[serde(flatten)]
    shared: Lens,
    frames: Vec<Frame>,
}

#[derive(Deserialize)]
struct Frame {
    file_path: String,
    transform_matrix: [[f64; 4]; 4],
    #[serde(flatten)]
    own: Lens,
}

/// What is said of a lens, at the top or in a frame.
#[derive(Deserialize)]
struct Lens {
    camera_model: Option<String>,
    is_fisheye: Option<bool>,
    w: Option<f64>,
    h: Option<f64>,
    fl_x: Option<f64>,
    fl_y: Option<f64>,
    cx: Option<f64>,
    cy: Option<f64>,
    camera_angle_x: Option<f64>,
    camera_angle_y: Option<f64>,
    k1: Option<f64>,
    k2: Option<f64>,
    k3: Option<f64>,
    k4: Option<f64>,
    k5: Option<f64>,
    k6: Option<f64>,
    p1: Option<f64>,
    p2: Option<f64>,
    distortion_params: Option<Vec<f64>>,
}

/// The cameras of `text`; pictures are of `size` where it does not say.
pub(super) fn parse(text: &str, size: (usize, usize)) -> Result<Vec<Entry>, InEntry> {
    let Transforms { shared, frames } =
        serde_json::from_str(text).map_err(|e| InEntry::json(&e))?;
    let entry = |frame: Frame| Entry {
        place: format!("frame {:?}", frame.file_path),
        camera: given(&frame, &shared, size),
        name: frame.file_path,
    };
    Ok(frames.into_iter().map(entry).collect())
}

fn given(frame: &Frame, shared: &Lens, size: (usize, usize)) -> Result<SourceCamera, Fault> {
    check_pinhole(&frame.own, shared)?;
    let value = |of: fn(&Lens) -> Option<f64>| of(&frame.own).or(of(shared));
    let width = value(|lens| lens.w).unwrap_or(size.0 as f64);
    let height = value(|lens| lens.h).unwrap_or(size.1 as f64);
    // Focal lengths in pixels, else from the angle of view.
    let by_angle = |side: f64, angle: f64| side / 2.0 / (angle / 2.0).tan();
    let across = value(|lens| lens.fl_x)
        .or(value(|lens| lens.camera_angle_x).map(|angle| by_angle(width, angle)))
        .ok_or(Fault::Missing("fl_x or camera_angle_x"))?;
    let down = value(|lens| lens.fl_y)
        .or(value(|lens| lens.camera_angle_y).map(|angle| by_angle(height, angle)))
        .unwrap_or(across);
    SourceCamera {
        size_px: [width, height],
        focal_px: [across, down],
        centre_px: [
            value(|lens| lens.cx).unwrap_or(width / 2.0),
            value(|lens| lens.cy).unwrap_or(height / 2.0),
        ],
        pose: Axes::GRAPHICS.pose_of_matrix(&frame.transform_matrix)?,
    }
    .check()
}

/// Fails where lines would be bent, or the projection is another.
fn check_pinhole(own: &Lens, shared: &Lens) -> Result<(), Fault> {
    let distorted = |lens: String| Fault::Distorted { lens, remedy: UNDISTORT };
    let model = own.camera_model.as_deref().or(shared.camera_model.as_deref());
    match model {
        Some(model) if model.contains("FISHEYE") => return Err(distorted(model.into())),
        Some(model) if !PINHOLES.contains(&model) => return Err(Fault::Projection(model.into())),
        _ => {}
    }
    if own.is_fisheye.or(shared.is_fisheye) == Some(true) {
        return Err(distorted("is_fisheye".into()));
    }
    for (name, value) in coefficients(own, shared) {
        finite("distortion", &[value])?;
        if value != 0.0 {
            return Err(distorted(format!("{name} = {value}")));
        }
    }
    Ok(())
}

fn coefficients<'a>(
    own: &'a Lens,
    shared: &'a Lens,
) -> impl Iterator<Item = (&'static str, f64)> + 'a {
    type Coefficient = (&'static str, fn(&Lens) -> Option<f64>);
    const NAMED: [Coefficient; 8] = [
        ("k1", |lens| lens.k1),
        ("k2", |lens| lens.k2),
        ("k3", |lens| lens.k3),
        ("k4", |lens| lens.k4),
        ("k5", |lens| lens.k5),
        ("k6", |lens| lens.k6),
        ("p1", |lens| lens.p1),
        ("p2", |lens| lens.p2),
    ];
    let named = NAMED.into_iter().filter_map(|(name, of)| Some((name, of(own).or(of(shared))?)));
    let listed = own.distortion_params.as_ref().or(shared.distortion_params.as_ref());
    let listed = listed.into_iter().flatten().map(|value| ("distortion_params", *value));
    named.chain(listed)
}
