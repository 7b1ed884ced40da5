//! Sinks write what was decoded, whole.
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

use std::path::{Path, PathBuf};

use super::{Digest, HeaderLine, Muxer, Plan, Sink, TileLayout};
use crate::format::header::Role;
use crate::format::views::ViewSet;
use crate::picture::Plane;
use crate::picture::packing::Packing;
use crate::play::player::{Player, Selection};
use crate::tests::streams::{header, player, stream};
use crate::units::{Size, ViewId};

/// A folder of its own under the system's, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("iev-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const ODD: Size = Size { width_px: 35, height_px: 21 };

fn two_views() -> Player {
    player(stream(&header(ODD, 3, &[Role::Explicit; 2]))).unwrap()
}

fn three_views() -> Player {
    player(stream(&header(ODD, 3, &[Role::Explicit; 3]))).unwrap()
}

fn write(player: &Player, muxer: Muxer, path: &Path, views: ViewSet) {
    let order: Vec<ViewId> = views.iter().collect();
    write_in(TileLayout::SideBySide, player, muxer, path, &order);
}

fn write_in(layout: TileLayout, player: &Player, muxer: Muxer, path: &Path, order: &[ViewId]) {
    let views: ViewSet = order.iter().copied().collect();
    let header = player.header();
    let plan = Plan { muxer, path, header, views: order, layout, single: false };
    let mut sink = Sink::open(&plan).unwrap();
    for shown in player.decode_serial(&Selection::new(views, player.frames())).unwrap() {
        sink.put(&shown.unwrap()).unwrap();
    }
    sink.finish().unwrap();
}

#[test]
fn a_file_per_view_holds_its_pictures() {
    let (player, folder) = (two_views(), Folder::new("per-view"));
    write(&player, Muxer::Y4m, &folder.0.join("v%v.y4m"), ViewSet::all(player.header()));
    let line = b"YUV4MPEG2 W35 H21 F30:1 Ip A0:0 C420 XCOLORRANGE=LIMITED\n";
    for view in [ViewId(0), ViewId(1)] {
        let mut expected = line.to_vec();
        let selection = Selection::new([view].into_iter().collect(), player.frames());
        for shown in player.decode_serial(&selection).unwrap() {
            expected.extend(b"FRAME\n");
            expected.extend(shown.unwrap().with_ids().next().unwrap().1.i420());
        }
        let file = std::fs::read(folder.0.join(format!("v{}.y4m", view.0))).unwrap();
        assert!(file == expected, "view {}", view.0);
    }
}

#[test]
fn y4m_says_aspect_siting_and_range() {
    use crate::format::header::{Sampling, Siting};
    let line = |full_range, siting, pixel_aspect| {
        let sampling = Sampling { siting, pixel_aspect };
        HeaderLine { size: ODD, rate: (30, 1), full_range, sampling }.to_string()
    };
    let start = "YUV4MPEG2 W35 H21 F30:1 Ip";
    let cases = [
        (None, Siting::Unspecified, (0, 0), "A0:0 C420"),
        (Some(true), Siting::Left, (64, 45), "A64:45 C420mpeg2 XCOLORRANGE=FULL"),
        (Some(false), Siting::Centre, (1, 1), "A1:1 C420jpeg XCOLORRANGE=LIMITED"),
        (None, Siting::TopLeft, (1, 1), "A1:1 C420paldv"),
        (None, Siting::Bottom, (1, 1), "A1:1 C420"),
    ];
    for (full_range, siting, aspect, rest) in cases {
        assert_eq!(line(full_range, siting, aspect), format!("{start} {rest}"));
    }
}

#[test]
fn several_views_stand_side_by_side_on_even_columns() {
    let (player, folder) = (two_views(), Folder::new("tile"));
    let path = folder.0.join("both.yuv");
    write(&player, Muxer::Raw(Packing::I420), &path, ViewSet::all(player.header()));
    let file = std::fs::read(path).unwrap();
    let tile = Size { width_px: 72, height_px: 21 };
    assert_eq!(file.len(), 3 * tile.i420_bytes());
    let shown = player.at(ViewSet::all(player.header()), crate::FrameIndex(0)).unwrap();
    for (place, (id, picture)) in shown.with_ids().enumerate() {
        for (y, line) in picture.plane(Plane::Y).chunks_exact(35).enumerate() {
            assert_eq!(&file[y * 72 + place * 36..][..35], line, "{id} row {y}");
        }
    }
}

#[test]
fn views_stand_in_the_order_asked_for_side_by_side_or_below() {
    let (player, folder) = (three_views(), Folder::new("order"));
    let all: ViewSet = [0, 1, 2].into_iter().map(ViewId).collect();
    let shown = player.at(all, crate::FrameIndex(0)).unwrap();
    let picture = |view| shown.with_ids().find(|(id, _)| id.view == view).unwrap().1;
    let (first, second) = (ViewId(2), ViewId(0));
    assert_ne!(picture(first).i420(), picture(second).i420(), "an order that shows");
    // ODD is 35×21, its chroma 18×11; a place is 36 columns wide or 22 rows high.
    let rows: [(_, Size, (usize, usize)); 2] = [
        (TileLayout::SideBySide, Size { width_px: 72, height_px: 21 }, (36, 0)),
        (TileLayout::TopBottom, Size { width_px: 35, height_px: 44 }, (0, 22)),
    ];
    for (layout, whole, (right, down)) in rows {
        let path = folder.0.join("two.yuv");
        write_in(layout, &player, Muxer::Raw(Packing::I420), &path, &[first, second]);
        let file = std::fs::read(&path).unwrap();
        assert_eq!(file.len(), 3 * whole.i420_bytes(), "{layout:?}");
        let luma = whole.width() * whole.height();
        for (place, view) in [first, second].into_iter().enumerate() {
            let (x, y) = (place * right, place * down);
            for (row, line) in picture(view).plane(Plane::Y).chunks_exact(35).enumerate() {
                let at = (y + row) * whole.width() + x;
                assert_eq!(&file[at..][..35], line, "{layout:?} view {} row {row}", view.0);
            }
            for (row, line) in picture(view).plane(Plane::U).chunks_exact(18).enumerate() {
                let at = luma + (y / 2 + row) * whole.width().div_ceil(2) + x / 2;
                assert_eq!(&file[at..][..18], line, "{layout:?} chroma {} row {row}", view.0);
            }
        }
    }
}

#[test]
fn the_digest_is_of_all_pictures_in_order() {
    let (player, folder) = (two_views(), Folder::new("md5"));
    let path = folder.0.join("all.md5");
    let views = ViewSet::all(player.header());
    write(&player, Muxer::Md5, &path, views);
    let mut digest = Digest::default();
    for shown in player.decode_serial(&Selection::new(views, player.frames())).unwrap() {
        shown.unwrap().with_ids().for_each(|(_, picture)| digest.put(picture));
    }
    assert_eq!(std::fs::read_to_string(path).unwrap().trim(), digest.hex());
}

#[test]
fn png_files_are_numbered_by_frame() {
    let (player, folder) = (two_views(), Folder::new("png"));
    write(&player, Muxer::Png, &folder.0.join("p.png"), [ViewId(1)].into_iter().collect());
    let names = ["p-00000.png", "p-00001.png", "p-00002.png"];
    assert!(names.iter().all(|name| folder.0.join(name).is_file()));
}

#[test]
fn bare_samples_are_written_in_each_packing() {
    let (player, folder) = (two_views(), Folder::new("packings"));
    for (packing, name) in [(Packing::Nv12, "a.nv12"), (Packing::Rgba, "a.rgba")] {
        let path = folder.0.join(name);
        write(&player, Muxer::Raw(packing), &path, [ViewId(1)].into_iter().collect());
        let selection = Selection::new([ViewId(1)].into_iter().collect(), player.frames());
        let (mut expected, mut packed) = (Vec::<u8>::new(), Vec::new());
        for shown in player.decode_serial(&selection).unwrap() {
            let shown = shown.unwrap();
            packing.pack(&shown.pictures[0].picture, player.header().colour, &mut packed);
            expected.extend(&packed);
        }
        assert!(std::fs::read(path).unwrap() == expected, "{name}");
    }
}

#[test]
fn formats_follow_from_names() {
    let by_path = |path: &str| Muxer::by_path(Path::new(path));
    assert_eq!(by_path("a.y4m"), Some(Muxer::Y4m));
    assert_eq!(by_path("-"), Some(Muxer::Y4m));
    assert_eq!(by_path("a.b.yuv"), Some(Muxer::Raw(Packing::I420)));
    assert_eq!(by_path("a.NV12"), Some(Muxer::Raw(Packing::Nv12)));
    assert_eq!(by_path("a.rgba"), Some(Muxer::Raw(Packing::Rgba)));
    assert_eq!(Muxer::by_name("rawvideo"), Some(Muxer::Raw(Packing::I420)));
    assert_eq!(by_path("a.mp4"), None);
}
