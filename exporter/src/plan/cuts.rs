//! Where a clip changes to another scene, as an edited one does all at once.

use std::ops::Range;

use rayon::prelude::*;

use crate::picture::{Picture, PictureExt};

/// Least distance of what is before a cut from what is behind it: 0 is the same but for brightness and contrast, 1 has
/// nothing in common. Fast driving reaches 0.3 from one picture to the next, two places 0.7 and more.
const FAR: f64 = 0.5;
/// The same over the distance of neighbours within each of both scenes.
const FAR_OVER_NEAR: f64 = 2.5;
/// Fewest pictures of a scene: shorter ones stay with what is before them, for each has a network of its own.
const LEAST_FRAMES: usize = 24;
/// Cells of a thumbnail along each side.
const CELLS: usize = 24;

/// Frames of every scene of `views`, in order.
///
/// A flash and a fade are no cuts: both pictures before one are far from both behind it, and each is near its neighbour.
pub fn scenes(views: &[&[Picture]]) -> Vec<Range<usize>> {
    let frames = views[0].len();
    let thumbnails: Vec<Vec<Thumbnail>> = (0..frames)
        .into_par_iter()
        .map(|frame| views.iter().map(|view| Thumbnail::of(&view[frame])).collect())
        .collect();
    let apart = |a: usize, b: usize| {
        let pairs = thumbnails[a].iter().zip(&thumbnails[b]);
        pairs.map(|(a, b)| a.distance(b)).sum::<f64>() / views.len() as f64
    };
    let is_cut = |frame: usize| {
        let near = apart(frame - 2, frame - 1).max(apart(frame, frame + 1));
        let pairs = [(2, 0), (2, 1), (1, 0), (1, 1)];
        let far = pairs.map(|(before, behind)| apart(frame - before, frame + behind));
        far.into_iter().all(|far| far >= FAR.max(FAR_OVER_NEAR * near))
    };
    let mut starts = vec![0];
    for frame in LEAST_FRAMES..(frames + 1).saturating_sub(LEAST_FRAMES) {
        if frame - starts[starts.len() - 1] >= LEAST_FRAMES && is_cut(frame) {
            starts.push(frame);
        }
    }
    spans(&starts, frames)
}

/// Frames of every scene, whose first ones are `starts`.
pub fn spans(starts: &[usize], frames: usize) -> Vec<Range<usize>> {
    let ends = starts.iter().skip(1).copied().chain([frames]);
    starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect()
}

/// Means of luma in cells, without their mean and of length 1; all zero where a picture is flat.
struct Thumbnail(Vec<f64>);

impl Thumbnail {
    fn of(picture: &Picture) -> Self {
        let (width, height) = (picture.width(), picture.height());
        // A picture of fewer samples than cells leaves some empty.
        let cells = |side: usize| {
            let cell =
                move |at: usize| (at * side).div_ceil(CELLS)..((at + 1) * side).div_ceil(CELLS);
            (0..CELLS).map(cell).filter(|cell| !cell.is_empty())
        };
        let mean = |rows: &Range<usize>, columns: Range<usize>| {
            let line = |row: usize| &picture.y()[row * width..][columns.clone()];
            let sum = |row| line(row).iter().map(|sample| u64::from(*sample)).sum::<u64>();
            let samples = (rows.len() * columns.len()) as f64;
            rows.clone().map(sum).sum::<u64>() as f64 / samples
        };
        let in_rows = |rows: Range<usize>| cells(width).map(move |columns| mean(&rows, columns));
        let mut means: Vec<f64> = cells(height).flat_map(in_rows).collect();
        let mean = means.iter().sum::<f64>() / means.len() as f64;
        means.iter_mut().for_each(|cell| *cell -= mean);
        let length = means.iter().map(|cell| cell * cell).sum::<f64>().sqrt();
        means.iter_mut().for_each(|cell| *cell /= length.max(f64::MIN_POSITIVE));
        Self(means)
    }

    /// 0 for what is alike, 1 for what has nothing in common.
    fn distance(&self, other: &Self) -> f64 {
        1.0 - self.0.iter().zip(&other.0).map(|(a, b)| a * b).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::picture::synthetic;

    /// Blocks of noise that `seed` makes, moved by `shift` samples.
    fn place(seed: u64, shift: usize) -> Picture {
        let random = &mut StdRng::seed_from_u64(seed);
        let blocks: Vec<u8> = (0..64 * 8).map(|_| random.random_range(16..240)).collect();
        let mut picture = Picture::zeros(96, 64);
        for (at, sample) in picture.planes_mut()[0].iter_mut().enumerate() {
            *sample = blocks[at / 96 / 8 * 64 + (at % 96 + shift) / 8];
        }
        picture
    }

    fn found(pictures: &[Picture]) -> Vec<usize> {
        scenes(&[pictures, pictures]).iter().map(|scene| scene.start).collect()
    }

    #[test]
    fn another_place_is_another_scene() {
        let mut pictures: Vec<_> = (0..30).map(|frame| place(1, frame)).collect();
        pictures.extend((0..40).map(|frame| place(2, 2 * frame)));
        pictures.extend((0..24).map(|frame| synthetic(96, 64, frame as f32)));
        assert_eq!(scenes(&[&pictures]), [0..30, 30..70, 70..94]);
        // One that is over within a second is not worth its own network.
        assert_eq!(found(&pictures[..50]), [0]);
        assert_eq!(found(&pictures[10..]), [0, 60]);
    }

    #[test]
    fn motion_flashes_lamps_and_flat_pictures_are_none() {
        let moving: Vec<_> = (0..60).map(|frame| place(1, 4 * frame)).collect();
        assert_eq!(found(&moving), [0]);
        let mut flash = moving.clone();
        flash[30] = place(3, 0);
        assert_eq!(found(&flash), [0]);
        let mut lamp = moving.clone();
        for picture in &mut lamp[30..] {
            picture.planes_mut()[0].iter_mut().for_each(|sample| *sample = 20 + *sample / 3);
        }
        assert_eq!(found(&lamp), [0]);
        let mut dark = moving;
        for picture in &mut dark[..30] {
            picture.planes_mut()[0].fill(16);
        }
        assert_eq!(found(&dark), [0]);
        assert_eq!(found(&dark[..1]), [0]);
    }
}
