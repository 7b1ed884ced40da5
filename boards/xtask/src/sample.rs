//! What models/sample.iev must decode to, wherever a program of ours runs.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::place::Place;
use crate::task;

/// Frames that are decoded: the first picture of every view and one that is predicted from it.
const FRAMES: &str = "2";

/// What two machines' f32 arithmetic may change of an 8-bit sample: one rounding in the network's
/// output, one in the fused picture.
const TOLERANCE: u8 = 2;

/// The integers of tests/vectors/sample.toml.
#[derive(Deserialize)]
struct Vector {
    network_crc32c: u32,
    grids_crc32c: u32,
}

/// Holds what `iev` makes of the sample, which it finds at `sample`, against this machine's.
///
/// Integers are the recorded ones exactly, pictures of the first frames, which it returns, within [`TOLERANCE`].
pub(crate) fn check(
    place: &Place,
    iev: impl Fn() -> Result<Command>,
    sample: &Path,
) -> Result<Vec<u8>> {
    let vector: Vector =
        toml::from_str(&fs::read_to_string(place.root.join("tests/vectors/sample.toml"))?)?;
    // Integers are equal on every machine.
    let info = output(iev()?.args(["info", "--json", "--symbols"]).arg(sample))?;
    let info: serde_json::Value = serde_json::from_slice(&info).context("iev info prints JSON")?;
    for (name, expected) in
        [("network_crc32c", vector.network_crc32c), ("grids_crc32c", vector.grids_crc32c)]
    {
        let found = &info["symbols"][name];
        ensure!(*found == expected, "{name} is {found}, recorded {expected}");
    }
    println!("integers of the sample are the recorded ones");

    // Pictures are nearly so.
    let theirs = pictures(&mut iev()?, sample, "f32")?;
    let ours = pictures(&mut task::player(place)?, &place.root.join("models/sample.iev"), "f32")?;
    hold_near(&theirs, &ours)?;
    Ok(theirs)
}

/// Says how far `theirs` are from `ours`, and fails beyond [`TOLERANCE`].
pub(crate) fn hold_near(theirs: &[u8], ours: &[u8]) -> Result<()> {
    ensure!(theirs.len() == ours.len(), "{} samples, not {}", theirs.len(), ours.len());
    let differences = || theirs.iter().zip(ours).map(|(a, b)| a.abs_diff(*b));
    let largest = differences().max().context("the sample has pictures")?;
    let differing = differences().filter(|difference| *difference > 0).count();
    println!(
        "pictures of {FRAMES} frames: {differing} of {} samples differ, by {largest} at most",
        ours.len()
    );
    ensure!(largest <= TOLERANCE, "a sample may differ by {TOLERANCE} at most");
    Ok(())
}

/// 8-bit planes of the first frames of every view, painted in `precision`.
pub(crate) fn pictures(iev: &mut Command, sample: &Path, precision: &str) -> Result<Vec<u8>> {
    iev.arg("decode").arg(sample).args(["--provider", "cpu", "--limit", FRAMES]);
    iev.args(["--precision", precision]);
    output(iev.args(["--muxer", "yuv", "-o", "-"]))
}

/// What a program prints; failure names the command.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>> {
    let line = task::shown(command);
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("cannot run {line}"))?;
    ensure!(output.status.success(), "{line} ended with {}", output.status);
    Ok(output.stdout)
}
