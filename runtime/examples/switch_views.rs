//! Changes views while playing, as when a head turns: a pair of neighbours walks over all cameras.
//!
//! `ORT_DYLIB_PATH=…/libonnxruntime.so cargo run --example switch_views -- models/sample.iev`

use std::path::Path;

use iev_runtime::{Backend, Error, Options, Player, Result, Selection, TimeIndex, ViewId, ViewSet};

fn main() -> Result<()> {
    let usage = || Error::Usage { what: "usage: switch_views STREAM".into() };
    let stream = std::env::args().nth(1).ok_or_else(usage)?;
    let player = Player::open(Path::new(&stream), Options::new(Backend::default().opener()))?;
    for (time, views) in walk(&player)? {
        let views: Vec<_> = views.iter().map(|view| view.0).collect();
        println!("time {}: views {views:?}", time.0);
    }
    Ok(())
}

/// The pair that a head sees at `time`: one camera further every eight pictures.
fn pair(time: TimeIndex, cameras: u8) -> ViewSet {
    let left = (time.0 / 8) as u8 % cameras.saturating_sub(1).max(1);
    (left..cameras.min(left + 2)).map(ViewId).collect()
}

/// Plays the stream once while the views wanted change, and returns which were shown when.
///
/// # Errors
/// The stream's, or ONNX Runtime's where there is none.
pub fn walk(player: &Player) -> Result<Vec<(TimeIndex, ViewSet)>> {
    let cameras = player.header().views.len() as u8;
    let start = pair(TimeIndex(0), cameras);
    // Sections of all views are read, so that any can be shown; only those shown are painted.
    let selection = Selection::switchable(start, player.header(), player.times());
    let mut playback = player.play(&selection)?;
    let mut seen = Vec::new();
    while let Some(shown) = playback.next() {
        let shown = shown?;
        // A program would draw `shown.frames()` here.
        seen.push((shown.time, shown.frames().map(|(frame, _)| frame.view).collect()));
        // Takes effect a frame or two later, when what is under way has been shown.
        playback.show(pair(shown.time, cameras))?;
    }
    Ok(seen)
}
