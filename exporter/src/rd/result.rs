//! One finished point, and how to tell that it is the one asked for.

use std::path::{Path, PathBuf};

use iev_runtime::network::templates::Templates;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::CHECKPOINT;
use crate::encode::request::EncodeRequest;
use crate::error::{Context, Result};
use crate::rd::curve::CurveRow;
use crate::rd::machine::MachineFacts;
use crate::verify::Verification;
use iev_runtime::outputs::write_whole;

const RESULT: &str = "result.json";

/// A point that was encoded, decoded and measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PointResult {
    /// Its name.
    pub label: String,
    /// [`settings_digest`] of what was encoded.
    pub digest: String,
    /// What it was encoded with.
    pub request: EncodeRequest,
    /// Whether training started from the parameters of the point before.
    #[serde(default)]
    pub warm_start: bool,
    /// What was measured on the file.
    pub verified: Verification,
    /// Seconds of encoding, without verification.
    pub encode_seconds: f64,
    /// Whether training went on from a checkpoint: the seconds are those of the last run only.
    pub resumed: bool,
    /// Where it was encoded.
    pub machine: MachineFacts,
}

impl PointResult {
    /// The point as a row of a curve.
    pub fn row(&self, codec: &str) -> CurveRow {
        let figures = &self.verified.figures;
        CurveRow {
            codec: codec.into(),
            quality: self.label.clone(),
            bytes: figures.bytes,
            kbps: figures.kbps,
            psnr_y: figures.psnr_y,
            psnr_u: figures.psnr_u,
            psnr_v: figures.psnr_v,
            worst_y: Some(figures.worst_y()),
        }
    }
}

/// SHA-256 of everything that decides a point's bytes: settings, clip, template, program version, and the
/// `encoder` of explicit views.
///
/// # Errors
/// When the settings cannot be written as JSON.
pub fn settings_digest(request: &EncodeRequest, clip: &str, encoder: &str) -> Result<String> {
    let template = Templates::of(&request.profile).map(|t| hex::encode(t.sha256()));
    let all = (env!("CARGO_PKG_VERSION"), template, clip, request, encoder);
    Ok(hex::encode(Sha256::digest(serde_json::to_vec(&all)?)))
}

/// The digest of a point that starts from the point with the digest `start`.
pub fn started_digest(own: &str, start: &str) -> String {
    hex::encode(Sha256::digest(format!("{own} from {start}")))
}

/// The files of one point.
#[derive(Debug, Clone)]
pub struct PointFolder(PathBuf);

impl PointFolder {
    /// The folder of the point called `label` under `out`; nothing is created.
    pub fn new(out: &Path, clip: &str, label: &str) -> Self {
        Self(out.join(clip).join(label))
    }

    /// The stream.
    pub fn stream(&self) -> PathBuf {
        self.0.join("stream.iev")
    }

    /// Where checkpoints go.
    pub fn work(&self) -> &Path {
        &self.0
    }

    /// Makes the folder fit for `digest`. A checkpoint of other settings is removed, since training would
    /// refuse it, and first the result that it was of: without it there is nothing to start from.
    ///
    /// # Errors
    /// The disk's.
    pub fn prepare(&self, digest: &str) -> Result<()> {
        let within = || format!("preparing {}", self.0.display());
        std::fs::create_dir_all(&self.0).with_context(within)?;
        let mark = self.0.join("settings.sha256");
        if std::fs::read_to_string(&mark).is_ok_and(|mark| mark == digest) {
            return Ok(());
        }
        for stale in [self.0.join(RESULT), self.checkpoint()] {
            match std::fs::remove_file(stale) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    Err(e).with_context(within)?
                }
                _ => {}
            }
        }
        Ok(write_whole(&mark, digest)?)
    }

    /// The trainer's checkpoint.
    pub fn checkpoint(&self) -> PathBuf {
        self.0.join(CHECKPOINT)
    }

    /// The stored result, if there is one that can be read.
    pub fn result(&self) -> Option<PointResult> {
        let text = std::fs::read_to_string(self.0.join(RESULT)).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// The stored result, if it is of `digest` and its stream is still the one that was measured.
    pub fn finished(&self, digest: &str) -> Option<PointResult> {
        let bytes = std::fs::metadata(self.stream()).ok()?.len();
        let measured = |r: &PointResult| r.digest == digest && r.verified.figures.bytes == bytes;
        self.result().filter(measured)
    }

    /// Stores a result.
    ///
    /// # Errors
    /// The disk's.
    pub fn store(&self, result: &PointResult) -> Result<()> {
        Ok(write_whole(&self.0.join(RESULT), serde_json::to_string_pretty(result)?)?)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::verify::measure::tests::figures;

    pub(crate) fn result(label: &str, bytes: u64, psnr_y: f64) -> PointResult {
        PointResult {
            label: label.into(),
            digest: "d".into(),
            request: EncodeRequest::default(),
            warm_start: false,
            verified: Verification {
                path: Default::default(),
                figures: figures(bytes, psnr_y),
                parts: crate::verify::ledger::Parts { network: bytes, ..Default::default() },
                layers: Vec::new(),
                trainer: Vec::new(),
                int8_psnr_y: None,
            },
            encode_seconds: 61.5,
            resumed: false,
            machine: MachineFacts { cpu: "CPU".into(), cores: 2 },
        }
    }

    #[test]
    fn the_digest_changes_with_every_setting_with_the_clip_and_with_the_encoder() {
        let base = EncodeRequest::default();
        let by = |request: &EncodeRequest, clip: &str, encoder| {
            settings_digest(request, clip, encoder).unwrap()
        };
        let digest = |request: &EncodeRequest, clip: &str| by(request, clip, "x264");
        let others = [
            EncodeRequest { qp: 31.0, ..base.clone() },
            EncodeRequest { lambda: Some(1e-3), ..base.clone() },
            EncodeRequest { seed: 1, ..base.clone() },
            EncodeRequest { profile: "edge".into(), ..base.clone() },
        ];
        let mut all: Vec<String> = others.iter().map(|r| digest(r, "clip")).collect();
        all.extend([digest(&base, "clip"), digest(&base, "other clip")]);
        all.push(by(&base, "clip", "openh264"));
        all.sort();
        all.dedup();
        assert_eq!(all.len(), others.len() + 3);
        assert_eq!(digest(&base, "clip"), digest(&base.clone(), "clip"));
    }

    #[test]
    fn what_is_of_other_settings_is_removed_and_what_is_of_the_same_kept() {
        let out = tempfile::tempdir().unwrap();
        let folder = PointFolder::new(out.path(), "room", "q37");
        folder.prepare("one").unwrap();
        std::fs::write(folder.checkpoint(), "weights").unwrap();
        folder.store(&result("q37", 1, 30.0)).unwrap();
        folder.prepare("one").unwrap();
        assert!(folder.checkpoint().exists() && folder.result().is_some());
        folder.prepare("two").unwrap();
        assert!(!folder.checkpoint().exists() && folder.result().is_none());
    }

    #[test]
    fn a_result_survives_storage() {
        let out = tempfile::tempdir().unwrap();
        let folder = PointFolder::new(out.path(), "room", "q37");
        assert!(folder.result().is_none());
        folder.prepare("d").unwrap();
        let stored = result("q37", 123_456, 34.125);
        folder.store(&stored).unwrap();
        assert_eq!(folder.result(), Some(stored));
    }
}
