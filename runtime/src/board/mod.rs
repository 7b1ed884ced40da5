//! Board profiles: what a kind of machine is and what a stream may ask of it, as data.
//!
//! The files are `boards/*.toml`; those of this repository are compiled in and go by name.

pub mod threads;

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::format::anchor::Codec;
use crate::format::header::MAX_VIEWS;
use crate::format::limits::Limits;
use crate::network::opening::{NetworkPath, Precision};
use crate::network::providers::Provider;
use crate::network::session::SessionOptions;
use crate::play::options::Options;
use crate::text_file::{parse_toml, read_text};

/// A board profile.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Board {
    /// File name without its extension.
    #[serde(skip)]
    pub name: String,
    /// The file it was read from, unless it is one of those compiled in.
    #[serde(skip)]
    pub file: Option<PathBuf>,
    /// What a person calls it.
    pub title: String,
    /// What programs are built for.
    pub target: BuildTarget,
    /// How to know the machine; `iev doctor` compares.
    pub machine: Machine,
    /// How the player spreads over it.
    pub player: PlayerSpread,
    /// What a stream may ask.
    pub limits: Ceilings,
}

/// What programs are built for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildTarget {
    /// Rust's name of the platform.
    pub triple: String,
    /// Newest GLIBC symbol version that programs may need, such as 2.35.
    pub glibc: String,
}

/// How to know the machine.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// Part of the device tree's or DMI's model name.
    pub model: Option<String>,
    /// Least memory that the kernel reports in all.
    pub ram_mib: u64,
    /// L4T releases the profile is written for, such as 36.4.
    #[serde(default)]
    pub l4t: Vec<String>,
    /// Name of the nvpmodel power mode.
    pub power_mode: Option<String>,
}

/// How the player spreads over the machine.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlayerSpread {
    /// What explicit pictures may be coded by.
    pub codecs: Vec<Codec>,
    /// Execution providers, best first.
    pub providers: Vec<Provider>,
    /// Where implicit pictures are painted.
    pub path: NetworkPath,
    /// Numbers they are painted in.
    pub precision: Precision,
    /// Threads that paint, each with a network of its own; they share the views of every frame.
    pub painters: usize,
    /// Threads of each network when it runs on the CPU.
    pub network_threads: usize,
    /// Most views in one run of the network; fewer where the memory limit asks for it.
    pub batch_views: usize,
    /// Frames waiting between two stages.
    pub queue_frames: usize,
    /// CPUs the player keeps to; empty for all.
    #[serde(default)]
    pub cpus: Vec<usize>,
}

/// What a stream may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ceilings {
    /// Views of a stream.
    pub views: u64,
    /// Columns and rows of a picture.
    pub side_px: u64,
    /// Pixels of a picture.
    pub picture_px: u64,
    /// Pictures per view of one GOP.
    pub gop_pictures: u64,
    /// Size of one section on disk.
    pub section_mib: u64,
    /// What playing may hold besides the program and its libraries.
    pub memory_mib: u64,
    /// Pictures per second.
    pub display_hz: u64,
}

/// Most threads of one network: ONNX Runtime starts them all.
const MOST_THREADS: usize = 1024;
/// Most frames waiting between two stages; whether they fit is counted when a stream is opened.
const MOST_QUEUED: usize = 1024;

/// Longest file of a profile.
const MOST_BYTES: u64 = 1 << 20;

/// Names and texts of the profiles compiled in.
pub use iev_boards::PROFILES as BUILT_IN;

impl Board {
    /// The profile compiled in under `name`, or else the one in the file `name`.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the known profiles, or the line of the file that is wrong.
    pub fn find(name: &str) -> Result<Self> {
        if let Some((name, text)) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name) {
            return Self::parse(name, text);
        }
        let path = Path::new(name);
        let text = read_text(path, MOST_BYTES).map_err(|cause| {
            let known = BUILT_IN.map(|(name, _)| name).join(", ");
            let what =
                format!("no board profile {name:?} ({cause}): name a file, or one of {known}");
            Error::Usage { what }
        })?;
        let board = Self::parse(name, &text)?;
        let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned());
        Ok(Self { name: stem.unwrap_or_default(), file: Some(path.to_owned()), ..board })
    }

    fn parse(name: &str, text: &str) -> Result<Self> {
        let broken = |rule: &str| Error::Usage { what: format!("board profile {name}: {rule}") };
        let mut board: Self = parse_toml(text).map_err(|rule| broken(&rule))?;
        board.name = name.to_owned();
        match board.broken_rule() {
            Some(rule) => Err(broken(&rule)),
            None => Ok(board),
        }
    }

    fn broken_rule(&self) -> Option<String> {
        let Self { target, player, limits, .. } = self;
        let glibc = target.glibc.split_once('.');
        let number = |text: &str| text.parse::<u16>().is_ok();
        let sizes = [limits.side_px, limits.picture_px, limits.gop_pictures, limits.section_mib];
        let rates = [limits.memory_mib, limits.display_hz, limits.views];
        let views = |field| format!("{field} is 1 to {MAX_VIEWS}");
        // What holds, and the sentence where it does not.
        let rules = [
            (!player.codecs.is_empty(), "player.codecs names at least one codec".into()),
            (!player.providers.is_empty(), "player.providers names at least one provider".into()),
            ((1..=MAX_VIEWS).contains(&player.batch_views), views("player.batch_views")),
            ((1..=MAX_VIEWS).contains(&player.painters), views("player.painters")),
            (
                (1..=MOST_THREADS).contains(&player.network_threads),
                format!("player.network_threads is 1 to {MOST_THREADS}"),
            ),
            (
                player.queue_frames <= MOST_QUEUED,
                format!("player.queue_frames is at most {MOST_QUEUED}"),
            ),
            (limits.views <= MAX_VIEWS as u64, format!("limits.views is at most {MAX_VIEWS}")),
            (sizes.iter().chain(&rates).all(|l| *l > 0), "every limit is above zero".into()),
            (limits.memory_mib <= 1 << 24, "limits.memory_mib is at most 16 TiB".into()),
            (limits.section_mib <= 1 << 12, "limits.section_mib is at most 4 GiB".into()),
            (
                glibc.is_some_and(|(major, minor)| number(major) && number(minor)),
                "target.glibc is a version such as 2.35".into(),
            ),
        ];
        rules.into_iter().find(|(holds, _)| !holds).map(|(_, rule)| rule)
    }

    /// Ceilings on streams.
    pub fn limits(&self) -> Limits {
        let Ceilings { views, side_px, picture_px, gop_pictures, section_mib, .. } = self.limits;
        Limits {
            views,
            side_px,
            picture_px,
            gop_frames: gop_pictures,
            section_bytes: section_mib << 20,
            memory_bytes: self.limits.memory_mib << 20,
            rate_hz: self.limits.display_hz,
            ..Limits::DEFAULT
        }
    }

    /// How sessions are opened on this board.
    pub fn session(&self) -> SessionOptions {
        SessionOptions {
            providers: self.player.providers.clone(),
            threads: self.player.network_threads,
            ..SessionOptions::default()
        }
    }

    /// Sets limits, batch, path, painters, decoders and queues to the board's.
    pub fn apply(&self, options: &mut Options) {
        options.limits = self.limits();
        options.codecs.clone_from(&self.player.codecs);
        options.batch = self.player.batch_views;
        options.path = self.player.path;
        options.precision = self.player.precision;
        options.painters = self.player.painters;
        options.decoders = threads::Threads::spread(Some(self), None, None).all;
        options.queue = self.player.queue_frames;
    }

    /// Keeps the calling thread, and those it starts from now on, to those of the board's CPUs that this process may
    /// use.
    ///
    /// # Errors
    /// [`Error::Usage`] naming those that it may not: the others are kept to, and without any the thread stays as it
    /// was.
    #[cfg(target_os = "linux")]
    pub fn pin(&self) -> Result<()> {
        use rustix::thread::{CpuSet, sched_setaffinity};
        let missing = self.missing_cpus();
        let mut set = CpuSet::new();
        let there = self.player.cpus.iter().filter(|cpu| !missing.contains(cpu));
        there.for_each(|cpu| set.set(*cpu));
        let keeps = |why: String| Error::Usage {
            what: format!("board {} keeps to CPUs {:?}, {why}", self.name, self.player.cpus),
        };
        if set.count() > 0 {
            sched_setaffinity(None, &set).map_err(|e| keeps(e.to_string()))?;
        }
        if missing.is_empty() {
            return Ok(());
        }
        Err(keeps(format!("of which this process may not use {missing:?}")))
    }

    /// CPUs of the board that this process may not use.
    #[cfg(target_os = "linux")]
    pub fn missing_cpus(&self) -> Vec<usize> {
        use rustix::thread::{CpuSet, sched_getaffinity};
        let own = sched_getaffinity(None).unwrap_or_default();
        let missing = |cpu: &usize| *cpu >= CpuSet::MAX_CPU || !own.is_set(*cpu);
        self.player.cpus.iter().copied().filter(missing).collect()
    }

    /// Pinning is not implemented for this system.
    #[cfg(not(target_os = "linux"))]
    pub fn missing_cpus(&self) -> Vec<usize> {
        Vec::new()
    }

    /// Pinning is not implemented for this system.
    ///
    /// # Errors
    /// None.
    #[cfg(not(target_os = "linux"))]
    pub fn pin(&self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../boards"))
    }

    #[test]
    fn every_profile_of_the_folder_is_compiled_in_and_sound() {
        let mut names: Vec<String> = std::fs::read_dir(folder())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "toml"))
            .filter(|path| !path.ends_with("Cargo.toml"))
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        names.sort();
        assert_eq!(names, BUILT_IN.map(|(name, _)| name));
        for name in names {
            let board = Board::find(&name).unwrap();
            let file = folder().join(format!("{name}.toml"));
            let read = Board::find(file.to_str().unwrap()).unwrap();
            assert_eq!(read.file.as_deref(), Some(file.as_path()));
            assert_eq!(board, Board { file: None, ..read });
            assert!(board.limits.memory_mib < board.machine.ram_mib, "{name} has that memory");
            let gpu = board.player.providers.contains(&Provider::Cuda);
            assert!(!gpu || board.player.precision != Precision::Int8, "{name}: int8 is for CPUs");
            assert_eq!(board.player.path == NetworkPath::Full, gpu, "{name}: full is for GPUs");
            let arm = board.target.triple.starts_with("aarch64");
            assert!(arm || board.machine.l4t.is_empty(), "{name}: L4T is for Arm");
        }
    }

    #[test]
    fn a_wrong_profile_is_refused_by_line_or_rule() {
        let (name, good) = BUILT_IN[0];
        let refusal = |from: &str, to: &str| {
            assert!(good.contains(from), "{from}");
            Board::parse(name, &good.replacen(from, to, 1)).unwrap_err().to_string()
        };
        let unknown = refusal("ram_mib", "ram_gib");
        assert!(unknown.contains("line 10: unknown field `ram_gib`"), "{unknown}");
        assert!(refusal("\"cpu\"", "\"npu\"").contains("npu"));
        assert!(refusal("\"cpu\"", "").contains("at least one provider"));
        assert!(refusal("\"h264\", \"av1\"", "").contains("at least one codec"));
        assert!(refusal("\"av1\"", "\"vp9\"").contains("vp9"));
        assert!(refusal("batch_views = 1", "batch_views = 33").contains("1 to 32"));
        assert!(refusal("views = 8", "views = 33").contains("at most 32"));
        assert!(refusal("display_hz = 60", "display_hz = 0").contains("above zero"));
        let greatest = format!("network_threads = {}", i64::MAX);
        assert!(refusal("network_threads = 2", &greatest).contains("network_threads is 1 to 1024"));
        let greatest = format!("queue_frames = {}", i64::MAX);
        assert!(refusal("queue_frames = 0", &greatest).contains("queue_frames is at most 1024"));
        assert!(refusal("\"2.31\"", "\"new\"").contains("2.35"));
        assert!(refusal("[limits]", "").contains("line"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_board_keeps_to_the_cpus_that_are_there_and_names_the_others() {
        use rustix::thread::{CpuSet, sched_getaffinity};
        let own = sched_getaffinity(None).unwrap();
        let there = (0..CpuSet::MAX_CPU).find(|cpu| own.is_set(*cpu)).unwrap();
        let mut board = Board::find("x86_edge").unwrap();
        board.player.cpus = vec![there, 1_000_000];
        // In a thread of its own, for other tests keep what they have.
        std::thread::spawn(move || {
            let said = board.pin().unwrap_err().to_string();
            assert!(said.contains("may not use [1000000]"), "{said}");
            let kept = sched_getaffinity(None).unwrap();
            assert!(kept.count() == 1 && kept.is_set(there));
        })
        .join()
        .unwrap();
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = Board::find("toaster").unwrap_err().to_string();
        assert!(error.contains("toaster") && error.contains("jetson_thor"), "{error}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("film.toml");
        std::fs::write(&file, b"\0\0\0\x20ftypisom\xff").unwrap();
        let error = Board::find(file.to_str().unwrap()).unwrap_err().to_string();
        let expected = "film.toml\" (it is no text in UTF-8, it seems to be MP4): name a file";
        assert!(error.contains(expected), "{error}");
        std::fs::write(&file, "titel = 1").unwrap();
        let error = Board::find(file.to_str().unwrap()).unwrap_err().to_string();
        assert!(error.contains("film.toml: line 1: "), "{error}");
    }
}
