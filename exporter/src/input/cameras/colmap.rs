//! COLMAP's model as text: lenses in `cameras.txt`, poses in `images.txt`.

use std::collections::HashMap;
use std::str::FromStr;

use nalgebra::{Quaternion, UnitQuaternion, Vector3};

use super::fault::{Fault, InEntry};
use super::given::{Entry, SourceCamera, SourcePose, finite};

/// How far a quaternion's length may be from 1 by rounding; COLMAP itself normalises any.
const LENGTH_TOLERANCE: f64 = 0.1;

/// The commands that make pinhole cameras and pictures of any COLMAP model, as text.
const UNDISTORT: &str = "`colmap image_undistorter --image_path IMAGES --input_path MODEL --output_path OUT`, then \
                         `colmap model_converter --input_path OUT/sparse --output_path OUT/sparse --output_type TXT`";

/// A lens of `cameras.txt`.
#[derive(Debug, Clone)]
struct Lens {
    size_px: [f64; 2],
    focal_px: [f64; 2],
    centre_px: [f64; 2],
}

/// The cameras of all images.
pub(super) fn parse(cameras: &str, images: &str) -> Result<Vec<Entry>, InEntry> {
    let lenses = lenses(cameras)?;
    let mut entries = Vec::new();
    let mut lines = (1..).zip(images.lines());
    while let Some((number, line)) = lines.next() {
        if is_skipped(line) {
            continue;
        }
        let at = |fault| InEntry { entry: format!("images.txt line {number}"), fault };
        entries.push(image(number, line, &lenses).map_err(at)?);
        // The points of an image stand in the line below it, however blank.
        if let Some((number, points)) = lines.next() {
            let at = |fault| InEntry { entry: format!("images.txt line {number}"), fault };
            check_points(points).map_err(at)?;
        }
    }
    Ok(entries)
}

fn is_skipped(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

fn lenses(text: &str) -> Result<HashMap<u64, Result<Lens, Fault>>, InEntry> {
    let mut lenses = HashMap::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !is_skipped(line)) {
        let at = |fault| InEntry { entry: format!("cameras.txt line {number}"), fault };
        let (id, lens) = lens(line).map_err(at)?;
        if lenses.insert(id, lens).is_some() {
            return Err(at(Fault::Line("the number of a camera occurs once")));
        }
    }
    Ok(lenses)
}

/// `CAMERA_ID MODEL WIDTH HEIGHT PARAMS…`; what is wrong with the model matters only where a view has it.
fn lens(line: &str) -> Result<(u64, Result<Lens, Fault>), Fault> {
    let rule = Fault::Line("a camera is CAMERA_ID MODEL WIDTH HEIGHT PARAMS…");
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [id, model, width, height, ref parameters @ ..] = fields[..] else { return Err(rule) };
    let id: u64 = id.parse().map_err(|_| rule.clone())?;
    let size_px = [number(width)?, number(height)?];
    let parameters: Vec<f64> =
        parameters.iter().map(|field| number(field)).collect::<Result<_, _>>()?;
    let lens = match (model, &parameters[..]) {
        ("SIMPLE_PINHOLE", &[focal, x, y]) => {
            Ok(Lens { size_px, focal_px: [focal; 2], centre_px: [x, y] })
        }
        ("PINHOLE", &[across, down, x, y]) => {
            Ok(Lens { size_px, focal_px: [across, down], centre_px: [x, y] })
        }
        ("SIMPLE_PINHOLE" | "PINHOLE", _) => {
            return Err(Fault::Line("SIMPLE_PINHOLE has 3 parameters, PINHOLE has 4"));
        }
        _ => Err(Fault::Distorted { lens: model.into(), remedy: UNDISTORT }),
    };
    Ok((id, lens))
}

/// `IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME`, the name with its spaces.
fn image(
    line_number: usize,
    line: &str,
    lenses: &HashMap<u64, Result<Lens, Fault>>,
) -> Result<Entry, Fault> {
    let rule = Fault::Line("an image is IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME");
    let mut rest = line.trim();
    // Nine fields; the rest of the line is a name, which may have spaces.
    let mut fields = [""; 9];
    for field in &mut fields {
        let (first, after) = rest.split_once(char::is_whitespace).ok_or_else(|| rule.clone())?;
        (*field, rest) = (first, after.trim_start());
    }
    if rest.is_empty() {
        return Err(rule);
    }
    let [_, pose @ .., id] = fields;
    let id: u64 = id.parse().map_err(|_| rule)?;
    let mut numbers = [0.0; 7];
    for (number_at, field) in numbers.iter_mut().zip(pose) {
        *number_at = number(field)?;
    }
    // A lens that is broken is told where a view needs it.
    let lens = lenses.get(&id).ok_or(Fault::NoLens(id));
    let camera = lens.and_then(|lens| given(lens.as_ref().map_err(Fault::clone)?, numbers));
    let place = format!("images.txt line {line_number} ({rest:?})");
    Ok(Entry { name: rest.to_owned(), place, camera })
}

fn given(lens: &Lens, [w, x, y, z, tx, ty, tz]: [f64; 7]) -> Result<SourceCamera, Fault> {
    let quaternion = Quaternion::new(w, x, y, z);
    finite("rotation", &[w, x, y, z])?;
    finite("translation", &[tx, ty, tz])?;
    let length = quaternion.norm();
    if (length - 1.0).abs() > LENGTH_TOLERANCE {
        return Err(Fault::Rotation(format!("a quaternion of length {length:.3}")));
    }
    let to_world = UnitQuaternion::new_normalize(quaternion).inverse();
    let Lens { size_px, focal_px, centre_px } = *lens;
    let position = -(to_world * Vector3::new(tx, ty, tz));
    finite("position", position.as_slice())?;
    let pose = SourcePose { position, rotation: to_world };
    SourceCamera { size_px, focal_px, centre_px, pose }.check()
}

/// Points are x, y and a number; anything else is an image that an editor moved up over a blank line.
fn check_points(line: &str) -> Result<(), Fault> {
    let fields = line.split_whitespace();
    let numbers = fields.clone().all(|field| field.parse::<f64>().is_ok());
    if numbers && fields.count().is_multiple_of(3) {
        return Ok(());
    }
    Err(Fault::Line("the line below an image has its points as X Y POINT3D_ID, or is blank"))
}

fn number(field: &str) -> Result<f64, Fault> {
    f64::from_str(field).map_err(|_| Fault::Line("a field that should be a number is none"))
}
