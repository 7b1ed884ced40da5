//! ONNX Runtime as what opens a network.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::Network;
use super::byte_halves::ByteHalves;
use super::halves::Halves;
use super::opening::{NetworkPath, OpenNetwork, Opening, Precision};
use super::providers::{Provider, ProviderReport};
use super::session::{FullNetwork, Int8Network, Networks, OrtRuntime, SessionOptions};
use crate::error::Result;
use crate::format::header::Header;
use crate::stream::scene::NetworkLevels;

/// Opens a network by the path and the precision wanted. A full one that a GPU was wanted for and that ends up
/// on the CPU gives way to a split one, which is several times as fast there; what cannot be painted in 8 bits is
/// painted in f32. A full one in 8 or 16 bits is TensorRT's; on the CPU alone it shows what that would paint.
fn open(
    ort: &OrtRuntime,
    header: &Header,
    levels: &NetworkLevels,
    opening: Opening,
    options: &SessionOptions,
) -> Result<(Box<dyn Network>, NetworkReport)> {
    // In fewer bits, where the path, the processor and the stream allow.
    let mut refusal = match opening.precision {
        Precision::F32 => None,
        Precision::F16 => no_f16(opening),
        Precision::Int8 => no_int8(levels, opening, options),
    };
    if opening.precision != Precision::F32 && refusal.is_none() {
        if opening.path == NetworkPath::Split {
            let network = Int8Network::open(ort, header, levels, opening, options)?;
            let opened = NetworkReport::of(opening, None, network.report());
            return Ok((Box::new(ByteHalves::new(network, header.size)), opened));
        }
        let full = FullNetwork::open(ort, header, levels, opening, options)?;
        if full.report().in_use == Provider::TensorRt || options.providers == [Provider::Cpu] {
            let opened = NetworkReport::of(opening, None, full.report());
            return Ok((Box::new(full), opened));
        }
        refusal = Some(ON_FULL_PATH);
    }
    let opening = Opening { precision: Precision::F32, ..opening };
    // One graph, unless that has fallen back to a CPU that nobody asked for.
    if opening.path == NetworkPath::Full {
        let full = FullNetwork::open(ort, header, levels, opening, options)?;
        let opened = NetworkReport::of(opening, refusal, full.report());
        let fallen = opened.report.in_use == Provider::Cpu && options.providers != [Provider::Cpu];
        if !fallen {
            return Ok((Box::new(full), opened));
        }
    }
    // Two halves, which run everywhere.
    let networks = Networks::open(ort, header, levels, opening, options)?;
    let opening = Opening { path: NetworkPath::Split, ..opening };
    let opened = NetworkReport::of(opening, refusal, networks.report());
    Ok((Box::new(Halves::new(networks, header)), opened))
}

/// Whose graphs those of the full path in fewer bits are.
const ON_FULL_PATH: &str = "f16 and int8 on the full path are for TensorRT";

/// Why a stream is not painted in 16 bits here.
fn no_f16(opening: Opening) -> Option<&'static str> {
    (opening.path == NetworkPath::Split).then_some("f16 is for the full path")
}

/// Why a stream is not painted in 8 bits here.
fn no_int8(
    levels: &NetworkLevels,
    opening: Opening,
    options: &SessionOptions,
) -> Option<&'static str> {
    let full = opening.path == NetworkPath::Full;
    let cpu = options.require.is_none_or(|p| p == Provider::Cpu);
    let rules = [
        (full || cpu, "int8 on the split path is for the CPU provider"),
        (full || sums_exactly(), "this processor's instructions for int8 saturate (no VNNI)"),
        (levels.has_output_steps(), "streams before version 1.1 have no steps for int8"),
    ];
    rules.into_iter().find(|(holds, _)| !holds).map(|(_, refusal)| refusal)
}

/// Whether sums of products of bytes are exact and fast on this processor.
///
/// Without VNNI, ONNX Runtime's kernels for x86 add two products in 16 bits, which overflow.
pub(crate) fn sums_exactly() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx512vnni")
        || std::arch::is_x86_feature_detected!("avxvnni");
    #[cfg(not(target_arch = "x86_64"))]
    true
}

/// Opens networks in ONNX Runtime; the library is looked for when the first one is needed, so
/// explicit views play without it.
///
/// ```no_run
/// use std::path::{Path, PathBuf};
///
/// use iev_runtime::{Backend, Options, Player, Selection, SessionOptions, ViewSet};
///
/// # fn main() -> iev_runtime::Result<()> {
/// let library = PathBuf::from("/opt/onnxruntime/lib/libonnxruntime.so");
/// let backend = Backend::new(Some(library), SessionOptions::default());
/// let player = Player::open(Path::new("clip.iev"), Options::new(backend.opener()))?;
/// let everything = Selection::new(ViewSet::all(player.header()), player.frames());
/// player.play(&everything)?.next();
/// // Which provider paints, and why not a better one.
/// println!("{:?}", backend.report());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Backend {
    library: Option<PathBuf>,
    options: SessionOptions,
    opened: Arc<Mutex<Option<NetworkReport>>>,
}

/// What became of the network last opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkReport {
    /// The path that paints.
    pub path: NetworkPath,
    /// Numbers it paints in.
    pub precision: Precision,
    /// Why not in the precision wanted.
    pub instead: Option<&'static str>,
    /// Which providers run it, and why not the others.
    pub report: ProviderReport,
}

impl NetworkReport {
    /// What was opened, `instead` being why not in another precision.
    fn of(
        Opening { path, precision, .. }: Opening,
        instead: Option<&'static str>,
        report: &ProviderReport,
    ) -> Self {
        Self { path, precision, instead, report: report.clone() }
    }
}

impl Backend {
    /// A backend over the library at `library`, or the one that is found.
    pub fn new(library: Option<PathBuf>, options: SessionOptions) -> Self {
        Self { library, options, opened: Arc::default() }
    }

    /// How sessions are opened.
    pub fn session(&self) -> &SessionOptions {
        &self.options
    }

    /// The function a player opens networks with.
    pub fn opener(&self) -> Arc<OpenNetwork> {
        let Self { library, options, opened } = self.clone();
        Arc::new(move |header, levels, opening| {
            let ort = OrtRuntime::find(library.as_deref())?;
            let (network, made) = open(&ort, header, levels, opening, &options)?;
            *opened.lock().unwrap_or_else(PoisonError::into_inner) = Some(made);
            Ok(network)
        })
    }

    /// The ONNX Runtime library the networks run in.
    ///
    /// # Errors
    /// [`crate::Error::Backend`] when there is none.
    pub fn library(&self) -> Result<OrtRuntime> {
        OrtRuntime::find(self.library.as_deref())
    }

    /// What was opened last.
    pub fn opened(&self) -> Option<NetworkReport> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What became of each provider, once a network is open.
    pub fn report(&self) -> Option<ProviderReport> {
        self.opened().map(|opened| opened.report)
    }
}
