//! Property: any table entries make an index of GOPs or an error; an index that is made covers every
//! picture once, with an anchor section per explicit view.
#![no_main]

use iev_fuzz::LIMITS;
use iev_runtime::ViewId;
use iev_runtime::format::header::{Colour, Header, Role, Sampling, Second};
use iev_runtime::format::reader::StreamReader;
use iev_runtime::format::table::{Entry, Kind};
use iev_runtime::format::writer::{Section, write_stream};
use iev_runtime::stream::gop_index::GopIndex;
use iev_runtime::stream::source::Source;
use libfuzzer_sys::fuzz_target;

const KINDS: [Kind; 6] =
    [Kind::Network, Kind::SceneGrids, Kind::GopGrids, Kind::Anchor, Kind::Cameras, Kind::Av1];

#[derive(arbitrary::Arbitrary, Debug)]
struct Record {
    kind: u8,
    view: u8,
    scene: bool,
    first_frame: u8,
    frames: u8,
}

fuzz_target!(|records: Vec<Record>| {
    let explicit = |r: &Record| Section {
        kind: KINDS[usize::from(r.kind) % KINDS.len()],
        view: ViewId(r.view % 4),
        scene: r.scene.into(),
        first_frame: u32::from(r.first_frame) % 20,
        frames: u32::from(r.frames) % 20,
        body: &[],
    };
    let header = Header {
        profile: "lean".try_into().expect("four bytes"),
        template_sha256: [0; 32],
        size: iev_runtime::Size { width_px: 16, height_px: 16 },
        rate: (1, 1),
        frames: 12,
        colour: Colour::UNSPECIFIED,
        sampling: Sampling::UNSPECIFIED,
        views: [
            Role::Explicit,
            Role::Implicit { anchor: ViewId(0), second: Second::Key },
            Role::Explicit,
        ]
        .into_iter()
        .collect(),
    };
    let sections: Vec<_> = records.iter().map(explicit).collect();
    let mut stream = Vec::new();
    write_stream(&mut stream, &header, &sections).expect("a valid header is written");
    let Ok(mut reader) = StreamReader::open(Source::from(stream), &LIMITS) else { return };
    let entries: Vec<Entry> =
        (0..reader.sections()).map(|i| reader.entry(i).expect("checked at opening")).collect();
    if let Ok(index) = GopIndex::build(&mut reader) {
        let mut next = 0;
        for gop in index.gops() {
            assert_eq!(gop.first, next, "GOPs follow one another");
            assert!(u64::from(gop.frames) <= LIMITS.gop_frames);
            let of_gop = || entries.iter().filter(|e| e.first_frame == gop.first);
            let anchors = of_gop().filter(|e| e.kind == Kind::Anchor).count();
            let av1 = of_gop().filter(|e| e.kind == Kind::Av1).count();
            // Which views a section of AV1 has is told when its turn comes.
            let every_view = if av1 == 0 { anchors == 2 } else { anchors + av1 <= 2 };
            assert!(every_view, "an anchor section per explicit view");
            next += gop.frames;
        }
        assert_eq!(next, header.frames, "GOPs cover every picture");
    }
});
