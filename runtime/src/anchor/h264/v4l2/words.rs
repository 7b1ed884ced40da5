//! What is said between program and kernel, as `linux/videodev2.h` has it on 64-bit machines.

/// Four letters that name a layout of samples or of a stream.
pub(super) type FourCc = u32;

const fn four(letters: &[u8; 4]) -> FourCc {
    u32::from_le_bytes(*letters)
}

pub(super) const H264: FourCc = four(b"H264");
/// Luma, then both chroma samples by turns.
pub(super) const NV12: FourCc = four(b"NV12");
/// Luma, then U, then V.
pub(super) const YU12: FourCc = four(b"YU12");

/// `V4L2_BUF_TYPE_…_MPLANE`: what comes from the device and what goes into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Pictures.
    Shown = 9,
    /// The stream.
    Coded = 10,
}

/// `V4L2_MEMORY_MMAP`.
pub(super) const MAPPED: u32 = 1;
/// `V4L2_BUF_FLAG_ERROR`.
pub(super) const BROKEN: u32 = 0x40;
/// `V4L2_BUF_FLAG_LAST`.
pub(super) const LAST: u32 = 0x10_0000;
/// `V4L2_CAP_VIDEO_M2M_MPLANE` and `V4L2_CAP_STREAMING`.
pub(super) const DECODES: u32 = 0x4000 | 0x0400_0000;
/// `V4L2_EVENT_SOURCE_CHANGE`.
pub(super) const SOURCE_CHANGE: u32 = 5;
/// `V4L2_DEC_CMD_STOP`.
pub(super) const STOP: u32 = 1;
/// `V4L2_SEL_TGT_COMPOSE`.
pub(super) const COMPOSE: u32 = 0x100;
/// `V4L2_CID_MIN_BUFFERS_FOR_CAPTURE`.
pub(super) const LEAST_SHOWN: u32 = 0x0098_0927;

/// `v4l2_capability`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Capability {
    pub(super) driver: [u8; 16],
    pub(super) card: [u8; 32],
    pub(super) bus: [u8; 32],
    pub(super) version: u32,
    pub(super) capabilities: u32,
    pub(super) of_device: u32,
    pub(super) reserved: [u32; 3],
}

/// `v4l2_plane_pix_format`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PlaneFormat {
    pub(super) bytes: u32,
    pub(super) bytes_per_line: u32,
    pub(super) reserved: [u16; 6],
}

/// `v4l2_format` of `v4l2_pix_format_mplane`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Format {
    pub(super) side: u32,
    pub(super) padding: u32,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) layout: FourCc,
    pub(super) field: u32,
    pub(super) colour: u32,
    pub(super) planes: [PlaneFormat; 8],
    pub(super) plane_count: u8,
    pub(super) rest: [u8; 19],
}

/// `v4l2_requestbuffers`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Request {
    pub(super) count: u32,
    pub(super) side: u32,
    pub(super) memory: u32,
    pub(super) reserved: [u32; 2],
}

/// `v4l2_plane`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Plane {
    pub(super) used: u32,
    pub(super) length: u32,
    /// Where it can be mapped.
    pub(super) offset: u64,
    pub(super) data_offset: u32,
    pub(super) reserved: [u32; 11],
}

/// `v4l2_buffer`, of one plane.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Buffer {
    pub(super) index: u32,
    pub(super) side: u32,
    pub(super) used: u32,
    pub(super) flags: u32,
    pub(super) field: u32,
    pub(super) padding: u32,
    /// Seconds and microseconds, which go from an access unit to its picture.
    pub(super) time: [u64; 2],
    pub(super) timecode: [u32; 4],
    pub(super) sequence: u32,
    pub(super) memory: u32,
    /// Address of its planes.
    pub(super) planes: u64,
    pub(super) plane_count: u32,
    pub(super) reserved: [u32; 3],
}

impl Buffer {
    /// One of `side`.
    pub(super) fn of(side: Side) -> Self {
        Self { side: side as u32, memory: MAPPED, plane_count: 1, ..Self::default() }
    }
}

/// `v4l2_control`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Control {
    pub(super) id: u32,
    pub(super) value: i32,
}

/// `v4l2_selection`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Selection {
    pub(super) side: u32,
    pub(super) target: u32,
    pub(super) flags: u32,
    pub(super) left: i32,
    pub(super) top: i32,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) reserved: [u32; 9],
}

/// `v4l2_event_subscription`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Subscription {
    pub(super) event: u32,
    pub(super) rest: [u32; 7],
}

/// `v4l2_event`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Event {
    pub(super) event: u32,
    pub(super) padding: u32,
    pub(super) rest: [u64; 16],
}

/// `v4l2_decoder_cmd`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Command {
    pub(super) command: u32,
    pub(super) flags: u32,
    pub(super) rest: [u64; 8],
}

const _: () = {
    assert!(size_of::<Capability>() == 104);
    assert!(size_of::<Format>() == 208);
    assert!(size_of::<Request>() == 20);
    assert!(size_of::<Plane>() == 64);
    assert!(size_of::<Buffer>() == 88);
    assert!(size_of::<Selection>() == 64);
    assert!(size_of::<Subscription>() == 32);
    assert!(size_of::<Event>() == 136);
    assert!(size_of::<Command>() == 72);
};
