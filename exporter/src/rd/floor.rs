//! A stream beside curves of other codecs at its own quality.

use super::curve::Curve;
use crate::error::{Result, bail};
use crate::verify::measure::StreamFigures;

/// Most that a stream may be above the best of the curves that it is held against.
const ALLOWED: f64 = 1.02;

/// What each codec of `curves` takes at the luma PSNR of `stream`, one a line, beside the stream's bytes.
///
/// # Errors
/// Where the stream takes over 2 % more than the best of them, or its quality is on no curve.
pub fn hold_against(stream: &StreamFigures, curves: &[Curve]) -> Result<Vec<String>> {
    let (own, luma_db) = (stream.bytes as f64, stream.psnr_y);
    let at = |curve: &Curve| Some((curve.codec.clone(), bytes_at(curve, luma_db)?));
    let rivals: Vec<(String, f64)> = curves.iter().filter_map(at).collect();
    let percent = |bytes: f64| (own / bytes - 1.0) * 100.0;
    let line = |(codec, bytes): &(String, f64)| {
        format!("at {luma_db:.3} dB: {codec} {bytes:.0} bytes, this {:+.1} %", percent(*bytes))
    };
    let Some((codec, best)) = rivals.iter().min_by(|a, b| a.1.total_cmp(&b.1)) else {
        bail!("no curve has {luma_db:.3} dB between two of its points");
    };
    if own > ALLOWED * best {
        bail!("the stream is {:+.1} % above {codec} at {luma_db:.3} dB", percent(*best));
    }
    Ok(rivals.iter().map(line).collect())
}

/// Bytes of a curve at `luma_db`, by straight lines of log bytes; none outside of it.
fn bytes_at(curve: &Curve, luma_db: f64) -> Option<f64> {
    let mut points: Vec<(f64, f64)> =
        curve.rows.iter().map(|row| (row.psnr_y, (row.bytes as f64).ln())).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let pair = points.windows(2).find(|pair| (pair[0].0..=pair[1].0).contains(&luma_db))?;
    let share = (luma_db - pair[0].0) / (pair[1].0 - pair[0].0);
    Some((pair[0].1 + (pair[1].1 - pair[0].1) * share).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rd::curve::tests::curve;
    use crate::verify::measure::tests::figures;

    #[test]
    fn a_stream_is_held_against_the_best_at_its_quality() {
        let of = |codec: &str, points| curve(codec, points);
        let a = of("a", &[(40.0, 34.0), (160.0, 38.0)]);
        let curves = [a, of("b", &[(100.0, 35.0), (200.0, 37.0)])];
        let [a, b] = curves.each_ref().map(|curve| bytes_at(curve, 36.0).unwrap());
        assert!((a / (curves[0].rows[0].bytes as f64) - 2.0).abs() < 1e-9 && b > a, "{a} {b}");
        let lines = hold_against(&figures((a * 1.01) as u64, 36.0), &curves).unwrap();
        assert!(lines[0].contains("a ") && lines[0].ends_with("this +1.0 %"), "{lines:?}");
        let refused = hold_against(&figures((a * 1.04) as u64, 36.0), &curves).unwrap_err();
        assert_eq!(refused.to_string(), "the stream is +4.0 % above a at 36.000 dB");
        let outside = hold_against(&figures(1, 39.0), &curves).unwrap_err().to_string();
        assert!(outside.contains("no curve has 39.000 dB"), "{outside}");
    }
}
