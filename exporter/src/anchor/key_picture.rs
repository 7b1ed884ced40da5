//! The picture of an implicit view that all of a GOP is predicted from.
//!
//! It is never shown itself, so it need not be a picture that any camera took. Where the camera rests, that
//! is best the scene without the people who walk through it: nothing hides the background from any time, and what
//! moves is painted from the anchor anyway (EXPERIMENTS.md §25). Video codecs know it as a *background
//! picture* or *sprite* (MPEG-4 Part 2, AVS2).

use std::ops::Range;

use crate::ablation::{Part, Parts};
use crate::anchor::temporal_filter::{filtered, likeness, noise_variance};
use crate::picture::{Picture, PictureExt};

/// The best of a view's key pictures for the frames `span` of `pictures`: the one in the middle as it is, or
/// without its noise, or the background of all of them, where those are not to do `without`.
///
/// # Panics
/// If the span is empty.
pub fn key_picture(pictures: &[Picture], span: Range<usize>, without: &Parts) -> Picture {
    let (at, frames) = (middle(&span), &pictures[span]);
    let candidates = [
        (!without.has(Part::Background)).then(|| background(frames)),
        (!without.has(Part::TemporalFilter)).then(|| filtered(pictures, at)),
        Some(pictures[at].clone()),
    ];
    let noise = noise_variance(frames);
    let rated = candidates
        .into_iter()
        .flatten()
        .map(|picture| (likeness(&picture, frames, noise), picture));
    let best = rated.reduce(|best, other| if other.0 > best.0 { other } else { best });
    best.map_or_else(|| unreachable!("there is the one as it is"), |(_, picture)| picture)
}

/// The frame of a key picture for the frames `span`: the mean way to them is shortest.
pub fn middle(span: &Range<usize>) -> usize {
    (span.start + span.end) / 2
}

/// What rests in `pictures`: of every sample the mean of the middle third of its values in time.
///
/// # Panics
/// If there is no picture.
pub fn background(pictures: &[Picture]) -> Picture {
    let [first, ..] = pictures else { panic!("a span has a frame") };
    let third = pictures.len() / 3;
    let mut values = vec![0; pictures.len()];
    let planes = [0, 1, 2].map(|plane| {
        let samples = 0..first.planes()[plane].samples.len();
        let typical = |at: usize| {
            let sample = |picture: &Picture| picture.planes()[plane].samples[at];
            values.iter_mut().zip(pictures).for_each(|(value, picture)| *value = sample(picture));
            values.sort_unstable();
            let typical = &values[third..pictures.len() - third];
            let sum: usize = typical.iter().map(|value| usize::from(*value)).sum();
            ((sum + typical.len() / 2) / typical.len()) as u8
        };
        samples.map(typical).collect()
    });
    Picture::of_planes(first.size(), planes)
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::picture::synthetic;
    use crate::quality::plane_psnr_db;

    const FRAMES: usize = 12;

    /// A bright box that passes over `scene`, which has a little noise.
    fn passed(scene: &Picture, frame: usize, random: &mut StdRng) -> Picture {
        let mut picture = scene.clone();
        let [luma, ..] = picture.planes_mut();
        for y in luma.iter_mut() {
            *y = y.saturating_add(random.random_range(0..3));
        }
        for row in 16..48 {
            let left = frame * 6;
            luma[row * scene.width() + left..][..20].fill(250);
        }
        picture
    }

    #[test]
    fn whoever_passes_over_a_scene_at_rest_is_left_out() {
        let (scene, random) = (synthetic(96, 64, 0.0), &mut StdRng::seed_from_u64(1));
        let pictures: Vec<_> = (0..FRAMES).map(|frame| passed(&scene, frame, random)).collect();
        let key = key_picture(&pictures, 0..FRAMES, &Parts::default());
        let db = |picture: &Picture| plane_psnr_db(picture.y(), scene.y());
        assert!(db(&pictures[6]) < 25.0 && db(&key) > 40.0, "{:.1} dB", db(&key));
    }

    #[test]
    fn where_all_moves_the_picture_in_the_middle_is_sharp() {
        let pictures: Vec<_> = (0..FRAMES).map(|t| synthetic(96, 64, 5.0 * t as f32)).collect();
        for span in [0..FRAMES, 0..6, 6..FRAMES, 3..4] {
            let key = key_picture(&pictures, span.clone(), &Parts::default());
            let db = plane_psnr_db(key.y(), pictures[middle(&span)].y());
            assert!(db > 40.0, "{span:?}: {db:.1} dB");
        }
    }
}
