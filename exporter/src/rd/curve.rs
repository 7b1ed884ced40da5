//! Rate–distortion curves as CSV: the form in which codecs are compared.
//!
//! Columns are found by name, so a file may have more of them: our own curves do, and can stand as
//! peers of later ones.

use std::path::Path;

use iev_runtime::text_file::read_text;
use serde::{Deserialize, Serialize};

use crate::error::{Context, Result, bail, ensure};
use crate::rd::bd_rate::RatePoint;

/// One operating point of one codec; means over views.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CurveRow {
    /// Codec and its effort, such as `x265-medium`.
    pub codec: String,
    /// What tells its points apart: a quantiser, a rate factor, a label.
    pub quality: String,
    /// Bytes of all views.
    pub bytes: u64,
    /// Kilobits per second of all views.
    pub kbps: f64,
    /// Luma PSNR in dB.
    pub psnr_y: f64,
    /// PSNR of the blue difference in dB.
    pub psnr_u: f64,
    /// PSNR of the red difference in dB.
    pub psnr_v: f64,
    /// Luma PSNR of the worst view in dB, where the file says it.
    #[serde(default)]
    pub worst_y: Option<f64>,
}

impl CurveRow {
    /// `(6 Y + U + V) / 8` in dB.
    pub fn psnr_611(&self) -> f64 {
        (6.0 * self.psnr_y + self.psnr_u + self.psnr_v) / 8.0
    }
}

/// All points of one codec.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// The codec.
    pub codec: String,
    /// Its points, in the order of the file.
    pub rows: Vec<CurveRow>,
}

impl Curve {
    /// Rate in kbit/s over luma PSNR.
    pub fn luma(&self) -> Vec<RatePoint> {
        self.rows.iter().map(|r| RatePoint { rate: r.kbps, quality: r.psnr_y }).collect()
    }

    /// Rate in kbit/s over 6:1:1 PSNR.
    pub fn yuv(&self) -> Vec<RatePoint> {
        self.rows.iter().map(|r| RatePoint { rate: r.kbps, quality: r.psnr_611() }).collect()
    }

    /// Rate in kbit/s over the worst view's luma PSNR; none where some point does not say it.
    pub fn worst(&self) -> Option<Vec<RatePoint>> {
        let point = |r: &CurveRow| Some(RatePoint { rate: r.kbps, quality: r.worst_y? });
        self.rows.iter().map(point).collect()
    }
}

/// Sorts rows into curves, in the order in which codecs first appear.
pub fn curves(rows: Vec<CurveRow>) -> Vec<Curve> {
    let mut curves: Vec<Curve> = Vec::new();
    for row in rows {
        match curves.iter_mut().find(|c| c.codec == row.codec) {
            Some(curve) => curve.rows.push(row),
            None => curves.push(Curve { codec: row.codec.clone(), rows: vec![row] }),
        }
    }
    curves
}

/// Longest CSV file that is read.
const MOST_BYTES: u64 = 16 << 20;

/// Reads the curves of a CSV file.
///
/// # Errors
/// Names the file, and the line or column that is wrong.
pub fn read_curves(path: &Path) -> Result<Vec<Curve>> {
    let read = || -> Result<Vec<CurveRow>> {
        let text = read_text(path, MOST_BYTES)?;
        let mut reader =
            csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let rows: Vec<CurveRow> = reader.deserialize().collect::<Result<_, _>>()?;
        ensure!(!rows.is_empty(), "a curve file has at least one row");
        let sound = |row: &CurveRow| {
            let finite =
                [row.kbps, row.psnr_y, row.psnr_u, row.psnr_v].iter().all(|v| v.is_finite());
            finite && row.kbps > 0.0
        };
        if let Some(odd) = rows.iter().find(|row| !sound(row)) {
            let CurveRow { codec, quality, kbps, psnr_y, psnr_u, psnr_v, .. } = odd;
            bail!(
                "{codec} {quality} has {kbps} kbit/s and {psnr_y}, {psnr_u}, {psnr_v} dB, which is no point of a curve"
            );
        }
        Ok(rows)
    };
    Ok(curves(read().with_context(|| format!("reading curves from {}", path.display()))?))
}

/// The rows as a CSV file.
///
/// # Errors
/// The writer's; none is known for these rows.
pub fn to_csv(rows: &[CurveRow]) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    rows.iter().try_for_each(|row| writer.write_record(fields(row)))?;
    Ok(String::from_utf8(writer.into_inner()?)?)
}

/// The columns of the curve files that are written; of those that are read the last may be missing.
pub const COLUMNS: [&str; 8] =
    ["codec", "quality", "bytes", "kbps", "psnr_y", "psnr_u", "psnr_v", "worst_y"];

/// A row as text, in the order of [`COLUMNS`].
pub fn fields(row: &CurveRow) -> [String; 8] {
    [
        row.codec.clone(),
        row.quality.clone(),
        row.bytes.to_string(),
        format!("{:.1}", row.kbps),
        format!("{:.3}", row.psnr_y),
        format!("{:.3}", row.psnr_u),
        format!("{:.3}", row.psnr_v),
        row.worst_y.map_or_else(String::new, |db| format!("{db:.3}")),
    ]
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// kbit/s and luma PSNR as a curve.
    pub(crate) fn curve(codec: &str, points: &[(f64, f64)]) -> Curve {
        let row = |&(kbps, psnr_y): &(f64, f64)| CurveRow {
            codec: codec.into(),
            quality: psnr_y.to_string(),
            bytes: (kbps * 250.0) as u64,
            kbps,
            psnr_y,
            psnr_u: psnr_y + 4.0,
            psnr_v: psnr_y + 4.0,
            worst_y: None,
        };
        Curve { codec: codec.into(), rows: points.iter().map(row).collect() }
    }

    #[test]
    fn columns_are_found_by_name_and_codecs_kept_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("peers.csv");
        let text = "codec,quality,bytes,kbps,psnr_y,psnr_u,psnr_v,ms_ssim\n\
                    a,20,1000,4.0,40.5,43.5,42.5,0.9\nb,q31,500,2.0,38,41,40,0.8\n\
                    a,24,600,2.4,38.5,41.5,40.5,0.7\n";
        std::fs::write(&path, text).unwrap();
        let curves = read_curves(&path).unwrap();
        assert_eq!(curves.len(), 2);
        assert_eq!(curves[0].rows[1].quality, "24");
        assert_eq!(curves[0].luma()[0], RatePoint { rate: 4.0, quality: 40.5 });
        assert_eq!(curves[1].rows[0].psnr_611(), (6.0 * 38.0 + 41.0 + 40.0) / 8.0);
    }

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.csv");
        let own = curve("iev", &[(100.0, 31.5), (200.5, 33.25)]);
        std::fs::write(&path, to_csv(&own.rows).unwrap()).unwrap();
        assert_eq!(read_curves(&path).unwrap(), [own]);
    }

    #[test]
    fn a_bad_file_is_named_with_its_column() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bad.csv");
        std::fs::write(&path, "codec,quality,bytes,kbps,psnr_y,psnr_u\na,1,2,3,4,5\n").unwrap();
        let error = format!("{:#}", anyhow::Error::from(read_curves(&path).unwrap_err()));
        assert!(error.contains("bad.csv") && error.contains("psnr_v"), "{error}");
        let head = "codec,quality,bytes,kbps,psnr_y,psnr_u,psnr_v\n";
        for row in ["a,1,2,nan,4,5,6", "a,1,2,0,4,5,6", "a,1,2,3,inf,5,6", "a,1,2,3,4,5,nan"] {
            std::fs::write(&path, format!("{head}{row}\n")).unwrap();
            let error = format!("{:#}", anyhow::Error::from(read_curves(&path).unwrap_err()));
            assert!(error.contains("a 1 has ") && error.contains("no point"), "{row}: {error}");
        }
    }
}
