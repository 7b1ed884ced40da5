//! Structs and numbers that both sides know; `include/iev.h` explains them.

use std::ffi::{c_char, c_void};

pub type Status = i32;
pub type Precision = i32;
pub type Format = i32;
pub(crate) const OK: Status = 0;
pub(crate) const END: Status = 1;
pub(crate) const LATER: Status = 2;
pub(crate) const ERROR_STREAM: Status = -1;
pub(crate) const ERROR_USAGE: Status = -2;
pub(crate) const ERROR_BACKEND: Status = -3;
pub(crate) const ERROR_SOURCE: Status = -4;
pub(crate) const ERROR_BUG: Status = -5;

/// `IEV_ALL_VIEWS` and `IEV_TO_THE_END`.
pub(crate) const ALL: u32 = u32::MAX;

#[repr(C)]
pub struct Options {
    pub board: *const c_char,
    pub onnx_runtime: *const c_char,
    pub sandbox: *const c_char,
    pub threads: u32,
    pub precision: Precision,
}

#[repr(C)]
pub struct Source {
    pub user: *mut c_void,
    pub bytes: u64,
    pub read_at: Option<unsafe extern "C" fn(*mut c_void, u64, *mut c_void, usize) -> i64>,
    pub close: Option<unsafe extern "C" fn(*mut c_void)>,
}

#[repr(C)]
pub struct Header {
    pub width_px: u32,
    pub height_px: u32,
    pub rate_frames: u32,
    pub rate_seconds: u32,
    pub frames: u32,
    pub views: u32,
    pub implicit_views: u32,
    pub aspect_width: u32,
    pub aspect_height: u32,
    pub chroma_location: i32,
    pub primaries: u8,
    pub transfer: u8,
    pub matrix: u8,
    pub full_range: u8,
    pub cameras: u32,
}

#[repr(C)]
pub struct Camera {
    pub position: [f64; 3],
    pub rotation_wxyz: [f64; 4],
    pub focal_px: [f64; 2],
    pub centre_px: [f64; 2],
}

#[repr(C)]
pub struct Extent {
    pub width_px: u32,
    pub height_px: u32,
}

#[repr(C)]
pub struct Frame {
    pub number: u32,
    pub views: u32,
}

#[repr(C)]
pub struct Picture {
    pub planes: [*const u8; 3],
    pub strides: [usize; 3],
}

#[repr(C)]
pub struct Plane {
    pub samples: *mut c_void,
    pub stride: usize,
    pub bytes: usize,
}
