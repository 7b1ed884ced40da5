//! Cameras of a stream: `iev info` shows them, and `--pose` chooses a view by them.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod small_stream;

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use iev_runtime::format::cameras::{Camera, Cameras};
use nalgebra::UnitQuaternion;
use small_stream::stream_with_cameras;

/// Three cameras half a unit apart, the last turned a quarter to the right.
fn row() -> Cameras {
    let right = UnitQuaternion::from_euler_angles(0.0, std::f64::consts::FRAC_PI_2, 0.0);
    let turns = [UnitQuaternion::identity(), UnitQuaternion::identity(), right];
    let camera = |(x, turn)| Camera::of_numbers([x, 0.25, 0.0], turn, [40.0, 41.0], [16.0, 15.5]);
    Cameras { views: [-0.5, 0.0, 0.5].into_iter().zip(turns).filter_map(camera).collect() }
}

struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        std::fs::write(desk.path("clip.iev"), stream_with_cameras(&row())).unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// What `iev` prints with these arguments around the stream.
    fn iev(&self, command: &str, args: &[&str]) -> String {
        let mut iev = Command::new(env!("CARGO_BIN_EXE_iev"));
        iev.arg(command).arg("clip.iev").args(args).current_dir(self.0.path()).stdin(Stdio::null());
        let Output { status, stdout, stderr } = iev.output().unwrap();
        assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap()
    }
}

#[test]
fn info_shows_where_cameras_are_and_look() {
    let desk = Desk::new();
    let text = desk.iev("info", &[]);
    let third = "camera 2: at 0.500, 0.250, 0.000, looks along 1.000, 0.000, 0.000, focal 40.0×41.0 px, centre 16.0, 15.5";
    assert!(text.contains(third), "{text}");
    let info: serde_json::Value = serde_json::from_str(&desk.iev("info", &["--json"])).unwrap();
    let cameras = info["cameras"].as_array().unwrap();
    assert_eq!(cameras.len(), 3);
    assert_eq!(cameras[0]["position"], serde_json::json!([-0.5, 0.25, 0.0]));
    assert_eq!(cameras[0]["rotation_wxyz"], serde_json::json!([1.0, 0.0, 0.0, 0.0]));
    assert_eq!(cameras[1]["focal_px"], serde_json::json!([40.0, 41.0]));
    assert_eq!(cameras[1]["centre_px"], serde_json::json!([16.0, 15.5]));
}

#[test]
fn a_pose_chooses_the_nearest_view() {
    let desk = Desk::new();
    for (pose, view) in [("-3,0,0", 0), ("0.1,0.2,-1", 1), ("0.3,9,0", 2)] {
        let pattern = format!("at{pose}-%v.y4m");
        desk.iev("decode", &["--pose", pose, "-o", &pattern, "-q"]);
        for other in 0..3 {
            let there = desk.path(&format!("at{pose}-{other}.y4m")).exists();
            assert_eq!(there, other == view, "pose {pose}, view {other}");
        }
    }
}

#[test]
fn numbers_beyond_the_format_are_no_camera() {
    let camera = |x, focal| {
        Camera::of_numbers([x, 0.0, 0.0], UnitQuaternion::identity(), [focal, 1.0], [0.0, 0.0])
    };
    assert!(camera(32767.0, 1.0).is_some() && camera(-0.00001, 1.0).is_some());
    for (x, focal) in
        [(32768.0, 1.0), (f64::NAN, 1.0), (0.0, 1e-6), (0.0, -1.0), (0.0, f64::INFINITY)]
    {
        assert_eq!(camera(x, focal), None, "{x} {focal}");
    }
}
