//! The pixel kernels around the network: pack, warp, fuse. Scalar code is the definition.
//!
//! A *packed* picture has one cell per 4×4 luma pixels of the padded picture and [`PACKED`] planes
//! `[channel, row, column]`: channel `4·dy + dx` is luma pixel (4·column + dx, 4·row + dy), channels
//! `16 + 2·dy + dx` and `20 + 2·dy + dx` are chroma. Samples are `(v − 128) / 128`.
//!
//! [`cells`] has the same steps around the network in 8 bits, which reads pixels as they are, with
//! the channels of a cell side by side.
//!
//! [`PACKED`]: crate::profile::PACKED

pub mod cells;
pub mod flow;
pub mod fuse;
pub mod pack;
#[cfg(target_arch = "x86_64")]
mod sample_avx2;
pub mod warp;
pub mod warp_fast;

/// A sample as the network sees it, from a value with `bits` fraction bits; exact.
#[inline]
pub(crate) fn sample_from_fixed(value: i32, bits: u32) -> f32 {
    (value - (128 << bits)) as f32 * inverse_power(7 + bits)
}

/// 2^−`exponent`. Why not a quotient: a division per pixel is a tenth of a training's own work.
#[inline]
pub(crate) const fn inverse_power(exponent: u32) -> f32 {
    f32::from_bits((127 - exponent) << 23)
}
