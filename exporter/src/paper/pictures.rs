//! Pictures as tensors `[1, 3, y, x]` of samples in 0‥1, chroma at luma's size, and how far two of them are apart.

use iev_runtime::Size;
use tch::{Kind, Tensor};

use crate::picture::{Picture, PictureExt};

/// Chroma repeated to luma's size.
pub(super) fn to_tensor(picture: &Picture) -> Tensor {
    let (rows, columns) = (picture.height() as i64, picture.width() as i64);
    let planes = picture.planes().map(|plane| {
        let sides = [1, 1, plane.height as i64, plane.width as i64];
        let samples = Tensor::from_slice(plane.samples).view(sides).to_kind(Kind::Float) / 255.0;
        if plane.width as i64 == columns {
            return samples;
        }
        // Odd sizes have half a chroma sample over the border.
        let doubled = samples.repeat_interleave_self_int(2, 2, None);
        doubled.repeat_interleave_self_int(2, 3, None).narrow(2, 0, rows).narrow(3, 0, columns)
    });
    Tensor::cat(&planes, 1)
}

/// Rounded to 8 bits; a chroma sample is the mean of its four.
pub(super) fn of_tensor(tensor: &Tensor, size: Size) -> Picture {
    let plane = |channel: i64, halved: bool| -> Vec<u8> {
        let plane = tensor.narrow(1, channel, 1);
        let plane = match halved {
            true => plane.avg_pool2d([2, 2], [2, 2], [0, 0], true, false, None::<i64>),
            false => plane,
        };
        let bytes = (plane * 255.0).round().clamp(0.0, 255.0).to_kind(Kind::Uint8).flatten(0, -1);
        Vec::try_from(&bytes).unwrap_or_else(|e| panic!("bytes convert to bytes: {e}"))
    };
    Picture::of_planes(size, [plane(0, false), plane(1, true), plane(2, true)])
}

/// Side of SSIM's window, and its width.
const WINDOW: i64 = 11;
const SIGMA: f64 = 1.5;

/// The published loss of one picture: `0.7 · |a − b| + 0.3 · (1 − SSIM)`.
pub(super) fn distance(a: &Tensor, b: &Tensor) -> Tensor {
    (a - b).abs().mean(Kind::Float) * 0.7 + (1.0 - ssim(a, b)) * 0.3
}

/// Structural similarity (Wang et al. 2004), the mean over places and planes.
fn ssim(a: &Tensor, b: &Tensor) -> Tensor {
    let taps = Tensor::arange(WINDOW, (Kind::Float, a.device())) - (WINDOW / 2) as f64;
    let taps = (taps.square() / (-2.0 * SIGMA * SIGMA)).exp();
    let taps = &taps / taps.sum(Kind::Float);
    let mean = |of: &Tensor| {
        let pass = |of: &Tensor, sides: [i64; 4]| {
            let taps = taps.view(sides).repeat([3, 1, 1, 1]);
            of.conv2d(&taps, None::<Tensor>, [1, 1], [0, 0], [1, 1], 3)
        };
        pass(&pass(of, [1, 1, WINDOW, 1]), [1, 1, 1, WINDOW])
    };
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (squares, product) = (mean_a.square() + mean_b.square(), &mean_a * &mean_b);
    let variances = mean(&(a.square() + b.square())) - &squares;
    let covariance = mean(&(a * b)) - &product;
    let (c1, c2) = (0.01f64.powi(2), 0.03f64.powi(2));
    let above: Tensor = (product * 2.0 + c1) * (covariance * 2.0 + c2);
    (above / ((squares + c1) * (variances + c2))).mean(Kind::Float)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(size: Size) -> Picture {
        let mut picture = Picture::new(size);
        let samples = picture.i420_mut().iter_mut().enumerate();
        samples.for_each(|(at, sample)| *sample = (at as u32).wrapping_mul(2_654_435_761) as u8);
        picture
    }

    #[test]
    fn a_picture_of_odd_sides_comes_back() {
        let size = Size { width_px: 33, height_px: 17 };
        let picture = noise(size);
        assert!(of_tensor(&to_tensor(&picture), size).i420() == picture.i420());
    }

    #[test]
    fn equal_pictures_are_no_way_apart_and_others_are() {
        let picture = to_tensor(&noise(Size { width_px: 64, height_px: 48 }));
        assert!(distance(&picture, &picture).double_value(&[]).abs() < 1e-5);
        let grey = picture.zeros_like() + 0.5;
        assert!(distance(&picture, &grey).double_value(&[]) > 0.3);
    }
}
