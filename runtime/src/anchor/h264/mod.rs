//! H.264: what a NAL unit may hold, and what decodes it: openh264, or the machine.

pub mod checker;
pub mod openh264;
#[cfg(all(any(test, feature = "v4l2"), target_os = "linux", target_pointer_width = "64"))]
pub mod v4l2;
