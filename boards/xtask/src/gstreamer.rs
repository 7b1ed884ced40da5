//! GStreamer's element: built, tested, and played by GStreamer's own programs.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::place::Place;
use crate::task::{self, Libraries};
use crate::{assembly, sample};

/// Debian's packages, and what only works with each.
const NEEDS: [(&str, &[&str]); 5] = [
    ("pkg-config", &["pkg-config", "--version"]),
    ("libgstreamer1.0-dev", &["pkg-config", "--exists", "gstreamer-1.0 >= 1.18"]),
    (
        "libgstreamer-plugins-base1.0-dev",
        &["pkg-config", "--exists", "gstreamer-video-1.0", "gstreamer-app-1.0"],
    ),
    ("gstreamer1.0-tools", &["gst-launch-1.0", "--version"]),
    ("gstreamer1.0-plugins-base", &["gst-inspect-1.0", "--exists", "playbin"]),
];

/// Builds the element, runs its tests and lints, and plays the sample with it.
pub(crate) fn check(place: &Place) -> Result<()> {
    let missing = missing(|words| {
        Command::new(words[0]).args(&words[1..]).output().is_ok_and(|out| out.status.success())
    });
    ensure!(
        missing.is_empty(),
        "the element takes GStreamer 1.18 or newer, and some of it is not here: apt-get install {}",
        missing.join(" ")
    );
    // As the player is built for its tests; in a workspace of its own.
    let libraries = Libraries::player(place)?;
    let cargo = |subcommand| -> Result<Command> {
        let mut cargo = task::cargo(place, &libraries, subcommand)?;
        cargo.args(["--locked", "--manifest-path", "runtime/gstreamer/Cargo.toml"]);
        cargo.args(assembly::host_features());
        Ok(cargo)
    };
    let mut format = task::cargo(place, &libraries, "fmt")?;
    format.args(["--manifest-path", "runtime/gstreamer/Cargo.toml", "--", "--check"]);
    task::run(&mut format)?;
    task::run(cargo("clippy")?.args(["--all-targets", "--", "-D", "warnings"]))?;
    task::run(&mut cargo("test")?)?;
    task::run(&mut cargo("build")?)?;
    play(place, &libraries)
}

/// Those of [`NEEDS`] without which something does not work.
fn missing(works: impl Fn(&[&str]) -> bool) -> Vec<&'static str> {
    NEEDS.iter().filter(|(_, words)| !works(words)).map(|(package, _)| *package).collect()
}

/// Plays the sample as a user would.
fn play(place: &Place, libraries: &Libraries) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let plugins = place.target.join("debug");
    // A list of plugins of its own, or the user's would have this one for ever.
    let registry = folder.path().join("registry");
    let variables = libraries.variables()?;
    let gstreamer = |program| {
        let mut program = Command::new(program);
        program.env("GST_PLUGIN_PATH", &plugins).env("GST_REGISTRY", &registry);
        program.envs(variables.iter().cloned());
        program
    };
    let stream = place.root.join("models/sample.iev");
    // Whose pages of text tell nothing here.
    sample::output(gstreamer("gst-inspect-1.0").arg("iev"))?;

    // A view that is painted: its samples are those of `iev decode`.
    let shown = folder.path().join("view1.yuv");
    let locations = [&*stream, &*shown].map(location);
    let mut launch = gstreamer("gst-launch-1.0");
    launch.args(["-q", "filesrc", &locations[0], "!", "iev", "view=1", "provider=cpu"]);
    task::run(launch.args(["!", "filesink", &locations[1]]))?;
    let mut iev = task::player(place)?;
    iev.arg("decode").arg(&stream).args(["-v", "1", "--provider", "cpu", "--quiet"]);
    let decoded = sample::output(iev.args(["--muxer", "yuv", "-o", "-"]))?;
    ensure!(fs::read(&shown)? == decoded, "gst-launch-1.0 and iev decode show other pictures");
    println!("gst-launch-1.0 writes the {} bytes that iev decode does", decoded.len());

    // Found by the stream's first bytes.
    let uri = format!("uri=file://{}", stream.display());
    let mut playbin = gstreamer("gst-launch-1.0");
    task::run(playbin.args(["-q", "playbin", &uri, "video-sink=fakesink"]))
}

/// A property of `filesrc` or `filesink`, for a launch line.
fn location(path: &Path) -> String {
    format!("location={:?}", path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_by_its_package() {
        assert!(missing(|_| true).is_empty());
        let tools = missing(|words| !words[0].starts_with("gst-"));
        assert_eq!(tools, ["gstreamer1.0-tools", "gstreamer1.0-plugins-base"]);
        assert_eq!(missing(|_| false).len(), NEEDS.len());
    }
}
