//! Twins: the rig of one render in four formats, written by other code, is one rig in the stream. Malformed: what is
//! wrong is an error that names its place, never a panic.
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

use std::path::{Path, PathBuf};

use iev_runtime::format::cameras::{Camera, Cameras};
use nalgebra::Point3;
use proptest::prelude::*;

use super::{CamerasError, blender, colmap, miv, nerfstudio, parse_json, read_cameras};
use crate::input::View;
use crate::picture::{Picture, PictureExt};

const SIZE: (usize, usize) = (480, 272);
const BLENDER: &str = include_str!("rig/blender.json");
const MIV: &str = include_str!("rig/miv.json");
const TRANSFORMS: &str = include_str!("rig/transforms.json");
const LENSES: &str = include_str!("rig/colmap/cameras.txt");
const IMAGES: &str = include_str!("rig/colmap/images.txt");

/// Views of one dark picture each.
fn views(names: &[&str], (width, height): (usize, usize)) -> Vec<View> {
    let view = |name: &&str| {
        View::new(
            PathBuf::from(format!("clip/{name}")),
            vec![Picture::zeros(width, height)],
            (24, 1),
        )
    };
    names.iter().map(view).collect()
}

fn five() -> Vec<View> {
    views(&["v0.y4m", "v1.y4m", "v2.y4m", "v3.y4m", "v4.y4m"], SIZE)
}

/// A folder with the rig in every format.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        let files = [
            ("blender.json", BLENDER),
            ("miv.json", MIV),
            ("transforms.json", TRANSFORMS),
            ("cameras.txt", LENSES),
            ("images.txt", IMAGES),
        ];
        files.iter().for_each(|(name, text)| desk.write(name, text));
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// The cameras of `views` by the file `name`, and what is said of them.
    fn read(&self, name: &str, views: &[View]) -> (Cameras, String) {
        let (cameras, said) = read_cameras(&self.path(name), views).unwrap();
        (cameras, said.join("\n"))
    }

    /// The error and its causes, in one line, of `from` with `old` replaced by `new`.
    fn refusal(&self, name: &str, (old, new): (&str, &str), views: &[View]) -> String {
        let whole = std::fs::read_to_string(self.path(name)).unwrap();
        assert!(whole.contains(old), "{old}");
        self.write(name, &whole.replacen(old, new, 1));
        let error = read_cameras(&self.path(name), views).unwrap_err();
        self.write(name, &whole);
        chain(&error)
    }
}

fn chain(error: &CamerasError) -> String {
    let source = std::error::Error::source(error).map(ToString::to_string);
    [error.to_string(), source.unwrap_or_default()].join(": ")
}

/// The four files, as they are named and called.
const FORMATS: [(&str, &str, &str); 4] = [
    ("blender.json", "list of Blender cameras", "by order"),
    ("miv.json", "MIV content JSON", "by name"),
    ("transforms.json", "transforms.json of nerfstudio", "by name"),
    ("", "COLMAP text", "by name"),
];

fn pixel(camera: &Camera, point: [f64; 3]) -> [f64; 2] {
    let seen = camera.rotation().inverse() * (Point3::from(point) - camera.position());
    let at = camera.calibration() * seen;
    [at.x / at.z, at.y / at.z]
}

#[test]
fn a_point_of_the_world_is_where_it_is_rendered_in_every_format() {
    let desk = Desk::new();
    // Of a script that multiplies out Blender's matrices; points in the stream's axes.
    let points = [
        ([0.3, -1.0, 0.5], [273.7276, 140.3635], [266.6143, 140.8808]),
        ([-0.8, -0.2, 1.5], [173.6493, 195.1548], [180.9952, 192.7731]),
        ([0.0, -1.8, -1.0], [272.6081, 42.0170], [223.6213, 41.8415]),
    ];
    for (file, format, how) in FORMATS {
        let (cameras, said) = desk.read(file, &five());
        assert!(said.contains(format) && said.contains(how), "{said}");
        for (point, in_first, in_fourth) in points {
            for (view, expected) in [(0, in_first), (3, in_fourth)] {
                let [x, y] = pixel(&cameras.views[view], point);
                let off = (x - expected[0]).abs().max((y - expected[1]).abs());
                assert!(off < 0.01, "{file} view {view}: {x}, {y} instead of {expected:?}");
            }
        }
    }
}

#[test]
fn cameras_go_to_the_views_of_their_names_in_any_order() {
    let desk = Desk::new();
    for file in ["miv.json", "transforms.json", ""] {
        let (all, _) = desk.read(file, &five());
        let (some, said) = desk.read(file, &views(&["v3.mp4", "v1"], SIZE));
        assert_eq!([some.views[0], some.views[1]], [all.views[3], all.views[1]], "{said}");
        assert!(said.contains("view 0 (clip/v3.mp4) has camera"), "{said}");
    }
}

#[test]
fn names_that_are_numbers_with_spaces_or_written_badly_are_read() {
    let images = "\u{feff}# by hand\r\n1 0.9995 0 0 0 0 0 0 7 left eye 01.png\r\n\r\n\
                  \n2 1 0 0 0 -0.5 0 0 7 sub/right.png\n1 2 -1";
    let entries = colmap::parse("7 SIMPLE_PINHOLE 480 272 400 240 136", &images[3..]).unwrap();
    assert_eq!(entries[0].name, "left eye 01.png");
    let right = entries[1].camera.as_ref().unwrap();
    assert_eq!((right.focal_px, right.pose.position.x), ([400.0; 2], 0.5));

    let desk = Desk::new();
    desk.write("images.txt", images);
    desk.write("cameras.txt", "7 SIMPLE_PINHOLE 480 272 400 240 136\n");
    let (cameras, _) = desk.read("cameras.txt", &views(&["right.y4m", "left eye 01"], SIZE));
    assert_eq!(cameras.views[0].position().x, 0.5);
}

#[test]
fn intrinsics_are_scaled_with_both_sides_or_not_at_all() {
    let desk = Desk::new();
    let half = |size| views(&["v0", "v1", "v2", "v3", "v4"], size);
    let (whole, _) = desk.read("miv.json", &five());
    let (cameras, said) = desk.read("miv.json", &half((240, 136)));
    assert!(said.contains("scaled from 480x272 to 240x136 pixels"), "{said}");
    let point = [0.3, -1.0, 0.5];
    let [large, small] = [&whole, &cameras].map(|rig| pixel(&rig.views[3], point));
    assert!((large[0] / 2.0 - small[0]).abs() < 0.01 && (large[1] / 2.0 - small[1]).abs() < 0.01);
    for size in [(240, 140), (480, 270), (272, 480)] {
        let error = read_cameras(&desk.path("miv.json"), &half(size)).unwrap_err();
        let said = chain(&error);
        assert!(said.contains("\"v0\"") && said.contains("is of 480x272 pixels"), "{said}");
    }
}

#[test]
fn a_lens_by_its_angle_is_a_lens_by_its_focal_length() {
    let angle = 2.0 * (240.0f64 / 400.0).atan();
    let own = format!("{{\"camera_angle_x\": {angle}, \"frames\"");
    let start = TRANSFORMS.find("\"frames\"").unwrap();
    let text = format!("{own}{}", &TRANSFORMS[start + "\"frames\"".len()..]);
    let [given, by_angle] = [TRANSFORMS, &text].map(|text| {
        let entries = nerfstudio::parse(text, SIZE).unwrap();
        entries[2].camera.clone().unwrap()
    });
    assert!((by_angle.focal_px[0] - given.focal_px[0]).abs() < 1e-9);
    assert_eq!((by_angle.centre_px, by_angle.size_px), (given.centre_px, given.size_px));
}

#[test]
fn what_is_wrong_with_a_camera_is_named() {
    let desk = Desk::new();
    let rows: [(&str, (&str, &str), &[&str]); 25] = [
        (
            "cameras.txt",
            ("PINHOLE", "SIMPLE_RADIAL"),
            &["line 4", "SIMPLE_RADIAL", "colmap image_undistorter"],
        ),
        ("cameras.txt", ("PINHOLE", "OPENCV_FISHEYE"), &["OPENCV_FISHEYE", "model_converter"]),
        ("cameras.txt", ("400 400 240", "400 240"), &["cameras.txt line 3", "PINHOLE has 4"]),
        ("cameras.txt", ("400 400", "0 400"), &["v0.png", "focal length is above zero, not 0"]),
        ("cameras.txt", ("1 PINHOLE", "2 PINHOLE"), &["v0.png", "no camera 1"]),
        ("cameras.txt", ("480", "wide"), &["cameras.txt line 3", "number"]),
        ("images.txt", ("v2.png", "w2.png"), &["clip/v2.y4m", "by name"]),
        ("images.txt", ("v2.png", "v3.png"), &["two cameras", "v3.png"]),
        ("images.txt", ("0.99844018", "0.2"), &["v0.png", "quaternion of length 0.2"]),
        ("images.txt", ("0.99844018", "nan"), &["v0.png", "finite"]),
        ("images.txt", ("v0.png\n\n", "v0.png\n"), &["images.txt line 5", "below an image"]),
        ("images.txt", ("1 v0.png", "1"), &["images.txt line 4", "CAMERA_ID NAME"]),
        ("images.txt", ("3.7295227", "1e9"), &["v0.png", "larger world units"]),
        (
            "miv.json",
            (
                "\"v0\", \"Projection\": \"Perspective\"",
                "\"v0\", \"Projection\": \"Equirectangular\"",
            ),
            &["\"v0\"", "Equirectangular", "v360"],
        ),
        (
            "miv.json",
            ("\"v0\", \"Projection\": \"Perspective\"", "\"v0\", \"Projection\": \"Orthographic\""),
            &["\"v0\"", "Orthographic"],
        ),
        ("miv.json", ("\"Focal\": [400, 400]", "\"Focal\": [0, 400]"), &["\"v0\"", "not 0"]),
        ("miv.json", ("\"Focal\"", "\"Fokal\""), &["\"v0\"", "no Focal"]),
        ("miv.json", ("0.4808309", "NaN"), &["miv.json", "line 5"]),
        (
            "transforms.json",
            ("\"k2\": 0.0", "\"k2\": -0.02"),
            &["images/v0.png", "k2 = -0.02", "image_undistorter"],
        ),
        ("transforms.json", ("OPENCV", "OPENCV_FISHEYE"), &["OPENCV_FISHEYE", "undistort"]),
        ("transforms.json", ("OPENCV", "EQUIRECTANGULAR"), &["EQUIRECTANGULAR", "no perspective"]),
        ("transforms.json", ("\"frames\"", "\"flames\""), &["neither MIV content JSON"]),
        ("blender.json", ("[0.994521916,", "[0.0,"), &["camera \"0\"", "rotation"]),
        ("blender.json", ("\"lens_mm\": 30", "\"lens_mm\": 0"), &["camera \"0\"", "not 0"]),
        ("blender.json", ("\"sensor_mm\": 36", "\"sensor_mm\": 0"), &["camera \"0\"", "finite"]),
    ];
    for (file, change, parts) in rows {
        let said = desk.refusal(file, change, &five());
        let parts = parts.iter().filter(|part| !said.contains(**part)).collect::<Vec<_>>();
        assert!(parts.is_empty(), "{change:?} does not say {parts:?}: {said}");
    }
    // A text that no cameras.txt lies beside is none of COLMAP's.
    std::fs::create_dir(desk.path("alone")).unwrap();
    desk.write("alone/notes.md", "a note");
    let said = desk.refusal("alone/notes.md", ("a note", ""), &five());
    assert!(
        said.contains("notes.md: the file: is neither") && said.contains("COLMAP's images.txt"),
        "{said}"
    );
}

#[test]
fn mirrored_and_stretched_cameras_are_no_cameras() {
    let rows = |x: f64, y: f64| {
        format!(
            "[{{\"cam\": 1, \"lens_mm\": 30, \"sensor_mm\": 36, \"matrix_world\": \
             [[{x}, 0, 0, 0], [0, {y}, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]}}]"
        )
    };
    for (x, y, good) in [(1.0, 1.0, true), (-1.0, 1.0, false), (2.0, 2.0, false), (0.0, 1.0, false)]
    {
        let entries = blender::parse(&rows(x, y), SIZE).unwrap();
        assert_eq!(entries[0].camera.is_ok(), good, "{x} {y}");
    }
}

#[test]
fn what_is_wrong_with_the_whole_is_named() {
    let desk = Desk::new();
    let said = |path: &Path, views: &[View]| chain(&read_cameras(path, views).unwrap_err());
    let two = views(&["a", "b"], SIZE);
    let counted = said(&desk.path("miv.json"), &two);
    assert!(counted.contains("5 cameras for 2 views") && counted.contains("\"v0\""), "{counted}");
    std::fs::write(desk.path("none.json"), r#"{"frames": []}"#).unwrap();
    let nothing = said(&desk.path("none.json"), &two);
    assert!(nothing.contains("none.json: has no cameras"), "{nothing}");
    let same = views(&["a/v0.y4m", "b/v0.y4m"], SIZE);
    assert!(said(&desk.path("miv.json"), &same).contains("two views have one name"));
    let missing = said(&desk.path("nothing.json"), &two);
    assert!(missing.contains("nothing.json") && missing.contains("cannot be read"), "{missing}");
    std::fs::remove_file(desk.path("cameras.txt")).unwrap();
    let lenses = said(&desk.path(""), &five());
    assert!(lenses.contains("cameras.txt"), "{lenses}");
    std::fs::write(desk.path("binary"), [0xff, 0xfe, 0]).unwrap();
    assert!(said(&desk.path("binary"), &two).contains("UTF-8"));
    desk.write("deep.json", &"[".repeat(100_000));
    assert!(said(&desk.path("deep.json"), &two).contains("deep.json"));
}

#[test]
fn a_file_without_end_is_not_read_to_the_end() {
    let endless = read_cameras(Path::new("/dev/zero"), &five()).unwrap_err();
    assert!(matches!(endless, CamerasError::Read { .. }), "{endless}");
}

/// All parsers on one text, in every place that a text has.
fn parse_all(text: &str) {
    drop(parse_json(text, SIZE));
    drop(blender::parse(text, SIZE));
    drop(miv::parse(text));
    drop(nerfstudio::parse(text, SIZE));
    for entries in [colmap::parse(text, IMAGES), colmap::parse(LENSES, text)].into_iter().flatten()
    {
        for camera in entries.iter().filter_map(|entry| entry.camera.as_ref().ok()) {
            for size in [SIZE, (1, 1), (0, 0)] {
                drop(camera.at(size));
            }
        }
    }
}

/// A good file with a part of it replaced.
fn mutated() -> impl Strategy<Value = String> {
    let numbers = [
        "", "0", "-1", "1e308", "1e-320", "-1e400", "nan", "inf", "null", "[", "{}", "\"", "\n",
        "\0", "é",
    ];
    let whole = prop::sample::select(vec![BLENDER, MIV, TRANSFORMS, LENSES, IMAGES]);
    let change = (any::<prop::sample::Index>(), 0usize..40, prop::sample::select(numbers.to_vec()));
    (whole, prop::collection::vec(change, 1..4)).prop_map(|(whole, changes)| {
        let mut text = whole.to_owned();
        for (at, length, new) in changes {
            let at = at.index(text.len() + 1);
            let end = (at + length).min(text.len());
            if text.is_char_boundary(at) && text.is_char_boundary(end) {
                text.replace_range(at..end, new);
            }
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        parse_all(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn changed_files_never_panic(text in mutated()) {
        parse_all(&text);
    }

    #[test]
    fn lines_of_any_numbers_never_panic(numbers in prop::array::uniform9(any::<f64>())) {
        let line = numbers.map(|n| n.to_string()).join(" ");
        parse_all(&format!("1 PINHOLE {line}"));
        parse_all(&format!("1 {} 1 v0.png\n\n", numbers[..7].iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")));
    }
}
