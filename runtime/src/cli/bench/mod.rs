//! `iev bench`: how fast a stream plays here, how late, and what it costs.

mod compare;
mod machine;
mod played;
mod spread;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use iev_runtime::format::views::ViewSet;
use iev_runtime::kernel::fuse::MASKS;
use iev_runtime::kernel::warp::PackedSize;
use iev_runtime::network::backend::Backend;
use iev_runtime::network::opening::Precision;
use iev_runtime::network::providers::Provider;
use iev_runtime::network::quantised::in_integers;
use iev_runtime::network::session::{Factors, gemm_gmac_per_s};
use iev_runtime::outputs::write_whole;
use iev_runtime::picture::Plane;
use iev_runtime::play::deadline::Late;
use iev_runtime::play::options::Options;
use iev_runtime::play::player::{Player, Selection};
use iev_runtime::profile::{FLOW, LayerSpec, PACKED};
use iev_runtime::{Error, FrameIndex, Result, ViewId};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::decode::parse_views;
use super::statistics::{deadlines, psnr_db};
use super::{BackendArgs, Failure, print};
use played::{Display, Played, spans};
use spread::Spread;

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

pub(crate) fn run(command: &Bench) -> Result<(), Failure> {
    if let Some([first, second]) = command.compare.as_deref() {
        return print(&compare::compare(&compare::read(first)?, &compare::read(second)?)?);
    }
    let Some(stream) = &command.stream else { unreachable!("clap asks for the stream") };
    let error = |path: &PathBuf, source| Error::File { path: path.clone(), source };
    // Text would mix with a report on standard output, which then is all there is.
    let prints = command.json.as_deref() != Some(Path::new("-"));
    let mut outputs = command.backend.inputs(stream);
    command.json.iter().try_for_each(|path| outputs.claim(path))?;
    if prints {
        outputs.claim(Path::new("-"))?;
    }

    let backend = command.backend.backend();
    let started = Instant::now();
    let options = command.backend.options(&backend);
    let player = Player::open(stream, options)?;
    let (batch, painters) = (player.options().batch, player.options().painters);
    let threads = command.backend.threads();
    let open_us = micros(started);
    let views: ViewSet = parse_views(&command.views, player.header())?.into_iter().collect();
    let first = player.play(&Selection::new(views, player.frames()))?.next();
    first.unwrap_or_else(|| panic!("a stream has a frame"))?;
    let first_picture_us = micros(started);

    let digest = hex::encode(Sha256::digest(std::fs::read(stream).map_err(|e| error(stream, e))?));
    let before = machine::state();
    let length = Duration::from_secs(command.seconds);
    let display = command.rate.map(|hz| Display { hz, late: command.late });
    let played = Played::measure(&player, views, length, display)?;
    let after = machine::state();
    let report = json!({
        "conditions": {
            "stream_sha256": digest,
            "views": views.iter().map(|v| v.0).collect::<Vec<_>>(),
            "provider": backend.report().map(|r| r.in_use.name()),
            "path": backend.opened().map(|o| o.path.name()),
            "precision": backend.opened().map(|o| o.precision.name()),
            "threads": threads,
            "painters": painters,
            "rate_hz": command.rate,
            "late": command.late.map(Late::name),
            "batch": batch,
            "machine": machine::identity(),
        },
        "times": played.frames,
        "warm_up_times": WARM_UP,
        "seconds": played.seconds,
        "times_per_second": played.frames as f64 / played.seconds,
        "us": played.spans(),
        "misses": RATES_HZ.iter().map(|hz| (hz.to_string(), played.wait.misses(*hz)))
            .collect::<Map<_, _>>(),
        "deadlines": command.late.zip(played.counts).map(|(l, counts)| deadlines(l, counts)),
        "start": {
            "open_us": open_us,
            "first_picture_us": first_picture_us,
            "seek_us": seeks(&player, views)?.summary(),
            "view_switch": switches(&player, views)?,
        },
        "cost": cost(&player, views, &played, &backend, (painters, threads))?,
        "state": { "before": before, "after": after },
        "versions": {
            "iev": env!("CARGO_PKG_VERSION"),
            "commit": option_env!("IEV_COMMIT"),
            "onnx_runtime": backend.report().and_then(|_| backend.library().ok())
                .map(|library| library.build_info()),
        },
        // Last, for it opens another network.
        "psnr_to_f32_db": likeness(stream, &player, views, &command.backend, &backend)?,
    });
    if prints {
        print(&text(&report))?;
    }
    if let Some(path) = &command.json {
        write_whole(path, format!("{report:#}\n"))?;
    }
    Ok(())
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

/// Switches to each view's neighbour and back while playing; null when that is the same set.
fn switches(player: &Player, views: ViewSet) -> Result<Value> {
    let header = player.header();
    let count = header.views.len() as u8;
    let others: ViewSet = views.iter().map(|v| ViewId((v.0 + 1) % count)).collect();
    if others == views {
        return Ok(Value::Null);
    }
    let selection = Selection::switchable(views, header, player.frames());
    let mut playback = player.play(&Selection { repeat: true, ..selection })?;
    playback.by_ref().take(WARM_UP).try_for_each(|shown| shown.map(drop))?;
    let (mut spread, mut most) = (Spread::default(), 0);
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
    Ok(json!({ "stale_times_max": most, "us": spread.summary() }))
}

/// Luma PSNR of the implicit pictures of the first frames to those painted in f32; null where these are.
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
    let exact = Options { precision: Precision::F32, ..args.options(backend) };
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

/// CPU, memory, and how near the network and the fuse come to what the machine can do.
///
/// Bytes are counted from sizes: what a stage must read and write of pictures and maps at least
/// once, per frame. MAC are those of the profile on the padded picture; all painters work at once.
fn cost(
    player: &Player,
    views: ViewSet,
    played: &Played,
    backend: &Backend,
    (painters, threads): (usize, usize),
) -> Result<Value> {
    let header = player.header();
    let size = PackedSize::of(header.size);
    let implicit = views.implicit(header).len();
    let explicit = views.explicit_needed(header).len();
    let opened = backend.opened();
    let int8 = opened.as_ref().is_some_and(|o| o.precision == Precision::Int8);
    let sample = if int8 { size_of::<u8>() } else { size_of::<f32>() };
    let (packed, masks) = (PACKED * size.plane() * sample, MASKS * size.plane() * sample);
    let (flow, pixels) = (FLOW * size.flow_plane() * size_of::<f32>(), header.size.i420_bytes());
    // The warp reads two pictures and their flow and writes two packed ones; the fuse reads those,
    // the implicit picture and the masks and writes pixels.
    let fuse_bytes = implicit * (3 * packed + masks + pixels);
    let bytes = json!({
        "anchor": explicit * 2 * pixels,
        "warp": implicit * (2 * pixels + flow + 2 * packed),
        "fuse": fuse_bytes,
    });
    let mut cost = json!({
        "cpu_seconds_per_time": played.cpu_seconds.map(|s| s / played.frames.max(1) as f64),
        "peak_rss_kib": machine::peak_rss_kib(),
        "bytes_per_time": bytes,
    });
    // Where frames were degraded the medians are not of whole frames.
    let degraded = played.counts.is_some_and(|counts| counts.degraded > 0);
    let profile = header.profile().filter(|_| implicit > 0 && !degraded);
    if let Some(profile) = profile {
        let (columns, rows) = header.size.cells(1);
        let px = (columns * rows * implicit) as f64;
        let (bytes, floats): (Vec<LayerSpec>, Vec<LayerSpec>) =
            profile.layers().into_iter().partition(|layer| int8 && in_integers(layer));
        let parts =
            [(Factors::Floats, floats), (Factors::Bytes, bytes)].map(|(factors, layers)| {
                (factors, px * layers.iter().map(LayerSpec::mac_per_px).sum::<f64>())
            });
        let mac = px * profile.mac_per_px();
        let seconds = played.median_s("network_us") / painters as f64;
        let mut network = json!({ "mac_per_time": mac, "gmac_per_s": mac / seconds / 1e9 });
        if opened.is_some_and(|o| o.report.in_use == Provider::Cpu) {
            let mut at_peak_s = 0.0;
            for (factors, mac) in parts.into_iter().filter(|(_, mac)| *mac > 0.0) {
                let peak = gemm_gmac_per_s(&backend.library()?, threads, factors)?;
                at_peak_s += mac / peak / 1e9;
                network[factors.name()] = json!({ "mac_per_time": mac, "gemm_gmac_per_s": peak });
            }
            network["share_of_gemm"] = json!(at_peak_s / seconds);
        }
        cost["network"] = network;
        let (copy, fuse) =
            (machine::copy_gbyte_per_s(), fuse_bytes as f64 / played.median_s("fuse_us") / 1e9);
        cost["fuse"] = json!({
            "gbyte_per_s": fuse, "copy_gbyte_per_s": copy, "share_of_copy": fuse / copy,
        });
    }
    Ok(cost)
}

fn text(report: &Value) -> String {
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let percent =
        |value: &Value| value.as_f64().map_or("-".into(), |v| format!("{:.0} %", v * 100.0));
    let ms = |value: &Value| format!("{:.1} ms", number(value) / 1000.0);
    let machine = &report["conditions"]["machine"];
    let mut lines = vec![format!(
        "{} frames in {:.1} s: {:.1} frames/s of views {}, on {}, {} cores, provider {}, {}",
        report["times"],
        number(&report["seconds"]),
        number(&report["times_per_second"]),
        report["conditions"]["views"],
        machine["cpu"].as_str().unwrap_or("an unknown processor"),
        machine["cores"],
        report["conditions"]["provider"].as_str().unwrap_or("none"),
        report["conditions"]["precision"].as_str().unwrap_or("without network"),
    )];
    const RANKS: [&str; 6] = ["p50", "p90", "p95", "p99", "p99.9", "max"];
    let head = RANKS.map(|r| format!("{r:>9}")).concat();
    lines.push(format!("{:<16}{head}", "ms per frame"));
    for span in spans() {
        let row = RANKS.map(|r| format!("{:>9.2}", number(&report["us"][span][r]) / 1000.0));
        lines.push(format!("{:<16}{}", span.trim_end_matches("_us"), row.concat()));
    }
    for hz in RATES_HZ {
        let misses = &report["misses"][hz.to_string()];
        let (share, run) = (percent(&misses["share"]), &misses["longest_run"]);
        lines.push(format!("{hz} Hz: {} misses ({share}), {run} in a row", misses["count"]));
    }
    let deadlines = &report["deadlines"];
    if deadlines.is_object() {
        lines.push(format!(
            "{}: {} on time, {} late, {} degraded, {} repeated ticks; {} frames dropped",
            deadlines["policy"].as_str().unwrap_or_default(),
            deadlines["on_time"],
            deadlines["late"],
            deadlines["degraded"],
            deadlines["repeated"],
            deadlines["dropped"],
        ));
    }
    let (start, cost) = (&report["start"], &report["cost"]);
    let switch = match &start["view_switch"]["stale_times_max"] {
        Value::Null => "no other view to switch to".to_owned(),
        most => format!("view switch {most} frames late at most"),
    };
    lines.push(format!(
        "open {}, first picture {}, seek {} (p50), {switch}",
        ms(&start["open_us"]),
        ms(&start["first_picture_us"]),
        ms(&start["seek_us"]["p50"]),
    ));
    lines.push(format!(
        "{:.4} CPU seconds per frame, {} KiB resident at most",
        number(&cost["cpu_seconds_per_time"]),
        cost["peak_rss_kib"],
    ));
    if cost["network"].is_object() {
        let (network, fuse) = (&cost["network"], &cost["fuse"]);
        lines.push(format!(
            "network {:.1} GMAC/s, {} of a matrix product; fuse {:.1} GB/s, {} of copying",
            number(&network["gmac_per_s"]),
            percent(&network["share_of_gemm"]),
            number(&fuse["gbyte_per_s"]),
            percent(&fuse["share_of_copy"]),
        ));
    }
    if let Some(db) = report["psnr_to_f32_db"].as_f64() {
        lines.push(format!("luma of implicit views {db:.1} dB from what f32 paints"));
    }
    lines.join("\n")
}
