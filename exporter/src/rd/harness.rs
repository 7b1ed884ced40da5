//! Encodes what is missing, then writes tables, plots and pages of what is there.

use std::path::PathBuf;

use iev_runtime::format::anchor::Codec;
use serde::Serialize;

use super::config::{Config, Point};
use super::page::rd_page;
use super::report::Report;
use super::result::{PointFolder, PointResult, settings_digest, started_digest};
use super::table::bd_rows;
use crate::anchor::AnchorEncoder;
use crate::encode::request::EncodeRequest;
use crate::error::{Context, Result, ensure};
use crate::rd::curve::{COLUMNS, Curve, fields, read_curves};
use iev_runtime::outputs::{Outputs, write_whole};

/// A config and the folder its results go to.
#[derive(Debug, Clone)]
pub struct Harness {
    /// What to measure.
    pub config: Config,
    /// Where results go.
    pub out: PathBuf,
}

/// What the JSON file says.
#[derive(Serialize)]
struct CurveFile<'a> {
    name: &'a str,
    views: &'a [PathBuf],
    interval_db: (f64, f64),
    #[serde(flatten)]
    report: &'a Report,
}

impl Harness {
    fn folder(&self, point: &Point) -> PointFolder {
        PointFolder::new(&self.out, &self.config.name, &point.label)
    }

    /// Path of the stream of the point called `label`.
    pub fn stream(&self, label: &str) -> PathBuf {
        PointFolder::new(&self.out, &self.config.name, label).stream()
    }

    /// Seconds that encoding took, of every point with a result.
    pub fn encode_seconds(&self) -> Vec<f64> {
        let results = self.config.points.iter().filter_map(|point| self.folder(point).result());
        results.map(|result| result.encode_seconds).collect()
    }

    /// Path of an output file.
    pub fn file(&self, extension: &str) -> PathBuf {
        self.out.join(format!("{}.{extension}", self.config.name))
    }

    /// Makes sure, before anything is encoded, that no output is an input or another output.
    ///
    /// # Errors
    /// [`iev_runtime::Error::Usage`] where one is, and the disk's.
    pub fn claim(&self, outputs: &mut Outputs) -> iev_runtime::Result<()> {
        outputs.claim_folder(&self.out)?;
        self.claim_files(outputs)
    }

    /// The same for one of several curves whose results go to one folder.
    ///
    /// # Errors
    /// As [`Harness::claim`].
    pub fn claim_files(&self, outputs: &mut Outputs) -> iev_runtime::Result<()> {
        self.claim_streams(outputs)?;
        let files = ["json", "csv", "html"].map(|extension| self.file(extension));
        files.iter().try_for_each(|file| outputs.claim_in_new_folder(file))
    }

    /// The streams among them.
    pub(super) fn claim_streams(&self, outputs: &mut Outputs) -> iev_runtime::Result<()> {
        let streams = self.config.points.iter().map(|point| self.folder(point).stream());
        streams.into_iter().try_for_each(|stream| outputs.claim_in_new_folder(&stream))
    }

    /// Collects finished points; `clip` is the digest of the pictures where they were read.
    ///
    /// # Errors
    /// When a peer's file cannot be read.
    pub fn report(&self, clip: Option<&str>) -> Result<Report> {
        let (mut points, mut missing) = (Vec::new(), Vec::new());
        for place in 0..self.config.points.len() {
            match self.finished(place, clip)? {
                Ok(result) => points.push(result),
                Err(reason) => missing.push(reason),
            }
        }
        let codec = &self.config.codec;
        let rows = points.iter().map(|p| p.row(codec)).collect();
        let ours = Curve { codec: codec.clone(), rows };
        let peers = self.peers()?;
        let bd_rate = bd_rows(&ours, &peers, self.config.interval_db);
        Ok(Report { points, missing, ours, peers, bd_rate })
    }

    /// The curves of other codecs: asked for before anything is encoded too, for they may not be read.
    ///
    /// # Errors
    /// Names the file, and what is wrong in it; also where a curve has the name of ours.
    pub fn peers(&self) -> Result<Vec<Curve>> {
        let mut peers = Vec::new();
        for path in &self.config.peers {
            peers.extend(read_curves(path)?);
        }
        let (own, path) = (&self.config.codec, &self.config.peers);
        ensure!(
            peers.iter().all(|peer| peer.codec != *own),
            "a curve of {path:?} is called {own:?} as this one is: give this one another name by codec"
        );
        Ok(peers)
    }

    /// Digest of everything that decides the bytes of the point at `place`.
    fn digest(&self, place: usize, clip: &str) -> Result<String> {
        let point = &self.config.points[place];
        let own = settings_digest(&point.request, clip, encoder(&point.request)?)?;
        Ok(if point.warm_start {
            started_digest(&own, &self.digest(place - 1, clip)?)
        } else {
            own
        })
    }

    /// The result of the point at `place`, or why it does not count.
    fn finished(&self, place: usize, clip: Option<&str>) -> Result<Result<PointResult, String>> {
        let point = &self.config.points[place];
        let Some(result) = self.folder(point).result() else {
            return Ok(Err(format!("point {} is not encoded yet", point.label)));
        };
        let same = match clip {
            Some(clip) => result.digest == self.digest(place, clip)?,
            None => (&result.request, result.warm_start) == (&point.request, point.warm_start),
        };
        let stale =
            || format!("point {} was encoded from something else and is left out", point.label);
        Ok(if same { Ok(result) } else { Err(stale()) })
    }

    /// Writes the report as JSON, CSV and HTML.
    ///
    /// # Errors
    /// The disk's.
    pub fn write(&self, report: &Report) -> Result<()> {
        std::fs::create_dir_all(&self.out)
            .with_context(|| format!("making {}", self.out.display()))?;
        let Config { name, views, interval_db, .. } = &self.config;
        let all = CurveFile { name, views, interval_db: *interval_db, report };
        let all = serde_json::to_value(all).context("writing the report as JSON")?;
        write_whole(&self.file("json"), format!("{all:#}"))?;
        write_whole(&self.file("csv"), csv(&report.ours, &report.points)?)?;
        Ok(write_whole(&self.file("html"), rd_page(&self.config, report))?)
    }
}

/// What codes the explicit views of a request here.
fn encoder(request: &EncodeRequest) -> Result<&'static str> {
    Ok(match (request.codec()?.codec, AnchorEncoder::Best.chosen()) {
        (Codec::Av1, _) => "SVT-AV1",
        (Codec::H264, AnchorEncoder::OpenH264) => "openh264",
        (Codec::H264, _) => "x264",
    })
}

/// Our curve in the form of the peers', with further columns behind.
fn csv(ours: &Curve, points: &[PointResult]) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let views = points.iter().map(|p| p.verified.figures.views.len()).max().unwrap_or(0);
    let mut header: Vec<String> = COLUMNS.map(str::to_owned).into();
    header.extend(["psnr_611", "ms_ssim", "encode_s"].map(str::to_owned));
    for view in 0..views {
        header.extend(["psnr_y", "psnr_u", "psnr_v", "ms_ssim"].map(|c| format!("v{view}_{c}")));
    }
    writer.write_record(&header)?;
    for (row, point) in ours.rows.iter().zip(points) {
        let figures = &point.verified.figures;
        let mut cells: Vec<String> = fields(row).into();
        cells.extend([format!("{:.3}", figures.psnr_611), format!("{:.5}", figures.ms_ssim)]);
        cells.push(format!("{:.0}", point.encode_seconds));
        for view in &figures.views {
            cells.extend(view.psnr_db().map(|db| format!("{db:.3}")));
            cells.push(format!("{:.5}", view.ms_ssim));
        }
        writer.write_record(&cells)?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

#[cfg(feature = "train")]
mod encoding {
    use std::path::PathBuf;
    use std::time::Instant;

    use iev_runtime::format::cameras::Cameras;

    use crate::error::{Context, Result, ensure};

    use super::{Harness, Point, PointFolder, PointResult};
    use crate::encode::{encode, plan};
    use crate::input::cameras::read_cameras;
    use crate::input::{Reading, View, clip_digest, digest_with, open_views, warnings};
    use crate::progress::Progress;
    use crate::rd::machine::MachineFacts;
    use crate::verify::verify;
    use crate::work_folder::WorkFolder;

    impl Harness {
        /// Encodes and measures every point that has no result yet, or those named by `only`;
        /// returns the digest of the clip.
        ///
        /// # Errors
        /// When a view cannot be read, or encoding fails; finished points keep their results.
        pub fn encode(&self, only: &[String], progress: Progress) -> Result<String> {
            let points = &self.config.points;
            // What is typed or written wrong is told before anything is read or encoded.
            for name in only {
                let known = points.iter().any(|p| p.label == *name);
                ensure!(known, "there is no point {name:?} in the config");
            }
            let asked = |point: &Point| only.is_empty() || only.contains(&point.label);
            for point in points.iter().filter(|point| asked(point)) {
                let within = || format!("point {:?}", point.label);
                point.request.check_for(self.config.views.len()).with_context(within)?;
            }
            let limit = points[0].request.limit;
            let views = {
                let reading = Reading { limit, rate: self.config.rate, ..Reading::default() };
                open_views(&self.config.views, &reading)?
            };
            warnings(&views).for_each(|warning| progress.warn(warning));
            let cameras = self.cameras(&views, progress)?;
            let clip = digest_with(cameras.as_ref(), clip_digest(&views));
            // In order: a point may start from the one before.
            for (place, point) in points.iter().enumerate() {
                if asked(point) {
                    let (number, label) = (place + 1, &point.label);
                    progress.say(format!("point {label} ({number} of {})", points.len()));
                    let within = || format!("point {:?}", point.label);
                    self.encode_point(place, &views, cameras.as_ref(), &clip, progress)
                        .with_context(within)?;
                }
            }
            Ok(clip)
        }

        fn cameras(&self, views: &[View], progress: Progress) -> Result<Option<Cameras>> {
            let Some(path) = &self.config.cameras else { return Ok(None) };
            let (cameras, said) = read_cameras(path, views)?;
            said.iter().for_each(|line| progress.say(format_args!("cameras: {line}")));
            Ok(Some(cameras))
        }

        fn encode_point(
            &self,
            place: usize,
            views: &[View],
            cameras: Option<&Cameras>,
            clip: &str,
            progress: Progress,
        ) -> Result<()> {
            let point = &self.config.points[place];
            let folder = self.folder(point);
            let digest = self.digest(place, clip)?;
            // A finished point is not encoded again.
            if folder.finished(&digest).is_some() {
                progress.say("  has a result with these settings already");
                return Ok(());
            }
            // Encoded, measured, told and stored.
            let start = point.warm_start.then(|| self.start(place, clip)).transpose()?;
            let _taken = WorkFolder::take(folder.work())?;
            folder.prepare(&digest)?;
            let clip = (views, cameras);
            let result = measure_point(point, &folder, start, digest, clip, progress)?;
            let figures = &result.verified.figures;
            let (kbps, luma_db) = (figures.kbps, figures.psnr_y);
            progress.say(format!("  {kbps:.1} kbit/s, {luma_db:.3} dB luma"));
            let warned = result.verified.warnings();
            warned.iter().for_each(|warning| progress.warn(warning));
            folder.store(&result)
        }

        /// The work folder of the point before, which must be finished.
        fn start(&self, place: usize, clip: &str) -> Result<PathBuf> {
            let before = &self.config.points[place - 1];
            let folder = self.folder(before);
            let finished = folder.finished(&self.digest(place - 1, clip)?).is_some();
            ensure!(finished, "it starts from point {:?}, which is not encoded yet", before.label);
            Ok(folder.work().to_owned())
        }
    }

    fn measure_point(
        point: &Point,
        folder: &PointFolder,
        warm_start: Option<PathBuf>,
        digest: String,
        (views, cameras): (&[View], Option<&Cameras>),
        progress: Progress,
    ) -> Result<PointResult> {
        let resumed = folder.checkpoint().exists();
        let work = Some(folder.work().to_owned());
        // As `encode` does it.
        let plan = plan(views, &point.request, progress)?;
        let mut settings = point.request.settings(plan, folder.stream(), work, progress)?;
        settings.training.warm_start = warm_start;
        settings.cameras = cameras.cloned();
        settings.tell_fallback(&point.request)?;
        // The seconds are those of encoding alone.
        let started = Instant::now();
        let encoded = encode(views, &settings)?;
        let encode_seconds = started.elapsed().as_secs_f64();
        let verified = verify(&folder.stream(), views, &encoded.predicted_db(), progress)?;
        Ok(PointResult {
            label: point.label.clone(),
            digest,
            request: point.request.clone(),
            warm_start: point.warm_start,
            verified,
            encode_seconds,
            resumed,
            machine: MachineFacts::this(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::rd::config::tests::ROOM;
    use crate::rd::result::tests::result;

    fn harness(out: &Path) -> Harness {
        let mut config = Config::parse(ROOM, Path::new("")).unwrap();
        config.peers = vec![out.join("peers.csv")];
        let peers = "codec,quality,bytes,kbps,psnr_y,psnr_u,psnr_v\n\
                     x264,28,392085,1568.3,35.964,40.4,38.2\nx264,36,125325,501.3,31.0,38,36.3\n";
        std::fs::write(out.join("peers.csv"), peers).unwrap();
        Harness { config, out: out.to_owned() }
    }

    fn finish(harness: &Harness, clip: &str) {
        for (place, (bytes, db)) in [(60_000, 31.5), (150_000, 35.0)].into_iter().enumerate() {
            let point = &harness.config.points[place];
            let folder = harness.folder(point);
            let digest = harness.digest(place, clip).unwrap();
            folder.prepare(&digest).unwrap();
            std::fs::write(folder.stream(), vec![0; bytes as usize]).unwrap();
            let request = point.request.clone();
            folder
                .store(&PointResult { digest, request, ..result(&point.label, bytes, db) })
                .unwrap();
        }
    }

    #[test]
    fn a_report_is_made_of_results_alone() {
        let out = tempfile::tempdir().unwrap();
        let harness = harness(out.path());
        finish(&harness, "clip");
        let report = harness.report(None).unwrap();
        assert_eq!((report.points.len(), report.missing.len()), (2, 0));
        assert!(report.bd_rate[0].luma.unwrap().percent < -40.0, "{:?}", report.bd_rate);
        harness.write(&report).unwrap();
        let own = read_curves(&harness.file("csv")).unwrap();
        assert_eq!(own[0].rows.iter().map(|r| r.bytes).collect::<Vec<_>>(), [60_000, 150_000]);
        let csv = std::fs::read_to_string(harness.file("csv")).unwrap();
        assert!(csv.lines().next().unwrap().ends_with("v1_psnr_v,v1_ms_ssim"), "{csv}");
        let html = std::fs::read_to_string(harness.file("html")).unwrap();
        assert_eq!(html.matches("<circle").count(), 2 * 4, "two plots of two curves of two points");
        let text = std::fs::read_to_string(harness.file("json")).unwrap();
        let all: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(all["points"][1]["label"], "q31");
    }

    #[test]
    fn results_of_other_settings_or_clips_are_left_out_by_name() {
        let out = tempfile::tempdir().unwrap();
        let mut harness = harness(out.path());
        finish(&harness, "clip");
        assert_eq!(harness.report(Some("clip")).unwrap().points.len(), 2);
        assert_eq!(harness.report(Some("other clip")).unwrap().points.len(), 0);
        harness.config.points[1].request.seed = 7;
        let report = harness.report(None).unwrap();
        assert_eq!(report.points.len(), 1);
        assert!(report.missing[0].contains("q31"), "{:?}", report.missing);
    }

    #[test]
    fn a_point_is_finished_only_with_its_digest_and_its_stream() {
        let out = tempfile::tempdir().unwrap();
        let harness = harness(out.path());
        finish(&harness, "clip");
        let point = &harness.config.points[0];
        let digest = harness.digest(0, "clip").unwrap();
        let folder = harness.folder(point);
        assert!(folder.finished(&digest).is_some());
        assert!(folder.finished("another").is_none());
        std::fs::write(folder.stream(), b"cut").unwrap();
        assert!(folder.finished(&digest).is_none());
    }
}
