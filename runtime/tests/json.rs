//! JSON: every key that `iev` prints is documented, and every documented key is printed.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code: a failure is the answer")]

#[path = "../../tests/documented/mod.rs"]
mod documented;
mod small_stream;

use std::process::Command;

use documented::{check, check_keys, keys};
use iev_runtime::format::cameras::{Camera, Cameras};
use nalgebra::UnitQuaternion;
use serde_json::Value;
use small_stream::{small_stream, stream_with_cameras};

const PAGE: &str = include_str!("../JSON.md");

/// What `iev` prints with `arguments`, STREAM being a small stream and CAMERAS one with cameras.
fn said(arguments: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let stream = folder.path().join("small.iev");
    std::fs::write(&stream, small_stream()).unwrap();
    let cameras = folder.path().join("cameras.iev");
    let camera =
        |x| Camera::of_numbers([x, 0.0, 0.0], UnitQuaternion::identity(), [40.0; 2], [16.0; 2]);
    let views = [-0.5, 0.5].into_iter().filter_map(camera).collect();
    std::fs::write(&cameras, stream_with_cameras(&Cameras { views })).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_iev"));
    command.args(arguments.split(' ').map(|word| match word {
        "STREAM" => stream.as_os_str(),
        "CAMERAS" => cameras.as_os_str(),
        "FOLDER" => folder.path().as_os_str(),
        word => word.as_ref(),
    }));
    let output = command.output().unwrap();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{arguments}: {e}, {}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn the_keys_of_every_report_are_those_of_the_page() {
    check(PAGE, "`iev info --json`", &said("info STREAM --json --symbols"));
    let decode = "`iev decode --stats json`";
    for more in ["", " --late drop"] {
        let arguments = format!("decode STREAM --muxer null --stats json{more}");
        check(PAGE, decode, &said(&arguments));
    }
    let mut demo = keys(PAGE, "`iev demo --json`");
    demo.extend(keys(PAGE, decode).into_iter().filter(|key| !key.starts_with("deadlines")));
    check_keys(&demo, "demo", &said("demo STREAM --out FOLDER --json"));
    let bench = "`iev bench --json`";
    for more in ["", " --rate 100 --late drop"] {
        let arguments = format!("bench STREAM --seconds 1 --json -{more}");
        check(PAGE, bench, &said(&arguments));
    }
    let mut eyes = keys(PAGE, bench);
    eyes.retain(|key| !["cost.network", "cost.fuse"].iter().any(|part| key.starts_with(part)));
    let arguments = "bench CAMERAS --seconds 1 --json - --rate 60 --stereo 0.1";
    check_keys(&eyes, "bench with --stereo", &said(arguments));
    check(PAGE, "`iev doctor --json`", &said("doctor --json --board x86_edge"));
}
