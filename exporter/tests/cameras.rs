//! `--cameras`: a file of cameras comes out of the stream, in the order of the views.
#![cfg(feature = "train")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod desk;

use desk::Desk;
use iev_runtime::ViewId;
use iev_runtime::format::cameras::Cameras;
use iev_runtime::format::limits::Limits;
use iev_runtime::format::reader::StreamReader;
use iev_runtime::stream::gop_index::GopIndex;
use iev_runtime::stream::source::Source;

/// Right before left, of pictures twice as large as those of [`Desk::pair`].
const RIG: &str = r#"{
    "w": 64, "h": 64, "fl_x": 50.0, "cx": 31.0, "cy": 33.0,
    "frames": [
        {"file_path": "images/right.png", "transform_matrix": [[1,0,0,0.25],[0,1,0,0],[0,0,1,0],[0,0,0,1]]},
        {"file_path": "images/left.png", "transform_matrix": [[1,0,0,-0.25],[0,1,0,0],[0,0,1,0],[0,0,0,1]]}
    ]
}"#;

#[test]
fn cameras_travel_in_the_stream() {
    let desk = Desk::new();
    let pair = desk.pair();
    let rig = desk.path("rig.json");
    std::fs::write(&rig, RIG).unwrap();
    let mut export = desk.encode_aloud(&pair);
    export.args(["--anchor", "0,1", "--no-verify", "--cameras"]).arg(&rig);
    let output = export.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    for part in [
        "rig.json is a transforms.json",
        "has camera \"images/left.png\", by name, scaled from 64x64",
    ] {
        assert!(said.contains(part), "{said}");
    }
    let source = Source::open(&desk.path("clip.iev")).unwrap();
    let mut reader = StreamReader::open(source, &Limits::DEFAULT).unwrap();
    let entry = *GopIndex::build(&mut reader).unwrap().cameras().unwrap();
    let cameras = Cameras::decode(&reader.section(&entry).unwrap(), 2).unwrap();
    let at = |view: usize| cameras.views[view].position().x;
    assert_eq!([at(0), at(1)], [-0.25, 0.25]);
    let lens = cameras.views[0].calibration();
    assert_eq!([lens[(0, 0)], lens[(1, 1)], lens[(0, 2)], lens[(1, 2)]], [25.0, 25.0, 15.5, 16.5]);
    assert_eq!(cameras.nearest([9.0, 0.0, 0.0].into()), Some(ViewId(1)));
}

#[test]
fn cameras_that_do_not_fit_are_named_before_anything_is_coded() {
    let desk = Desk::new();
    let pair = desk.pair();
    let rows = [
        ("\"images/left.png\"", "\"images/middle.png\"", 1, "left.y4m"),
        ("\"fl_x\"", "\"k1\": 0.1, \"fl_x\"", 1, "undistort"),
        ("\"w\": 64", "\"w\": 96", 1, "96x64"),
    ];
    for (old, new, code, named) in rows {
        std::fs::write(desk.path("rig.json"), RIG.replace(old, new)).unwrap();
        let mut export = desk.encode(&pair);
        export.args(["--anchor", "0,1", "--cameras"]).arg(desk.path("rig.json"));
        let said = desk.refusal_with(&mut export, code);
        assert!(said.contains("rig.json") && said.contains(named), "{said}");
    }
    let mut export = desk.encode(&pair);
    let said = desk.refusal_with(export.arg("--cameras").arg(desk.path("none.json")), 2);
    assert!(said.contains("none.json"), "{said}");
    let mut onto_itself = desk.encode(&pair);
    onto_itself.arg("--cameras").arg(desk.path("rig.json"));
    onto_itself.arg("--report").arg(desk.path("rig.json"));
    assert!(desk.refusal(&mut onto_itself).contains("is the input"));
}
