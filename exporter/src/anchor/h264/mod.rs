//! H.264: coded by x264 or openh264, decoded by openh264.

mod access_units;
mod decode;
pub(super) mod openh264_encoder;
pub(super) mod x264;

pub(crate) use access_units::nal_units;
pub use access_units::split_access_units;
pub use decode::decode_anchor;
