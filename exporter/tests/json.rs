//! JSON: every key that `iev-export` prints or writes is documented, and every documented key is there.
#![cfg(feature = "train")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code: a failure is the answer")]

mod desk;
#[path = "../../tests/documented/mod.rs"]
mod documented;

use std::path::Path;
use std::process::Command;

use desk::Desk;
use documented::{check, check_keys, keys};
use iev_exporter::rd::machine::MachineFacts;
use iev_exporter::rd::result::{PointFolder, PointResult};
use iev_exporter::rd::{Config, Harness};
use iev_exporter::verify::Verification;
use serde_json::Value;

const PAGE: &str = include_str!("../JSON.md");
const PEERS: &str = "codec,quality,bytes,kbps,psnr_y,psnr_u,psnr_v,worst_y\n\
                     x264,28,392085,1568.3,35.964,40.4,38.2,35.9\nx264,36,125325,501.3,31.0,38,36.3,30.9\n";

fn said(command: &mut Command) -> Value {
    let output = command.output().unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {complaints}"))
}

fn export() -> Command {
    Command::new(env!("CARGO_BIN_EXE_iev-export"))
}

#[test]
fn the_keys_of_every_report_are_those_of_the_page() {
    let desk = Desk::new();
    let pair = desk.pair();
    let encoded = said(desk.train(&pair).args(["--steps", "1", "--json"]));
    let of_verify = "`iev-export verify --json`";
    let mut of_encode = keys(PAGE, "`iev-export encode --json`");
    of_encode.extend(keys(PAGE, of_verify));
    check_keys(&of_encode, "encode", &encoded);

    let mut verify = export();
    verify.arg("verify").arg(desk.path("clip.iev")).args(&pair).args(["--json", "--quiet"]);
    check(PAGE, of_verify, &said(&mut verify));

    let graph = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/lean.full.onnx");
    check(PAGE, "`iev-export lint --json`", &said(export().args(["lint", "--json"]).arg(graph)));

    let report = report(&desk, serde_json::from_value(encoded["verified"].clone()).unwrap());
    check(PAGE, "`NAME.json` of `iev-export rd`", &report);
}

/// What `rd` writes of two points whose files are like the `verified` one.
fn report(desk: &Desk, verified: Verification) -> Value {
    std::fs::write(desk.path("peers.csv"), PEERS).unwrap();
    let text = "name = \"pair\"\npeers = [\"peers.csv\"]\n[clip]\nviews = [\"left.y4m\"]\n\
                [[points]]\nlabel = \"a\"\n[[points]]\nlabel = \"b\"\nqp = 31\n";
    std::fs::write(desk.path("pair.toml"), text).unwrap();
    let harness =
        Harness { config: Config::read(&desk.path("pair.toml")).unwrap(), out: desk.path("out") };
    for (point, (kbps, psnr_y)) in harness.config.points.iter().zip([(240.0, 31.5), (600.0, 35.0)])
    {
        let mut verified = verified.clone();
        (verified.figures.kbps, verified.figures.psnr_y) = (kbps, psnr_y);
        let result = PointResult {
            label: point.label.clone(),
            digest: "d".into(),
            request: point.request.clone(),
            warm_start: false,
            verified,
            encode_seconds: 1.0,
            resumed: false,
            machine: MachineFacts::this(),
        };
        let folder = PointFolder::new(&harness.out, "pair", &point.label);
        folder.prepare("d").unwrap();
        folder.store(&result).unwrap();
    }
    harness.write(&harness.report(None).unwrap()).unwrap();
    serde_json::from_slice(&std::fs::read(harness.file("json")).unwrap()).unwrap()
}
