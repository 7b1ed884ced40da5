//! The `.iev` stream: `FORMAT.md` in code, writer beside reader, no allocation, no floats before
//! dequantisation.
//!
//! From bytes to numbers: [`reader`] → [`header`] (with its [`colour`]), [`table`] → [`network`], [`grids`] (over
//! [`tensor`] contexts, [`mixing`], [`range`](mod@range)) → [`steps`] → latents.

/// A ceiling of the format and the rule that it is, for errors: the number stands once.
macro_rules! ceiling {
    ($(#[$about:meta])* $name:ident = $number:literal; $rule:ident = $before:literal, $after:literal) => {
        $(#[$about])*
        pub const $name: usize = $number;
        pub(super) const $rule: &str = concat!($before, $number, $after);
    };
}

pub mod anchor;
pub mod av1;
pub mod cameras;
pub mod colour;
pub mod grids;
pub mod h264;
pub mod header;
pub mod limits;
pub mod mixing;
pub mod network;
pub mod range;
pub mod reader;
pub mod steps;
pub mod table;
pub mod tensor;
#[cfg(feature = "player")]
pub mod views;
pub mod writer;

/// CRC-32C, the checksum of the index and of every section.
pub const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI);

/// Whether a checksum is the expected one; fuzzing takes any, to reach what lies behind it.
pub(crate) const fn is_checksum(found: u32, expected: u32) -> bool {
    cfg!(fuzzing) || found == expected
}
