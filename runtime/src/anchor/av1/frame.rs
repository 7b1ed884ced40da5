//! The start of a frame header (AV1 specification, sections 5.9.2 and 5.9.15), up to the tiles.

use super::bits::Bits;
use super::require;
use super::sequence::Sequence;
use crate::error::{Error, Result};
use crate::units::Size;

/// Most tiles of a picture. The specification needs 2 in a picture of 4K.
pub const MAX_TILES: u32 = 16;
/// Most columns and rows of a tile in superblocks of 64 pixels, `MAX_TILE_WIDTH` (3).
const MAX_TILE_WIDTH_PX: u32 = 4096;
/// `MAX_TILE_AREA` (3).
const MAX_TILE_AREA_PX: u32 = 4096 * 2304;
/// `MAX_TILE_COLS` and `MAX_TILE_ROWS` (3).
const MAX_TILES_PER_SIDE: u32 = 64;

/// `frame_type` (6.8.2)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FrameType {
    Key,
    Inter,
    IntraOnly,
}

/// What a frame header says about what is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame {
    /// A key frame, which is shown.
    Key,
    /// Another picture that is shown, coded here or before.
    Shown,
    /// A picture that is coded and shown later or never.
    Hidden,
}

/// `show_existing_frame` in a frame header of its own.
pub(super) fn shown_again(payload: &[u8]) -> Result<Frame> {
    let bits = &mut Bits::new(payload);
    require(bits.flag()?, "AV1 frames that are split over several OBUs")?;
    bits.take(3)?; // frame_to_show_map_idx
    if !bits.only_trailing() {
        return Err(Error::malformed(0, "an AV1 frame header ends with its trailing bits"));
    }
    Ok(Frame::Shown)
}

/// `uncompressed_header()` of a frame of `size`, as far as its tiles.
pub(super) fn frame(payload: &[u8], sequence: &Sequence, size: Size) -> Result<Frame> {
    let bits = &mut Bits::new(payload);
    // show_existing_frame
    if bits.flag()? {
        return Err(Error::malformed(0, "a frame that is shown again has no tiles"));
    }
    let frame_type = match bits.take(2)? {
        0 => FrameType::Key,
        1 => FrameType::Inter,
        2 => FrameType::IntraOnly,
        _ => return Err(Error::unsupported(0, "switch frames in an AV1 section")),
    };
    let show_frame = bits.flag()?;
    require(show_frame || frame_type != FrameType::Key, "key frames that are shown later")?;
    if !show_frame {
        bits.flag()?; // showable_frame
    }
    let error_resilient_mode = frame_type == FrameType::Key || bits.flag()?;
    let disable_cdf_update = bits.flag()?;
    let allow_screen_content_tools = sequence.seq_force_screen_content_tools.made(bits)?;
    let force_integer_mv =
        allow_screen_content_tools && sequence.seq_force_integer_mv.made(bits)?;
    // frame_size_override_flag
    require(!bits.flag()?, "AV1 frames of other sizes than the sequence's")?;
    bits.take(sequence.order_hint_bits)?; // order_hint
    if frame_type == FrameType::Inter && !error_resilient_mode {
        bits.take(3)?; // primary_ref_frame
    }
    if frame_type != FrameType::Key {
        let refresh_frame_flags = bits.take(8)?;
        if frame_type == FrameType::IntraOnly && refresh_frame_flags == 0xff {
            let rule = "an intra-only frame leaves some reference as it is";
            return Err(Error::malformed(0, rule));
        }
        if error_resilient_mode {
            // ref_order_hint
            (0..8).try_for_each(|_| bits.take(sequence.order_hint_bits).map(drop))?;
        }
    }
    match frame_type {
        FrameType::Key | FrameType::IntraOnly => {
            render_size(bits)?;
            if allow_screen_content_tools {
                // allow_intrabc
                require(!bits.flag()?, "intra block copy in an AV1 section")?;
            }
        }
        FrameType::Inter => {
            references(bits, sequence)?;
            render_size(bits)?;
            motion(bits, sequence, force_integer_mv, error_resilient_mode)?;
        }
    }
    if !disable_cdf_update {
        bits.flag()?; // disable_frame_end_update_cdf
    }
    require(tiles(bits, sequence, size)? <= MAX_TILES, "more than 16 tiles in an AV1 frame")?;
    Ok(match (frame_type, show_frame) {
        (FrameType::Key, _) => Frame::Key,
        (_, true) => Frame::Shown,
        (_, false) => Frame::Hidden,
    })
}

/// `render_size()`
fn render_size(bits: &mut Bits<'_>) -> Result<()> {
    // render_and_frame_size_different
    require(!bits.flag()?, "AV1 frames that are to be scaled for display")
}

/// `frame_refs_short_signaling` and `ref_frame_idx`
fn references(bits: &mut Bits<'_>, sequence: &Sequence) -> Result<()> {
    let short = sequence.order_hint_bits > 0 && bits.flag()?;
    bits.take(if short { 2 * 3 } else { 7 * 3 }).map(drop)
}

/// From `allow_high_precision_mv` to `use_ref_frame_mvs`.
fn motion(
    bits: &mut Bits<'_>,
    sequence: &Sequence,
    force_integer_mv: bool,
    error_resilient_mode: bool,
) -> Result<()> {
    if !force_integer_mv {
        bits.flag()?; // allow_high_precision_mv
    }
    let is_filter_switchable = bits.flag()?;
    if !is_filter_switchable {
        bits.take(2)?; // interpolation_filter
    }
    bits.flag()?; // is_motion_mode_switchable
    if !error_resilient_mode && sequence.enable_ref_frame_mvs {
        bits.flag()?; // use_ref_frame_mvs
    }
    Ok(())
}

/// How many tiles `tile_info()` makes (5.9.15).
fn tiles(bits: &mut Bits<'_>, sequence: &Sequence, size: Size) -> Result<u32> {
    let block_log2 = if sequence.use_128x128_superblock { 7 } else { 6 };
    let blocks = |px: u16| u32::from(px).div_ceil(1 << block_log2);
    let (columns, rows) = (blocks(size.width_px), blocks(size.height_px));
    let widest = MAX_TILE_WIDTH_PX >> block_log2;
    let largest = MAX_TILE_AREA_PX >> (2 * block_log2);
    let least_columns_log2 = log2(widest, columns);
    let least_tiles_log2 = least_columns_log2.max(log2(largest, columns * rows));
    let uniform_tile_spacing_flag = bits.flag()?;
    if uniform_tile_spacing_flag {
        let across_log2 = evenly(bits, columns, least_columns_log2)?;
        let down_log2 = evenly(bits, rows, least_tiles_log2.saturating_sub(across_log2))?;
        let count = |blocks: u32, log2: u32| blocks.div_ceil(blocks.div_ceil(1 << log2));
        return Ok(count(columns, across_log2) * count(rows, down_log2));
    }
    let (across, widest_tile) = one_by_one(bits, columns, widest)?;
    let largest = match least_tiles_log2 {
        0 => columns * rows,
        log2 => (columns * rows) >> (log2 + 1),
    };
    let (down, _) = one_by_one(bits, rows, (largest / widest_tile).max(1))?;
    Ok(across * down)
}

/// Smallest `k` so that `block << k` reaches `target` (5.9.16).
fn log2(block: u32, target: u32) -> u32 {
    (0..).find(|k| u64::from(block) << k >= u64::from(target)).unwrap_or_default()
}

/// `increment_tile_cols_log2` or that of rows, from `least` on.
fn evenly(bits: &mut Bits<'_>, blocks: u32, least: u32) -> Result<u32> {
    let most = log2(1, blocks.min(MAX_TILES_PER_SIDE));
    let mut log2 = least;
    while log2 < most && bits.flag()? {
        log2 += 1;
    }
    Ok(log2)
}

/// `width_in_sbs_minus_1` or `height_in_sbs_minus_1` of each tile along a side: how many there are, and
/// the blocks of the largest.
fn one_by_one(bits: &mut Bits<'_>, blocks: u32, most: u32) -> Result<(u32, u32)> {
    let (mut start, mut count, mut largest) = (0, 0, 0);
    while start < blocks {
        let tile = bits.below(most.min(blocks - start))? + 1;
        (start, count, largest) = (start + tile, count + 1, largest.max(tile));
    }
    require(count <= MAX_TILES, "more than 16 tiles in an AV1 frame")?;
    Ok((count, largest))
}
