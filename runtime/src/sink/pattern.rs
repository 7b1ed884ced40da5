//! Names of outputs with places for the view and the frame: `%v`, `%t`, and `%%` for a percent sign.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::units::{FrameIndex, ViewId};

/// Whether `pattern` has a place for the view, so that every view gets a file of its own.
pub fn names_view(pattern: &Path) -> bool {
    places(pattern).any(|place| place == b'v')
}

/// Whether `pattern` has a place for the frame.
pub(super) fn names_frame(pattern: &Path) -> bool {
    places(pattern).any(|place| place == b't')
}

/// What stands behind each percent sign that is not itself behind one.
fn places(pattern: &Path) -> impl Iterator<Item = u8> + '_ {
    let mut bytes = pattern.as_os_str().as_bytes().iter();
    std::iter::from_fn(move || {
        bytes.find(|byte| **byte == b'%').and_then(|_| bytes.next().copied())
    })
}

/// `pattern` with `view` and `frame` in their places; a place without a value, and any other letter behind a percent
/// sign, stays as it is.
pub(super) fn expand(pattern: &Path, view: Option<ViewId>, frame: Option<FrameIndex>) -> PathBuf {
    let mut name = Vec::new();
    let mut bytes = pattern.as_os_str().as_bytes().iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            name.push(byte);
            continue;
        }
        match (bytes.next(), view, frame) {
            (Some(b'v'), Some(view), _) => name.extend(view.0.to_string().bytes()),
            (Some(b't'), _, Some(frame)) => name.extend(numbered(frame).bytes()),
            (Some(b'%') | None, ..) => name.push(b'%'),
            (Some(other), ..) => name.extend([b'%', other]),
        }
    }
    OsString::from_vec(name).into()
}

/// A frame in a file's name: as long as others, so that names sort like frames.
pub(super) fn numbered(frame: FrameIndex) -> String {
    format!("{:05}", frame.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_and_a_doubled_percent_sign_is_one() {
        let rows = [
            ("v%v.y4m", "v3.y4m"),
            ("%v-%t.png", "3-00007.png"),
            ("100%%.y4m", "100%.y4m"),
            ("%%v.y4m", "%v.y4m"),
            ("%%%v", "%3"),
            ("50%.y4m", "50%.y4m"),
            ("half %", "half %"),
            ("plain", "plain"),
        ];
        for (pattern, name) in rows {
            let got = expand(Path::new(pattern), Some(ViewId(3)), Some(FrameIndex(7)));
            assert_eq!(got, Path::new(name), "{pattern}");
        }
        let kept = expand(Path::new("%v%t"), None, None);
        assert_eq!(kept, Path::new("%v%t"));
        let odd = Path::new(std::ffi::OsStr::from_bytes(b"\xff%v"));
        assert_eq!(expand(odd, Some(ViewId(0)), None).as_os_str().as_bytes(), b"\xff0");
        assert!(names_view(Path::new("%%%v")) && !names_view(Path::new("%%v")));
        assert!(names_frame(Path::new("%t")) && !names_frame(Path::new("%v")));
    }
}
