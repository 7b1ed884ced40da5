//! Plays a view by the clock, as a display does: what comes late is dropped, and counted.
//!
//! `cargo run --example play_paced -- models/sample.iev 2`

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use iev_runtime::play::deadline::Counts;
use iev_runtime::{
    Backend, Error, Late, Options, PacedPlayback, Player, Result, Selection, ShownFrame, ViewId,
};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [stream, view] = &arguments[..] else { return Err(usage()) };
    let view = ViewId(view.parse().map_err(|_| usage())?);
    let player = Player::open(Path::new(stream), Options::new(Backend::default().opener()))?;
    let (pictures, seconds) = player.header().rate;
    let period = Duration::from_secs(1) * seconds / pictures;
    let counts = play(&player, view, Late::Drop, period, |shown| println!("{}", shown.frame.0))?;
    println!("{counts:?}");
    Ok(())
}

fn usage() -> Error {
    Error::Usage { what: "usage: play_paced STREAM VIEW".into() }
}

/// Shows all of `view`, one picture every `period`, and says how many were in time.
///
/// # Errors
/// The stream's.
pub fn play(
    player: &Player,
    view: ViewId,
    late: Late,
    period: Duration,
    mut display: impl FnMut(&ShownFrame),
) -> Result<Counts> {
    let selection = Selection::new([view].into_iter().collect(), player.frames());
    let mut paced = PacedPlayback::new(player.play(&selection)?, late, period);
    let started = Instant::now();
    for refresh in 0.. {
        // A display calls at its refresh; here a sleep stands for it.
        thread::sleep((period * refresh).saturating_sub(started.elapsed()));
        // A quarter of a period is time enough to take what is ready, and leaves the rest to draw it.
        let Some(tick) = paced.tick(started.elapsed(), period / 4) else { break };
        if let Some(shown) = tick?.shown {
            display(shown);
        }
    }
    Ok(paced.counts())
}
