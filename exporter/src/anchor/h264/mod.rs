//! H.264: coded by x264 or openh264, decoded by openh264.

mod access_units;
mod decode;
pub(super) mod openh264_encoder;
pub(super) mod x264;

pub use access_units::split_access_units;
pub use decode::decode_anchor;
pub(crate) use iev_runtime::format::h264::nal_units;
