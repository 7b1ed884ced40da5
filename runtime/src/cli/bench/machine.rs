//! What the system tells of the machine, and how fast it copies memory; unknown is null.

use std::collections::BTreeMap;
use std::fs::read_to_string;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use iev_runtime::machine;
use serde::Serialize;

/// A field of a file under /proc.
fn field(path: &str, name: &str) -> Option<String> {
    machine::field(&read_to_string(path).ok()?, name).map(str::to_owned)
}

/// What makes two measurements comparable.
#[derive(Debug, Serialize)]
pub(super) struct MachineIdentity {
    board: Option<String>,
    pub(super) cpu: Option<String>,
    architecture: &'static str,
    pub(super) cores: Option<usize>,
}

pub(super) fn identity() -> MachineIdentity {
    MachineIdentity {
        board: machine::model(Path::new("/")),
        cpu: machine::cpu_model(Path::new("/")),
        architecture: std::env::consts::ARCH,
        cores: std::thread::available_parallelism().ok().map(usize::from),
    }
}

/// Clocks, governor and temperatures at a moment.
#[derive(Debug, Serialize)]
pub(super) struct ClockState {
    cpu0_mhz: Option<f64>,
    governor: Option<String>,
    temperature_c: Option<BTreeMap<String, f64>>,
}

pub(super) fn state() -> ClockState {
    let policy = Path::new("/sys/devices/system/cpu/cpu0/cpufreq");
    let khz = machine::line(policy.join("scaling_cur_freq")).and_then(|k| k.parse::<f64>().ok());
    let mhz = khz.map(|k| k / 1000.0);
    let mhz = mhz.or_else(|| field("/proc/cpuinfo", "cpu MHz").and_then(|m| m.parse().ok()));
    ClockState {
        cpu0_mhz: mhz,
        governor: machine::line(policy.join("scaling_governor")),
        temperature_c: Some(machine::temperatures(Path::new("/"))).filter(|c| !c.is_empty()),
    }
}

/// Seconds of all threads so far, in user and system mode. Linux counts them in ticks of 1/100 s.
pub(super) fn cpu_seconds() -> Option<f64> {
    let stat = read_to_string("/proc/self/stat").ok()?;
    // The name before the last parenthesis may hold anything; user and system time are the
    // twelfth and thirteenth fields behind it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / 100.0)
}

/// Bytes read and written per second by one thread that copies more than the caches hold: the
/// best of a few, in GB/s.
pub(super) fn copy_gbyte_per_s() -> f64 {
    const BYTES: usize = 96 << 20;
    let (from, mut to) = (vec![1u8; BYTES], vec![2u8; BYTES]);
    let once = || {
        let started = Instant::now();
        black_box(&mut to).copy_from_slice(black_box(&from));
        2.0 * BYTES as f64 / started.elapsed().as_secs_f64() / 1e9
    };
    std::iter::repeat_with(once).take(6).fold(0.0, f64::max)
}
