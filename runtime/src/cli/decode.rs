//! `iev decode`.

use std::io::{IsTerminal, Write};
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use iev_runtime::format::header::{Header, MAX_VIEWS};
use iev_runtime::format::views::ViewSet;
use iev_runtime::network::backend::Backend;
use iev_runtime::outputs::write_whole;
use iev_runtime::play::deadline::{Counts, Late, Outcome};
use iev_runtime::play::paced::{PacedPlayback, Tick};
use iev_runtime::play::player::{Playback, Player, Selection};
use iev_runtime::play::shown::ShownFrame;
use iev_runtime::sink::{Digest, Muxer, Plan, Sink, TileLayout, names_view};
use iev_runtime::{Result, ViewId};
use indicatif::ProgressBar;
use serde::Serialize;

use super::progress::styled;
use super::statistics::{Deadlines, Statistics, Summary};
use super::stream::StreamArgs;
use super::ticks::Ticks;
use super::{BackendArgs, Failure, print, warn};

/// From one picture to the next, where a clock makes sense.
const PERIODS: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(60);

/// Decode views to files or a pipe
#[derive(Debug, Args)]
pub(crate) struct Decode {
    #[command(flatten)]
    pub(super) stream: StreamArgs,
    /// Where to write; %v is the view, %t the frame of a PNG, %% a percent sign, - is standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Views: all, or numbers such as 0,2,4; in one picture they stand in this order
    #[arg(short, long, value_name = "VIEWS", default_value = "all")]
    views: String,
    /// The view nearest to a head at x (right), y (down), z (forward), instead of --views; iev info shows where cameras
    /// are
    #[arg(
        long,
        value_name = "X,Y,Z",
        value_delimiter = ',',
        allow_hyphen_values = true,
        conflicts_with = "views"
    )]
    pose: Vec<f64>,
    /// Several views one below the other instead of side by side
    #[arg(long)]
    top_bottom: bool,
    #[command(flatten)]
    frames: FrameArgs,
    /// yuv4mpeg2, yuv, nv12, rgba, png, md5 or null, when the file name does not tell
    #[arg(long)]
    muxer: Option<String>,
    /// Use one thread without queues: the reference order of work
    #[arg(long)]
    serial: bool,
    /// Hold the last good pictures over a broken GOP instead of stopping at the error
    #[arg(long, conflicts_with = "serial")]
    keep_going: bool,
    /// Play by the clock at the stream's rate, and drop, repeat or degrade what comes late
    #[arg(long, value_name = "POLICY", conflicts_with_all = ["serial", "keep_going", "verify"])]
    late: Option<Late>,
    /// Statistics on standard output, or on standard error where pictures go there
    #[arg(long, value_name = "FORMAT", value_parser = ["json"])]
    stats: Option<String>,
    /// Times of every stage per picture, as a CSV file
    #[arg(long, value_name = "FILE")]
    framestats: Option<PathBuf>,
    /// Nothing but errors: no progress bar, no summary, no warnings
    #[arg(short, long)]
    quiet: bool,
    /// Fail unless the MD5 of all pictures is this
    #[arg(long, value_name = "MD5")]
    verify: Option<String>,
    #[command(flatten)]
    backend: BackendArgs,
}

/// Which frames of a stream.
#[derive(Debug, Args)]
pub(super) struct FrameArgs {
    /// Frames of the stream to skip
    #[arg(long, default_value_t = 0)]
    skip: u32,
    /// Frames of the stream to take after those
    #[arg(long)]
    limit: Option<u32>,
}

impl FrameArgs {
    /// Those of a stream of so many frames; maybe none.
    pub(super) fn of(&self, frames: u32) -> Range<u32> {
        let first = self.skip.min(frames);
        first..self.limit.map_or(frames, |limit| first.saturating_add(limit).min(frames))
    }
}

/// What `--stats json` says.
#[derive(Serialize)]
struct DecodeReport {
    #[serde(flatten)]
    summary: Summary,
    /// With `--late`.
    deadlines: Option<Deadlines>,
}

pub(crate) fn run(command: &Decode) -> Result<(), Failure> {
    let backend = command.backend.backend(command.quiet);
    let player = command.stream.open(command.backend.options(&backend, command.quiet))?;
    let order = command.views(&player)?;
    let views: ViewSet = order.iter().copied().collect();
    // Which frames.
    let end = player.frames().end;
    let frames = command.frames.of(end);
    if frames.is_empty() {
        return Err(Failure::Usage(format!("nothing to decode: the stream has {end} frames")));
    }
    let selection = Selection::new(views, frames.clone());
    // Where to, made sure of before anything is decoded.
    let (muxer, path) = command.target(views, player.header())?;
    let layout = if command.top_bottom { TileLayout::TopBottom } else { TileLayout::SideBySide };
    let (header, single) = (player.header(), frames.len() == 1);
    let plan = Plan { muxer, path, header, views: &order, layout, single };
    plan.check()?;
    command.claim_outputs(&plan.files(frames.clone()))?;
    if !command.quiet {
        command.tell_without_effect(&plan);
    }
    let sink = Sink::open(&plan)?;
    let frames = frames.len();
    // How.
    if let Some(late) = command.late {
        command.pump_by_the_clock(&player, player.play(&selection)?, late, sink, &backend)
    } else if command.keep_going {
        let mut shown = player.keep_going(&selection)?;
        command.pump(&mut shown, sink, frames, &backend)?;
        if let (lost, Some(error)) = shown.lost() {
            let why = error.with_causes();
            return Err(Failure::Held(format!("{lost} of {frames} frames were held: {why}")));
        }
        Ok(())
    } else if command.serial {
        command.pump(player.decode_serial(&selection)?, sink, frames, &backend)
    } else {
        command.pump(player.play(&selection)?, sink, frames, &backend)
    }
}

impl Decode {
    /// Makes sure, before anything is decoded, that no output is the stream or another output.
    fn claim_outputs(&self, pictures: &[PathBuf]) -> Result<()> {
        let mut outputs = self.backend.inputs(&self.stream.path);
        pictures.iter().try_for_each(|path| outputs.claim(path))?;
        self.framestats.iter().try_for_each(|path| outputs.claim(path))?;
        let prints = self.stats.is_some() && !self.takes_standard_output();
        if prints { outputs.claim(Path::new("-")) } else { Ok(()) }
    }

    /// Says what was typed that changes nothing.
    fn tell_without_effect(&self, plan: &Plan<'_>) {
        if self.top_bottom && !plan.tiles() {
            warn(format_args!(
                "warning: --top-bottom changes nothing: here no picture has several views in it"
            ));
        }
        tell_of_place_of_frame(plan);
    }

    /// Whether pictures, or their digest, go to standard output.
    fn takes_standard_output(&self) -> bool {
        match &self.output {
            Some(path) => path == Path::new("-"),
            None => self.muxer.as_deref() == Some("md5"),
        }
    }

    /// Views to show, in the order typed.
    fn views(&self, player: &Player) -> Result<Vec<ViewId>, Failure> {
        let header = player.header();
        if !self.pose.iter().all(|number| number.is_finite()) {
            return Err(Failure::Usage("--pose takes finite numbers".into()));
        }
        let views = match *self.pose {
            [] => parse_views(&self.views, header)?,
            [x, y, z] => {
                let lacking = "the stream has no cameras, so --pose cannot choose a view";
                let cameras = player.cameras()?.ok_or_else(|| Failure::Usage(lacking.into()))?;
                cameras.nearest([x, y, z].into()).into_iter().collect()
            }
            _ => return Err(Failure::Usage("--pose takes three numbers: x,y,z".into())),
        };
        views.iter().copied().collect::<ViewSet>().check(header)?;
        Ok(views)
    }

    fn target(&self, views: ViewSet, header: &Header) -> Result<(Muxer, &Path), Failure> {
        let per_view = self.output.as_deref().is_some_and(names_view);
        // What `degrade` cannot be combined with.
        if self.late == Some(Late::Degrade) && per_view {
            let what = "--late degrade leaves views out, so files per view would lose step: use one \
                        output, or drop or repeat";
            return Err(Failure::Usage(what.into()));
        }
        if self.late == Some(Late::Degrade) && views.len() > 1 && views.implicit(header) == views {
            let what = "--late degrade leaves out what the network paints, which is all of these views: \
                        add their anchor, or drop or repeat";
            return Err(Failure::Usage(what.into()));
        }
        // By name, else by the file's ending.
        let named = muxer_named(self.muxer.as_deref())?;
        match (&self.output, named) {
            (Some(path), Some(muxer)) => Ok((muxer, path)),
            (None, Some(Muxer::Null)) => Ok((Muxer::Null, Path::new("-"))),
            (None, Some(Muxer::Md5)) => Ok((Muxer::Md5, Path::new("-"))),
            (None, None) if self.verify.is_some() => Ok((Muxer::Null, Path::new("-"))),
            (Some(path), None) => Ok((muxer_of(path)?, path)),
            (None, _) => Err(Failure::Usage("give an output with -o FILE, or --muxer null".into())),
        }
    }

    fn pump(
        &self,
        shown: impl Iterator<Item = Result<ShownFrame>>,
        mut sink: Sink,
        frames: usize,
        backend: &Backend,
    ) -> Result<(), Failure> {
        let bar = self.progress(frames as u64);
        let mut statistics = Statistics::start(frames);
        let mut digest = Digest::default();
        // Latency ends where the frame leaves the decoder; what the sink takes counts apart.
        for shown in shown {
            let shown = shown?;
            let latency_us = shown.timings.age_us();
            let started = Instant::now();
            sink.put(&shown)?;
            if self.verify.is_some() {
                shown.with_ids().for_each(|(_, picture)| digest.put(picture));
            }
            statistics.add(&shown, latency_us, started.elapsed().as_micros() as u64);
            bar.inc(1);
        }
        bar.finish_and_clear();
        // A wrong digest is told before the sink says that all is well.
        if let Some(wanted) = &self.verify
            && !wanted.eq_ignore_ascii_case(&digest.hex())
        {
            return Err(Failure::Mismatch(format!("MD5 is {}, not {wanted}", digest.hex())));
        }
        sink.finish()?;
        self.report(&statistics, None, backend)
    }

    /// Writes what a display of the stream's rate shows at each of its ticks.
    fn pump_by_the_clock(
        &self,
        player: &Player,
        playback: Playback,
        late: Late,
        mut sink: Sink,
        backend: &Backend,
    ) -> Result<(), Failure> {
        let period = period_of(player.header())?;
        let mut statistics = Statistics::start(player.frames().len());
        let (mut paced, ticks) = (PacedPlayback::new(playback, late, period), Ticks::every(period));
        // A repeated picture is written again and measured once.
        while let Some(tick) = paced.tick(ticks.next().0, ticks.patience()) {
            let Tick { outcome, shown } = tick?;
            let Some(shown) = shown else { continue };
            let (latency_us, started) = (shown.timings.age_us(), Instant::now());
            sink.put(shown)?;
            if outcome != Outcome::Repeated {
                statistics.add(shown, latency_us, started.elapsed().as_micros() as u64);
            }
        }
        sink.finish()?;
        self.report(&statistics, Some((late, paced.counts())), backend)
    }

    fn progress(&self, frames: u64) -> ProgressBar {
        if self.quiet || !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        styled(ProgressBar::new(frames), "{bar:30} {pos}/{len} {per_sec} {eta}")
    }

    fn report(
        &self,
        statistics: &Statistics,
        counts: Option<(Late, Counts)>,
        backend: &Backend,
    ) -> Result<(), Failure> {
        if let Some(path) = &self.framestats {
            write_whole(path, statistics.csv())?;
        }
        let deadlines = counts.map(Deadlines::of);
        let report = DecodeReport { summary: statistics.summary(backend), deadlines };
        let taken = self.takes_standard_output();
        // Never among the pictures.
        if self.stats.is_some() && taken {
            let _ = writeln!(std::io::stderr(), "{}", in_json(&report));
        } else if self.stats.is_some() {
            print_json(&report)?;
        } else if !self.quiet && !taken {
            let DecodeReport { summary, deadlines } = report;
            let Summary { pictures, seconds, pictures_per_second, .. } = summary;
            let _ = writeln!(
                std::io::stderr(),
                "{pictures} pictures in {seconds:.2} s, {pictures_per_second:.1} pictures/s"
            );
            if let Some(deadlines) = deadlines {
                let _ = writeln!(std::io::stderr(), "{}", deadlines.in_words());
            }
        }
        Ok(())
    }
}

/// Says where a place for the frame stays in a file's name.
pub(super) fn tell_of_place_of_frame(plan: &Plan<'_>) {
    if plan.keeps_place_of_frame() {
        let path = plan.path.display();
        warn(format_args!(
            "warning: %t stays as it is in {path}, for PNG files alone are numbered; %% is a percent sign"
        ));
    }
}

/// From one frame to the next, where a clock makes sense.
pub(super) fn period_of(header: &Header) -> Result<Duration, Failure> {
    let (pictures, seconds) = header.rate;
    let period = Duration::from_secs(seconds.into()) / pictures;
    if PERIODS.contains(&period) {
        return Ok(period);
    }
    let what = "is no rate to play by the clock: decode the stream without --late";
    Err(Failure::Usage(format!("{pictures}/{seconds} pictures per second {what}")))
}

/// The muxer of a name that was typed, if one was.
pub(super) fn muxer_named(name: Option<&str>) -> Result<Option<Muxer>, Failure> {
    let named = |name| {
        let unknown =
            || format!("no muxer {name:?}: use yuv4mpeg2, yuv, nv12, rgba, png, md5 or null");
        Muxer::by_name(name).ok_or_else(|| Failure::Usage(unknown()))
    };
    name.map(named).transpose()
}

/// The muxer that a file's ending tells.
pub(super) fn muxer_of(path: &Path) -> Result<Muxer, Failure> {
    Muxer::by_path(path).ok_or_else(|| {
        let path = path.display();
        let what = format!("{path} does not end in y4m, yuv, nv12, rgba, png or md5: use --muxer");
        Failure::Usage(what)
    })
}

/// The views of a list, in its order.
pub(super) fn parse_views(text: &str, header: &Header) -> Result<Vec<ViewId>, Failure> {
    if text == "all" {
        return Ok(ViewSet::all(header).iter().collect());
    }
    let number = |part: &str| {
        let id = part.trim().parse::<u8>().ok();
        id.filter(|id| usize::from(*id) < MAX_VIEWS).map(ViewId).ok_or_else(|| {
            Failure::Usage(format!("{part:?} is no view: use all, or numbers such as 0,2,4"))
        })
    };
    let mut views = Vec::new();
    for view in text.split(',').map(number) {
        let view = view?;
        if views.contains(&view) {
            return Err(Failure::Usage(format!("view {} comes twice in {text}", view.0)));
        }
        views.push(view);
    }
    Ok(views)
}

/// A report as JSON, with keys in alphabetical order.
pub(super) fn in_json(report: &impl Serialize) -> String {
    let value = serde_json::to_value(report);
    let value = value.unwrap_or_else(|e| panic!("reports are made of names and numbers: {e}"));
    format!("{value:#}")
}

/// Prints a report as JSON.
pub(super) fn print_json(report: &impl Serialize) -> Result<(), Failure> {
    print(&in_json(report))
}
