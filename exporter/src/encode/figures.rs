//! What explicit sections come to in bytes and quality: coded in parallel, and kept in the work folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use iev_runtime::format::header::Header;
use iev_runtime::outputs::write_whole;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::settings::EncodeSettings;
use crate::anchor::gop::{CodedSection, code_plainly, code_section};
use crate::anchor::{AnchorError, AnchorSettings, AnchorSpeed, coder};
use crate::error::{Context, Error, Result};
use crate::input::{View, clip_digest};
use crate::picture::{Picture, PictureExt};
use crate::plan::Plan;
use crate::progress::Progress;
use crate::quality::{plane_mse, psnr_db};
use crate::stop;

/// File of the work folder that keeps figures of what was coded, and the folder in it that keeps whole sections.
const KEPT: &str = "explicit.json";
const KEPT_SECTIONS: &str = "explicit";

/// A section over some pictures.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct SectionCost {
    /// Bytes of the section.
    bytes: usize,
    /// Squared error of every view's luma, summed over the pictures.
    errors: Vec<f64>,
    /// Pictures of each view.
    frames: usize,
}

/// Sections of a whole clip, or of as much of it as was asked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Figures {
    /// Bytes of all of them.
    pub(super) bytes: usize,
    /// Luma PSNR, mean of their views.
    pub(super) luma_db: f64,
    views: usize,
}

impl Figures {
    fn of(costs: &[SectionCost]) -> Self {
        let frames: usize = costs.iter().map(|cost| cost.frames).sum();
        let views = costs.first().map_or(0, |cost| cost.errors.len());
        let error = |view: usize| costs.iter().map(|cost| cost.errors[view]).sum::<f64>();
        let db = (0..views).map(|view| psnr_db(error(view) / frames as f64));
        let bytes = costs.iter().map(|cost| cost.bytes).sum();
        Self { bytes, luma_db: db.sum::<f64>() / views as f64, views }
    }

    /// Several as one.
    pub(super) fn sum<'a>(all: impl Iterator<Item = &'a Self> + Clone) -> Self {
        let views = all.clone().map(|figures| figures.views).sum();
        let db = all.clone().map(|figures| figures.luma_db * figures.views as f64).sum::<f64>();
        Self { bytes: all.map(|f| f.bytes).sum(), luma_db: db / views as f64, views }
    }
}

/// A section to code, and with what.
pub(super) type SectionRequest = (Vec<usize>, AnchorSettings);

/// Codes sections of one clip for their figures.
pub(super) struct Costs<'a> {
    views: &'a [View],
    plan: &'a Plan,
    progress: Progress,
    /// The work folder, and which clip it is.
    work: Option<(PathBuf, String)>,
    known: Mutex<BTreeMap<String, SectionCost>>,
}

impl<'a> Costs<'a> {
    /// Of `views`, with what the work folder has kept of them.
    pub(super) fn open(views: &'a [View], settings: &'a EncodeSettings) -> Self {
        let work = settings.training.checkpoint.as_deref();
        let known = work.and_then(kept).unwrap_or_default();
        Self {
            views,
            plan: &settings.plan,
            progress: settings.progress,
            work: work.map(|folder| (folder.to_owned(), clip_digest(views))),
            known: Mutex::new(known),
        }
    }

    /// Figures of every section `asked` for, over the first GOP of every scene, without hidden pictures.
    pub(super) fn drafted(&self, asked: &[SectionRequest]) -> Result<Vec<Figures>> {
        self.coded(
            "drafting explicit views",
            self.plan,
            asked,
            &self.plan.first_gops(),
            |pictures, (section, anchor), span| {
                let rate = self.views[0].rate;
                code_plainly(pictures, self.plan.codec, section, span, rate, anchor)
            },
        )
    }

    /// Figures of every section `asked` for as `plan` has it, over some of its `gops`.
    pub(super) fn planned(
        &self,
        what: &'static str,
        plan: &Plan,
        asked: &[SectionRequest],
        gops: &[(usize, usize)],
    ) -> Result<Vec<Figures>> {
        self.coded(what, plan, asked, gops, |pictures, (section, anchor), span| {
            code_section(pictures, plan, section, span, self.views[0].rate, anchor)
        })
    }

    fn coded(
        &self,
        what: &'static str,
        plan: &Plan,
        asked: &[SectionRequest],
        gops: &[(usize, usize)],
        code: impl Fn(
            &[&[Picture]],
            &SectionRequest,
            (usize, usize),
        ) -> Result<CodedSection, AnchorError>
        + Sync,
    ) -> Result<Vec<Figures>> {
        let pictures = self.pictures();
        // Every section over every GOP, side by side.
        let jobs: Vec<(&SectionRequest, (usize, usize))> =
            asked.iter().flat_map(|asked| gops.iter().map(move |gop| (asked, *gop))).collect();
        let job = self.progress.job(what, jobs.len());
        let cost = |(asked, span): &(&SectionRequest, (usize, usize))| {
            stop::check()?;
            let key = self.key(what, plan, asked, *span);
            // What an earlier run has coded is not coded again.
            let known =
                self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
            let cost = match known {
                Some(cost) => cost,
                None => {
                    let cost = cost_of(&code(&pictures, asked, *span)?, &pictures, *span);
                    self.keep(key, cost.clone())?;
                    cost
                }
            };
            job.step();
            Ok::<_, Error>(cost)
        };
        let costs: Vec<SectionCost> = jobs.par_iter().map(cost).collect::<Result<_>>()?;
        drop(job);
        Ok(costs.chunks(gops.len()).map(Figures::of).collect())
    }

    /// The section that is `asked` for, with its keys, over one GOP of `plan`, whose stream has this `header`. What an
    /// earlier run has coded is decoded again.
    pub(super) fn section(
        &self,
        plan: &Plan,
        asked: &SectionRequest,
        gop: (usize, usize),
        header: &Header,
    ) -> Result<CodedSection> {
        let (views, anchor) = asked;
        let code = || code_section(&self.pictures(), plan, views, gop, self.views[0].rate, anchor);
        let Some((work, _)) = &self.work else { return Ok(code()?) };
        let folder = work.join(KEPT_SECTIONS);
        let path = folder.join(self.key("section", plan, asked, gop));
        let kept = std::fs::read(&path).ok();
        let kept =
            kept.and_then(|body| CodedSection::from_body(plan.codec, views, body, gop.1, header));
        if let Some(section) = kept {
            return Ok(section);
        }
        let section = code()?;
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        write_whole(&path, &section.body)?;
        Ok(section)
    }

    fn pictures(&self) -> Vec<&'a [Picture]> {
        self.views.iter().map(|view| view.frames.as_slice()).collect()
    }

    /// Everything that decides what a section comes to, as a digest.
    fn key(
        &self,
        what: &str,
        plan: &Plan,
        (section, anchor): &SectionRequest,
        span: (usize, usize),
    ) -> String {
        let codec = coder(plan.codec).name();
        let clip = self.work.as_ref().map_or("", |(_, clip)| clip);
        let roles = (&plan.roles, plan.keys_per_gop);
        // The best encoder is another where ffmpeg has come or gone meanwhile.
        let encoder = anchor.encoder.chosen();
        let all = format!(
            "{} {clip} {what} {codec} {encoder:?} {section:?} {span:?} {anchor:?} {roles:?}",
            env!("CARGO_PKG_VERSION")
        );
        hex::encode(Sha256::digest(all))
    }

    /// Keeps what one section came to for the next run; at once, so that a stop loses no other.
    fn keep(&self, key: String, cost: SectionCost) -> Result<()> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(key, cost);
        if let Some((work, _)) = &self.work {
            write_whole(&work.join(KEPT), serde_json::to_vec(&*known)?)?;
        }
        Ok(())
    }
}

/// What an earlier run has kept; nothing where it cannot be read, since all can be coded again.
fn kept(work: &Path) -> Option<BTreeMap<String, SectionCost>> {
    serde_json::from_slice(&std::fs::read(work.join(KEPT)).ok()?).ok()
}

fn cost_of(
    coded: &CodedSection,
    pictures: &[&[Picture]],
    (first, frames): (usize, usize),
) -> SectionCost {
    let error = |(view, decoded): (&usize, &Vec<Picture>)| {
        let pairs = pictures[*view][first..].iter().zip(decoded);
        pairs.map(|(original, decoded)| plane_mse(original.y(), decoded.y())).sum()
    };
    let errors = coded.views.iter().zip(&coded.pictures).map(error).collect();
    SectionCost { bytes: coded.body.len(), errors, frames }
}

/// `anchor` as a draft at quantiser `qp`.
pub(super) fn draft_at(anchor: &AnchorSettings, qp: f64) -> AnchorSettings {
    AnchorSettings { qp, speed: AnchorSpeed::Draft, ..anchor.clone() }
}

/// Bytes over quality, near the quality that is asked for: a straight line of log bytes over dB.
#[derive(Debug, Clone, Copy)]
pub(super) struct RateLine {
    /// Luma PSNR in dB and log bytes of a point on it.
    at: (f64, f64),
    /// Log bytes per dB.
    slope: f64,
}

impl RateLine {
    /// Slope where the two points do not tell one: twice the bytes for 3 dB.
    const USUAL: f64 = std::f64::consts::LN_2 / 3.0;

    /// Through two points.
    pub(super) fn through(a: &Figures, b: &Figures) -> Self {
        let [(a_db, a_log), (b_db, b_log)] = [a, b].map(|f| (f.luma_db, (f.bytes as f64).ln()));
        let slope = (a_log - b_log) / (a_db - b_db);
        let slope = if slope.is_finite() && slope > 0.0 { slope } else { Self::USUAL };
        Self { at: ((a_db + b_db) / 2.0, (a_log + b_log) / 2.0), slope }
    }

    /// Bytes at `luma_db`.
    pub(super) fn bytes_at(&self, luma_db: f64) -> f64 {
        (self.at.1 + self.slope * (luma_db - self.at.0)).exp()
    }

    /// Luma PSNR of its middle.
    pub(super) fn middle_db(&self) -> f64 {
        self.at.0
    }

    /// Bytes at another quality over those that a stream takes now.
    pub(super) fn times(&self, more_db: f64) -> f64 {
        (self.slope * more_db).exp()
    }
}

#[cfg(test)]
mod tests {
    use iev_runtime::format::anchor::Codec;

    use super::*;
    use crate::anchor::AnchorEncoder;
    use crate::encode::flow::header;
    use crate::encode::request::EncodeRequest;
    use crate::picture::synthetic;

    #[test]
    fn a_run_that_ends_half_way_leaves_what_it_has_coded() {
        let work = tempfile::tempdir().unwrap();
        let views = [View::new(PathBuf::new(), vec![Picture::zeros(16, 16); 2], (24, 1))];
        let plan = Plan::new(&[0], &[(2, 2)], 0);
        let folder = Some(work.path().to_owned());
        let settings =
            EncodeRequest::default().settings(plan, PathBuf::new(), folder, Progress::Quiet);
        let settings = settings.unwrap();
        let asked = [30.0, 40.0].map(|qp| (vec![0], draft_at(&settings.anchor, qp)));
        // Each run codes what is not known and fails at quantisers above `most`.
        let run = |most: f64| {
            let coded = Mutex::new(Vec::new());
            let outcome = Costs::open(&views, &settings).coded(
                "drafting",
                &settings.plan,
                &asked,
                &[(0, 2)],
                |pictures, (section, anchor), _| {
                    if anchor.qp > most {
                        return Err(AnchorError::Count { stage: "test", expected: 2, got: 1 });
                    }
                    coded.lock().unwrap().push(anchor.qp);
                    let pictures = vec![pictures[0].to_vec()];
                    let (body, keys) = (vec![0; 100], Vec::new());
                    Ok(CodedSection { views: section.clone(), body, keys, pictures })
                },
            );
            (outcome.is_ok(), coded.into_inner().unwrap())
        };
        assert_eq!(run(35.0), (false, vec![30.0]));
        assert_eq!(run(45.0), (true, vec![40.0]));
        assert_eq!(run(0.0), (true, Vec::new()));
    }

    #[test]
    fn a_section_that_was_coded_is_decoded_from_what_is_kept() {
        let work = tempfile::tempdir().unwrap();
        let moving = (0..4).map(|frame| synthetic(48, 32, frame as f32)).collect();
        let views = [View::new(PathBuf::new(), moving, (24, 1))];
        let plan = Plan { codec: Codec::H264, ..Plan::new(&[0], &[(4, 4)], 0) };
        let folder = Some(work.path().to_owned());
        let settings =
            EncodeRequest::default().settings(plan, PathBuf::new(), folder, Progress::Quiet);
        let settings = settings.unwrap();
        let header = header(&views, &settings).unwrap();
        let section = |qp: f64| {
            let anchor =
                AnchorSettings { encoder: AnchorEncoder::OpenH264, qp, ..settings.anchor.clone() };
            let costs = Costs::open(&views, &settings);
            costs.section(&settings.plan, &(vec![0], anchor), (0, 4), &header).unwrap()
        };
        let coded = section(24.0);
        let again = section(24.0);
        assert!(
            (&coded.body, &coded.pictures, &coded.keys)
                == (&again.body, &again.pictures, &again.keys)
        );
        // What lies there is what is taken, unless it is no section.
        let kept = std::fs::read_dir(work.path().join(KEPT_SECTIONS)).unwrap().next().unwrap();
        let kept = kept.unwrap().path();
        let coarser = section(40.0).body;
        for (lies_there, taken) in [(&coarser[..], &coarser), (&[1, 2, 3], &coded.body)] {
            std::fs::write(&kept, lies_there).unwrap();
            assert!(section(24.0).body == *taken);
        }
    }

    #[test]
    fn views_are_averaged_over_gops_before_the_logarithm_and_then_among_each_other() {
        let cost =
            |bytes, errors: &[f64], frames| SectionCost { bytes, errors: errors.to_vec(), frames };
        let one = Figures::of(&[cost(100, &[6.0], 2), cost(50, &[0.0], 1)]);
        assert_eq!((one.bytes, one.luma_db), (150, psnr_db(2.0)));
        let two = Figures::of(&[cost(300, &[1.0, 4.0], 1)]);
        let all = Figures::sum([&one, &two].into_iter());
        assert_eq!(all.bytes, 450);
        let mean = [2.0, 1.0, 4.0].map(psnr_db).iter().sum::<f64>() / 3.0;
        assert!((all.luma_db - mean).abs() < 1e-12);
    }

    #[test]
    fn lines_go_through_their_points() {
        let at = |bytes, luma_db| Figures { bytes, luma_db, views: 1 };
        let line = RateLine::through(&at(2000, 36.0), &at(1000, 34.0));
        assert!((line.bytes_at(36.0) - 2000.0).abs() < 1e-6);
        assert!((line.bytes_at(38.0) - 4000.0).abs() < 1e-6);
        assert!((line.times(-2.0) - 0.5).abs() < 1e-12);
        let flat = RateLine::through(&at(1000, 36.0), &at(1000, 36.0));
        assert!((flat.bytes_at(39.0) - 2000.0).abs() < 1e-6);
    }
}
