//! Pictures of the player as buffers of GStreamer.

use gst_video::{VideoFrameExt, VideoFrameRef, VideoInfo};
use iev_runtime::format::colour::Colour;
use iev_runtime::picture::packing::Packing;
use iev_runtime::{Picture, Plane};

/// A picture in GStreamer's layout, whose rows may be longer.
pub(crate) fn buffer(info: &VideoInfo, picture: &Picture) -> gst::Buffer {
    // Zeros, so that what is between the rows is nobody's.
    let mut buffer = gst::Buffer::from_mut_slice(vec![0_u8; info.size()]);
    let writable = buffer.get_mut().unwrap_or_else(|| unreachable!("nobody else has it yet"));
    let mut frame = VideoFrameRef::from_buffer_ref_writable(writable, info)
        .unwrap_or_else(|_| unreachable!("it has the size of the layout"));
    for index in 0..Plane::ALL.len() {
        let stride = frame.plane_stride()[index].unsigned_abs() as usize;
        let out = frame.plane_data_mut(index as u32);
        let out = out.unwrap_or_else(|_| unreachable!("I420 has it"));
        // Whose samples are written as they are, whatever their colours.
        Packing::I420.write_plane(index, picture, Colour::UNSPECIFIED, out, stride);
    }
    drop(frame);
    buffer
}

#[cfg(test)]
mod tests {
    use gst_video::VideoFormat;
    use iev_runtime::Size;

    use super::*;

    #[test]
    fn odd_sides_keep_their_last_row_and_column() {
        gst::init().unwrap();
        for (width_px, height_px) in [(1, 1), (5, 3), (480, 272), (7, 8)] {
            let mut picture = Picture::new(Size { width_px, height_px });
            (0..).zip(picture.i420_mut()).for_each(|(at, sample)| *sample = (at % 251) as u8);
            let (width, height) = (width_px.into(), height_px.into());
            let info = VideoInfo::builder(VideoFormat::I420, width, height).build().unwrap();
            let buffer = buffer(&info, &picture);
            let frame = VideoFrameRef::from_buffer_ref_readable(&buffer, &info).unwrap();
            for (at, plane) in (0..).zip(Plane::ALL) {
                let (columns, rows) = picture.plane_size(plane);
                assert_eq!(
                    (frame.comp_width(at), frame.comp_height(at)),
                    (columns as u32, rows as u32)
                );
                let stride = frame.plane_stride()[at as usize] as usize;
                let lines = frame.plane_data(at).unwrap().chunks(stride).take(rows);
                let samples: Vec<u8> = lines.flat_map(|line| line[..columns].to_vec()).collect();
                assert_eq!(samples, picture.plane(plane), "{width_px}×{height_px} {plane:?}");
            }
        }
    }
}
