//! H.264: what a NAL unit may hold, and openh264, which decodes it.

pub mod checker;
pub mod openh264;
