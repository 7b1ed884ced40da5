//! The built-in encoder, for machines without ffmpeg: constant QP, CAVLC, about x264 `veryfast`.

use iev_runtime::picture::Plane;
use openh264::OpenH264API;
use openh264::encoder::{
    BitRate, Complexity, Encoder, EncoderConfig, FrameRate, IntraFramePeriod, QpRange,
    RateControlMode, UsageType,
};
use openh264::formats::YUVSlices;

use super::even;
use crate::anchor::{AnchorError, AnchorSettings, CodingInput};
use crate::picture::PictureExt;

/// The QP range that openh264 accepts for camera content.
const QP_RANGE: std::ops::RangeInclusive<i32> = 12..=51;

/// openh264 wants some target, though nothing in this mode reads it.
const UNBOUND_BITS_PER_SECOND: u32 = 240_000_000;

/// The whole stream of `pictures`.
pub(in crate::anchor) fn encode(
    pictures: &[CodingInput<'_>],
    rate: (u32, u32),
    settings: &AnchorSettings,
) -> Result<Vec<u8>, AnchorError> {
    let mut encoder = Encoder::with_api_config(OpenH264API::from_source(), config(rate, settings))
        .map_err(|source| AnchorError::OpenH264 { picture: 0, source })?;
    let mut stream = Vec::new();
    for (picture, (original, _)) in pictures.iter().enumerate() {
        let even = even(original);
        let (chroma, _) = even.plane_size(Plane::U);
        let slices = YUVSlices::new(
            (even.y(), even.u(), even.v()),
            (even.width(), even.height()),
            (even.width(), chroma, chroma),
        );
        let coded =
            encoder.encode(&slices).map_err(|source| AnchorError::OpenH264 { picture, source })?;
        coded.write_vec(&mut stream);
    }
    Ok(stream)
}

/// Buffer-based mode with a range of one QP: it only ever clips the QP, and the crate cannot set
/// the QP of the mode that is called constant.
fn config(rate: (u32, u32), settings: &AnchorSettings) -> EncoderConfig {
    let qp = settings.whole_qp().clamp(*QP_RANGE.start(), *QP_RANGE.end()) as u8;
    EncoderConfig::new()
        .rate_control_mode(RateControlMode::Bufferbased)
        .qp(QpRange::new(qp, qp))
        .bitrate(BitRate::from_bps(UNBOUND_BITS_PER_SECOND))
        .max_frame_rate(FrameRate::from_hz(rate.0 as f32 / rate.1 as f32))
        .usage_type(UsageType::CameraVideoRealTime)
        .complexity(Complexity::High)
        .skip_frames(false)
        .scene_change_detect(false)
        .adaptive_quantization(false)
        .background_detection(false)
        .intra_frame_period(IntraFramePeriod::auto())
        .num_threads(1)
}
