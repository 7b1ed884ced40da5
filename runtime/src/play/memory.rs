//! What playing a stream will hold in memory, counted before any of it is allocated.
//!
//! An upper estimate of what grows with the stream; the program, ONNX Runtime's own code and
//! what the GPU driver keeps come on top.

use super::anchor_stage::AHEAD;
use super::options::Options;
use super::pipeline::{decoded_ahead, painted_ahead};
use crate::error::{Result, within};
use crate::format::header::Header;
use crate::kernel::fuse::MASKS;
use crate::network::opening::NetworkPath;
use crate::profile::{PACKED, Profile};
use crate::stream::gop_index::LargestGop;
use crate::stream::latents::grid_shape;
use crate::units::Size;

/// Frames under way besides those painted ahead and in the queue to the painters: one asked for, one
/// being decoded, one shown.
const FRAMES_IN_STAGES: u64 = 3;
/// GOPs alive at once: being read, waiting, begun, being decoded, still in later stages.
const GOPS: u64 = 5;
/// Those of them that have decoded key pictures.
const KEY_GOPS: u64 = GOPS - 1;
/// Pictures an H.264 decoder keeps, most references and its own working copies.
const H264_PICTURES: u64 = 20;
/// Bytes an AV1 decoder keeps per pixel of whole superblocks: 8 references, the picture under way and one that is
/// shown, each with its motion vectors and segments, and what filters need of the one under way.
const AV1_BYTES_PER_PX: u64 = 18;
/// Side of a superblock.
const SUPERBLOCK_PX: usize = 128;
/// Bytes an AV1 decoder keeps besides: probabilities of every reference, and scratch.
const AV1_BYTES: u64 = 2 << 20;
/// What the full graph holds besides the layers, in f32 per luma pixel: both sources in bytes, here and on the device
/// (1.5), in f32 (3), side by side (3) and as the view reads them (3), where they are sampled (5) and the displacements
/// that came from (5), the warped planes (3) and, packed, the same (3), the blend (3), and the picture, in f32 (1.5) and
/// in bytes, here and there (0.75). 32 are counted.
const FULL_FLOATS_PER_PX: u64 = 32;
/// Bytes of an f32.
const F32: u64 = size_of::<f32>() as u64;

/// Lets fewer views into a run of the network, and then fewer painters share a frame, until playing
/// stays within the limit of `options`; returns what it may hold.
///
/// Why not refuse: a board's batch is for its speed, and a larger picture plays with a smaller one.
///
/// # Errors
/// [`Error::OverBudget`](crate::Error::OverBudget) when one view at a time is too much.
pub fn fit(header: &Header, gop: LargestGop, options: &mut Options) -> Result<u64> {
    loop {
        let bytes = playing_bytes(header, gop, options);
        let fits = within("memory in bytes", bytes, options.limits.memory_bytes);
        match (options.batch, options.painters) {
            _ if fits.is_ok() => return Ok(bytes),
            (0 | 1, 0 | 1) => return fits.map(|()| bytes),
            (0 | 1, _) => options.painters -= 1,
            _ => options.batch -= 1,
        }
    }
}

/// Key pictures that any GOP of a stream may have, whose first has those of `gop`, for playing to stay within `limit`; it
/// holds `bytes` with as many as the first.
pub fn most_key_pictures(header: &Header, gop: LargestGop, bytes: u64, limit: u64) -> u32 {
    let more = limit.saturating_sub(bytes) / (KEY_GOPS * picture_bytes(header.size));
    gop.key_pictures.saturating_add(more.try_into().unwrap_or(u32::MAX))
}

/// Bytes that playing all views of a stream may hold at once.
pub fn playing_bytes(header: &Header, gop: LargestGop, options: &Options) -> u64 {
    let (columns, rows) = header.size.cells(1);
    let px = (columns * rows) as u64;
    let picture = picture_bytes(header.size);
    let (explicit, implicit) =
        (header.explicit_views().count() as u64, header.implicit_views().count() as u64);
    let painters = options.painters as u64;
    let frames = FRAMES_IN_STAGES + painted_ahead(options.painters, 1, options.queue) as u64;
    let decoded = frames + (decoded_ahead(header, options.queue) + AHEAD) as u64;
    let keys = u64::from(gop.key_pictures);
    let pictures = implicit * frames + explicit * decoded + keys * KEY_GOPS;
    let mut bytes = pictures * picture + gop.section_bytes * GOPS;
    bytes += explicit * decoder_bytes(header.size, gop.has_av1);
    if let Some(profile) = header.profile().filter(|_| implicit > 0) {
        let batch = options.batch as u64;
        // A full network that ends up on the CPU gives way to a split one, which holds less.
        let around = match options.path {
            NetworkPath::Split => 0,
            NetworkPath::Full => FULL_FLOATS_PER_PX * px * F32,
        };
        bytes += painters * batch * (network_bytes(profile, px) + around);
        let values = |scene| {
            let grids = profile.grids.iter().filter(move |grid| grid.in_scene() == scene);
            let shapes =
                grids.map(|g| grid_shape(g, header.size, gop.frames as usize, implicit as usize));
            shapes.map(|shape| shape.values() as u64).sum::<u64>()
        };
        bytes += values(false) * GOPS + values(true) * 2;
    }
    bytes
}

fn picture_bytes(size: Size) -> u64 {
    let (columns, rows) = size.cells(1);
    (columns * rows * 3 / 2) as u64
}

/// Bytes that the decoder of a section keeps.
fn decoder_bytes(size: Size, may_be_av1: bool) -> u64 {
    let (columns, rows) = size.cells(1);
    let h264 = H264_PICTURES * picture_bytes(size);
    let whole = |px: usize| px.next_multiple_of(SUPERBLOCK_PX) as u64;
    let av1 = AV1_BYTES_PER_PX * whole(columns) * whole(rows) + AV1_BYTES;
    if may_be_av1 { h264.max(av1) } else { h264 }
}

/// Bytes of one picture inside the network: what every layer reads and, twice, what it makes, as
/// if nothing were reused, in an arena that grows by doubling; and the inputs and outputs outside it.
fn network_bytes(profile: &Profile, px: u64) -> u64 {
    let cells = |scale: usize| px / (scale * scale) as u64;
    let layers = profile.layers();
    let inside = layers.iter().map(|l| (l.inputs + 2 * l.outputs) as u64 * cells(l.scale));
    let latents = profile.latent16 as u64 * cells(16) + profile.latent8 as u64 * cells(8);
    let outside = (3 * PACKED + MASKS + profile.quarter) as u64 * cells(4) + 4 * latents;
    (2 * inside.sum::<u64>() + outside) * F32
}
