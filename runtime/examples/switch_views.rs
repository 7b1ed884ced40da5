//! Changes views while playing, as when a head turns: a pair of neighbours walks over all cameras.
//!
//! `ORT_DYLIB_PATH=…/libonnxruntime.so cargo run --example switch_views -- models/sample.iev`

use std::path::Path;

use iev_runtime::{
    Backend, Error, FrameIndex, Options, Player, Result, Selection, ViewId, ViewSet,
};

fn main() -> Result<()> {
    let usage = || Error::Usage { what: "usage: switch_views STREAM".into() };
    let stream = std::env::args().nth(1).ok_or_else(usage)?;
    let player = Player::open(Path::new(&stream), Options::new(Backend::default().opener()))?;
    for (frame, views) in walk(&player)? {
        let views: Vec<_> = views.iter().map(|view| view.0).collect();
        println!("frame {}: views {views:?}", frame.0);
    }
    Ok(())
}

/// The pair that a head sees at `frame`: one camera further every eight pictures.
fn pair(frame: FrameIndex, cameras: u8) -> ViewSet {
    let left = (frame.0 / 8) as u8 % cameras.saturating_sub(1).max(1);
    (left..cameras.min(left + 2)).map(ViewId).collect()
}

/// Plays the stream once while the views wanted change, and returns which were shown when.
///
/// # Errors
/// The stream's, or ONNX Runtime's where there is none.
pub fn walk(player: &Player) -> Result<Vec<(FrameIndex, ViewSet)>> {
    let cameras = player.header().views.len() as u8;
    let start = pair(FrameIndex(0), cameras);
    // Sections of all views are read, so that any can be shown; only those shown are painted.
    let selection = Selection::switchable(start, player.header(), player.frames());
    let mut playback = player.play(&selection)?;
    let mut seen = Vec::new();
    while let Some(shown) = playback.next() {
        let shown = shown?;
        // A program would draw `shown.with_ids()` here.
        seen.push((shown.frame, shown.with_ids().map(|(id, _)| id.view).collect()));
        // Takes effect a frame or two later, when what is under way has been shown.
        playback.show(pair(shown.frame, cameras))?;
    }
    Ok(seen)
}
