//! Views of all containers: what they tell, what is lost and said, and what does not go together.

use std::fs;
use std::process::Command;

use iev_runtime::format::header::{Sampling, Siting};

use super::layout::{Chroma, Layout};
use super::y4m::Writer;
use super::*;
use crate::picture::{PictureExt, synthetic};

/// A folder of inputs.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A y4m file of `frames` 16x8 pictures; `rest` is the header line after the size.
    fn y4m(&self, name: &str, rest: &str, frames: usize) -> PathBuf {
        self.sized(name, (16, 8), rest, frames)
    }

    fn sized(
        &self,
        name: &str,
        (width, height): (usize, usize),
        rest: &str,
        frames: usize,
    ) -> PathBuf {
        let path = self.path(name);
        let mut bytes = format!("YUV4MPEG2 W{width} H{height} {rest}\n").into_bytes();
        for frame in 0..frames {
            bytes.extend(b"FRAME\n");
            let picture = synthetic(width, height, frame as f32);
            picture.planes().iter().for_each(|plane| bytes.extend(plane.samples));
        }
        fs::write(&path, bytes).unwrap();
        path
    }

    /// What ffmpeg makes of `arguments`, which end before the name of the output.
    fn ffmpeg(&self, arguments: &str, name: &str) -> PathBuf {
        let path = self.path(name);
        let mut command: Command = crate::ffmpeg::command().unwrap();
        command.current_dir(self.0.path()).arg("-y").args(arguments.split_whitespace()).arg(&path);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments}: {said}");
        path
    }

    /// A folder of PNG files, each 3x3 pixels of one colour.
    fn pngs(&self, folder: &str, files: &[(&str, [u8; 3])]) -> PathBuf {
        let folder = self.path(folder);
        fs::create_dir_all(&folder).unwrap();
        for (name, rgb) in files {
            let samples = rgb.repeat(9);
            png(&folder.join(name), png::ColorType::Rgb, png::BitDepth::Eight, &samples);
        }
        folder
    }
}

fn png(path: &Path, colour: png::ColorType, depth: png::BitDepth, samples: &[u8]) {
    let mut encoder = png::Encoder::new(File::create(path).unwrap(), 3, 3);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    if colour == png::ColorType::Indexed {
        encoder.set_palette(vec![0, 0, 0, 255, 255, 255]);
    }
    encoder.write_header().unwrap().write_image_data(samples).unwrap();
}

fn open(paths: &[&PathBuf], reading: &Reading) -> Result<Vec<View>, InputError> {
    let paths: Vec<PathBuf> = paths.iter().copied().cloned().collect();
    open_views(&paths, reading)
}

fn open_one(path: &PathBuf) -> View {
    open(&[path], &Reading::default()).unwrap().remove(0)
}

fn refusal(paths: &[&PathBuf]) -> String {
    open(paths, &Reading::default()).unwrap_err().to_string()
}

fn at_rate(frames: u32, seconds: u32) -> Reading {
    Reading { rate: Some((frames, seconds)), ..Reading::default() }
}

fn input(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inputs").join(name)
}

#[test]
fn equal_views_open_up_to_the_limit() {
    let desk = Desk::new();
    let paths = [desk.y4m("a.y4m", "F24:1", 3), desk.y4m("b.Y4M", "F24:1", 4)];
    let reading = Reading { limit: Some(2), ..Reading::default() };
    let views = open_views(&paths, &reading).unwrap();
    assert_eq!(views.len(), 2);
    assert_eq!(views[1].frames[1], synthetic(16, 8, 1.0));
    assert_eq!((views[0].rate, views[0].told), ((24, 1), SourceFacts::NOTHING));
    assert_eq!(warnings(&views).count(), 0);
}

#[test]
fn views_are_written_as_they_were_read() {
    let desk = Desk::new();
    let view = open_one(&desk.y4m("a.y4m", "F24:1 A64:45 C420paldv XCOLORRANGE=full", 2));
    let mut writer = Writer::new(Vec::new(), view.header_line()).unwrap();
    view.frames.iter().for_each(|frame| writer.write(frame).unwrap());
    fs::write(desk.path("b.y4m"), writer.finish().unwrap()).unwrap();
    let again = open_one(&desk.path("b.y4m"));
    assert_eq!((again.told, again.rate, again.frames), (view.told, view.rate, view.frames));
}

#[test]
fn views_that_differ_are_named_with_their_numbers() {
    let desk = Desk::new();
    let one = desk.y4m("one.y4m", "F24:1", 2);
    let wide = desk.sized("wide.y4m", (18, 8), "F24:1", 2);
    let long = desk.y4m("long.y4m", "F24:1", 3);
    let none = desk.y4m("none.y4m", "F24:1", 0);
    let (a, b, c) = (one.display(), wide.display(), long.display());
    assert_eq!(
        refusal(&[&one, &wide]),
        format!(
            "all views have one size, but {a} has 16x8 pixels and {b} has 18x8 pixels: bring all to one: \
             ffmpeg -i {b} -vf scale=16:8 OUT.y4m"
        )
    );
    assert_eq!(
        refusal(&[&one, &long]),
        format!("{c} has 3 frames, 1 more than {a} with 2: --shortest cuts all views to 2")
    );
    let reading = Reading { shortest: true, ..Reading::default() };
    let cut = open(&[&one, &long], &reading).unwrap();
    assert_eq!([cut[0].frames.len(), cut[1].frames.len()], [2, 2]);
    assert_eq!(
        (&cut[0].notices[..], &cut[1].notices[..]),
        (&[][..], &[Notice::Cut { from: 3, to: 2 }][..])
    );
    assert!(refusal(&[&one, &none]).contains("none.y4m: a view has at least one picture"));
    assert_eq!(refusal(&[]), "at least one view is needed");
}

#[test]
fn what_one_view_leaves_open_is_that_of_another() {
    let desk = Desk::new();
    let silent = desk.y4m("silent.y4m", "F24:1", 1);
    let same = desk.y4m("same.y4m", "F48:2 A1:1 XCOLORRANGE=LIMITED", 1);
    let full = desk.y4m("full.y4m", "F24:1 A2:1 XCOLORRANGE=FULL", 1);
    let views = open(&[&silent, &full], &Reading::default()).unwrap();
    assert_eq!(views[0].told, views[1].told);
    assert_eq!(views[0].told.full_range, Some(true));
    let said: Vec<String> = warnings(&views).map(|warning| warning.to_string()).collect();
    assert_eq!(said.len(), 1);
    assert!(
        said[0].contains("silent.y4m: does not say its range of samples: taken for"),
        "{said:?}"
    );
    let ranges = refusal(&[&silent, &same, &full]);
    assert!(ranges.contains("same.y4m has 16‥235 and"), "{ranges}");
    assert!(ranges.contains("--range limited takes all for that"), "{ranges}");
    for range in [true, false] {
        let reading = Reading { full_range: Some(range), ..Reading::default() };
        let views = open(&[&silent, &same, &full], &reading).unwrap();
        assert!(views.iter().all(|view| view.told.full_range == Some(range)));
    }
    let narrow = desk.y4m("narrow.y4m", "F24:1 A1:2 XCOLORRANGE=LIMITED", 1);
    let views = open(&[&same, &narrow], &Reading::default()).unwrap();
    let said = warnings(&views).next().unwrap().to_string();
    assert!(
        said.contains("narrow.y4m: its pixel aspect is 1:2, but the stream says 1:1"),
        "{said}"
    );
    let reading = Reading { aspect: Some((3, 2)), ..Reading::default() };
    let views = open(&[&same, &narrow], &reading).unwrap();
    assert_eq!((views[1].told.sampling.pixel_aspect, warnings(&views).count()), ((3, 2), 0));
}

/// What a refusal says to do is done, as it is said.
#[test]
fn views_of_two_matrices_or_ranges_are_refused_with_what_makes_them_one() {
    let desk = Desk::new();
    let make = |name: &str, matrix: &str, range: &str| {
        let set = format!("setparams=colorspace={matrix}:range={range}");
        let chain =
            format!("scale=out_color_matrix={matrix}:out_range={range},format=yuv420p,{set}");
        desk.ffmpeg(&format!("{PATTERN} -vf {chain} -c:v libx264 -qp 0"), name)
    };
    let hd = make("hd.mp4", "bt709", "tv");
    let [sd, full] = [make("sd.mp4", "smpte170m", "tv"), make("full.mp4", "bt709", "pc")];
    for (other, takes) in [(&sd, "--colour bt709"), (&full, "--range limited")] {
        let said = refusal(&[&hd, other]);
        assert!(said.contains(&format!("{takes} takes all for that")), "{said}");
        let arguments = said.split_once("convert: ffmpeg ").unwrap().1.strip_suffix(" OUT.y4m");
        let converted = desk.ffmpeg(arguments.unwrap(), "OUT.y4m");
        let views = open(&[&hd, &converted], &Reading::default()).unwrap();
        assert_eq!(views[1].told.colour(), views[0].told.colour());
        let [ours, theirs] = [&views[0], &views[1]].map(|view| view.frames[0].planes());
        let far = ours.iter().zip(&theirs).map(|(a, b)| {
            let apart = a.samples.iter().zip(b.samples).map(|(a, b)| u64::from(a.abs_diff(*b)));
            apart.sum::<u64>() / a.samples.len() as u64
        });
        assert!(far.max() < Some(3), "{said}");
    }
    // Of one matrix there are two names.
    let pal = make("pal.mp4", "bt470bg", "tv");
    let views = open(&[&sd, &pal], &Reading::default()).unwrap();
    let said: Vec<String> = warnings(&views).map(|warning| warning.to_string()).collect();
    assert!(
        said[0].contains("its colour matrix is bt470bg, but the stream says smpte170m"),
        "{said:?}"
    );
}

#[test]
fn samples_made_of_rgb_keep_the_matrix_that_made_them() {
    let desk = Desk::new();
    let files = desk.pngs("files", &[("1.png", [255, 0, 0])]);
    let film = desk.ffmpeg(&format!("{PATTERN} -c:v ffv1 -pix_fmt gbrp"), "rgb.mkv");
    let asked = Reading {
        colour: Some(reading::parse_colour("smpte170m").unwrap()),
        full_range: Some(true),
        ..Reading::default()
    };
    for path in [files, film] {
        let told = open(&[&path], &asked).unwrap()[0].told;
        assert_eq!((told.matrix, told.full_range), (1, Some(false)), "{}", path.display());
    }
}

#[test]
fn covers_are_no_videos_and_further_videos_are_told() {
    let desk = Desk::new();
    let film = desk.ffmpeg(&format!("{PATTERN} -pix_fmt yuv420p -c:v libx264"), "film.mp4");
    desk.ffmpeg("-f lavfi -i testsrc=s=32x32:d=0.04 -frames:v 1", "cover.jpg");
    let arguments = "-i cover.jpg -i film.mp4 -map 0 -map 1 -c copy -disposition:v:0 attached_pic";
    let view = open_one(&desk.ffmpeg(arguments, "covered.mp4"));
    assert_eq!((view.frames, view.notices), (open_one(&film).frames, vec![]));
    let arguments =
        "-f lavfi -i sine=d=0.4 -i cover.jpg -map 0 -map 1 -c:v copy -disposition:v:0 attached_pic";
    let song = desk.ffmpeg(arguments, "song.m4a");
    assert!(refusal(&[&song]).contains("song.m4a: ffmpeg finds no video"));
    let two = desk.ffmpeg("-i film.mp4 -i film.mp4 -map 0 -map 1 -c copy", "two.mkv");
    assert_eq!(open_one(&two).notices, [Notice::OtherVideos(2)]);
}

#[test]
fn a_film_that_is_cut_or_damaged_is_taken_with_a_word() {
    let desk = Desk::new();
    for (container, codec) in
        [("mp4", "libx264 -g 1 -movflags faststart"), ("mkv", "ffv1"), ("avi", "ffv1")]
    {
        let whole = desk
            .ffmpeg(&format!("{PATTERN} -pix_fmt yuv420p -c:v {codec}"), &format!("a.{container}"));
        let bytes = fs::read(&whole).unwrap();
        let cut = desk.path(&format!("cut.{container}"));
        fs::write(&cut, &bytes[..bytes.len() * 4 / 5]).unwrap();
        let view = open_one(&cut);
        assert!(view.frames.len() < 10, "{container}");
        let damaged = |n: &Notice| matches!(n, Notice::Damaged(_));
        assert!(view.notices.iter().any(damaged), "{container}: {:?}", view.notices);
    }
}

#[test]
fn packets_that_are_missing_are_said_to_be_damage() {
    let desk = Desk::new();
    let line = format!("{PATTERN} -pix_fmt yuv420p -c:v libx264 -g 4 -qp 10");
    let whole = desk.ffmpeg(&line, "a.ts");
    assert!(open_one(&whole).notices.is_empty());
    let mut bytes = fs::read(&whole).unwrap();
    // Packets of a transport stream have 188 bytes.
    let packets = bytes.len() / 188;
    bytes.drain(packets / 2 * 188..(packets / 2 + packets / 8 + 1) * 188);
    let hole = desk.path("hole.ts");
    fs::write(&hole, bytes).unwrap();
    let notices = open_one(&hole).notices;
    assert!(notices.iter().any(|n| matches!(n, Notice::Damaged(_))), "{notices:?}");
}

#[test]
fn views_that_start_at_other_times_are_named_with_the_difference() {
    let desk = Desk::new();
    let line = |later: &str| format!("{PATTERN} -pix_fmt yuv420p -c:v ffv1 {later}");
    let early = desk.ffmpeg(&line(""), "early.mkv");
    let late = desk.ffmpeg(&line("-output_ts_offset 0.2"), "late.mkv");
    let hardly = desk.ffmpeg(&line("-output_ts_offset 0.01"), "hardly.mkv");
    let bare = desk.sized("bare.y4m", (64, 48), "F24:1", 4);
    let said = |paths: &[&PathBuf]| -> Vec<String> {
        let views = open(paths, &Reading { shortest: true, ..at_rate(24, 1) }).unwrap();
        let apart = |w: &Warning| matches!(w.notice, Notice::StartsApart { .. });
        warnings(&views).filter(apart).map(|warning| warning.to_string()).collect()
    };
    let [one] = &said(&[&early, &late])[..] else { panic!("one view starts later") };
    assert!(one.contains("late.mkv: starts 0.2 s after ") && one.contains("early.mkv"), "{one}");
    let [one] = &said(&[&late, &early])[..] else { panic!("one view starts earlier") };
    assert!(one.contains("early.mkv: starts 0.2 s before "), "{one}");
    assert!(said(&[&early, &hardly]).is_empty(), "by less than half a frame");
    assert_eq!(said(&[&bare, &early, &late]).len(), 1, "y4m has no clock");
}

#[test]
fn frames_are_repeated_and_dropped_to_the_rate_asked_for() {
    let desk = Desk::new();
    let slow = desk.y4m("slow.y4m", "F24:1", 4);
    let fast = desk.y4m("fast.y4m", "F48:1", 8);
    let unknown = desk.y4m("unknown.y4m", "F0:0", 4);
    let rates = refusal(&[&slow, &desk.y4m("25.y4m", "F25:1", 4)]);
    assert!(rates.contains("slow.y4m has 24/1 and"), "{rates}");
    assert!(rates.contains("--rate 24/1 repeats and drops"), "{rates}");
    let views = open(&[&slow, &fast], &at_rate(48, 1)).unwrap();
    let sources = |view: &View| -> Vec<usize> {
        let index = |frame: &Picture| (0..8).find(|i| *frame == synthetic(16, 8, *i as f32));
        view.frames.iter().map(|frame| index(frame).unwrap()).collect()
    };
    assert_eq!(sources(&views[0]), [0, 0, 1, 1, 2, 2, 3, 3]);
    assert_eq!(sources(&views[1]), [0, 1, 2, 3, 4, 5, 6, 7]);
    let resampled = Notice::Resampled { from: 4, to: 8, rate: (48, 1) };
    assert_eq!((&views[0].notices[..], views[1].notices.len()), (&[resampled][..], 0));
    let limited = Reading { limit: Some(3), ..at_rate(48, 1) };
    assert_eq!(sources(&open(&[&slow], &limited).unwrap()[0]), [0, 0, 1]);
    // Without times there is nothing to keep.
    let views = open(&[&unknown], &at_rate(48, 1)).unwrap();
    assert_eq!((views[0].rate, sources(&views[0])), ((48, 1), vec![0, 1, 2, 3]));
    let assumed = open(&[&unknown, &slow], &Reading::default()).unwrap().remove(0);
    assert_eq!((assumed.rate, &assumed.notices[..]), ((24, 1), &[Notice::NoRate((24, 1))][..]));
    let assumed = open_one(&unknown);
    assert_eq!(
        (assumed.rate, &assumed.notices[..]),
        (UNKNOWN_RATE, &[Notice::NoRate(UNKNOWN_RATE)][..])
    );
}

#[test]
fn png_folders_are_read_in_order_of_number_and_converted() {
    let desk = Desk::new();
    let names: Vec<String> = (1..=12).map(|i| format!("frame_{i}.png")).collect();
    let level = |i: usize| [20 * i as u8; 3];
    let files: Vec<_> = names.iter().enumerate().map(|(i, n)| (n.as_str(), level(i))).collect();
    let view = open_one(&desk.pngs("unpadded", &files));
    assert!(view.frames.is_sorted_by_key(|frame| frame.y()[0]));
    assert_eq!(view.frames.len(), 12);
    let view = open_one(&desk.pngs("two", &[("2.PNG", [255; 3]), ("1.png", [255, 0, 0])]));
    let [red, white] = &view.frames[..] else { panic!("two pictures") };
    // BT.709 limited: Y = 16 + 219 · 0.2126, Cb = 128 − 224 · 0.2126 / 1.8556, Cr = 240.
    assert_eq!((red.y()[4], red.u()[3], red.v()[3]), (63, 102, 240));
    assert_eq!((white.y()[8], white.u()[0], white.v()[0]), (235, 128, 128));
    assert_eq!((view.told.matrix, view.told.full_range), (1, Some(false)));
    assert_eq!(view.told.sampling.siting, Siting::Centre);
}

#[test]
fn folders_have_a_word_for_each_oddity() {
    let desk = Desk::new();
    let folder = desk.pngs("odd", &[("1.png", [9; 3]), ("2.png", [9; 3]), ("4.png", [9; 3])]);
    for other in [".thumb.png", "notes.txt"] {
        fs::write(folder.join(other), "not a picture").unwrap();
    }
    fs::create_dir(folder.join("3.png")).unwrap();
    let view = open_one(&folder);
    assert_eq!(view.frames.len(), 3);
    let said: Vec<String> = view.notices.iter().map(ToString::to_string).collect();
    assert!(said.contains(&"files are left out: .thumb.png, 3.png, notes.txt".into()), "{said:?}");
    assert!(said.contains(&"a gap in the numbers: 4.png follows 2.png".into()), "{said:?}");

    let two = desk.pngs("two", &[("a1.png", [9; 3]), ("a2.png", [9; 3]), ("b1.png", [9; 3])]);
    let said: Vec<String> = open_one(&two).notices.iter().map(ToString::to_string).collect();
    assert!(said[0].starts_with("the numbers do not rise from a2.png to b1.png"), "{said:?}");
    for (bytes, what) in [
        (&b""[..], "is damaged, or no PNG"),
        (b"\x89PNG\r\n\x1a\n", "is damaged or cut off"),
        (b"\xff\xd8\xff\xe0", "seems to be JPEG"),
    ] {
        fs::write(two.join("b1.png"), bytes).unwrap();
        let said = refusal(&[&two]);
        assert!(said.contains("b1.png: ") && said.contains(what), "{said}");
    }

    use png::BitDepth::{Eight, One, Sixteen};
    use png::ColorType::{Grayscale, GrayscaleAlpha, Indexed, Rgb, Rgba};
    let kinds = [
        ("gray", Grayscale, Eight, vec![Notice::Gray]),
        ("gray16", Grayscale, Sixteen, vec![Notice::Depth(16), Notice::Gray]),
        ("grayalpha", GrayscaleAlpha, Eight, vec![Notice::Gray, Notice::Alpha]),
        ("rgb", Rgb, Eight, vec![Notice::Rgb]),
        ("rgb16", Rgb, Sixteen, vec![Notice::Depth(16), Notice::Rgb]),
        ("rgba", Rgba, Eight, vec![Notice::Rgb, Notice::Alpha]),
        ("palette", Indexed, One, vec![Notice::Rgb, Notice::Palette]),
    ];
    for (name, colour, depth, expected) in kinds {
        let folder = desk.path(name);
        fs::create_dir(&folder).unwrap();
        let row_bits = 3 * colour.samples() * depth as usize;
        let samples = vec![255; 3 * row_bits.div_ceil(8)];
        for file in ["1.png", "2.png"] {
            png(&folder.join(file), colour, depth, &samples);
        }
        let view = open_one(&folder);
        assert!(view.frames[1].y().iter().all(|luma| *luma == 235), "{name} is white");
        let of_first: Vec<Notice> = expected
            .into_iter()
            .map(|notice| Notice::In { file: "1.png".into(), notice: Box::new(notice) })
            .chain([Notice::NoRate(UNKNOWN_RATE)])
            .collect();
        assert_eq!(view.notices, of_first, "{name}");
    }
    let empty = desk.path("empty");
    fs::create_dir(&empty).unwrap();
    fs::write(empty.join("a.jpg"), "").unwrap();
    assert!(refusal(&[&empty]).contains("empty: a folder holds PNG files, one per picture"));
    png(&folder.join("5.png"), Rgb, Eight, &[1; 27]);
    let mut large = png::Encoder::new(File::create(folder.join("6.png")).unwrap(), 4, 3);
    large.set_color(Rgb);
    large.write_header().unwrap().write_image_data(&[1; 36]).unwrap();
    let sizes = refusal(&[&folder]);
    assert!(
        sizes.contains("1.png has 3x3 pixels and ")
            && sizes.contains("6.png has 4x3")
            && sizes.ends_with("6.png -vf scale=3:3 OUT.png"),
        "{sizes}"
    );
}

#[test]
fn png_says_its_primaries_transfer_and_aspect() {
    let desk = Desk::new();
    let folder = desk.path("said");
    fs::create_dir(&folder).unwrap();
    let file = File::create(folder.join("1.png")).unwrap();
    let mut encoder = png::Encoder::new(file, 3, 3);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_pixel_dims(Some(png::PixelDimensions {
        xppu: 45,
        yppu: 64,
        unit: png::Unit::Unspecified,
    }));
    let mut writer = encoder.write_header().unwrap();
    writer.write_chunk(png::chunk::cICP, &[9, 16, 0, 1]).unwrap();
    writer.write_image_data(&[7; 27]).unwrap();
    drop(writer);
    let SourceFacts { primaries, transfer, matrix, sampling, .. } = open_one(&folder).told;
    assert_eq!([primaries, transfer, matrix], [9, 16, 1]);
    assert_eq!(sampling.pixel_aspect, (64, 45));
    assert!(open_one(&folder).notices.contains(&Notice::HdrTransfer("PQ")));
}

#[test]
fn inputs_that_were_misread_tell_what_they_are() {
    let bars = open_one(&input("bars709.mp4"));
    assert_eq!((bars.told.matrix, bars.told.full_range), (1, Some(false)));
    assert_eq!(bars.told.sampling, Sampling { pixel_aspect: (1, 1), siting: Siting::Left });
    assert_eq!((bars.rate, &bars.notices[..]), ((25, 1), &[][..]));
    let hdr = open_one(&input("hdr.mp4"));
    assert_eq!((hdr.told.matrix, &hdr.notices[..]), (9, &[Notice::Depth(10)][..]));
    assert_eq!(open_one(&input("sar.mp4")).told.sampling.pixel_aspect, (64, 45));
    let uneven = open_one(&input("vfr.mp4"));
    assert_eq!((uneven.frames.len(), uneven.rate), (12, (12, 1)));
    assert!(matches!(uneven.notices[..], [Notice::VariableRate { rate: (12, 1), .. }]));
    let resampled = open(&[&input("vfr.mp4")], &at_rate(24, 1)).unwrap().remove(0);
    assert_eq!((resampled.frames.len(), resampled.rate), (24, (24, 1)));
}

/// Containers by the codec that writes them here; all of them lossless.
const CONTAINERS: [(&str, &str); 4] =
    [("mp4", "libx264 -qp 0"), ("mov", "libx264 -qp 0"), ("mkv", "ffv1"), ("avi", "ffv1")];

/// Ten frames that move, 24 a second.
const PATTERN: &str = "-f lavfi -i testsrc=s=64x48:r=24:d=0.4166";

/// Containers and codecs that keep a pixel format are told apart from those that only seem to by the frames: each has
/// to come out as the y4m file that ffmpeg makes of the same frames.
#[test]
fn every_container_gives_the_frames_and_notices_of_y4m() {
    let desk = Desk::new();
    let formats = [
        ("yuv420p", vec![]),
        ("yuv422p", vec![Notice::Chroma("4:2:2")]),
        ("yuv444p", vec![Notice::Chroma("4:4:4")]),
        ("gray", vec![Notice::Gray]),
        ("yuv420p10le", vec![Notice::Depth(10)]),
        ("yuv422p10le", vec![Notice::Depth(10), Notice::Chroma("4:2:2")]),
        ("yuv444p10le", vec![Notice::Depth(10), Notice::Chroma("4:4:4")]),
    ];
    for (format, expected) in formats {
        let make = format!("{PATTERN} -pix_fmt {format} -strict -1 -c:v");
        let y4m = open_one(&desk.ffmpeg(&format!("{make} wrapped_avframe"), "of.y4m"));
        assert_eq!(y4m.frames.len(), 10);
        assert_eq!(y4m.notices, expected, "{format} in y4m");
        for (container, codec) in CONTAINERS {
            let name = format!("{format}.{container}");
            // H.264 without chroma is decoded as 4:2:0 with neutral chroma: nothing is lost.
            let is_gray_h264 = format == "gray" && codec.starts_with("libx264");
            let expected = if is_gray_h264 { &[][..] } else { &expected[..] };
            let view = open_one(&desk.ffmpeg(&format!("{make} {codec}"), &name));
            assert_eq!(view.notices, expected, "{name}");
            assert!(view.frames == y4m.frames, "{name} has other frames than y4m");
            assert_eq!(view.rate, (24, 1), "{name}");
        }
    }
}

#[test]
fn every_container_keeps_the_colour_it_carries() {
    let desk = Desk::new();
    let colours = [
        ("bt709", "bt709", "bt709", "tv", [1, 1, 1]),
        ("smpte170m", "smpte170m", "smpte170m", "tv", [6, 6, 6]),
        ("bt470bg", "bt470bg", "bt470bg", "pc", [5, 5, 5]),
        ("bt2020nc", "bt2020", "smpte2084", "tv", [9, 9, 16]),
        ("bt2020nc", "bt2020", "arib-std-b67", "tv", [9, 9, 18]),
    ];
    for (matrix, primaries, transfer, range, expected) in colours {
        for (container, codec) in
            [("mp4", "libx264"), ("mov", "libx264"), ("mkv", "ffv1"), ("mkv", "libx264")]
        {
            let set = format!(
                "setparams=colorspace={matrix}:color_primaries={primaries}:color_trc={transfer}:range={range}"
            );
            let arguments =
                format!("{PATTERN} -pix_fmt yuv420p -vf format=yuv420p,{set} -c:v {codec}");
            let name = format!("{matrix}-{transfer}-{codec}.{container}");
            let view = open_one(&desk.ffmpeg(&arguments, &name));
            let SourceFacts { primaries, transfer, matrix, full_range, .. } = view.told;
            assert_eq!([matrix, primaries, transfer], expected, "{name}");
            // ffmpeg gives FFV1 limited samples whatever it had.
            assert_eq!(full_range, Some(range == "pc" && codec == "libx264"), "{name}");
            let hdr = view.notices.iter().any(|n| matches!(n, Notice::HdrTransfer(_)));
            assert_eq!(hdr, expected[2] >= 16, "{name}: {:?}", view.notices);
        }
    }
}

#[test]
fn every_container_keeps_the_pixel_aspect_it_carries() {
    let desk = Desk::new();
    for (container, codec) in CONTAINERS {
        let arguments = format!("{PATTERN} -pix_fmt yuv420p -vf setsar=64/45 -c:v {codec}");
        let view = open_one(&desk.ffmpeg(&arguments, &format!("sar.{container}")));
        assert_eq!(view.told.sampling.pixel_aspect, (64, 45), "{container}");
    }
}

#[test]
fn every_container_says_so_where_alpha_or_rgb_is_lost() {
    let desk = Desk::new();
    let cases = [
        ("mkv", "ffv1 -pix_fmt yuva420p", vec![Notice::Alpha]),
        ("avi", "ffv1 -pix_fmt yuva444p", vec![Notice::Alpha, Notice::Chroma("4:4:4")]),
        ("mov", "qtrle -pix_fmt argb", vec![Notice::Rgb, Notice::Alpha]),
        ("mov", "png -pix_fmt rgba", vec![Notice::Rgb, Notice::Alpha]),
        ("mkv", "ffv1 -pix_fmt gbrp10le", vec![Notice::Rgb, Notice::Depth(10)]),
        ("mp4", "libx264rgb -qp 0", vec![Notice::Rgb]),
        ("gif", "gif", vec![Notice::Rgb, Notice::Alpha]),
    ];
    for (container, codec, expected) in cases {
        let name = format!("{}.{container}", codec.replace(' ', "_"));
        let view = open_one(&desk.ffmpeg(&format!("{PATTERN} -c:v {codec}"), &name));
        let lasting = |n: &&Notice| !matches!(n, Notice::VariableRate { .. });
        let notices: Vec<Notice> = view.notices.iter().filter(lasting).cloned().collect();
        assert_eq!(notices, expected, "{name}");
        let rgb = expected.contains(&Notice::Rgb);
        assert_eq!(view.told.matrix == 1 && view.told.full_range == Some(false), rgb, "{name}");
    }
}

#[test]
fn rgb_video_and_png_files_become_the_same_pictures() {
    let desk = Desk::new();
    let video = open_one(&desk.ffmpeg(&format!("{PATTERN} -c:v ffv1 -pix_fmt gbrp"), "rgb.mkv"));
    fs::create_dir(desk.path("rgb")).unwrap();
    desk.ffmpeg(&format!("{PATTERN} -pix_fmt rgb24"), "rgb/%d.png");
    let files = open_one(&desk.path("rgb"));
    assert_eq!(video.told.matrix, files.told.matrix);
    assert_eq!(video.frames.len(), files.frames.len());
    for (a, b) in video.frames.iter().zip(&files.frames) {
        let luma = a.y().iter().zip(b.y()).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(luma <= Some(2), "luma is {luma:?} levels apart");
    }
}

#[test]
fn every_container_says_so_where_frames_are_not_even() {
    let desk = Desk::new();
    // Frames 3 to 5 of ten are missing.
    let drop = "-pix_fmt yuv420p -vf select=not(between(n\\,3\\,5)) -fps_mode passthrough -c:v";
    for (container, codec) in [("mp4", "libx264 -qp 0"), ("mov", "libx264 -qp 0"), ("mkv", "ffv1")]
    {
        let path = desk.ffmpeg(&format!("{PATTERN} {drop} {codec}"), &format!("vfr.{container}"));
        let view = open_one(&path);
        assert_eq!(view.frames.len(), 7, "{container}");
        let [Notice::VariableRate { shortest_ms, longest_ms, .. }] = view.notices[..] else {
            panic!("{container}: {:?}", view.notices)
        };
        assert!((41..=42).contains(&shortest_ms), "{container}: {shortest_ms} ms");
        assert!((166..=167).contains(&longest_ms), "{container}: {longest_ms} ms");
        // As by ffmpeg's own filter.
        let expected = desk.ffmpeg(&format!("-i {} -vf fps=24", path.display()), "fps.y4m");
        let resampled = open(&[&path], &at_rate(24, 1)).unwrap().remove(0);
        assert!(resampled.frames == open_one(&expected).frames, "{container} at 24 a second");
        let limited = Reading { limit: Some(5), ..at_rate(24, 1) };
        let limited = open(&[&path], &limited).unwrap().remove(0);
        assert!(limited.frames[..] == resampled.frames[..5], "{container}, five frames");
    }
}

#[test]
fn interlaced_frames_are_refused_unless_taken_as_progressive() {
    let desk = Desk::new();
    let mut paths = Vec::new();
    for flag in ["It", "Ib", "Im"] {
        paths.push(desk.y4m(&format!("{flag}.y4m"), &format!("F24:1 {flag}"), 2));
    }
    for (container, codec) in [("mp4", "libx264"), ("mkv", "libx264"), ("mov", "libx264")] {
        let fields = "-pix_fmt yuv420p -vf setfield=tff -flags +ildct+ilme -x264opts tff=1 -c:v";
        paths
            .push(desk.ffmpeg(&format!("{PATTERN} {fields} {codec}"), &format!("two.{container}")));
    }
    let progressive = Reading { progressive: true, ..Reading::default() };
    for path in paths {
        let name = path.display();
        let why = refusal(&[&path]);
        assert!(why.contains("--progressive") && why.contains("bwdif"), "{name}: {why}");
        let view = open(&[&path], &progressive).unwrap().remove(0);
        assert_eq!(view.notices, [Notice::TakenAsProgressive], "{name}");
    }
}

#[test]
fn rotation_is_carried_out_and_said() {
    let desk = Desk::new();
    let upright = desk.ffmpeg(&format!("{PATTERN} -pix_fmt yuv420p -c:v libx264"), "upright.mp4");
    for (degrees, container) in [(90, "mp4"), (180, "mov"), (-90, "mp4")] {
        let arguments = format!("-display_rotation {degrees} -i {} -c copy", upright.display());
        let name = format!("turned{degrees}.{container}");
        let view = open_one(&desk.ffmpeg(&arguments, &name));
        let size = if degrees == 180 { (64, 48) } else { (48, 64) };
        assert_eq!(view.size(), Some(size), "{name}");
        let [Notice::Rotated(said)] = &view.notices[..] else { panic!("{:?}", view.notices) };
        assert_eq!(said.trim_start_matches('-'), degrees.to_string().trim_start_matches('-'));
    }
}

#[test]
fn a_change_of_size_is_refused_with_the_frame() {
    let desk = Desk::new();
    let small = "-f lavfi -i testsrc=s=64x48:r=24:d=0.125 -pix_fmt yuv420p -c:v libx264 -bsf:v h264_mp4toannexb -f h264";
    let first = fs::read(desk.ffmpeg(small, "a.h264")).unwrap();
    let second = fs::read(desk.ffmpeg(&small.replace("64x48", "32x32"), "b.h264")).unwrap();
    let both = desk.path("both.h264");
    fs::write(&both, [first, second].concat()).unwrap();
    let why = refusal(&[&both]);
    assert!(why.contains("both.h264: frame 3 has 32x32 pixels after 64x48 pixels"), "{why}");
}

#[test]
fn what_ffmpeg_refuses_is_told_in_its_words() {
    let desk = Desk::new();
    let text = desk.path("a.txt");
    fs::write(&text, "not a picture").unwrap();
    let said = refusal(&[&text]);
    assert!(said.contains("a.txt: ffmpeg says") && said.contains("Invalid data"), "{said}");
    let wide = desk.ffmpeg("-f lavfi -i color=s=8194x16:d=0.1 -c:v ffv1", "wide.mkv");
    let error = open(&[&wide], &Reading::default()).unwrap_err();
    let why = std::error::Error::source(&error).unwrap().to_string();
    assert!(why.contains("1 to 8192 pixels"), "{why}");
    let tone = desk.ffmpeg("-f lavfi -i sine=d=0.1", "tone.wav");
    assert!(refusal(&[&tone]).contains("tone.wav: ffmpeg finds no video"));
}

#[test]
fn layouts_of_y4m_are_converted_without_ffmpeg() {
    let desk = Desk::new();
    let path = desk.path("ten.y4m");
    let layout = Layout { chroma: Chroma::Yuv444, bits: 10, alpha: false };
    let mut bytes = b"YUV4MPEG2 W4 H2 F24:1 C444p10 XYSCSS=444P10\nFRAME\n".to_vec();
    for sample in [400u16, 200, 800] {
        bytes.extend(sample.to_le_bytes().repeat(8));
    }
    assert_eq!(bytes.len(), 50 + layout.bytes(4, 2));
    fs::write(&path, bytes).unwrap();
    let view = open_one(&path);
    let frame = &view.frames[0];
    assert_eq!((frame.y()[0], frame.u()[0], frame.v()[1]), (100, 50, 200));
    assert_eq!(view.notices, layout.losses());
    assert_eq!(view.told.sampling.siting, Siting::Centre);
}
