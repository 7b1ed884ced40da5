//! Property: the checker answers any AV1 section, and rav1d what the checker lets through, whatever the tiles hold.
#![no_main]

use iev_runtime::Size;
use iev_runtime::ViewId;
use iev_runtime::anchor::av1::Rav1d;
use iev_runtime::anchor::body::AnchorBody;
use iev_runtime::format::anchor::Codec;
use iev_runtime::format::header::{Colour, Header, Role, Sampling};
use iev_runtime::picture::Picture;
use libfuzzer_sys::fuzz_target;

const SIZE: Size = Size { width_px: 79, height_px: 47 };

fuzz_target!(|input: (u8, &[u8])| {
    let (frames, body) = input;
    let header = Header {
        profile: "".try_into().expect("no bytes"),
        template_sha256: [0; 32],
        size: SIZE,
        rate: (1, 1),
        frames: 16,
        colour: Colour::UNSPECIFIED,
        sampling: Sampling::UNSPECIFIED,
        views: [Role::Explicit].into_iter().collect(),
    };
    let frames = u32::from(frames % 16) + 1;
    let views = [ViewId(0)];
    let Ok(section) = AnchorBody::parse(Codec::Av1, body.to_vec(), &views, frames, &header) else {
        return;
    };
    let (mut unit, mut picture) = (Vec::new(), Picture::new(SIZE));
    let mut decoder = Rav1d::start(SIZE).expect("it starts");
    for index in 0.. {
        if !section.access_unit(index, &mut unit) {
            assert!(index >= 1);
            break;
        }
        // As the player does, which ends at the first.
        if decoder.decode(&unit, &mut picture).is_err() {
            break;
        }
    }
});
