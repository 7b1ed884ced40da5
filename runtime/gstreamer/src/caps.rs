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
