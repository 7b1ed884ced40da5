//! Pictures of the player as buffers of GStreamer.

use gst_video::{VideoFrameExt, VideoFrameRef, VideoInfo};
use iev_runtime::{Picture, Plane};

/// A picture in GStreamer's layout, whose rows may be longer.
pub(crate) fn buffer(info: &VideoInfo, picture: &Picture) -> gst::Buffer {
    // Zeros, so that what is between the rows is nobody's.
    let mut buffer = gst::Buffer::from_mut_slice(vec![0_u8; info.size()]);
    let writable = buffer.get_mut().unwrap_or_else(|| unreachable!("nobody else has it yet"));
    let mut frame = VideoFrameRef::from_buffer_ref_writable(writable, info)
        .unwrap_or_else(|_| unreachable!("it has the size of the layout"));
    for (at, plane) in (0..).zip(Plane::ALL) {
        let stride = frame.plane_stride()[at as usize].unsigned_abs() as usize;
        let (columns, _) = picture.plane_size(plane);
        let rows = picture.plane(plane).chunks_exact(columns);
        let target = frame.plane_data_mut(at).unwrap_or_else(|_| unreachable!("I420 has it"));
        for (to, from) in target.chunks_mut(stride).zip(rows) {
            to[..columns].copy_from_slice(from);
        }
    }
    drop(frame);
    buffer
}
