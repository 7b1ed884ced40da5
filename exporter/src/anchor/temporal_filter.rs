//! A picture without its noise: the mean of what stays the same in the pictures around it.
//!
//! All of a GOP is predicted from its first picture and its key pictures, which are coded far finer than
//! the rest. The noise in them costs bits and is that of one frame alone, so that every other frame is
//! predicted with twice the noise. Encoders of other standards filter such pictures too (ARNR in libaom,
//! MCTF in VVenC). There is no motion compensation: what moves stays as it is, unless nearly all of the
//! picture does and is taken for noise.

use crate::picture::{Picture, PictureExt, PlaneView};

/// Half the side of the window in which two pictures are compared.
const RADIUS: usize = 2;
/// Excess of the squared difference, in variances of the noise, at which a weight falls to 1/e.
const SOFTNESS: f32 = 6.0;
/// Most that noise exceeds what neighbouring samples tell, since it is alike in them: denoised renders and
/// compressed sources are at twice as much.
const CORRELATION: f32 = 2.0;
/// Median of the absolute value of a normal variable of deviation 1.
const NORMAL_MEDIAN: f32 = 0.6745;
/// Least median difference of two pictures, in levels: what rounding makes of no noise at all.
const LEAST_MEDIAN: f32 = 0.5;

/// Picture `at` of `pictures`, which are of one camera, filtered by all of them.
///
/// # Panics
/// If there is no such picture or sizes differ: the input stage has checked both.
pub fn filtered(pictures: &[Picture], at: usize) -> Picture {
    let reference = &pictures[at];
    let noise = noise_variance(pictures);
    let mut sums = reference.planes().map(|plane| Sum::of(plane));
    for (index, picture) in pictures.iter().enumerate() {
        if index == at {
            continue;
        }
        let luma = weights(reference, picture, noise);
        let chroma = halved(&luma, reference.width());
        let planes = sums.iter_mut().zip(picture.planes()).zip([&luma, &chroma, &chroma]);
        planes.for_each(|((sum, plane), weights)| sum.add(plane, weights));
    }
    Picture::of_planes(reference.size(), sums.map(Sum::mean))
}

/// How much of `pictures`, whose differences have the variance `noise`, is within it of `candidate`, 0 to 1.
pub fn likeness(candidate: &Picture, pictures: &[Picture], noise: f32) -> f64 {
    let mean = |weights: Vec<f32>| {
        weights.iter().map(|weight| f64::from(*weight)).sum::<f64>() / weights.len() as f64
    };
    let alike = pictures.iter().map(|picture| mean(weights(candidate, picture, noise)));
    alike.sum::<f64>() / pictures.len() as f64
}

/// A weighted sum of planes.
struct Sum {
    values: Vec<f32>,
    weights: Vec<f32>,
}

impl Sum {
    /// One plane of weight 1.
    fn of(plane: PlaneView<'_>) -> Self {
        let values: Vec<f32> = plane.samples.iter().copied().map(f32::from).collect();
        Self { weights: vec![1.0; values.len()], values }
    }

    fn add(&mut self, plane: PlaneView<'_>, weights: &[f32]) {
        let sums = self.values.iter_mut().zip(&mut self.weights);
        for ((value, sum), (sample, weight)) in sums.zip(plane.samples.iter().zip(weights)) {
            *value += weight * f32::from(*sample);
            *sum += weight;
        }
    }

    fn mean(self) -> Vec<u8> {
        let pairs = self.values.into_iter().zip(self.weights);
        pairs.map(|(value, weight)| (value / weight).round() as u8).collect()
    }
}

/// How alike two pictures are around every luma sample, 0 to 1.
fn weights(reference: &Picture, other: &Picture, noise: f32) -> Vec<f32> {
    let squared = |(a, b): (&u8, &u8)| f32::from(a.abs_diff(*b)).powi(2);
    let squares: Vec<f32> = reference.y().iter().zip(other.y()).map(squared).collect();
    let weight = |mean: f32| (-(mean / noise - 1.0).max(0.0) / SOFTNESS).exp();
    window_means(&squares, reference.width()).into_iter().map(weight).collect()
}

/// Means over windows of [`RADIUS`], cut off at the borders.
fn window_means(values: &[f32], width: usize) -> Vec<f32> {
    let height = values.len() / width;
    let span = |at: usize, end: usize| at.saturating_sub(RADIUS)..(at + RADIUS + 1).min(end);
    let mut rows = Vec::with_capacity(values.len());
    for row in values.chunks_exact(width) {
        rows.extend((0..width).map(|x| row[span(x, width)].iter().sum::<f32>()));
    }
    let mut means = vec![0.0; values.len()];
    for (y, line) in means.chunks_exact_mut(width).enumerate() {
        for row in rows[span(y, height).start * width..span(y, height).end * width].chunks(width) {
            line.iter_mut().zip(row).for_each(|(mean, sum)| *mean += sum);
        }
        for (x, mean) in line.iter_mut().enumerate() {
            *mean /= (span(x, width).len() * span(y, height).len()) as f32;
        }
    }
    means
}

/// Weights of chroma samples: means of those of the luma samples they cover.
fn halved(luma: &[f32], width: usize) -> Vec<f32> {
    let height = luma.len() / width;
    let (columns, rows) = (width.div_ceil(2), height.div_ceil(2));
    let at = |x: usize, y: usize| luma[y.min(height - 1) * width + x.min(width - 1)];
    let mean = |i: usize| {
        let (x, y) = (i % columns * 2, i / columns * 2);
        (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)) / 4.0
    };
    (0..columns * rows).map(mean).collect()
}

/// Variance of the difference of two pictures of a scene that rests.
///
/// The median over neighbours in time of the median over samples, but at most a fixed share of what the finest
/// detail of single pictures tells: where most of the picture moves the former is not noise.
pub fn noise_variance(pictures: &[Picture]) -> f32 {
    let between = pictures.windows(2).map(|pair| {
        median(pair[0].y().iter().zip(pair[1].y()).map(|(a, b)| a.abs_diff(*b).into()))
    });
    let within = pictures
        .iter()
        .map(|picture| CORRELATION * median(laplacians(picture)) / 6.0 * 2f32.sqrt());
    let middle = |values: &mut Vec<f32>| {
        values.sort_by(f32::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(0.0)
    };
    let median = middle(&mut between.collect()).min(middle(&mut within.collect()));
    (median.max(LEAST_MEDIAN) / NORMAL_MEDIAN).powi(2)
}

/// Absolute second differences in both directions at once, which smooth gradients and straight edges do not
/// have: of noise of deviation 1 their deviation is 6 (J. Immerkær, "Fast Noise Variance Estimation",
/// 1996).
fn laplacians(picture: &Picture) -> impl Iterator<Item = usize> {
    let (width, height) = (picture.width(), picture.height());
    let at = move |x: usize, y: usize| i32::from(picture.y()[y * width + x]);
    let second = move |x: usize, y: usize| at(x - 1, y) - 2 * at(x, y) + at(x + 1, y);
    let inside =
        (1..height.max(2) - 1).flat_map(move |y| (1..width.max(2) - 1).map(move |x| (x, y)));
    inside.map(move |(x, y)| {
        (second(x, y - 1) - 2 * second(x, y) + second(x, y + 1)).unsigned_abs() as usize
    })
}

/// The median of whole numbers below [`LEVELS`], as if each were spread over the unit around it.
fn median(values: impl Iterator<Item = usize>) -> f32 {
    const LEVELS: usize = 16 * 256;
    let mut counts = vec![0usize; LEVELS];
    let mut all = 0;
    for value in values {
        counts[value.min(LEVELS - 1)] += 1;
        all += 1;
    }
    let mut below = 0;
    for (value, count) in counts.into_iter().enumerate() {
        if 2 * (below + count) >= all && count > 0 {
            let share = (all as f32 / 2.0 - below as f32) / count as f32;
            return (value as f32 - 0.5 + share).max(0.0);
        }
        below += count;
    }
    0.0
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::picture::synthetic;
    use crate::quality::plane_psnr_db;

    /// `clean` with noise of about `deviation` levels in every sample.
    fn noisy(clean: &Picture, deviation: f32, random: &mut StdRng) -> Picture {
        let mut picture = clean.clone();
        for sample in picture.i420_mut() {
            let sum: f32 = (0..12).map(|_| random.random_range(-0.5..0.5)).sum();
            *sample = (f32::from(*sample) + deviation * sum).round().clamp(0.0, 255.0) as u8;
        }
        picture
    }

    fn luma_db(a: &Picture, b: &Picture) -> f64 {
        plane_psnr_db(a.y(), b.y())
    }

    #[test]
    fn noise_over_a_scene_at_rest_goes() {
        let random = &mut StdRng::seed_from_u64(1);
        for (width, height) in [(96, 64), (33, 51)] {
            let clean = synthetic(width, height, 0.0);
            let pictures: Vec<_> = (0..16).map(|_| noisy(&clean, 3.0, random)).collect();
            let found = (noise_variance(&pictures) / 2.0).sqrt();
            assert!((2.0..4.0).contains(&found), "noise of 3 levels looks like {found}");
            let filtered = filtered(&pictures, 0);
            let (before, after) = (luma_db(&pictures[0], &clean), luma_db(&filtered, &clean));
            assert!(after > before + 8.0, "{width}×{height}: {before:.1} to {after:.1} dB");
            let chroma = [&pictures[0], &filtered].map(|p| plane_psnr_db(p.u(), clean.u()));
            assert!(chroma[1] > chroma[0] + 8.0, "{chroma:?}");
        }
    }

    #[test]
    fn what_moves_stays_as_it_is() {
        let random = &mut StdRng::seed_from_u64(2);
        let moving = |frame: usize| synthetic(96, 64, 3.0 * frame as f32);
        let pictures: Vec<_> = (0..16).map(|frame| noisy(&moving(frame), 1.0, random)).collect();
        for at in [0, 7] {
            let filtered = filtered(&pictures, at);
            let (before, after) =
                (luma_db(&pictures[at], &moving(at)), luma_db(&filtered, &moving(at)));
            assert!(after > before - 3.0, "picture {at}: {before:.1} to {after:.1} dB");
        }
    }

    #[test]
    fn one_picture_or_tiny_ones_are_left_alone() {
        for (width, height) in [(1, 1), (2, 3), (96, 64)] {
            let picture = synthetic(width, height, 0.0);
            assert_eq!(filtered(std::slice::from_ref(&picture), 0), picture);
            assert_eq!(filtered(&[picture.clone(), picture.clone()], 1), picture);
        }
    }
}
