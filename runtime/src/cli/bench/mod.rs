//! `iev bench`: how fast a stream plays here, how late, and what it costs.

mod compare;
mod cost;
mod eyes;
mod machine;
mod played;
mod spread;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use iev_runtime::format::views::ViewSet;
use iev_runtime::network::backend::Backend;
use iev_runtime::network::opening::Precision;
use iev_runtime::outputs::write_whole;
use iev_runtime::picture::Plane;
use iev_runtime::play::deadline::Late;
use iev_runtime::play::options::Options;
use iev_runtime::play::player::{Player, Selection};
use iev_runtime::{Error, FrameIndex, Result, ViewId};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::decode::{in_json, parse_views};
use super::render::{NO_CAMERAS, check_apart};
use super::statistics::{Deadlines, psnr_db};
use super::{BackendArgs, Failure, claim_standard_output, print};
use cost::{PlayCost, cost};
use eyes::{Head, PairsReport};
use machine::{ClockState, MachineIdentity};
use played::{Display, FrameSpans, Played, Shows};
use spread::{Misses, Ranks, Spread};

/// Measure speed, latency and resources, or compare two measurements
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// The stream
    #[arg(required_unless_present = "compare")]
    pub(super) stream: Option<PathBuf>,
    /// Views: all, or numbers such as 1,2
    #[arg(short, long, value_name = "VIEWS", default_value = "all")]
    views: String,
    /// How long to play, over and over
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Ask for a frame at every tick of a display with this rate, in hertz, instead of at once
    #[arg(long, value_name = "HZ", value_parser = clap::value_parser!(u16).range(1..=1000))]
    rate: Option<u16>,
    /// Drop, repeat or degrade what comes later than its tick, instead of waiting for it
    #[arg(long, value_name = "POLICY", requires = "rate")]
    late: Option<Late>,
    /// At every tick, render what two eyes so far apart see, in the units of the cameras, of a head that goes to and fro
    /// between the views
    #[arg(long, value_name = "DISTANCE", requires = "rate", conflicts_with = "late")]
    stereo: Option<f64>,
    /// Write the report as JSON here too; - is standard output, without the text then
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Print the ratios of two reports instead; both must be of one stream and machine
    #[arg(long, num_args = 2, value_names = ["FIRST", "SECOND"], conflicts_with_all = ["stream", "json", "rate"])]
    compare: Option<Vec<PathBuf>>,
    #[command(flatten)]
    backend: BackendArgs,
}

/// Frames played before measuring, which fill caches, pools and queues.
const WARM_UP: usize = 32;
/// Places sought.
const SEEKS: u32 = 9;
/// Frames compared with those painted in f32.
const LIKENESS_FRAMES: u32 = 24;
/// Switches there and back.
const SWITCHES: usize = 8;
/// Display rates whose deadlines are counted.
const RATES_HZ: [u32; 3] = [72, 90, 120];

/// What is measured, as JSON has it.
#[derive(Serialize)]
struct BenchReport {
    conditions: Conditions,
    times: usize,
    warm_up_times: usize,
    seconds: f64,
    times_per_second: f64,
    us: FrameSpans<Option<Ranks>>,
    /// By display rate in hertz.
    misses: BTreeMap<u32, Misses>,
    deadlines: Option<Deadlines>,
    pairs: Option<PairsReport>,
    start: StartTimes,
    cost: PlayCost,
    state: States,
    versions: Versions,
    psnr_to_f32_db: Option<f64>,
}

/// What must be equal where two reports are compared.
#[derive(Serialize)]
struct Conditions {
    stream_sha256: String,
    views: Vec<u8>,
    provider: Option<&'static str>,
    path: Option<&'static str>,
    precision: Option<&'static str>,
    threads: usize,
    painters: usize,
    rate_hz: Option<u16>,
    late: Option<&'static str>,
    stereo: Option<f64>,
    batch: usize,
    machine: MachineIdentity,
}

#[derive(Serialize)]
struct StartTimes {
    open_us: u64,
    first_picture_us: u64,
    seek_us: Option<Ranks>,
    view_switch: Option<ViewSwitch>,
}

#[derive(Serialize)]
struct ViewSwitch {
    /// Most frames that still showed the old views.
    stale_times_max: usize,
    us: Option<Ranks>,
}

/// The machine before and after playing.
#[derive(Serialize)]
struct States {
    before: ClockState,
    after: ClockState,
}

#[derive(Serialize)]
struct Versions {
    iev: &'static str,
    commit: Option<&'static str>,
    onnx_runtime: Option<&'static str>,
}

pub(crate) fn run(command: &Bench) -> Result<(), Failure> {
    if let Some([first, second]) = command.compare.as_deref() {
        claim_standard_output([first.as_path(), second].into_iter())?;
        return print(&compare::compare(&compare::read(first)?, &compare::read(second)?)?);
    }
    let Some(stream) = &command.stream else { unreachable!("clap asks for the stream") };
    // Text would mix with a report on standard output, which then is all there is.
    let prints = command.json.as_deref() != Some(Path::new("-"));
    let mut outputs = command.backend.inputs(stream);
    command.json.iter().try_for_each(|path| outputs.claim(path))?;
    if prints {
        outputs.claim(Path::new("-"))?;
    }

    let report = measure(command, stream)?;
    if prints {
        print(&text(&report))?;
    }
    if let Some(path) = &command.json {
        write_whole(path, format!("{}\n", in_json(&report)))?;
    }
    Ok(())
}

/// Opens and plays `stream`, and measures what that takes.
fn measure(command: &Bench, stream: &Path) -> Result<BenchReport, Failure> {
    // The start: from nothing to a player, and to its first picture.
    let backend = command.backend.backend(false);
    let started = Instant::now();
    let player = Player::open(stream, command.backend.options(&backend, false))?;
    let open_us = micros(started);
    let views: ViewSet = parse_views(&command.views, player.header())?.into_iter().collect();
    let first = player.play(&Selection::new(views, player.frames()))?.next();
    first.unwrap_or_else(|| panic!("a stream has a frame"))?;
    let first_picture_us = micros(started);

    // Playing.
    let stream_sha256 = sha256(stream)?;
    let before = machine::state();
    let length = Duration::from_secs(command.seconds);
    let display = command.display(&player, views)?;
    let played = Played::measure(&player, views, length, display.as_ref())?;
    let after = machine::state();

    // What follows plays further, and says little of the machine's state.
    let start = StartTimes {
        open_us,
        first_picture_us,
        seek_us: seeks(&player, views)?.summary(),
        view_switch: switches(&player, views)?,
    };
    let threads = command.backend.threads().all;
    let cost = cost(&player, views, &played, &backend, threads)?;
    let misses = RATES_HZ.map(|hz| (hz, played.spreads.wait_us.misses(hz)));
    Ok(BenchReport {
        conditions: command.conditions(&player, &backend, views, stream_sha256),
        times: played.frames,
        warm_up_times: WARM_UP,
        seconds: played.seconds,
        times_per_second: played.frames as f64 / played.seconds,
        us: played.spans(),
        misses: misses.into(),
        deadlines: command.late.zip(played.counts).map(Deadlines::of),
        pairs: command.rate.zip(played.pairs.as_ref()).map(|(hz, pairs)| pairs.report(hz)),
        start,
        cost,
        state: States { before, after },
        versions: Versions::of(&backend),
        // Last, for it opens another network.
        psnr_to_f32_db: likeness(stream, &player, views, &command.backend, &backend)?,
    })
}

impl Bench {
    fn display(&self, player: &Player, views: ViewSet) -> Result<Option<Display>, Failure> {
        let Some(hz) = self.rate else { return Ok(None) };
        let shows = match (self.late, self.stereo) {
            (None, None) => Shows::Frames,
            (Some(late), _) => Shows::InTime(late),
            (None, Some(apart)) => {
                check_apart(apart)?;
                let cameras = player.cameras()?.ok_or_else(|| Failure::Usage(NO_CAMERAS.into()))?;
                self.backend.limit_renderer();
                Shows::Eyes(Box::new(Head::new(cameras, player.header().size, views, apart)))
            }
        };
        Ok(Some(Display { hz, shows }))
    }

    fn conditions(
        &self,
        player: &Player,
        backend: &Backend,
        views: ViewSet,
        stream_sha256: String,
    ) -> Conditions {
        let opened = backend.opened();
        Conditions {
            stream_sha256,
            views: views.iter().map(|v| v.0).collect(),
            provider: backend.report().map(|report| report.in_use.name()),
            path: opened.as_ref().map(|o| o.path.name()),
            precision: opened.as_ref().map(|o| o.precision.name()),
            threads: self.backend.threads().all,
            painters: player.options().painters,
            rate_hz: self.rate,
            late: self.late.map(Late::name),
            stereo: self.stereo,
            batch: player.options().batch,
            machine: machine::identity(),
        }
    }
}

impl Versions {
    fn of(backend: &Backend) -> Self {
        let library = backend.report().and_then(|_| backend.library().ok());
        Self {
            iev: env!("CARGO_PKG_VERSION"),
            commit: option_env!("IEV_COMMIT"),
            onnx_runtime: library.map(|library| library.build_info()),
        }
    }
}

fn sha256(path: &Path) -> Result<String> {
    let error = |source| Error::File { path: path.to_owned(), source };
    let file = std::fs::read(path).map_err(error)?;
    Ok(hex::encode(Sha256::digest(file)))
}

fn micros(since: Instant) -> u64 {
    since.elapsed().as_micros() as u64
}

/// Times to the pictures of places all over the stream, each from nothing but the open file.
fn seeks(player: &Player, views: ViewSet) -> Result<Spread> {
    let frames = player.header().frames;
    let mut spread = Spread::default();
    for seek in 0..SEEKS {
        let frame = u64::from(frames - 1) * u64::from(seek * 5 % SEEKS) / u64::from(SEEKS - 1);
        let started = Instant::now();
        player.at(views, FrameIndex(frame as u32))?;
        spread.add(micros(started));
    }
    Ok(spread)
}

/// Switches to each view's neighbour and back while playing; none when that is the same set.
fn switches(player: &Player, views: ViewSet) -> Result<Option<ViewSwitch>> {
    let header = player.header();
    let count = header.views.len() as u8;
    let others: ViewSet = views.iter().map(|v| ViewId((v.0 + 1) % count)).collect();
    if others == views {
        return Ok(None);
    }
    let selection = Selection::switchable(views, header, player.frames());
    let mut playback = player.play(&Selection { repeat: true, ..selection })?;
    playback.by_ref().take(WARM_UP).try_for_each(|shown| shown.map(drop))?;
    let (mut spread, mut most) = (Spread::default(), 0);
    // From the wish to the first frame that shows it.
    for wanted in [others, views].into_iter().cycle().take(SWITCHES) {
        let (started, mut stale) = (Instant::now(), 0);
        playback.show(wanted)?;
        for shown in playback.by_ref() {
            let shown: ViewSet = shown?.pictures.iter().map(|p| p.view).collect();
            if shown == wanted {
                break;
            }
            stale += 1;
        }
        spread.add(micros(started));
        most = most.max(stale);
    }
    Ok(Some(ViewSwitch { stale_times_max: most, us: spread.summary() }))
}

/// Luma PSNR of the implicit pictures of the first frames to those painted in f32; none where these are.
fn likeness(
    stream: &Path,
    player: &Player,
    views: ViewSet,
    args: &BackendArgs,
    backend: &Backend,
) -> Result<Option<f64>> {
    let implicit = views.implicit(player.header());
    let precision = backend.opened().map(|opened| opened.precision);
    if implicit.is_empty() || precision.is_none_or(|p| p == Precision::F32) {
        return Ok(None);
    }
    // The same frames by another player, which paints in f32.
    let exact = Options { precision: Precision::F32, ..args.options(backend, false) };
    let exact = Player::open(stream, exact)?;
    let last = player.header().frames.min(LIKENESS_FRAMES);
    let selection = Selection::new(implicit, 0..last);
    let (mut squares, mut samples) = (0, 0);
    for (shown, want) in player.play(&selection)?.zip(exact.play(&selection)?) {
        for (shown, want) in shown?.pictures.iter().zip(&want?.pictures) {
            let pairs = shown.picture.plane(Plane::Y).iter().zip(want.picture.plane(Plane::Y));
            squares += pairs.map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum::<u64>();
            samples += want.picture.plane(Plane::Y).len() as u64;
        }
    }
    Ok((squares > 0).then(|| psnr_db(squares, samples)))
}

fn text(report: &BenchReport) -> String {
    let BenchReport { conditions, start, cost, .. } = report;
    // What was not measured is a dash.
    let known = |value: Option<String>| value.unwrap_or("-".into());
    let percent = |value: Option<f64>| known(value.map(|v| format!("{:.0} %", v * 100.0)));
    let ms = |us: u64| format!("{:.1} ms", us as f64 / 1000.0);
    let machine = &conditions.machine;
    // What was played, and where.
    let mut lines = vec![format!(
        "{} frames in {:.1} s: {:.1} frames/s of views {}, on {}, {} cores, provider {}, {}",
        report.times,
        report.seconds,
        report.times_per_second,
        in_line(&conditions.views),
        machine.cpu.as_deref().unwrap_or("an unknown processor"),
        known(machine.cores.map(|cores| cores.to_string())),
        conditions.provider.unwrap_or("none"),
        conditions.precision.unwrap_or("without network"),
    )];
    // How long frames took, and which displays they would have been late for.
    lines.extend(table(&report.us));
    lines.extend(report.misses.iter().map(|(hz, Misses { count, share, longest_run })| {
        let share = percent(Some(*share));
        format!("{hz} Hz: {count} misses ({share}), {longest_run} in a row")
    }));
    if let Some(Deadlines { policy, on_time, late, degraded, repeated, dropped }) =
        &report.deadlines
    {
        lines.push(format!(
            "{policy}: {on_time} on time, {late} late, {degraded} degraded, {repeated} repeated ticks; \
             {dropped} frames dropped"
        ));
    }
    if let Some(pairs) = &report.pairs {
        let PairsReport { times, from_tick_us, misses, stale, dropped, quick_depth } = pairs;
        let share = percent(Some(misses.share));
        let depth = if *quick_depth { "; depth in a quarter of the pixels" } else { "" };
        let Misses { count, longest_run, .. } = misses;
        lines.push(format!(
            "{times} pairs: {count} took longer than a tick ({share}), {longest_run} in a row; {stale} of a frame older than \
             was due; {dropped} frames dropped{depth}"
        ));
        lines.extend(from_tick_us.map(|ranks| row("pair", Some(ranks))));
    }
    // How it starts, and what it costs.
    let switch = match &start.view_switch {
        None => "no other view to switch to".to_owned(),
        Some(switch) => format!("view switch {} frames late at most", switch.stale_times_max),
    };
    lines.push(format!(
        "open {}, first picture {}, seek {} (p50), {switch}",
        ms(start.open_us),
        ms(start.first_picture_us),
        known(start.seek_us.map(|us| ms(us.p50()))),
    ));
    lines.push(format!(
        "{} CPU seconds and {:.2} MB to and from the network per frame, {} KiB resident at most",
        known(cost.cpu_seconds_per_time.map(|seconds| format!("{seconds:.4}"))),
        cost.moved_bytes_per_time / 1e6,
        known(cost.peak_rss_kib.map(|kib| kib.to_string())),
    ));
    if let (Some(network), Some(fuse)) = (&cost.network, &cost.fuse) {
        lines.push(format!(
            "network {:.1} GMAC/s, {} of a matrix product; fuse {:.1} GB/s, {} of copying",
            network.gmac_per_s,
            percent(network.share_of_gemm),
            fuse.gbyte_per_s,
            percent(Some(fuse.share_of_copy)),
        ));
    }
    let psnr = report.psnr_to_f32_db;
    lines.extend(psnr.map(|db| format!("luma of implicit views {db:.1} dB from what f32 paints")));
    lines.join("\n")
}

/// Views as `[0,1]`.
fn in_line(views: &[u8]) -> String {
    let views: Vec<String> = views.iter().map(u8::to_string).collect();
    format!("[{}]", views.join(","))
}

/// A line per span.
fn table(us: &FrameSpans<Option<Ranks>>) -> impl Iterator<Item = String> {
    let head = Ranks::NAMES.map(|name| format!("{name:>9}")).concat();
    let head = format!("{:<16}{head}", "ms per frame");
    std::iter::once(head).chain(us.named().map(|(name, ranks)| row(name, *ranks)))
}

fn row(name: &str, ranks: Option<Ranks>) -> String {
    let ms = |us: u64| format!("{:>9.2}", us as f64 / 1000.0);
    let unknown = || ["        -"; 6].concat();
    let row = ranks.map_or_else(unknown, |ranks| ranks.each().map(ms).concat());
    format!("{name:<16}{row}")
}
