//! Cameras of the views: files of four formats, made into what a stream holds (FORMAT.md §10).
//!
//! | format | pose | camera axes | world | pixels | module |
//! | --- | --- | --- | --- | --- | --- |
//! | stream | camera to world: centre, quaternion w x y z | x right, y down, z forward | x right, y down, z forward | from the corner of the picture | `iev_runtime::format::cameras` |
//! | MIV content JSON | camera to world: `Position`, `Rotation` as yaw, pitch, roll in degrees, Rz · Ry · Rx | x forward, y left, z up | x forward, y left, z up | from the corner | `miv` |
//! | COLMAP text | world to camera: quaternion w x y z, translation | x right, y down, z forward | of no known direction, kept | from the corner | `colmap` |
//! | `transforms.json` | camera to world: 4×4 matrix | x right, y up, −z forward | x right, y forward, z up | from the corner | `nerfstudio` |
//! | Blender list | camera to world: 4×4 matrix | x right, y up, −z forward | x right, y forward, z up | middle of the picture | `blender` |
//!
//! In all of them the middle of the first pixel is (0.5, 0.5), so that a principal point is scaled with its picture.
//! World units are kept: metres in MIV and Blender, what the reconstruction chose in the others. World axes are turned
//! to the stream's, so `iev decode --pose` takes x right, y down, z forward of any of them.

use std::path::{Path, PathBuf};

use iev_runtime::format::cameras::Cameras;
use iev_runtime::text_file::read_text;

mod assign;
mod blender;
mod colmap;
mod fault;
mod given;
mod miv;
mod nerfstudio;
#[cfg(test)]
mod tests;

pub use self::fault::{CamerasError, Fault};

use self::assign::assign;
use self::fault::InEntry;
use self::given::Entry;
use super::View;

/// Longest file that is read: a reconstruction of a thousand images with their points.
const MAX_BYTES: u64 = 64 << 20;

/// The cameras of `views` from the file or COLMAP folder at `path`, and what there is to say about them.
///
/// # Errors
/// [`CamerasError`], with the file and the entry.
pub fn read_cameras(path: &Path, views: &[View]) -> Result<(Cameras, Vec<String>), CamerasError> {
    let size = views.first().and_then(View::size).unwrap_or((0, 0));
    let (format, entries) = read_entries(path, size)?;
    let mut said = vec![format!("{} is {format}", path.display())];
    let cameras = assign(path, &entries, views, &mut said)?;
    Ok((cameras, said))
}

/// The format's name, and all cameras of the file; `size` is taken where they state none.
fn read_entries(
    path: &Path,
    size: (usize, usize),
) -> Result<(&'static str, Vec<Entry>), CamerasError> {
    let in_entry =
        |InEntry { entry, fault }| CamerasError::Entry { path: path.to_owned(), entry, fault };
    let [images_path, cameras_path] = files(path);
    let text = bounded_text(&images_path)?;
    if let Some(parsed) = parse_json(&text, size) {
        return parsed.map_err(in_entry);
    }
    let named = images_path.file_name().is_some_and(|name| name == "images.txt");
    if !named && !cameras_path.exists() {
        return Err(in_entry(InEntry::whole(Fault::Unknown)));
    }
    let cameras = bounded_text(&cameras_path)?;
    Ok(("COLMAP text", colmap::parse(&cameras, &text).map_err(in_entry)?))
}

type Parsed = Result<(&'static str, Vec<Entry>), InEntry>;

/// The cameras of a file in JSON; none where it is something else.
fn parse_json(text: &str, size: (usize, usize)) -> Option<Parsed> {
    let format = if text.trim_start().starts_with('[') {
        blender::parse(text, size).map(|entries| ("a list of Blender cameras", entries))
    } else if text.trim_start().starts_with('{') {
        parse_object(text, size)
    } else {
        return None;
    };
    Some(format)
}

/// Tells the two formats that are one object apart by the list of cameras they have.
fn parse_object(text: &str, size: (usize, usize)) -> Parsed {
    #[derive(serde::Deserialize)]
    struct Lists {
        cameras: Option<serde::de::IgnoredAny>,
        frames: Option<serde::de::IgnoredAny>,
    }
    let lists = serde_json::from_str(text).map_err(|e| InEntry::json(&e))?;
    match lists {
        Lists { cameras: Some(_), .. } => Ok(("MIV content JSON", miv::parse(text)?)),
        Lists { frames: Some(_), .. } => {
            Ok(("a transforms.json of nerfstudio", nerfstudio::parse(text, size)?))
        }
        _ => Err(InEntry::whole(Fault::Unknown)),
    }
}

fn bounded_text(path: &Path) -> Result<String, CamerasError> {
    let failed = |source| CamerasError::Read { path: path.to_owned(), source };
    let text = read_text(path, MAX_BYTES).map_err(failed)?;
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

/// Files that [`read_cameras`] may read for `path`.
pub fn files(path: &Path) -> [PathBuf; 2] {
    let images = images_file(path);
    let cameras = images.with_file_name("cameras.txt");
    [images, cameras]
}

/// The one file of JSON, or that of COLMAP's images.
fn images_file(path: &Path) -> PathBuf {
    if path.is_dir() {
        path.join("images.txt")
    } else if path.file_name().is_some_and(|name| name == "cameras.txt") {
        path.with_file_name("images.txt")
    } else {
        path.to_owned()
    }
}
