//! How far samples are from others.

use std::io::{self, BufRead, BufReader, Read};

use serde::Serialize;

use super::super::statistics::psnr_db;

/// Differences of all samples, in 8-bit levels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Likeness {
    pub(super) mean_levels: f64,
    pub(super) largest_levels: u8,
    /// None where they are equal.
    pub(super) psnr_db: Option<f64>,
}

impl Likeness {
    /// # Errors
    /// What reading meets, and where one has more samples than the other.
    pub(super) fn between(want: impl Read, got: impl Read) -> io::Result<Self> {
        let (mut want, mut got) = (BufReader::new(want), BufReader::new(got));
        let (mut samples, mut sum, mut squares, mut largest) = (0u64, 0u64, 0u64, 0);
        loop {
            let (a, b) = (want.fill_buf()?, got.fill_buf()?);
            let both = a.len().min(b.len());
            if both == 0 && a.len() == b.len() {
                break;
            }
            if both == 0 {
                return Err(io::Error::other("there are other pictures than the CPU shows"));
            }
            for (a, b) in a.iter().zip(b) {
                let away = a.abs_diff(*b);
                largest = largest.max(away);
                sum += u64::from(away);
                squares += u64::from(away).pow(2);
            }
            samples += both as u64;
            want.consume(both);
            got.consume(both);
        }
        Ok(Self {
            mean_levels: sum as f64 / samples.max(1) as f64,
            largest_levels: largest,
            psnr_db: (squares > 0).then(|| psnr_db(squares, samples)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_counted_over_buffers_and_lengths_must_agree() {
        let want = vec![100; 20_000];
        let equal = Likeness::between(&*want, &*want).unwrap();
        assert_eq!(equal, Likeness { mean_levels: 0.0, largest_levels: 0, psnr_db: None });
        let mut got = want.clone();
        got.iter_mut().step_by(2).for_each(|sample| *sample = 98);
        got[19_999] = 109;
        // Reads that end at other places.
        let pieces = (&got[..777]).chain(&got[777..]);
        let unlike = Likeness::between(&*want, pieces).unwrap();
        assert_eq!(unlike.largest_levels, 9);
        assert!((unlike.mean_levels - 20_009.0 / 20_000.0).abs() < 1e-12, "{unlike:?}");
        let db = 10.0 * (255.0f64.powi(2) * 20_000.0 / 40_081.0).log10();
        assert!((unlike.psnr_db.unwrap() - db).abs() < 1e-9);
        assert!(Likeness::between(&*want, &want[1..]).is_err());
    }
}
