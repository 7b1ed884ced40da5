//! What a header says, in GStreamer's words.

use gst_video::{
    VideoChromaSite, VideoColorMatrix, VideoColorPrimaries, VideoColorRange, VideoColorimetry,
    VideoFormat, VideoInfo, VideoTransferFunction,
};
use iev_runtime::format::header::{Colour, Header, Preamble, Siting};
use iev_runtime::{Error, Result};

/// Of a stream.
pub(crate) fn stream() -> gst::Caps {
    gst::Caps::new_empty_simple("video/x-iev")
}

/// Of pictures, whichever stream they are of.
pub(crate) fn pictures() -> gst::Caps {
    gst_video::VideoCapsBuilder::new().format(VideoFormat::I420).build()
}

/// Of the pictures of a stream.
///
/// # Errors
/// [`Error::Unsupported`] where GStreamer's numbers are too small for the header's.
pub(crate) fn info(header: &Header) -> Result<VideoInfo> {
    let size = header.size;
    // Where nobody said, pixels are square.
    let aspect = match header.sampling.pixel_aspect {
        (0, 0) => (1, 1),
        stated => stated,
    };
    let (width, height) = (size.width_px.into(), size.height_px.into());
    let info = VideoInfo::builder(VideoFormat::I420, width, height)
        .fps(fraction(header.rate)?)
        .par(fraction(aspect)?)
        .colorimetry(&colorimetry(header.colour.for_display(size.height())))
        .chroma_site(chroma_site(header.sampling.siting));
    info.build().map_err(|_| unsupported("pictures that GStreamer has no layout for"))
}

pub(crate) fn unsupported(what: &'static str) -> Error {
    Error::unsupported(Preamble::BYTES as u64, what)
}

fn fraction((above, below): (u32, u32)) -> Result<gst::Fraction> {
    let parts = i32::try_from(above).ok().zip(i32::try_from(below).ok());
    let parts =
        parts.ok_or_else(|| unsupported("a fraction of more than 31 bits, in GStreamer"))?;
    Ok(gst::Fraction::new(parts.0, parts.1))
}

fn colorimetry(colour: Colour) -> VideoColorimetry {
    let range = match colour.full_range {
        true => VideoColorRange::Range0_255,
        false => VideoColorRange::Range16_235,
    };
    // All players show the constant-luminance form of BT.2020 as the other one.
    let matrix = if colour.matrix == 10 { 9 } else { colour.matrix };
    VideoColorimetry::new(
        range,
        VideoColorMatrix::from_iso(matrix.into()),
        VideoTransferFunction::from_iso(colour.transfer.into()),
        VideoColorPrimaries::from_iso(colour.primaries.into()),
    )
}

/// The place of chroma; empty where nobody said, and at the bottom, which GStreamer has no word for.
fn chroma_site(siting: Siting) -> VideoChromaSite {
    match siting {
        Siting::Left => VideoChromaSite::MPEG2,
        Siting::Centre => VideoChromaSite::JPEG,
        Siting::TopLeft => VideoChromaSite::COSITED,
        Siting::Top => VideoChromaSite::V_COSITED,
        Siting::Unspecified | Siting::BottomLeft | Siting::Bottom => VideoChromaSite::empty(),
    }
}

#[cfg(test)]
mod tests {
    use iev_runtime::Size;
    use iev_runtime::format::header::{Role, Sampling};

    use super::*;

    fn header(
        colour: Colour,
        pixel_aspect: (u32, u32),
        siting: Siting,
        rate: (u32, u32),
    ) -> Header {
        Header {
            profile: "".try_into().unwrap(),
            template_sha256: [0; 32],
            size: Size { width_px: 720, height_px: 576 },
            rate,
            frames: 1,
            colour,
            views: [Role::Explicit].into_iter().collect(),
            sampling: Sampling { pixel_aspect, siting },
        }
    }

    #[test]
    fn colour_aspect_and_rate_are_those_of_the_header() {
        gst::init().unwrap();
        let bt2020c = Colour { primaries: 9, transfer: 16, matrix: 10, full_range: true };
        let ntsc = (30_000, 1001);
        for (header, words) in [
            (
                header(Colour::UNSPECIFIED, (0, 0), Siting::Unspecified, (25, 1)),
                "pixel-aspect-ratio=(fraction)1/1, colorimetry=(string)2:4:0:0, framerate=(fraction)25/1",
            ),
            (
                header(Colour::BT709, (64, 45), Siting::Left, ntsc),
                "pixel-aspect-ratio=(fraction)64/45, chroma-site=(string)mpeg2, colorimetry=(string)bt709, \
                 framerate=(fraction)30000/1001",
            ),
            (
                header(bt2020c, (1, 1), Siting::TopLeft, (1, 3600)),
                "pixel-aspect-ratio=(fraction)1/1, chroma-site=(string)cosited, colorimetry=(string)1:6:14:7, \
                 framerate=(fraction)1/3600",
            ),
        ] {
            let caps = info(&header).unwrap().to_caps().unwrap().to_string();
            let start = "video/x-raw, format=(string)I420, width=(int)720, height=(int)576, \
                         interlace-mode=(string)progressive, ";
            assert_eq!(caps, format!("{start}{words}"));
        }
    }

    #[test]
    fn a_fraction_that_gstreamer_cannot_hold_is_refused() {
        gst::init().unwrap();
        let many = 1 << 31;
        for (aspect, rate) in [((many, 1), (25, 1)), ((1, 1), (1, many)), ((1, 1), (many, 1))] {
            let header = header(Colour::BT709, aspect, Siting::Unspecified, rate);
            assert!(matches!(info(&header), Err(Error::Unsupported { .. })));
        }
    }
}
