//! A folder of PNG files, one per picture, in the order of their names.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use super::{InputError, Matrix, View, in_pixels};
use crate::input::y4m::UNKNOWN_RATE;
use crate::picture::{MAX_SIDE_PX, Picture};

/// Reads at most `limit` pictures of `folder`.
pub(super) fn read(folder: &Path, limit: Option<usize>) -> Result<View, InputError> {
    let mut names = png_names(folder)?;
    names.truncate(limit.unwrap_or(usize::MAX));
    let mut frames: Vec<Picture> = Vec::with_capacity(names.len());
    for name in &names {
        let frame = read_png(name)?;
        let size = |picture: &Picture| (picture.width, picture.height);
        let first_size = frames.first().map_or(size(&frame), size);
        if first_size != size(&frame) {
            return Err(InputError::Differ {
                what: "size",
                first: names[0].clone(),
                first_has: in_pixels(first_size),
                other: name.clone(),
                other_has: in_pixels(size(&frame)),
            });
        }
        frames.push(frame);
    }
    Ok(View {
        path: folder.to_owned(),
        frames,
        rate: UNKNOWN_RATE,
        full_range: Some(false),
        matrix: Some(Matrix::Bt709),
    })
}

fn png_names(folder: &Path) -> Result<Vec<PathBuf>, InputError> {
    let failed = |source| InputError::Read { path: folder.to_owned(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png")) {
            names.push(path);
        }
    }
    names.sort();
    Ok(names)
}

fn read_png(path: &Path) -> Result<Picture, InputError> {
    let broken = |source| InputError::Png { path: path.to_owned(), source };
    let file =
        File::open(path).map_err(|source| InputError::Read { path: path.to_owned(), source })?;
    let mut decoder = png::Decoder::new(BufReader::new(file));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(broken)?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    if width > MAX_SIDE_PX || height > MAX_SIDE_PX {
        return Err(InputError::TooLarge { path: path.to_owned(), width, height });
    }
    // Four channels of 8 bits are the most that `normalize_to_color8` makes.
    let mut samples = vec![0; width * height * 4];
    let frame = reader.next_frame(&mut samples).map_err(broken)?;
    let channels = frame.color_type.samples();
    Ok(to_yuv(&samples, channels, width, height))
}

/// BT.709 limited range: `Y = 16 + 219 E'y`, `C = 128 + 224 (E' − E'y) / k` (BT.709 §3.2 to 3.4).
///
/// Chroma is the mean of its 2×2 pixels, so it sits at their centre.
fn to_yuv(samples: &[u8], channels: usize, width: usize, height: usize) -> Picture {
    let rgb = |x: usize, y: usize| {
        let pixel = &samples[(y * width + x) * channels..][..channels];
        let at = |channel: usize| f32::from(pixel[channel]) / 255.0;
        if channels < 3 { [at(0); 3] } else { [at(0), at(1), at(2)] }
    };
    let mut picture = Picture::new(width, height);
    let chroma_width = picture.chroma_width();
    for y in 0..height {
        for x in 0..width {
            picture.y[y * width + x] = round(16.0 + 219.0 * luma(rgb(x, y)));
        }
    }
    for index in 0..picture.u.len() {
        let (x, y) = (index % chroma_width * 2, index / chroma_width * 2);
        let (right, below) = ((x + 1).min(width - 1), (y + 1).min(height - 1));
        let corners = [rgb(x, y), rgb(right, y), rgb(x, below), rgb(right, below)];
        let mean = |channel: usize| corners.iter().map(|c| c[channel]).sum::<f32>() / 4.0;
        let [r, g, b] = [mean(0), mean(1), mean(2)];
        let grey = luma([r, g, b]);
        picture.u[index] = round(128.0 + 224.0 * (b - grey) / 1.8556);
        picture.v[index] = round(128.0 + 224.0 * (r - grey) / 1.5748);
    }
    picture
}

fn luma([r, g, b]: [f32; 3]) -> f32 {
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

fn round(value: f32) -> u8 {
    value.round() as u8
}
