//! The start of a frame header (AV1 specification, sections 5.9.2 and 5.9.15), up to the tiles.

use super::bits::Bits;
use super::require;
use super::sequence::Sequence;
use crate::error::{Error, Result};
use crate::units::Size;

/// `MAX_TILE_WIDTH` (3).
const MAX_TILE_WIDTH_PX: u32 = 4096;
/// `MAX_TILE_AREA` (3).
const MAX_TILE_AREA_PX: u32 = 4096 * 2304;
/// Sides of superblocks.
const SUPERBLOCK_PX: [u32; 2] = [64, 128];

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
    require(one_tile(bits, sequence, size)?, "AV1 frames of several tiles")?;
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

/// Whether `tile_info()` makes one tile of the whole frame (5.9.15).
fn one_tile(bits: &mut Bits<'_>, sequence: &Sequence, size: Size) -> Result<bool> {
    let block_px = SUPERBLOCK_PX[usize::from(sequence.use_128x128_superblock)];
    if !one_tile_holds(size, block_px) {
        return Ok(false);
    }
    let uniform_tile_spacing_flag = bits.flag()?;
    for blocks in blocks(size, block_px) {
        let whole = if uniform_tile_spacing_flag {
            // increment_tile_cols_log2, and that of rows
            blocks == 1 || !bits.flag()?
        } else {
            // width_in_sbs_minus_1 and height_in_sbs_minus_1
            bits.below(blocks)? + 1 == blocks
        };
        if !whole {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether one tile may hold a frame of `size`, whatever its superblocks.
pub fn fits_one_tile(size: Size) -> bool {
    SUPERBLOCK_PX.into_iter().all(|block_px| one_tile_holds(size, block_px))
}

fn one_tile_holds(size: Size, block_px: u32) -> bool {
    let [columns, rows] = blocks(size, block_px);
    columns * block_px <= MAX_TILE_WIDTH_PX
        && columns * rows * block_px * block_px <= MAX_TILE_AREA_PX
}

/// Columns and rows of superblocks.
fn blocks(size: Size, block_px: u32) -> [u32; 2] {
    [size.width_px, size.height_px].map(|px| u32::from(px).div_ceil(block_px))
}
