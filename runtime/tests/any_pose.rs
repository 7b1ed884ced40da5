//! `iev render`: what is shown at a camera, along a trace and to two eyes, and what is refused.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod small_stream;

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use iev_runtime::format::cameras::{Camera, Cameras};
use nalgebra::UnitQuaternion;
use small_stream::stream_with_cameras;

/// Two cameras half a unit apart.
fn pair() -> Cameras {
    let camera = |x| {
        let rotation = UnitQuaternion::identity();
        Camera::of_numbers([x, 0.25, 0.0], rotation, [40.0, 41.0], [16.0, 15.5])
    };
    Cameras { views: [-0.5, 0.0].into_iter().filter_map(camera).collect() }
}

struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        std::fs::write(desk.path("clip.iev"), stream_with_cameras(&pair())).unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn output(&self, command: &str, args: &[&str]) -> Output {
        let mut iev = Command::new(env!("CARGO_BIN_EXE_iev"));
        iev.arg(command).arg("clip.iev").args(args).current_dir(self.0.path()).stdin(Stdio::null());
        iev.output().unwrap()
    }

    fn iev(&self, command: &str, args: &[&str]) {
        let Output { status, stderr, .. } = self.output(command, args);
        assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    }

    /// What `iev render` says to what it refuses.
    fn refusal(&self, args: &[&str]) -> String {
        let Output { status, stderr, .. } = self.output("render", args);
        let said = String::from_utf8_lossy(&stderr).into_owned();
        assert_eq!(status.code(), Some(2), "{args:?}: {said}");
        said
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }
}

#[test]
fn at_a_camera_render_shows_what_decode_does() {
    let desk = Desk::new();
    desk.iev("decode", &["-v", "1", "-o", "decoded.y4m", "-q"]);
    for pose in ["0,0.25,0", "0,0.25,0,1,0,0,0"] {
        desk.iev("render", &["--pose", pose, "-o", "rendered.y4m"]);
        assert!(desk.read("rendered.y4m") == desk.read("decoded.y4m"), "{pose}");
    }
    // Eyes at cameras 0 and 1.
    desk.iev("decode", &["-v", "0,1", "-o", "decoded.y4m", "-q"]);
    let pose = ["--pose", "-0.25,0.25,0,1,0,0,0", "--stereo", "0.5"];
    desk.iev("render", &[&pose[..], &["-o", "rendered.y4m"]].concat());
    assert!(desk.read("rendered.y4m") == desk.read("decoded.y4m"));
    desk.iev("render", &[&pose[..], &["--layout", "two", "-o", "eye%v.y4m"]].concat());
    for (eye, view) in [("eye0.y4m", "0"), ("eye1.y4m", "1")] {
        desk.iev("decode", &["-v", view, "-o", "decoded.y4m", "-q"]);
        assert!(desk.read(eye) == desk.read("decoded.y4m"), "{eye}");
    }
    let tall = [&pose[..], &["--layout", "tb", "--size", "48x32", "-o", "tall.y4m"]].concat();
    desk.iev("render", &tall);
    assert!(desk.read("tall.y4m").starts_with(b"YUV4MPEG2 W48 H64 F24:1 "));
}

#[test]
fn a_trace_gives_a_picture_per_row() {
    let desk = Desk::new();
    let head = "seconds,x,y,z,qw,qx,qy,qz\n";
    let rows = (0..9)
        .map(|row| format!("{},{},0.25,0,1,0,0,0\n", f64::from(row) / 90.0, 0.1 * f64::from(row)));
    std::fs::write(desk.path("poses.csv"), head.to_owned() + &rows.collect::<String>()).unwrap();
    desk.iev("render", &["--trace", "poses.csv", "-q", "-o", "traced.y4m"]);
    let traced = desk.read("traced.y4m");
    assert!(traced.starts_with(b"YUV4MPEG2 W32 H32 F90:1 "), "the rate is that of the rows");
    assert_eq!(traced.windows(6).filter(|bytes| *bytes == b"FRAME\n").count(), 9);
    desk.iev("render", &["--trace", "poses.csv", "-q", "--limit", "1", "-o", "first-%t.png"]);
    assert!(desk.path("first-00003.png").exists() && !desk.path("first-00004.png").exists());
}

#[test]
fn a_place_for_the_frame_that_stays_is_said() {
    let desk = Desk::new();
    let said = |more: &[&str]| {
        let output = desk.output("render", &[&["--pose", "0,0,0", "-o", "%t.y4m"], more].concat());
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(said(&[]).contains("%t stays as it is in %t.y4m"));
    assert_eq!(said(&["-q"]), "");
}

#[test]
fn what_cannot_be_rendered_is_a_sentence() {
    let desk = Desk::new();
    let trace = |name: &str, rows: &str| std::fs::write(desk.path(name), rows).unwrap();
    trace("short.csv", "x,y,z,yaw,pitch,roll\n0,0,0,0,0,0\n0,0,0,0\n");
    trace("late.csv", "frame,x,y,z,qw,qx,qy,qz\n0,0,0,0,1,0,0,0\n9,0,0,0,1,0,0,0\n");
    let rows: [(&[&str], &str); 14] = [
        (&["--pose", "0,0"], "three numbers, x,y,z, or seven"),
        (&["--pose", "0,NaN,0"], "finite"),
        (&["--pose", "0,0,inf,1,0,0,0"], "finite"),
        (&["--pose", "0,0,0,1,1,0,0"], "unit quaternion, w first"),
        (&[], "--pose"),
        (&["--pose", "0,0,0", "--trace", "short.csv"], "--trace"),
        (&["--trace", "short.csv"], "short.csv: line 3: 4 fields instead of 6"),
        (&["--trace", "late.csv"], "late.csv: line 3: is at frame 9, the stream has 3"),
        (&["--trace", "none.csv"], "none.csv"),
        (&["--pose", "0,0,0", "--size", "9000x9000"], "--size 9000x9000"),
        (&["--pose", "0,0,0", "--size", "0x9"], "a size is WIDTHxHEIGHT"),
        (&["--pose", "0,0,0", "--fov", "180"], "--fov 180"),
        (&["--pose", "0,0,0", "--stereo", "NaN"], "--stereo NaN"),
        (&["--pose", "0,0,0", "--stereo", "0.1", "--layout", "two"], "eye%v.y4m"),
    ];
    for (args, part) in rows {
        let said = desk.refusal(&[args, &["-o", "out.y4m"]].concat());
        assert!(said.contains(part), "{args:?}: {said}");
        assert!(!desk.path("out.y4m").exists(), "{args:?}");
    }
    let said = desk.refusal(&["--pose", "0,0,0", "-o", "clip.iev", "--muxer", "yuv"]);
    assert!(said.contains("is the input"), "{said}");
    let said =
        desk.refusal(&["--trace", "late.csv", "-o", "late.csv", "--muxer", "yuv", "--limit", "1"]);
    assert!(said.contains("late.csv"), "{said}");
    std::fs::write(desk.path("clip.iev"), small_stream::small_stream()).unwrap();
    let said = desk.refusal(&["--pose", "0,0,0", "-o", "out.y4m"]);
    assert!(said.contains("iev-export encode --cameras"), "{said}");
}

#[test]
fn a_pose_that_sees_nothing_is_said() {
    let desk = Desk::new();
    let Output { status, stderr, .. } =
        desk.output("render", &["--pose", "0,0,0,0,0,1,0", "-o", "back.y4m"]);
    let said = String::from_utf8_lossy(&stderr).into_owned();
    assert!(status.success() && said.contains("3 of 3 pictures are mostly guessed"), "{said}");
}
