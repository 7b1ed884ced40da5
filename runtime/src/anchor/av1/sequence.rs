//! The sequence header (AV1 specification, section 5.5), as far as the player lets it vary.

use super::bits::Bits;
use super::require;
use crate::error::{Error, Result};
use crate::units::Size;

/// `MC_IDENTITY` of `matrix_coefficients` (6.4.2), which is for 4:4:4 alone.
const IDENTITY: u32 = 0;

/// A syntax element that every picture may choose for itself, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// `SELECT_SCREEN_CONTENT_TOOLS` or `SELECT_INTEGER_MV`: a flag in the frame header.
    PerFrame,
    /// The same for all.
    Fixed(bool),
}

impl Choice {
    /// The choice, for a frame header.
    pub(super) fn made(self, bits: &mut Bits<'_>) -> Result<bool> {
        match self {
            Self::PerFrame => bits.flag(),
            Self::Fixed(choice) => Ok(choice),
        }
    }
}

/// What frame headers are read with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sequence {
    pub(super) use_128x128_superblock: bool,
    pub(super) enable_ref_frame_mvs: bool,
    pub(super) seq_force_screen_content_tools: Choice,
    pub(super) seq_force_integer_mv: Choice,
    /// Bits of `order_hint`, none without them.
    pub(super) order_hint_bits: u32,
}

/// `sequence_header_obu()` of pictures of `size`.
pub(super) fn sequence(payload: &[u8], size: Size) -> Result<Sequence> {
    let bits = &mut Bits::new(payload);
    // seq_profile, still_picture, reduced_still_picture_header, timing_info_present_flag
    require(bits.take(3)? == 0, "AV1 profiles other than Main")?;
    require(!bits.flag()?, "AV1 still pictures")?;
    require(!bits.flag()?, "AV1 still pictures")?;
    if bits.flag()? {
        timing_info(bits)?;
    }
    operating_point(bits)?;
    frame_size(bits, size)?;
    // frame_id_numbers_present_flag
    require(!bits.flag()?, "frame identifiers in an AV1 section")?;
    let use_128x128_superblock = bits.flag()?;
    // enable_filter_intra, enable_intra_edge_filter, enable_interintra_compound,
    // enable_masked_compound, enable_warped_motion, enable_dual_filter
    bits.take(6)?;
    let enable_order_hint = bits.flag()?;
    let enable_ref_frame_mvs = enable_order_hint && {
        bits.flag()?; // enable_jnt_comp
        bits.flag()?
    };
    let seq_force_screen_content_tools = choice(bits)?;
    let seq_force_integer_mv = match seq_force_screen_content_tools {
        Choice::Fixed(false) => Choice::PerFrame,
        _ => choice(bits)?,
    };
    let order_hint_bits = if enable_order_hint { bits.take(3)? + 1 } else { 0 };
    // enable_superres
    require(!bits.flag()?, "super-resolution in an AV1 section")?;
    bits.take(2)?; // enable_cdef, enable_restoration
    color_config(bits)?;
    // film_grain_params_present
    require(!bits.flag()?, "film grain in an AV1 section")?;
    if !bits.only_trailing() {
        return Err(Error::malformed(0, "an AV1 sequence header ends with its trailing bits"));
    }
    Ok(Sequence {
        use_128x128_superblock,
        enable_ref_frame_mvs,
        seq_force_screen_content_tools,
        seq_force_integer_mv,
        order_hint_bits,
    })
}

/// `timing_info()`, which says nothing that the stream's header does not.
fn timing_info(bits: &mut Bits<'_>) -> Result<()> {
    bits.take(32)?; // num_units_in_display_tick
    bits.take(32)?; // time_scale
    // equal_picture_interval
    if bits.flag()? {
        bits.skip_uvlc()?; // num_ticks_per_picture_minus_1
    }
    // decoder_model_info_present_flag
    require(!bits.flag()?, "AV1 decoder models")
}

/// The one operating point, without layers.
fn operating_point(bits: &mut Bits<'_>) -> Result<()> {
    let initial_display_delay_present = bits.flag()?;
    // operating_points_cnt_minus_1, operating_point_idc, seq_level_idx
    require(bits.take(5)? == 0, "several AV1 operating points")?;
    require(bits.take(12)? == 0, "temporal and spatial layers in an AV1 section")?;
    if bits.take(5)? > 7 {
        bits.flag()?; // seq_tier
    }
    if initial_display_delay_present {
        bits.optional(4)?; // initial_display_delay_minus_1
    }
    Ok(())
}

fn frame_size(bits: &mut Bits<'_>, size: Size) -> Result<()> {
    // frame_width_bits_minus_1, frame_height_bits_minus_1, max_frame_width_minus_1, max_frame_height_minus_1
    let (width_bits, height_bits) = (bits.take(4)? + 1, bits.take(4)? + 1);
    let sides = (bits.take(width_bits)? + 1, bits.take(height_bits)? + 1);
    if sides == (size.width_px.into(), size.height_px.into()) {
        Ok(())
    } else {
        Err(Error::malformed(0, "AV1 pictures have the header's size"))
    }
}

/// A flag for "per frame", else the choice.
fn choice(bits: &mut Bits<'_>) -> Result<Choice> {
    Ok(if bits.flag()? { Choice::PerFrame } else { Choice::Fixed(bits.flag()?) })
}

/// `color_config()` of the Main profile; the colours themselves are the stream header's.
fn color_config(bits: &mut Bits<'_>) -> Result<()> {
    // high_bitdepth, mono_chrome
    require(!bits.flag()?, "samples of more than 8 bits")?;
    require(!bits.flag()?, "AV1 pictures without chroma")?;
    // color_description_present_flag; color_primaries, transfer_characteristics, matrix_coefficients
    if let Some(description) = bits.optional(24)? {
        require(description & 0xff != IDENTITY, "chroma formats other than 4:2:0")?;
    }
    // color_range, chroma_sample_position, separate_uv_delta_q
    bits.take(4).map(drop)
}
