//! What can be wrong with a file of cameras.

use std::io;
use std::path::PathBuf;

/// Why the cameras could not be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CamerasError {
    /// The file is not there, is no text or too long for one, or the disk failed.
    #[error(
        "{}: cannot be read; cameras are MIV content JSON, a transforms.json, a list of Blender cameras, or a folder \
         with COLMAP's images.txt and cameras.txt (colmap model_converter --output_type TXT writes them)",
        path.display()
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// One camera, or the file as a whole, is not as it should be.
    #[error("{}: {entry}", path.display())]
    Entry {
        /// The file or folder.
        path: PathBuf,
        /// Which camera or line.
        entry: String,
        /// What is wrong with it.
        #[source]
        fault: Fault,
    },
    /// More views than a stream has.
    #[error("{}: a stream has at most 32 views", path.display())]
    Views {
        /// The file or folder.
        path: PathBuf,
    },
    /// There is none in it.
    #[error("{}: has no cameras", path.display())]
    Nothing {
        /// The file or folder.
        path: PathBuf,
    },
    /// Neither names nor numbers fit.
    #[error(
        "{}: {cameras} cameras for {views} views, and no view has the name of a camera: leave cameras out, or name \
         views as cameras are, such as {example:?}",
        path.display()
    )]
    Count {
        /// The file or folder.
        path: PathBuf,
        /// Its cameras.
        cameras: usize,
        /// Views given.
        views: usize,
        /// Name of the first camera.
        example: String,
    },
    /// Some views are found by name and this is not.
    #[error("{}: no camera is named as the view {}, though other views are found by name", path.display(), view.display())]
    NoCamera {
        /// The file or folder.
        path: PathBuf,
        /// The view.
        view: PathBuf,
    },
    /// A name is not clear.
    #[error("{}: {what} have one name, {name:?}: rename one", path.display())]
    Ambiguous {
        /// The file or folder.
        path: PathBuf,
        /// Two cameras, or two views.
        what: &'static str,
        /// The name.
        name: String,
    },
}

impl CamerasError {
    /// Exit code of a program that ends on this error: 1 the file, 2 what was asked for.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Read { source, .. } if source.kind() != io::ErrorKind::InvalidData => 2,
            _ => 1,
        }
    }
}

/// What is wrong with one camera.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The file is no JSON, or lacks something.
    #[error("{0}")]
    Json(String),
    /// Some other file.
    #[error(
        "is neither MIV content JSON (\"cameras\"), nor a transforms.json (\"frames\"), a list of Blender cameras or \
         COLMAP's images.txt"
    )]
    Unknown,
    /// A line of COLMAP text is not as it should be.
    #[error("{0}")]
    Line(&'static str),
    /// A camera of this number is not there.
    #[error("cameras.txt has no camera {0}")]
    NoLens(u64),
    /// A value that is needed is not there.
    #[error("has no {0}")]
    Missing(&'static str),
    /// A number is infinite or no number.
    #[error("a {0} is a finite number")]
    NotFinite(&'static str),
    /// A lens without a length.
    #[error("a focal length is above zero, not {0}")]
    Focal(f64),
    /// A matrix or quaternion that turns nothing, or mirrors or stretches.
    #[error("a rotation has axes of length 1 at right angles and does not mirror: this is {0}")]
    Rotation(String),
    /// A lens that bends straight lines.
    #[error(
        "{lens} bends straight lines, and a stream has pinhole cameras only: undistort the pictures with their cameras \
         by {remedy}, and encode those"
    )]
    Distorted {
        /// The model, or the coefficient that is not zero.
        lens: String,
        /// The command.
        remedy: &'static str,
    },
    /// Not a pinhole at all.
    #[error(
        "{0:?} is no perspective projection: turn the pictures into perspective ones, as with ffmpeg -vf v360"
    )]
    Projection(String),
    /// The size is not a size.
    #[error("a picture has at least one pixel, not {0}x{1}")]
    Size(f64, f64),
    /// The camera took other pictures.
    #[error(
        "is of {0}x{1} pixels, the views have {2}x{3}, which is not the same picture made larger or smaller"
    )]
    OtherSize(f64, f64, usize, usize),
    /// A number is too large for the format.
    #[error(
        "its numbers go beyond the format's (positions and pixels below 32768, focal lengths from 1/65536): choose \
         larger world units"
    )]
    Range,
}

/// A fault and where in the file it is.
#[derive(Debug)]
pub(super) struct InEntry {
    /// Which camera or line.
    pub(super) entry: String,
    /// What is wrong with it.
    pub(super) fault: Fault,
}

impl InEntry {
    /// What serde says of the file.
    pub(super) fn json(error: &serde_json::Error) -> Self {
        Self::whole(Fault::Json(error.to_string()))
    }

    /// A fault of the file as a whole.
    pub(super) fn whole(fault: Fault) -> Self {
        Self { entry: "the file".into(), fault }
    }
}
