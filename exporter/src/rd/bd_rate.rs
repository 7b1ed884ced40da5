//! Bjøntegaard delta rate: the mean rate difference of two codecs at equal quality.
//!
//! `log10(rate)` is interpolated over quality by PCHIP, the monotone piecewise cubic of Fritsch
//! and Butland (1984), integrated exactly, and the mean difference is turned into a ratio.
//! Why PCHIP: a single cubic through all points can swing between them; this one stays monotone.

use std::ops::RangeInclusive;

/// One operating point of a codec.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatePoint {
    /// Rate in any unit, the same for both curves: kbit/s or bytes.
    pub rate: f64,
    /// Quality in any unit that grows with quality: decibels, MS-SSIM.
    pub quality: f64,
}

/// Why two curves cannot be compared.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BdRateError {
    /// Too few points to interpolate.
    #[error("a curve has at least 2 points, the {curve} curve has {got}")]
    TooFew {
        /// Which curve.
        curve: &'static str,
        /// Its number of points.
        got: usize,
    },
    /// A rate of zero or less, or a number that is not finite.
    #[error("rates are positive and qualities finite, the {curve} curve has {rate} at {quality}")]
    BadPoint {
        /// Which curve.
        curve: &'static str,
        /// The rate.
        rate: f64,
        /// The quality.
        quality: f64,
    },
    /// Two points of one curve have the same quality.
    #[error("qualities of a curve differ, the {curve} curve has {quality} twice")]
    Repeated {
        /// Which curve.
        curve: &'static str,
        /// The quality.
        quality: f64,
    },
    /// The curves have no quality interval in common.
    #[error("the curves do not overlap: {} to {} against {} to {}", anchor.0, anchor.1, test.0, test.1)]
    NoOverlap {
        /// Lowest and highest quality of the anchor.
        anchor: (f64, f64),
        /// Lowest and highest quality of the test.
        test: (f64, f64),
    },
    /// The asked interval is empty or leaves the curves.
    #[error("both curves must cover {} to {}, they share {} to {}", asked.0, asked.1, shared.0, shared.1)]
    OutsideOverlap {
        /// The asked interval.
        asked: (f64, f64),
        /// The interval both curves cover.
        shared: (f64, f64),
    },
}

/// Mean rate of `test` over `anchor` at equal quality, in percent; negative is a saving.
///
/// The mean runs over `interval`, or over all qualities that both curves cover.
///
/// # Errors
/// [`BdRateError`]: nothing is extrapolated.
///
/// # Source
/// G. Bjøntegaard, "Calculation of average PSNR differences between RD-curves", VCEG-M33, 2001.
pub fn bd_rate_percent(
    anchor: &[RatePoint],
    test: &[RatePoint],
    interval: Option<RangeInclusive<f64>>,
) -> Result<f64, BdRateError> {
    let (anchor, test) = (FittedCurve::new("anchor", anchor)?, FittedCurve::new("test", test)?);
    let (a, t) = (anchor.span(), test.span());
    let shared = (a.0.max(t.0), a.1.min(t.1));
    if shared.0 >= shared.1 {
        return Err(BdRateError::NoOverlap { anchor: a, test: t });
    }
    let (low, high) = interval.map_or(shared, RangeInclusive::into_inner);
    let covered = low < high && low >= shared.0 && high <= shared.1;
    if !covered {
        return Err(BdRateError::OutsideOverlap { asked: (low, high), shared });
    }
    let difference = test.integral(low, high) - anchor.integral(low, high);
    Ok((10f64.powf(difference / (high - low)) - 1.0) * 100.0)
}

/// `log10(rate)` over quality: knots with slopes.
struct FittedCurve {
    quality: Vec<f64>,
    log_rate: Vec<f64>,
    slope: Vec<f64>,
}

impl FittedCurve {
    fn new(curve: &'static str, points: &[RatePoint]) -> Result<Self, BdRateError> {
        if points.len() < 2 {
            return Err(BdRateError::TooFew { curve, got: points.len() });
        }
        for &RatePoint { rate, quality } in points {
            if !(rate > 0.0 && rate.is_finite() && quality.is_finite()) {
                return Err(BdRateError::BadPoint { curve, rate, quality });
            }
        }
        let mut sorted = points.to_vec();
        sorted.sort_by(|a, b| a.quality.total_cmp(&b.quality));
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0].quality == pair[1].quality) {
            return Err(BdRateError::Repeated { curve, quality: pair[0].quality });
        }
        let quality: Vec<f64> = sorted.iter().map(|point| point.quality).collect();
        let log_rate: Vec<f64> = sorted.iter().map(|point| point.rate.log10()).collect();
        let slope = pchip_slopes(&quality, &log_rate);
        Ok(Self { quality, log_rate, slope })
    }

    fn span(&self) -> (f64, f64) {
        (self.quality[0], self.quality[self.quality.len() - 1])
    }

    fn integral(&self, low: f64, high: f64) -> f64 {
        (0..self.quality.len() - 1)
            .map(|piece| {
                let (start, end) = (self.quality[piece], self.quality[piece + 1]);
                let (from, to) = (low.max(start), high.min(end));
                if from < to {
                    self.primitive(piece, to) - self.primitive(piece, from)
                } else {
                    0.0
                }
            })
            .sum()
    }

    /// Integral of the Hermite cubic of `piece` from its start to `at`.
    fn primitive(&self, piece: usize, at: f64) -> f64 {
        let width = self.quality[piece + 1] - self.quality[piece];
        let t = (at - self.quality[piece]) / width;
        let (y0, y1) = (self.log_rate[piece], self.log_rate[piece + 1]);
        let (m0, m1) = (self.slope[piece] * width, self.slope[piece + 1] * width);
        let square = 3.0 * (y1 - y0) - 2.0 * m0 - m1;
        let cube = 2.0 * (y0 - y1) + m0 + m1;
        width * t * (y0 + t * (m0 / 2.0 + t * (square / 3.0 + t * cube / 4.0)))
    }
}

/// Slopes at the knots (Fritsch and Butland 1984; the ends as in Moler, "Numerical Computing
/// with MATLAB", §3.4, which SciPy and MATLAB share).
fn pchip_slopes(x: &[f64], y: &[f64]) -> Vec<f64> {
    let width: Vec<f64> = x.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let secant: Vec<f64> =
        y.windows(2).zip(&width).map(|(pair, width)| (pair[1] - pair[0]) / width).collect();
    let last = secant.len() - 1;
    if last == 0 {
        return vec![secant[0]; 2];
    }
    let inner = (0..last).map(|k| {
        if secant[k] * secant[k + 1] <= 0.0 {
            return 0.0;
        }
        let (before, after) = (width[k] + 2.0 * width[k + 1], 2.0 * width[k] + width[k + 1]);
        (before + after) / (before / secant[k] + after / secant[k + 1])
    });
    let mut slopes = vec![end_slope(width[0], width[1], secant[0], secant[1])];
    slopes.extend(inner);
    slopes.push(end_slope(width[last], width[last - 1], secant[last], secant[last - 1]));
    slopes
}

/// Three-point formula, limited so that the end piece stays monotone.
fn end_slope(near: f64, far: f64, near_secant: f64, far_secant: f64) -> f64 {
    let slope = ((2.0 * near + far) * near_secant - near * far_secant) / (near + far);
    if slope * near_secant <= 0.0 {
        0.0
    } else if near_secant * far_secant <= 0.0 && slope.abs() > 3.0 * near_secant.abs() {
        3.0 * near_secant
    } else {
        slope
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// kbit/s and luma PSNR of public encoders on one rendered 480×272 clip of five views.
    const X264: [(f64, f64); 5] =
        [(5480.3, 40.502), (2865.3, 38.265), (1568.3, 35.964), (878.4, 33.604), (501.3, 31.245)];
    const X265: [(f64, f64); 6] = [
        (5219.4, 40.588),
        (2857.1, 38.606),
        (1533.3, 36.419),
        (868.9, 34.282),
        (515.2, 32.128),
        (319.0, 30.007),
    ];
    const SVT_AV1: [(f64, f64); 5] =
        [(3134.1, 40.125), (1835.6, 38.459), (1086.6, 36.738), (675.0, 35.107), (374.0, 32.869)];
    const VVENC: [(f64, f64); 5] =
        [(2129.9, 38.880), (1150.1, 36.567), (663.9, 34.407), (389.5, 32.330), (229.6, 30.349)];

    fn curve(points: &[(f64, f64)]) -> Vec<RatePoint> {
        points.iter().map(|&(rate, quality)| RatePoint { rate, quality }).collect()
    }

    fn assert_percent(test: &[(f64, f64)], interval: Option<RangeInclusive<f64>>, expected: f64) {
        let got = bd_rate_percent(&curve(&X264), &curve(test), interval).unwrap();
        assert!((got - expected).abs() < 1e-8, "{got} instead of {expected}");
    }

    #[test]
    fn equal_curves_differ_by_nothing() {
        assert_percent(&X264, None, 0.0);
    }

    #[test]
    fn a_curve_at_0_63_of_the_rate_saves_37_percent() {
        let scaled = X264.map(|(rate, quality)| (rate * 0.63, quality));
        assert_percent(&scaled, None, -37.0);
        assert_percent(&scaled, Some(31.5..=36.0), -37.0);
    }

    /// Expected values: PyPI `bjontegaard` 1.3.0, `bd_rate(..., method="pchip")`.
    #[test]
    fn whole_curves_agree_with_the_reference_package() {
        assert_percent(&X265, None, -13.114777698753688);
        assert_percent(&SVT_AV1, None, -43.52501531436944);
        assert_percent(&VVENC, None, -38.11348267318305);
    }

    /// Expected values: SciPy `PchipInterpolator(...).integrate(33, 36)` on `log10` of the rate.
    #[test]
    fn an_interval_agrees_with_scipy() {
        assert_percent(&X265, Some(33.0..=36.0), -15.568770360592154);
        assert_percent(&SVT_AV1, Some(33.0..=36.0), -47.45203288697041);
        assert_percent(&VVENC, Some(33.0..=36.0), -37.842959370031515);
    }

    #[test]
    fn what_cannot_be_compared_is_an_error_with_numbers() {
        let x264 = curve(&X264);
        let say = |test: &[(f64, f64)], interval| {
            bd_rate_percent(&x264, &curve(test), interval).unwrap_err().to_string()
        };
        assert_eq!(
            say(&[(1.0, 20.0), (2.0, 25.0)], None),
            "the curves do not overlap: 31.245 to 40.502 against 20 to 25"
        );
        assert_eq!(
            say(&VVENC, Some(31.0..=36.0)),
            "both curves must cover 31 to 36, they share 31.245 to 38.88"
        );
        assert_eq!(say(&VVENC[..1], None), "a curve has at least 2 points, the test curve has 1");
        assert!(say(&[(0.0, 33.0), (2.0, 35.0)], None).contains("the test curve has 0 at 33"));
        assert!(say(&[(1.0, 33.0), (2.0, 33.0)], None).contains("has 33 twice"));
        assert!(say(&[(1.0, 33.0), (2.0, f64::NAN)], None).contains("2 at NaN"));
    }
}
