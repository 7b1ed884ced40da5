//! `iev prepare`: builds what playing a stream on this machine needs, so that playing never waits for it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use iev_runtime::FrameIndex;
use iev_runtime::network::backend::NetworkReport;
use iev_runtime::network::engines::{EngineOrigin, Engines};
use iev_runtime::network::providers::Provider;
use iev_runtime::network::session::{PrepareStep, SessionOptions, prepare};
use iev_runtime::play::options::Options;
use iev_runtime::play::player::Player;
use indicatif::ProgressBar;

use super::progress::styled;
use super::{BackendArgs, Failure, print};

/// Build the engines that a stream needs on this machine, ahead of playing it
#[derive(Debug, Args)]
pub(crate) struct Prepare {
    /// The stream
    pub(super) stream: PathBuf,
    #[command(flatten)]
    backend: BackendArgs,
}

/// Opens every scene's network with leave to build, then once more as a player does, which paints a
/// picture with it.
pub(crate) fn run(command: &Prepare) -> Result<(), Failure> {
    command.backend.claim_engines(&command.stream)?;
    let backend = command.backend.backend(false);
    let session = backend.session().clone();
    let folder = session.engines.as_ref().map(|engines| engines.folder.clone());
    // Networks are opened twice: with leave to build an engine, and then as a player does, without.
    let build = folder.clone().map(|folder| Engines { folder, build: true });
    let building = SessionOptions { engines: build, ..session };
    let options = command.backend.options(&backend, false);
    let (as_player, by) = (Arc::clone(&options.open), backend.clone());
    let progress = PrepareProgress::default();
    let open = move |header: &_, levels: &_, opening| {
        let ort = by.library()?;
        prepare(&ort, header, levels, opening, &building, |step| progress.tell(&step))?;
        as_player(header, levels, opening)
    };
    let options = Options { open: Arc::new(open), ..options };
    let player = Player::open(&command.stream, options)?;
    let Some(view) = player.header().implicit_views().next() else {
        return print(
            "every view is explicit: playing needs no network, and nothing is to be prepared",
        );
    };
    // A picture of every scene opens its network.
    let mut scenes = BTreeSet::new();
    for gop in player.index().gops() {
        if scenes.insert(gop.scene) {
            player.at([view].into_iter().collect(), FrameIndex(gop.first))?;
        }
    }
    let opened = backend.opened().unwrap_or_else(|| panic!("a painted picture opened a network"));
    print(&summary(&opened, folder.as_ref()))?;
    if opened.report.unprepared {
        let what = "an engine that was built does not open: see the refusal above";
        return Err(Failure::Codec(iev_runtime::Error::Backend { what: what.into() }));
    }
    Ok(())
}

/// What a player will do now, and why not better.
fn summary(
    NetworkReport { path, precision, instead, report }: &NetworkReport,
    folder: Option<&PathBuf>,
) -> String {
    let refused =
        report.rungs.iter().filter_map(|rung| Some((rung.provider, rung.refusal.as_ref()?)));
    let mut lines: Vec<String> =
        refused.map(|(provider, reason)| format!("{provider} is refused: {reason}")).collect();
    lines.extend(instead.map(|reason| format!("painting in {}: {reason}", precision.name())));
    let engines = match (report.in_use, folder) {
        (Provider::TensorRt, Some(folder)) => format!("with engines in {}", folder.display()),
        _ => "which needs no engine".into(),
    };
    let (path, precision) = (path.name(), precision.name());
    lines.push(format!("plays on {} in {precision} by the {path} path, {engines}", report.in_use));
    lines.join("\n")
}

/// A line per graph; on a terminal the one at work shows how long it has taken.
#[derive(Default)]
struct PrepareProgress(Mutex<Option<ProgressBar>>);

impl PrepareProgress {
    fn tell(&self, step: &PrepareStep) {
        let mut bar = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match step {
            PrepareStep::Begins { graph } => *bar = Some(spinner(graph)),
            PrepareStep::Done { .. } => {
                if let Some(bar) = bar.take() {
                    bar.finish_and_clear();
                }
                use std::io::Write;
                // A closed stdout ends the command where its result is printed.
                let _ = writeln!(std::io::stdout(), "{}", line(step));
            }
        }
    }
}

fn spinner(graph: &'static str) -> ProgressBar {
    let bar = styled(ProgressBar::new_spinner(), "{spinner} {msg} {elapsed}").with_message(graph);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn line(step: &PrepareStep) -> String {
    let PrepareStep::Done { graph, engine, took } = step else { return String::new() };
    let how = match engine {
        None => "opens, no engine to build".into(),
        Some(EngineOrigin::Ready) => "its engine was ready".into(),
        Some(EngineOrigin::Built(found)) => format!("its engine was {found} and has been built"),
        Some(EngineOrigin::Lost(reason)) => {
            format!("its engine was built and could not be kept: {reason}")
        }
    };
    format!("{graph}: {how}, {:.1} s", took.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use iev_runtime::network::engines::EngineState;

    #[test]
    fn every_way_to_an_engine_is_a_line_with_its_time() {
        let done = |engine| PrepareStep::Done {
            graph: "full network",
            engine,
            took: Duration::from_millis(93_240),
        };
        let stale = EngineState::Stale("TensorRT was 8 and is 10".into());
        let rows = [
            (None, "full network: opens, no engine to build, 93.2 s"),
            (Some(EngineOrigin::Ready), "full network: its engine was ready, 93.2 s"),
            (
                Some(EngineOrigin::Built(EngineState::Missing)),
                "full network: its engine was missing and has been built, 93.2 s",
            ),
            (
                Some(EngineOrigin::Built(stale)),
                "full network: its engine was stale (TensorRT was 8 and is 10) and has been built, 93.2 s",
            ),
            (
                Some(EngineOrigin::Lost("disk full".into())),
                "full network: its engine was built and could not be kept: disk full, 93.2 s",
            ),
        ];
        for (engine, told) in rows {
            assert_eq!(line(&done(engine)), told);
        }
    }
}
