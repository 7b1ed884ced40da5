//! The survey of a board runs where there is no GPU: what the CPU can play by is played, measured and compared.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code: a failure is the answer")]

#[path = "../../tests/documented/mod.rs"]
mod documented;
mod small_stream;

use std::process::{Command, Output};

use serde_json::Value;
use small_stream::small_stream;

#[test]
fn a_dry_run_plays_by_all_that_a_cpu_has_and_names_the_machine() {
    let folder = tempfile::tempdir().unwrap();
    let (stream, out) = (folder.path().join("small.iev"), folder.path().join("out"));
    std::fs::write(&stream, small_stream()).unwrap();
    // By the script that a device is asked with.
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../boards/gpu_check.sh");
    let mut survey = Command::new(script);
    survey.args(["--dry-run", env!("CARGO_BIN_EXE_iev"), "x86_cuda"]).arg(&stream).arg(&out);
    let Output { status, stdout, stderr } =
        survey.arg("1").env_remove("IEV_EXPORT").output().unwrap();
    let words = [stdout, stderr].concat();
    assert!(status.success(), "{}", String::from_utf8_lossy(&words));

    let report = std::fs::read(out.join("survey.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    let page = std::fs::read_to_string(out.join("survey.md")).unwrap();
    documented::check(include_str!("../JSON.md"), "`survey.json` of `iev survey`", &report);
    let rungs = report["rungs"].as_array().unwrap();
    for rung in rungs {
        let name = rung["name"].as_str().unwrap();
        assert!(page.contains(&format!("| {name} |")), "{name} is not in\n{page}");
        let refusal = rung["refusal"].as_str().map(|reason| page.contains(reason));
        if name.starts_with("cpu") {
            assert_eq!(refusal, None, "{rung:#}");
            assert!(rung["bench"]["times"].as_u64().unwrap() > 0);
            let split = name == "cpu-split-f32";
            assert_eq!(rung["likeness"].is_null(), split, "{name}");
        } else {
            assert!(refusal == Some(true) || !rung["bench"].is_null(), "{rung:#}");
        }
    }
    // Nothing of the pictures stays.
    let left = std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name != "engines").collect();
    assert_eq!(left.len(), 2, "{left:?}");
    let machine = &rungs[0]["bench"]["conditions"]["machine"];
    let names = [&report["doctor"]["model"], &machine["cpu"]];
    let name = names.into_iter().find_map(Value::as_str).unwrap_or("an unknown machine");
    assert!(
        page.starts_with(&format!("# IEV on {name}\n")) && page.contains("A dry run"),
        "{page}"
    );
}

#[test]
fn without_a_dry_run_a_missing_gpu_is_a_failure() {
    // The smallest answer: no library, so nothing plays, and every way says why.
    let folder = tempfile::tempdir().unwrap();
    let (stream, out) = (folder.path().join("small.iev"), folder.path().join("out"));
    std::fs::write(&stream, small_stream()).unwrap();
    let mut survey = Command::new(env!("CARGO_BIN_EXE_iev"));
    survey.args(["survey", "--board", "x86_cuda", "--seconds", "1", "--ort", "/nowhere.so", "-o"]);
    let Output { status, stderr, .. } = survey.arg(&out).arg(&stream).output().unwrap();
    let stderr = String::from_utf8_lossy(&stderr);
    assert_eq!(status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("cpu-split-f32, ") && stderr.contains("did not play"), "{stderr}");
    let page = std::fs::read_to_string(out.join("survey.md")).unwrap();
    assert!(page.contains("* cuda-full-f32: ONNX Runtime did not load (/nowhere.so"), "{page}");
}
