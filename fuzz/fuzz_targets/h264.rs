//! Property: the pre-parser answers any anchor section, and openh264 survives whatever it lets
//! through, with pictures of the header's size.
#![no_main]

use iev_runtime::Size;
use iev_runtime::ViewId;
use iev_runtime::anchor::body::AnchorBody;
use iev_runtime::format::anchor::Codec;
use iev_runtime::format::header::{Colour, Header, Role, Sampling};
use libfuzzer_sys::fuzz_target;
use openh264::decoder::{DecodeOptions, Decoder, DecoderConfig, Flush};
use openh264::formats::YUVSource;

const SIZE: Size = Size { width_px: 32, height_px: 32 };

fuzz_target!(|input: (u8, &[u8])| {
    let (frames, body) = input;
    let header = Header {
        profile: "".try_into().expect("no bytes"),
        template_sha256: [0; 32],
        size: SIZE,
        rate: (1, 1),
        frames: 8,
        colour: Colour::UNSPECIFIED,
        sampling: Sampling::UNSPECIFIED,
        views: [Role::Explicit].into_iter().collect(),
    };
    let frames = u32::from(frames % 8) + 1;
    let views = [ViewId(0)];
    let Ok(anchor) = AnchorBody::parse(Codec::H264, body.to_vec(), &views, frames, &header) else {
        return;
    };
    let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
    let mut decoder =
        Decoder::with_api_config(openh264::OpenH264API::from_source(), config).expect("starts");
    let mut unit = Vec::new();
    for index in 0.. {
        if !anchor.access_unit(index, &mut unit) {
            return;
        }
        match decoder.decode_with_options(&unit, DecodeOptions::default()) {
            Ok(Some(yuv)) => assert_eq!(yuv.dimensions(), (SIZE.width(), SIZE.height())),
            Ok(None) => {}
            Err(_) => return,
        }
    }
});
