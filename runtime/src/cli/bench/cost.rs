//! What playing costs, and how near the network and the fuse come to what the machine can do.

use std::path::Path;

use iev_runtime::Result;
use iev_runtime::format::header::Header;
use iev_runtime::format::views::ViewSet;
use iev_runtime::kernel::fuse::MASKS;
use iev_runtime::kernel::warp::PackedSize;
use iev_runtime::machine::peak_memory_kib;
use iev_runtime::network::backend::Backend;
use iev_runtime::network::opening::Precision;
use iev_runtime::network::providers::Provider;
use iev_runtime::network::quantised::in_integers;
use iev_runtime::network::session::{Factors, gemm_gmac_per_s};
use iev_runtime::play::player::Player;
use iev_runtime::profile::{FLOW, LayerSpec, PACKED, Profile};
use serde::Serialize;

use super::machine;
use super::played::Played;

/// Network and fuse are left out where there is no network, or frames were degraded: medians are then not of whole
/// frames.
#[derive(Debug, Serialize)]
pub(super) struct PlayCost {
    pub(super) cpu_seconds_per_time: Option<f64>,
    pub(super) peak_rss_kib: Option<u64>,
    bytes_per_time: StageBytes,
    /// What crosses to a device and back, counted as it is given and taken.
    pub(super) moved_bytes_per_time: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) network: Option<NetworkCost>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fuse: Option<FuseCost>,
}

/// What a stage must read and write of pictures and maps at least once, per frame, counted from sizes.
#[derive(Debug, Serialize)]
struct StageBytes {
    anchor: usize,
    warp: usize,
    fuse: usize,
}

/// Multiply–accumulates are those of the profile on the padded picture; all painters work at once.
#[derive(Debug, Serialize)]
pub(super) struct NetworkCost {
    mac_per_time: f64,
    pub(super) gmac_per_s: f64,
    /// On a CPU: those of factors of this kind, beside a matrix product of such.
    #[serde(skip_serializing_if = "Option::is_none")]
    f32: Option<ProductCost>,
    #[serde(skip_serializing_if = "Option::is_none")]
    int8: Option<ProductCost>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) share_of_gemm: Option<f64>,
}

#[derive(Debug, Serialize)]
struct ProductCost {
    mac_per_time: f64,
    gemm_gmac_per_s: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct FuseCost {
    pub(super) gbyte_per_s: f64,
    copy_gbyte_per_s: f64,
    pub(super) share_of_copy: f64,
}

/// What it cost to have `played` the `views` of `player` with `threads` for each network.
///
/// # Errors
/// ONNX Runtime's.
pub(super) fn cost(
    player: &Player,
    views: ViewSet,
    played: &Played,
    backend: &Backend,
    threads: usize,
) -> Result<PlayCost> {
    let header = player.header();
    let int8 = backend.opened().is_some_and(|o| o.precision == Precision::Int8);
    let bytes_per_time = StageBytes::of(header, views, int8);
    // Without whole frames there is no median to speak of.
    let degraded = played.counts.is_some_and(|counts| counts.degraded > 0);
    let implicit = views.implicit(header).len();
    let profile = header.profile().filter(|_| implicit > 0 && !degraded);
    let network = profile.map(|profile| {
        let (columns, rows) = header.size.cells(1);
        let px = (columns * rows * implicit) as f64;
        let painters = player.options().painters as f64;
        let seconds = played.spreads.stages.network_us.median_s() / painters;
        NetworkCost::of(profile, px, seconds, backend, (int8, threads))
    });
    Ok(PlayCost {
        cpu_seconds_per_time: played.cpu_seconds.map(|s| s / played.frames.max(1) as f64),
        peak_rss_kib: peak_memory_kib(Path::new("/")),
        moved_bytes_per_time: played.moved_bytes as f64 / played.frames.max(1) as f64,
        network: network.transpose()?,
        fuse: profile.map(|_| FuseCost::of(bytes_per_time.fuse, played)),
        bytes_per_time,
    })
}

impl StageBytes {
    fn of(header: &Header, views: ViewSet, int8: bool) -> Self {
        let size = PackedSize::of(header.size);
        let implicit = views.implicit(header).len();
        let explicit = views.explicit_needed(header).len();
        let sample = if int8 { size_of::<u8>() } else { size_of::<f32>() };
        let (packed, masks) = (PACKED * size.plane() * sample, MASKS * size.plane() * sample);
        let (flow, pixels) =
            (FLOW * size.flow_plane() * size_of::<f32>(), header.size.i420_bytes());
        // The warp reads two pictures and their flow and writes two packed ones; the fuse reads those,
        // the implicit picture and the masks and writes pixels.
        Self {
            anchor: explicit * 2 * pixels,
            warp: implicit * (2 * pixels + flow + 2 * packed),
            fuse: implicit * (3 * packed + masks + pixels),
        }
    }
}

impl NetworkCost {
    /// Of `px` pixels a frame, painted in `seconds`.
    fn of(
        profile: &Profile,
        px: f64,
        seconds: f64,
        backend: &Backend,
        (int8, threads): (bool, usize),
    ) -> Result<Self> {
        let mac_per_time = px * profile.mac_per_px();
        let gmac_per_s = mac_per_time / seconds / 1e9;
        let whole = Self { mac_per_time, gmac_per_s, f32: None, int8: None, share_of_gemm: None };
        if backend.opened().is_none_or(|o| o.report.in_use != Provider::Cpu) {
            return Ok(whole);
        }
        // Every kind of layer beside a product of matrices of its kind, which is the best that there is.
        let (bytes, floats): (Vec<LayerSpec>, Vec<LayerSpec>) =
            profile.layers().into_iter().partition(|layer| int8 && in_integers(layer));
        let product = |factors, layers: &[LayerSpec]| -> Result<Option<ProductCost>> {
            let mac_per_time = px * layers.iter().map(LayerSpec::mac_per_px).sum::<f64>();
            if mac_per_time <= 0.0 {
                return Ok(None);
            }
            let gemm_gmac_per_s = gemm_gmac_per_s(&backend.library()?, threads, factors)?;
            Ok(Some(ProductCost { mac_per_time, gemm_gmac_per_s }))
        };
        let (f32, int8) = (product(Factors::Floats, &floats)?, product(Factors::Bytes, &bytes)?);
        let products = f32.iter().chain(&int8);
        let at_peak_s: f64 = products.map(|p| p.mac_per_time / p.gemm_gmac_per_s / 1e9).sum();
        Ok(Self { f32, int8, share_of_gemm: Some(at_peak_s / seconds), ..whole })
    }
}

impl FuseCost {
    fn of(bytes: usize, played: &Played) -> Self {
        let copy_gbyte_per_s = machine::copy_gbyte_per_s();
        let gbyte_per_s = bytes as f64 / played.spreads.stages.fuse_us.median_s() / 1e9;
        Self { gbyte_per_s, copy_gbyte_per_s, share_of_copy: gbyte_per_s / copy_gbyte_per_s }
    }
}
