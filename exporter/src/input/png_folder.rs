//! A folder of PNG files, one per picture, in the order of their numbers.

use std::cmp::Ordering;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use iev_runtime::foreign::FileKind;
use iev_runtime::format::header::{Sampling, Siting};
use iev_runtime::picture::Plane;

use super::agree::resize;
use super::notice::Notice;
use super::room::Room;
use super::times::lowest;
use super::{InputError, Source, SourceFacts, in_pixels, start};
use crate::picture::{MAX_SIDE_PX, Picture, PictureExt};

/// Reads at most `limit` pictures of `folder`.
pub(super) fn read(
    folder: &Path,
    limit: Option<usize>,
    room: &mut Room,
) -> Result<Source, InputError> {
    let Listing { mut names, notices } = list(folder)?;
    names.truncate(limit.unwrap_or(usize::MAX));
    let mut source = Source {
        frames: Vec::with_capacity(names.len()),
        rate: None,
        times: None,
        starts_at_ms: None,
        told: SourceFacts::NOTHING,
        notices,
        interlaced: false,
        of_rgb: true,
    };
    for (index, name) in names.iter().enumerate() {
        // 1. A picture, of the same size as the first.
        let PngFile { frame, told, notices } = read_png(name)?;
        let size = |picture: &Picture| (picture.width(), picture.height());
        let first_size = source.frames.first().map_or(size(&frame), size);
        if first_size != size(&frame) {
            return Err(InputError::Differ {
                what: "size",
                first: names[0].clone(),
                other: name.clone(),
                has: Box::new([first_size, size(&frame)].map(in_pixels)),
                remedy: resize(name, first_size).replace("OUT.y4m", "OUT.png"),
            });
        }
        // 2. The first one's description, and what there is to say, once for all that share it.
        if index == 0 {
            source.told = told;
        }
        for notice in notices {
            let file = file_name(name);
            let known = |n: &Notice| matches!(n, Notice::In { notice: n, .. } if **n == notice);
            if !source.notices.iter().any(known) {
                source.notices.push(Notice::In { file, notice: Box::new(notice) });
            }
        }
        source.frames.push(room.keep(frame)?);
    }
    Ok(source)
}

/// The pictures of a folder in their order, and what there is to say of the rest.
struct Listing {
    names: Vec<PathBuf>,
    notices: Vec<Notice>,
}

fn list(folder: &Path) -> Result<Listing, InputError> {
    let failed = |source| InputError::Read { path: folder.to_owned(), source };
    // 1. Pictures apart from everything else.
    let (mut names, mut left_out) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_png = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("png"));
        let hidden = file_name(&path).starts_with('.');
        if is_png && !hidden && !path.is_dir() {
            names.push(path);
        } else {
            left_out.push(file_name(&path));
        }
    }
    // 2. Without any, what the first file holds tells which argument was meant.
    if names.is_empty() {
        left_out.sort();
        let first = left_out.first().and_then(|name| start(&folder.join(name)).ok());
        let holds = first.and_then(|start| FileKind::of(&start));
        return Err(InputError::NoPictures { path: folder.to_owned(), holds });
    }
    // 3. The order, and whether it has gaps.
    names.sort_by(|a, b| natural(&file_name(a), &file_name(b)));
    left_out.sort();
    let mut notices = Vec::new();
    if !left_out.is_empty() {
        notices.push(Notice::LeftOut { names: left_out });
    }
    notices.extend(odd_steps(&names));
    Ok(Listing { names, notices })
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Order of names in which 2 comes before 10.
fn natural(a: &str, b: &str) -> Ordering {
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).count();
    let (mut rest_a, mut rest_b) = (a, b);
    while let (Some(first_a), Some(first_b)) = (rest_a.chars().next(), rest_b.chars().next()) {
        let (count_a, count_b) = (digits(rest_a), digits(rest_b));
        let order = if count_a > 0 && count_b > 0 {
            let (number_a, number_b) = (&rest_a[..count_a], &rest_b[..count_b]);
            (rest_a, rest_b) = (&rest_a[count_a..], &rest_b[count_b..]);
            let [bare_a, bare_b] = [number_a, number_b].map(|n| n.trim_start_matches('0'));
            // Of two numbers without leading zeros the longer one is greater.
            bare_a.len().cmp(&bare_b.len()).then_with(|| bare_a.cmp(bare_b))
        } else {
            (rest_a, rest_b) = (&rest_a[first_a.len_utf8()..], &rest_b[first_b.len_utf8()..]);
            first_a.cmp(&first_b)
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    // Names that differ in leading zeros alone still have an order.
    rest_a.len().cmp(&rest_b.len()).then_with(|| a.cmp(b))
}

/// The first place where the last number of the names rises more than elsewhere, and the first where it does not rise;
/// nothing where no number does.
fn odd_steps(names: &[PathBuf]) -> impl Iterator<Item = Notice> {
    let numbers = |pair: &[PathBuf]| Some((number(&pair[0])?, number(&pair[1])?));
    let step = |pair: &[PathBuf]| numbers(pair).map(|(a, b)| b.saturating_sub(a));
    let usual = names.windows(2).filter_map(step).filter(|step| *step > 0).min();
    let first = |odd: &dyn Fn(u128, u128) -> bool| {
        let is_odd = |pair: &&[PathBuf]| usual.zip(step(pair)).is_some_and(|(u, s)| odd(u, s));
        let pair = names.windows(2).find(is_odd)?;
        Some((file_name(&pair[0]), file_name(&pair[1])))
    };
    let gap = first(&|usual, step| step > usual);
    let restart = first(&|_, step| step == 0);
    let gap = gap.map(|(before, after)| Notice::Gap { before, after });
    let restart = restart.map(|(before, after)| Notice::Restarts { before, after });
    gap.into_iter().chain(restart)
}

/// The last number of a name.
fn number(path: &Path) -> Option<u128> {
    let stem = path.file_stem()?.to_string_lossy().into_owned();
    let backwards = stem.chars().rev().skip_while(|c| !c.is_ascii_digit());
    let digits: Vec<char> = backwards.take_while(char::is_ascii_digit).collect();
    digits.iter().rev().collect::<String>().parse().ok()
}

/// A picture and what its file says.
struct PngFile {
    frame: Picture,
    told: SourceFacts,
    notices: Vec<Notice>,
}

fn read_png(path: &Path) -> Result<PngFile, InputError> {
    let failed = |source| InputError::Read { path: path.to_owned(), source };
    let seems = if path.is_file() { FileKind::of(&start(path).map_err(failed)?) } else { None };
    let broken = |source| InputError::Png { path: path.to_owned(), seems, source };
    let file = File::open(path).map_err(failed)?;
    let mut decoder = png::Decoder::new(BufReader::new(file));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(broken)?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    if width > MAX_SIDE_PX || height > MAX_SIDE_PX {
        return Err(InputError::TooLarge { path: path.to_owned(), width, height });
    }
    let (told, notices) = (told(reader.info()), notices(reader.info()));
    // Four channels of two bytes are the most that `EXPAND` makes.
    let mut samples = vec![0; width * height * 8];
    let frame = reader.next_frame(&mut samples).map_err(broken)?;
    let wide = frame.bit_depth == png::BitDepth::Sixteen;
    let sample = |at: usize| {
        if wide {
            f32::from(u16::from_be_bytes([samples[2 * at], samples[2 * at + 1]])) / 65_535.0
        } else {
            f32::from(samples[at]) / 255.0
        }
    };
    let frame = to_yuv(sample, frame.color_type.samples(), width, height);
    Ok(PngFile { frame, told, notices })
}

/// Primaries and transfer by the file's chunks; the rest is that of [`to_yuv`].
fn told(info: &png::Info<'_>) -> SourceFacts {
    const SRGB: u8 = 13;
    let (mut primaries, mut transfer) =
        (SourceFacts::NOTHING.primaries, SourceFacts::NOTHING.transfer);
    if info.srgb.is_some() {
        (primaries, transfer) = (SourceFacts::BT709_MATRIX, SRGB);
    }
    if let Some(points) = info.coding_independent_code_points {
        (primaries, transfer) = (points.color_primaries, points.transfer_function);
    }
    // Pixels per unit of length: the more of them, the narrower each is.
    let aspect = info.pixel_dims.map(|dims| lowest((dims.yppu, dims.xppu)));
    let pixel_aspect = aspect.filter(|(w, h)| *w > 0 && *h > 0).unwrap_or((0, 0));
    let sampling = Sampling { pixel_aspect, siting: Siting::Centre };
    SourceFacts {
        primaries,
        transfer,
        matrix: SourceFacts::BT709_MATRIX,
        full_range: Some(false),
        sampling,
    }
}

fn notices(info: &png::Info<'_>) -> Vec<Notice> {
    use png::ColorType::{Grayscale, GrayscaleAlpha, Indexed, Rgba};
    let colour = info.color_type;
    let alpha = matches!(colour, GrayscaleAlpha | Rgba) || info.trns.is_some();
    let notices = [
        (info.bit_depth == png::BitDepth::Sixteen).then_some(Notice::Depth(16)),
        Some(if matches!(colour, Grayscale | GrayscaleAlpha) { Notice::Gray } else { Notice::Rgb }),
        (colour == Indexed).then_some(Notice::Palette),
        alpha.then_some(Notice::Alpha),
        info.interlaced.then_some(Notice::Adam7),
        info.animation_control.is_some().then_some(Notice::Animated),
        info.icc_profile.is_some().then_some(Notice::IccProfile),
    ];
    notices.into_iter().flatten().collect()
}

/// BT.709 limited range: `Y = 16 + 219 E'y`, `C = 128 + 224 (E' − E'y) / k` (BT.709 §3.2 to 3.4).
///
/// Chroma is the mean of its 2×2 pixels, so it sits at their centre. `sample` is 0 to 1.
fn to_yuv(sample: impl Fn(usize) -> f32, channels: usize, width: usize, height: usize) -> Picture {
    let rgb = |x: usize, y: usize| {
        let at = |channel: usize| sample((y * width + x) * channels + channel);
        if channels < 3 { [at(0); 3] } else { [at(0), at(1), at(2)] }
    };
    let mut picture = Picture::zeros(width, height);
    let (chroma_width, _) = picture.plane_size(Plane::U);
    let [luma_plane, blue, red] = picture.planes_mut();
    // 1. A luma sample for each pixel.
    for y in 0..height {
        for x in 0..width {
            luma_plane[y * width + x] = round(16.0 + 219.0 * luma(rgb(x, y)));
        }
    }
    // 2. Chroma of the mean of four, of which odd sizes repeat the last.
    for index in 0..blue.len() {
        let (x, y) = (index % chroma_width * 2, index / chroma_width * 2);
        let (right, below) = ((x + 1).min(width - 1), (y + 1).min(height - 1));
        let corners = [rgb(x, y), rgb(right, y), rgb(x, below), rgb(right, below)];
        let mean = |channel: usize| corners.iter().map(|c| c[channel]).sum::<f32>() / 4.0;
        let [r, g, b] = [mean(0), mean(1), mean(2)];
        let grey = luma([r, g, b]);
        blue[index] = round(128.0 + 224.0 * (b - grey) / 1.8556);
        red[index] = round(128.0 + 224.0 * (r - grey) / 1.5748);
    }
    picture
}

fn luma([r, g, b]: [f32; 3]) -> f32 {
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

fn round(value: f32) -> u8 {
    value.round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ordered_by_their_numbers() {
        let mut names = ["f10", "f2", "f1", "f02", "g1", "f", "f2b1", "f2a9", "f2a10", "é3"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["f", "f1", "f02", "f2", "f2a9", "f2a10", "f2b1", "f10", "g1", "é3"]);
        let huge =
            ["n99999999999999999999998", "n99999999999999999999999", "n100000000000000000000000"];
        let mut names = [huge[2], huge[1], huge[0]];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, huge);
    }

    #[test]
    fn gaps_are_found_whatever_the_step() {
        let of = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(PathBuf::from).collect();
            odd_steps(&names).collect::<Vec<_>>()
        };
        let found = |before: &str, after: &str| {
            vec![Notice::Gap { before: before.into(), after: after.into() }]
        };
        let restarts = |before: &str, after: &str| {
            vec![Notice::Restarts { before: before.into(), after: after.into() }]
        };
        assert_eq!(of(&["a1.png", "a2.png", "a4.png"]), found("a2.png", "a4.png"));
        assert_eq!(of(&["a1.png", "a3.png", "a4.png"]), found("a1.png", "a3.png"));
        assert_eq!(of(&["a0.png", "a2.png", "a4.png"]), []);
        assert_eq!(of(&["a1.png"]), []);
        assert_eq!(of(&["left.png", "right.png"]), []);
        assert_eq!(of(&["1-1_12.png", "1-2_12.png", "1-3_12.png"]), []);
        assert_eq!(of(&["a1.png", "a2.png", "b1.png"]), restarts("a2.png", "b1.png"));
        assert_eq!(of(&["a1.png", "a01.png", "a2.png"]), restarts("a1.png", "a01.png"));
        let (before, after) = ("n99999999999999999999998.png", "n100000000000000000000000.png");
        assert_eq!(of(&["n99999999999999999999997.png", before, after]), found(before, after));
        assert_eq!(of(&["é1.png", "é2.png", "é5x.png"]), found("é2.png", "é5x.png"));
    }
}
