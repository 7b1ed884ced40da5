//! Opens the views: y4m, folders of PNG, and the rest through ffmpeg.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use crate::ffmpeg::FfmpegMissing;
use crate::input::y4m::{Header, Reader, Y4mError};
use crate::picture::Picture;

mod foreign;
mod png_folder;
pub mod y4m;

/// One camera's pictures.
#[derive(Clone, Debug)]
pub struct View {
    /// Where the pictures come from.
    pub path: PathBuf,
    /// At least one picture, all of one size.
    pub frames: Vec<Picture>,
    /// Frames per second as numerator and denominator.
    pub rate: (u32, u32),
    /// Whether samples use 0‥255, where the source tells.
    pub full_range: Option<bool>,
    /// Colour matrix, where it is known: only for pictures that this crate converted from RGB.
    pub matrix: Option<Matrix>,
}

/// Which luma and chroma weights the pictures use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Matrix {
    /// ITU-R BT.709.
    Bt709,
}

impl View {
    fn from_y4m<R: BufRead>(
        path: &Path,
        source: R,
        limit: Option<usize>,
    ) -> Result<Self, InputError> {
        let wrap = |source| InputError::Y4m { path: path.to_owned(), source };
        let mut reader = Reader::new(source).map_err(wrap)?;
        let mut frames = Vec::new();
        while limit.is_none_or(|limit| frames.len() < limit) {
            let Some(frame) = reader.next_frame().map_err(wrap)? else { break };
            frames.push(frame);
        }
        let Header { rate, full_range, .. } = reader.header();
        Ok(Self { path: path.to_owned(), frames, rate, full_range, matrix: None })
    }

    fn size(&self) -> Option<(usize, usize)> {
        self.frames.first().map(|frame| (frame.width, frame.height))
    }
}

/// Why the views could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// No path was given.
    #[error("at least one view is needed")]
    NoViews,
    /// A file or folder could not be opened or read.
    #[error("{}: cannot be read", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A y4m file breaks its format.
    #[error("{}", path.display())]
    Y4m {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Y4mError,
    },
    /// A PNG file breaks its format.
    #[error("{}", path.display())]
    Png {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: png::DecodingError,
    },
    /// A picture is larger than the program accepts.
    #[error("{}: {width}x{height} is above 8192 pixels a side", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its width in pixels.
        width: usize,
        /// Its height in pixels.
        height: usize,
    },
    /// The file needs ffmpeg.
    #[error("{}: this format is read through ffmpeg", path.display())]
    NeedsFfmpeg {
        /// The file.
        path: PathBuf,
        /// What to install.
        source: FfmpegMissing,
    },
    /// ffmpeg refused the file.
    #[error("{}: ffmpeg says {message:?}", path.display())]
    Ffmpeg {
        /// The file.
        path: PathBuf,
        /// Its last words.
        message: String,
    },
    /// A view without a picture.
    #[error("{}: a view has at least one picture, this has none", path.display())]
    Empty {
        /// The file or folder.
        path: PathBuf,
    },
    /// Two views, or two pictures of one folder, do not belong together.
    #[error(
        "all views have one {what}, but {} has {first_has} and {} has {other_has}",
        first.display(), other.display()
    )]
    Differ {
        /// What is the same in all views.
        what: &'static str,
        /// The first file.
        first: PathBuf,
        /// What it has.
        first_has: String,
        /// The file that differs.
        other: PathBuf,
        /// What that has.
        other_has: String,
    },
}

/// Reads every view, at most `limit` frames of each, and checks that they belong together; `rate` is over
/// what the files say.
///
/// # Errors
/// [`InputError`]; it names the file, or both files where two do not match.
pub fn open_views(
    paths: &[PathBuf],
    limit: Option<usize>,
    rate: Option<(u32, u32)>,
) -> Result<Vec<View>, InputError> {
    let mut views: Vec<View> =
        paths.iter().map(|path| open_view(path, limit)).collect::<Result<_, _>>()?;
    for view in &mut views {
        view.rate = rate.unwrap_or(view.rate);
    }
    let first = views.first().ok_or(InputError::NoViews)?;
    // Where some do not tell their range, it is that of those that do.
    let telling = views.iter().find(|view| view.full_range.is_some()).unwrap_or(first);
    for view in &views {
        check_pair(first, view)?;
        if view.full_range.is_some() && view.full_range != telling.full_range {
            let range = |view: &View| match view.full_range {
                Some(true) => "0‥255".into(),
                _ => "16‥235".into(),
            };
            return Err(differ("range of samples", [telling, view], range));
        }
    }
    Ok(views)
}

/// Frames per second, such as 24 or 30000/1001.
///
/// # Errors
/// What such a rate looks like.
pub fn parse_rate(text: &str) -> Result<(u32, u32), String> {
    let (pictures, seconds) = text.split_once('/').unwrap_or((text, "1"));
    match (pictures.parse(), seconds.parse()) {
        (Ok(pictures @ 1..), Ok(seconds @ 1..)) => Ok((pictures, seconds)),
        _ => Err("not a rate such as 24 or 30000/1001".into()),
    }
}

fn open_view(path: &Path, limit: Option<usize>) -> Result<View, InputError> {
    let failed = |source| InputError::Read { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(failed)?.is_dir() {
        return png_folder::read(path, limit);
    }
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("y4m")) {
        return View::from_y4m(path, BufReader::new(File::open(path).map_err(failed)?), limit);
    }
    foreign::read(path, limit)
}

/// The error of views that differ in `what`, of which each `has` something.
fn differ(what: &'static str, views: [&View; 2], has: impl Fn(&View) -> String) -> InputError {
    let [first_has, other_has] = views.map(has);
    let [first, other] = views.map(|view| view.path.clone());
    InputError::Differ { what, first, first_has, other, other_has }
}

fn in_pixels((width, height): (usize, usize)) -> String {
    format!("{width}x{height} pixels")
}

fn check_pair(first: &View, view: &View) -> Result<(), InputError> {
    let Some(other_size) = view.size() else {
        return Err(InputError::Empty { path: view.path.clone() });
    };
    let Some(first_size) = first.size() else {
        return Err(InputError::Empty { path: first.path.clone() });
    };
    let both = [first, view];
    if first_size != other_size {
        return Err(differ("size", both, |view| view.size().map(in_pixels).unwrap_or_default()));
    }
    if first.frames.len() != view.frames.len() {
        return Err(differ("length", both, |view| format!("{} frames", view.frames.len())));
    }
    let product = |a: (u32, u32), b: (u32, u32)| u64::from(a.0) * u64::from(b.1);
    if product(first.rate, view.rate) != product(view.rate, first.rate) {
        return Err(differ("rate", both, |view| format!("{}/{}", view.rate.0, view.rate.1)));
    }
    if first.matrix != view.matrix {
        let matrix = |view: &View| match view.matrix {
            Some(_) => "that of PNG files".into(),
            None => "its own".into(),
        };
        return Err(differ("colour matrix", both, matrix));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::y4m::Writer;
    use crate::picture::synthetic;

    fn y4m(folder: &Path, name: &str, width: usize, height: usize, frames: usize) -> PathBuf {
        let path = folder.join(name);
        let header = Header { width, height, rate: (24, 1), full_range: Some(false) };
        written(path, header, frames)
    }

    fn written(path: PathBuf, header: Header, frames: usize) -> PathBuf {
        let mut writer = Writer::new(File::create(&path).unwrap(), header).unwrap();
        for frame in 0..frames {
            writer.write(&synthetic(header.width, header.height, frame as f32)).unwrap();
        }
        writer.finish().unwrap();
        path
    }

    fn png(path: &Path, rgb: [u8; 3]) {
        let mut encoder = png::Encoder::new(File::create(path).unwrap(), 3, 3);
        encoder.set_color(png::ColorType::Rgb);
        encoder.write_header().unwrap().write_image_data(&rgb.repeat(9)).unwrap();
    }

    #[test]
    fn equal_views_open_up_to_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let paths = [y4m(folder.path(), "a.y4m", 17, 9, 3), y4m(folder.path(), "b.Y4M", 17, 9, 4)];
        let views = open_views(&paths, Some(2), None).unwrap();
        assert_eq!(views.len(), 2);
        assert_eq!(views[1].frames[1], synthetic(17, 9, 1.0));
        assert_eq!((views[0].rate, views[0].full_range), ((24, 1), Some(false)));
    }

    #[test]
    fn views_that_differ_are_named_with_their_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let one = y4m(folder.path(), "one.y4m", 16, 8, 2);
        let wide = y4m(folder.path(), "wide.y4m", 18, 8, 2);
        let long = y4m(folder.path(), "long.y4m", 16, 8, 3);
        let none = y4m(folder.path(), "none.y4m", 16, 8, 0);
        let say = |paths: &[&PathBuf]| {
            let paths: Vec<PathBuf> = paths.iter().copied().cloned().collect();
            open_views(&paths, None, None).unwrap_err().to_string()
        };
        let (a, b, c) = (one.display(), wide.display(), long.display());
        assert_eq!(
            say(&[&one, &wide]),
            format!("all views have one size, but {a} has 16x8 pixels and {b} has 18x8 pixels")
        );
        assert_eq!(
            say(&[&one, &long]),
            format!("all views have one length, but {a} has 2 frames and {c} has 3 frames")
        );
        assert!(say(&[&one, &none]).contains("none.y4m: a view has at least one picture"));
        assert_eq!(say(&[]), "at least one view is needed");
    }

    #[test]
    fn views_of_other_rates_ranges_or_colours_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let view = |name: &str, rate, full_range| {
            let header = Header { width: 3, height: 3, rate, full_range };
            written(folder.path().join(name), header, 1)
        };
        let silent = view("silent.y4m", (24, 1), None);
        let same = view("same.y4m", (48, 2), Some(false));
        let full = view("full.y4m", (24, 1), Some(true));
        let fast = view("fast.y4m", (25, 1), None);
        let pictures = folder.path().join("pictures");
        std::fs::create_dir(&pictures).unwrap();
        png(&pictures.join("0.png"), [255, 0, 0]);
        let open = |paths: &[&PathBuf], rate| {
            let paths: Vec<PathBuf> = paths.iter().copied().cloned().collect();
            open_views(&paths, None, rate).map_err(|e| e.to_string())
        };
        open(&[&silent, &same], None).unwrap();
        open(&[&silent, &full], None).unwrap();
        let rates = open(&[&silent, &fast], None).unwrap_err();
        assert!(rates.contains("silent.y4m has 24/1 and"), "{rates}");
        assert_eq!(open(&[&silent, &fast], Some((30, 1))).unwrap()[1].rate, (30, 1));
        let ranges = open(&[&silent, &same, &full], None).unwrap_err();
        assert!(ranges.contains("same.y4m has 16‥235 and"), "{ranges}");
        let colours = open(&[&pictures, &fast], None).unwrap_err();
        assert!(colours.contains("one colour matrix"), "{colours}");
    }

    #[test]
    fn rates_are_above_zero() {
        let all = ["24", "30000/1001"].map(|text| parse_rate(text).unwrap());
        assert_eq!(all, [(24, 1), (30_000, 1001)]);
        for wrong in ["", "0", "24/0", "24/", "23.98", "-1", "24:1"] {
            assert!(parse_rate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn png_folders_are_read_in_order_of_name_and_converted() {
        let folder = tempfile::tempdir().unwrap();
        for (name, rgb) in [("002.png", [255, 255, 255]), ("001.png", [255, 0, 0])] {
            png(&folder.path().join(name), rgb);
        }
        let views = open_views(&[folder.path().to_owned()], None, None).unwrap();
        let [red, white] = &views[0].frames[..] else { panic!("two pictures") };
        // BT.709 limited: Y = 16 + 219 · 0.2126, Cb = 128 − 224 · 0.2126 / 1.8556, Cr = 240.
        assert_eq!((red.y[4], red.u[3], red.v[3]), (63, 102, 240));
        assert_eq!((white.y[8], white.u[0], white.v[0]), (235, 128, 128));
        assert_eq!((views[0].matrix, views[0].full_range), (Some(Matrix::Bt709), Some(false)));
    }

    #[test]
    fn other_formats_come_through_ffmpeg() {
        let Ok(mut ffmpeg) = crate::ffmpeg::command() else {
            println!("skipped: no ffmpeg");
            return;
        };
        let folder = tempfile::tempdir().unwrap();
        let source = y4m(folder.path(), "a.y4m", 34, 18, 5);
        let lossless = folder.path().join("a.mkv");
        let done = ffmpeg.arg("-i").arg(&source).args(["-c:v", "ffv1"]).arg(&lossless).status();
        assert!(done.unwrap().success());
        let views = open_views(&[source, lossless.clone()], None, None).unwrap();
        assert_eq!(views[0].frames, views[1].frames);
        assert_eq!(open_views(&[lossless], Some(2), None).unwrap()[0].frames.len(), 2);
        let wide = folder.path().join("wide.mkv");
        let raw = folder.path().join("wide.raw");
        std::fs::write(&raw, vec![128; 8194 * 16 * 3 / 2]).unwrap();
        let mut ffmpeg = crate::ffmpeg::command().unwrap();
        ffmpeg.args(["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", "8194x16", "-i"]).arg(&raw);
        assert!(ffmpeg.args(["-c:v", "ffv1"]).arg(&wide).status().unwrap().success());
        let error = open_views(&[wide], None, None).unwrap_err();
        let why = std::error::Error::source(&error).unwrap().to_string();
        assert!(why.contains("1 to 8192 pixels"), "{why}");
        let text = folder.path().join("a.txt");
        std::fs::write(&text, "not a picture").unwrap();
        let error = open_views(&[text], None, None).unwrap_err().to_string();
        assert!(error.contains("a.txt: ffmpeg says"), "{error}");
    }
}
