//! Objective quality: MSE and PSNR per plane, 6:1:1 PSNR, MS-SSIM.
//!
//! MSE is averaged over frames *before* the logarithm, as ffmpeg's `psnr` filter does for its
//! closing line; averaging decibels would reward uneven quality.

use crate::picture::{Picture, PictureExt, PlaneView};

/// Reported for identical planes, where the ratio is infinite.
pub const IDENTICAL_DB: f64 = 100.0;

/// Mean squared error of two planes of one size.
///
/// # Panics
/// If the planes differ in length or are empty.
pub fn plane_mse(a: &[u8], b: &[u8]) -> f64 {
    assert!(a.len() == b.len() && !a.is_empty(), "compared planes have one size");
    let sum: u64 = a.iter().zip(b).map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2)).sum();
    sum as f64 / a.len() as f64
}

/// `10 log10(255² / mse)`, at most [`IDENTICAL_DB`].
pub fn psnr_db(mse: f64) -> f64 {
    (10.0 * (255.0 * 255.0 / mse).log10()).min(IDENTICAL_DB)
}

/// PSNR of two planes of one size.
///
/// # Panics
/// As [`plane_mse`].
pub fn plane_psnr_db(a: &[u8], b: &[u8]) -> f64 {
    psnr_db(plane_mse(a, b))
}

/// Sum of squared errors over the frames of one view, for each plane.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PlaneErrors {
    mse_sum: [f64; 3],
    frames: usize,
}

impl PlaneErrors {
    /// Counts one more frame.
    ///
    /// # Panics
    /// If the pictures differ in size.
    pub fn add(&mut self, original: &Picture, decoded: &Picture) {
        let planes = original.planes().into_iter().zip(decoded.planes());
        for (sum, (a, b)) in self.mse_sum.iter_mut().zip(planes) {
            assert_eq!((a.width, a.height), (b.width, b.height), "pictures have one size");
            *sum += plane_mse(a.samples, b.samples);
        }
        self.frames += 1;
    }

    /// Counts every pair of frames.
    ///
    /// # Panics
    /// If the lists differ in length, or a pair in size.
    pub fn of(original: &[Picture], decoded: &[Picture]) -> Self {
        assert_eq!(original.len(), decoded.len(), "both versions have one length");
        let mut errors = Self::default();
        for (a, b) in original.iter().zip(decoded) {
            errors.add(a, b);
        }
        errors
    }

    /// Mean squared error of Y, U and V over all frames counted; NaN before the first.
    pub fn mse(&self) -> [f64; 3] {
        self.mse_sum.map(|sum| sum / self.frames as f64)
    }

    /// PSNR of Y, U and V.
    pub fn psnr_db(&self) -> [f64; 3] {
        self.mse().map(psnr_db)
    }

    /// `(6 PSNR_Y + PSNR_U + PSNR_V) / 8`, the weighting of the JVET test conditions.
    pub fn psnr_611_db(&self) -> f64 {
        let [y, u, v] = self.psnr_db();
        (6.0 * y + u + v) / 8.0
    }
}

/// Exponents of the five scales, finest first (Wang, Simoncelli, Bovik 2003, §3.2).
const SCALE_WEIGHTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

/// Taps of the Gaussian window, σ = 1.5.
const WINDOW: usize = 11;

/// Multi-scale structural similarity of luma, 0 to 1.
///
/// `l_M^{w_M} · Π cs_j^{w_j}`. A picture too small for five scales of 11 taps uses as many as
/// fit, with the weights divided by their sum. Negative terms, which have no real power, count
/// as 0.
///
/// # Panics
/// If the sizes differ or a side is below 11 pixels.
///
/// # Source
/// Wang, Simoncelli, Bovik, "Multiscale structural similarity for image quality assessment",
/// 2003, eq. 7.
pub fn ms_ssim(original: &Picture, decoded: &Picture) -> f64 {
    let [a, b] = [original, decoded].map(|picture| FloatPlane::new(picture.planes()[0]));
    assert_eq!((a.width, a.height), (b.width, b.height), "compared pictures have one size");
    let shorter = a.width.min(a.height);
    assert!(shorter >= WINDOW, "MS-SSIM needs 11 pixels a side");
    let scales = (1..SCALE_WEIGHTS.len()).take_while(|&scale| shorter >> scale >= WINDOW).count();
    let weights = &SCALE_WEIGHTS[..=scales];
    let total: f64 = weights.iter().sum();
    let (mut a, mut b, mut product) = (a, b, 1.0);
    for (scale, weight) in weights.iter().enumerate() {
        let (similarity, contrast) = ssim(&a, &b);
        let term = if scale == scales { similarity } else { contrast };
        product *= term.max(0.0).powf(weight / total);
        (a, b) = (a.halved(), b.halved());
    }
    product
}

/// Luma in floating point, 0‥255.
struct FloatPlane {
    width: usize,
    height: usize,
    samples: Vec<f32>,
}

impl FloatPlane {
    fn new(plane: PlaneView<'_>) -> Self {
        let samples = plane.samples.iter().map(|&sample| f32::from(sample)).collect();
        Self { width: plane.width, height: plane.height, samples }
    }

    /// Mean of 2×2; an odd last row or column is left out.
    fn halved(&self) -> Self {
        let (width, height) = (self.width / 2, self.height / 2);
        let at = |x: usize, y: usize| self.samples[y * self.width + x];
        let mean =
            |x: usize, y: usize| (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)) / 4.0;
        let samples = (0..width * height).map(|i| mean(i % width * 2, i / width * 2)).collect();
        Self { width, height, samples }
    }

    /// Gaussian blur at the places where the whole window fits.
    fn blurred(&self, window: &[f32; WINDOW]) -> Self {
        let (width, height) = (self.width + 1 - WINDOW, self.height + 1 - WINDOW);
        let across: Vec<f32> = self
            .samples
            .chunks_exact(self.width)
            .flat_map(|row| row.windows(WINDOW).map(|near| dot(near.iter(), window)))
            .collect();
        let samples = (0..width * height)
            .map(|start| dot(across[start..].iter().step_by(width), window))
            .collect();
        Self { width, height, samples }
    }

    fn times(&self, other: &Self) -> Self {
        let samples = self.samples.iter().zip(&other.samples).map(|(a, b)| a * b).collect();
        Self { width: self.width, height: self.height, samples }
    }
}

fn dot<'a>(samples: impl Iterator<Item = &'a f32>, window: &[f32; WINDOW]) -> f32 {
    samples.zip(window).map(|(sample, weight)| sample * weight).sum()
}

fn gaussian() -> [f32; WINDOW] {
    let centre = (WINDOW / 2) as f32;
    let weights: [f32; WINDOW] =
        std::array::from_fn(|tap| (-(tap as f32 - centre).powi(2) / (2.0 * 1.5 * 1.5)).exp());
    let sum: f32 = weights.iter().sum();
    weights.map(|weight| weight / sum)
}

/// Mean SSIM, and the mean of its contrast-structure part alone.
fn ssim(a: &FloatPlane, b: &FloatPlane) -> (f64, f64) {
    const C1: f32 = (0.01 * 255.0) * (0.01 * 255.0);
    const C2: f32 = (0.03 * 255.0) * (0.03 * 255.0);
    let window = gaussian();
    let [mean_a, mean_b] = [a, b].map(|layer| layer.blurred(&window));
    let [square_a, square_b, cross] =
        [(a, a), (b, b), (a, b)].map(|(one, other)| one.times(other).blurred(&window));
    let (mut similarity, mut contrast) = (0.0, 0.0);
    for (i, (&ma, &mb)) in mean_a.samples.iter().zip(&mean_b.samples).enumerate() {
        let variances = square_a.samples[i] - ma * ma + square_b.samples[i] - mb * mb;
        let covariance = cross.samples[i] - ma * mb;
        let structure = (2.0 * covariance + C2) / (variances + C2);
        let luminance = (2.0 * ma * mb + C1) / (ma * ma + mb * mb + C1);
        similarity += f64::from(structure * luminance);
        contrast += f64::from(structure);
    }
    let count = mean_a.samples.len() as f64;
    (similarity / count, contrast / count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::synthetic;

    fn noisy(picture: &Picture, strength: i32) -> Picture {
        let mut noisy = picture.clone();
        for (index, sample) in noisy.planes_mut()[0].iter_mut().enumerate() {
            let hash = (index as u32).wrapping_mul(2_654_435_761) >> 16;
            let step = hash as i32 % (2 * strength + 1) - strength;
            *sample = (i32::from(*sample) + step).clamp(0, 255) as u8;
        }
        noisy
    }

    #[test]
    fn psnr_follows_its_definition() {
        assert_eq!(plane_mse(&[10, 20], &[11, 17]), 5.0);
        assert!((psnr_db(1.0) - 48.1308).abs() < 1e-4);
        assert_eq!(plane_psnr_db(&[1, 2], &[1, 2]), IDENTICAL_DB);
    }

    #[test]
    fn errors_are_averaged_over_frames_before_the_logarithm() {
        let black = Picture::zeros(4, 4);
        let mut grey = black.clone();
        let [luma, blue, _] = grey.planes_mut();
        luma.fill(2);
        blue.fill(1);
        let errors = PlaneErrors::of(&[black.clone(), black.clone()], &[black.clone(), grey]);
        assert_eq!(errors.mse(), [2.0, 0.5, 0.0]);
        let expected = (6.0 * psnr_db(2.0) + psnr_db(0.5) + IDENTICAL_DB) / 8.0;
        assert_eq!(errors.psnr_611_db(), expected);
    }

    #[test]
    fn ms_ssim_is_one_for_equal_pictures_and_falls_with_noise() {
        let picture = synthetic(200, 180, 0.0);
        assert!((ms_ssim(&picture, &picture) - 1.0).abs() < 1e-6);
        let scores: Vec<f64> =
            [4, 12, 36].iter().map(|&n| ms_ssim(&picture, &noisy(&picture, n))).collect();
        assert!(scores.is_sorted_by(|a, b| a > b) && scores[2] < 0.98, "{scores:?}");
    }

    #[test]
    fn small_pictures_use_fewer_scales() {
        for side in [11, 30, 60, 175] {
            let picture = synthetic(side, side, 0.0);
            let score = ms_ssim(&picture, &noisy(&picture, 20));
            assert!((0.3..0.999).contains(&score), "{side}: {score}");
        }
    }
}
