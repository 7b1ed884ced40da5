//! Ablations: the curve of a config again and again, each time without a part of the codec, or several.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::config::{Config, Point};
use super::harness::Harness;
use super::order0::order0_bytes;
use super::table::{BdRow, bd_rows};
use crate::ablation::Parts;
use crate::error::{Context, Result, ensure};
#[cfg(feature = "train")]
use crate::progress::Progress;
use crate::rd::curve::Curve;
use crate::rd::page::percent;
use crate::report::{page, paragraph, table};
use iev_runtime::outputs::{Outputs, write_whole};

/// The curve without some parts against the whole codec's.
#[derive(Debug, Clone, Serialize)]
pub struct AblationRow {
    /// What was left out.
    pub without: String,
    /// Its points.
    pub curve: Curve,
    /// Against the whole codec: positive is what they save.
    pub bd_rate: BdRow,
    /// Points that are missing, and why.
    pub missing: Vec<String>,
}

/// What the JSON file says.
#[derive(Serialize)]
struct AblationFile<'a> {
    name: &'a str,
    rows: &'a [AblationRow],
}

/// A config and the parts to do without.
#[derive(Debug, Clone)]
pub struct Ablate {
    /// The whole codec's points.
    pub whole: Harness,
    /// What is left out, one row after the other.
    pub parts: Vec<Parts>,
}

/// Name of the row whose levels are coded by an order-0 model.
const CONTEXT_MODEL: &str = "context-model";

impl Ablate {
    /// The same points without `parts`.
    fn variant(&self, parts: &Parts) -> Harness {
        let mut variant = self.whole.clone();
        variant.config.name = format!("{}.without-{}", self.whole.config.name, parts.name());
        for point in &mut variant.config.points {
            point.request.without = parts.clone();
        }
        variant
    }

    /// Compares what is encoded; `clip` is the digest of the pictures where they were read.
    ///
    /// # Errors
    /// When a stream cannot be read.
    pub fn rows(&self, clip: Option<&str>) -> Result<Vec<AblationRow>> {
        let whole = self.whole.report(clip)?;
        let against = |without: &str, curve: Curve, missing| {
            let interval = self.whole.config.interval_db;
            let bd_rate = bd_rows(&curve, std::slice::from_ref(&whole.ours), interval).remove(0);
            AblationRow { without: without.into(), curve, bd_rate, missing }
        };
        let mut rows = Vec::new();
        for parts in &self.parts {
            let report = self.variant(parts).report(clip)?;
            rows.push(against(&parts.name(), report.ours, report.missing));
        }
        let mut plain = whole.ours.clone();
        for (row, point) in plain.rows.iter_mut().zip(&whole.points) {
            let bytes = order0_bytes(&self.whole.stream(&point.label))?;
            row.kbps *= bytes as f64 / row.bytes as f64;
            row.bytes = bytes;
        }
        rows.push(against(CONTEXT_MODEL, plain, whole.missing.clone()));
        Ok(rows)
    }

    /// Path of an output file.
    pub fn file(&self, extension: &str) -> PathBuf {
        self.whole.file(&format!("ablation.{extension}"))
    }

    /// Makes sure, before anything is encoded, that no output is an input or another output.
    ///
    /// # Errors
    /// [`iev_runtime::Error::Usage`] where one is, and the disk's.
    pub fn claim(&self, outputs: &mut Outputs) -> iev_runtime::Result<()> {
        outputs.claim_folder(&self.whole.out)?;
        let variants = self.parts.iter().map(|parts| self.variant(parts));
        for harness in std::iter::once(self.whole.clone()).chain(variants) {
            harness.claim_streams(outputs)?;
        }
        let files = ["json", "md", "html"].map(|extension| self.file(extension));
        files.iter().try_for_each(|file| outputs.claim_in_new_folder(file))
    }

    /// Fails where nothing would be trained, so that there is no part to do without, or a peer's file cannot be read.
    ///
    /// # Errors
    /// The point that is so, and [`Harness::peers`].
    pub fn check(&self) -> Result<()> {
        let Config { views, points, .. } = &self.whole.config;
        for Point { label, request, .. } in points {
            ensure!(
                request.anchor.len() < views.len(),
                "point {label:?}: every view is explicit, so there is no network to leave parts out of: name fewer \
                 views as anchor"
            );
        }
        self.whole.peers().map(drop)
    }

    /// Writes the table as JSON, Markdown and HTML.
    ///
    /// # Errors
    /// The disk's.
    pub fn write(&self, rows: &[AblationRow]) -> Result<()> {
        let out: &Path = &self.whole.out;
        std::fs::create_dir_all(out).with_context(|| format!("making {}", out.display()))?;
        let name = &self.whole.config.name;
        let all = serde_json::to_value(AblationFile { name, rows })?;
        write_whole(&self.file("json"), format!("{all:#}"))?;
        write_whole(&self.file("md"), self.markdown(rows))?;
        let mut body = String::new();
        let about = "Bytes over the whole codec's at equal quality: what leaving the parts out costs. \
                     The context model's row codes the same levels by an adaptive order-0 model.";
        paragraph(&mut body, "note", about);
        body += &table(&self.columns(), &cells(rows));
        Ok(write_whole(&self.file("html"), page(&format!("Ablations: {name}"), &body))?)
    }

    fn columns(&self) -> [&'static str; 6] {
        ["without", "luma", "luma, interval", "YUV 6:1:1", "points: bytes at luma", ""]
    }

    /// The table as Markdown.
    pub fn markdown(&self, rows: &[AblationRow]) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let columns = self.columns().map(str::to_owned);
        let rule = columns.each_ref().map(|_| "---".to_owned());
        let body: String = cells(rows).iter().map(|row| line(row)).collect();
        line(&columns) + &line(&rule) + &body
    }
}

fn cells(rows: &[AblationRow]) -> Vec<Vec<String>> {
    let cells = |row: &AblationRow| {
        let BdRow { luma, luma_interval, yuv, note, .. } = &row.bd_rate;
        let points = row.curve.rows.iter().map(|r| format!("{} at {:.2} dB", r.bytes, r.psnr_y));
        let notes = [row.missing.clone(), vec![note.clone()]].concat();
        let notes: Vec<String> = notes.into_iter().filter(|n| !n.is_empty()).collect();
        let points: Vec<String> = points.collect();
        let [luma, interval, yuv] = [luma, luma_interval, yuv].map(|taken| percent(*taken));
        vec![row.without.clone(), luma, interval, yuv, points.join(", "), notes.join("; ")]
    };
    rows.iter().map(cells).collect()
}

#[cfg(feature = "train")]
impl Ablate {
    /// Encodes every point of every variant that has no result yet; returns the digest of the clip.
    ///
    /// # Errors
    /// When a view cannot be read, or encoding fails; finished points keep their results.
    pub fn encode(&self, progress: Progress) -> Result<String> {
        let variants = self.parts.iter().map(|parts| (parts.name(), self.variant(parts)));
        let all: Vec<_> =
            std::iter::once(("nothing".to_owned(), self.whole.clone())).chain(variants).collect();
        let mut clip = String::new();
        for (place, (without, harness)) in all.iter().enumerate() {
            let done: Vec<f64> = all.iter().flat_map(|(_, h)| h.encode_seconds()).collect();
            let points = all.len() * self.whole.config.points.len();
            let mean = done.iter().sum::<f64>() / done.len().max(1) as f64;
            let left = mean * points.saturating_sub(done.len()) as f64 / 60.0;
            let left =
                if done.is_empty() { String::new() } else { format!(", {left:.0} min left") };
            let number = place + 1;
            progress.say(format!("without {without} ({number} of {}{left})", all.len()));
            clip = harness.encode(&[], progress)?;
        }
        Ok(clip)
    }
}
