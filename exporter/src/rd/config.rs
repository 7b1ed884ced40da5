//! What to measure: a clip, the points of our curve, the curves of others.

use std::path::{Path, PathBuf};

use iev_runtime::text_file::{parse_toml, read_text};
use serde::Deserialize;

use crate::encode::request::EncodeRequest;
use crate::error::{Context, Error, Result, ensure};
use crate::rules::each_once;

/// Interval of luma PSNR over which BD-rates are stated besides the whole overlap.
pub const INTERVAL_DB: (f64, f64) = (31.0, 36.0);

/// Longest file of a config.
pub(super) const MOST_BYTES: u64 = 1 << 20;

/// The file as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    #[serde(default = "own_codec")]
    codec: String,
    clip: Clip,
    #[serde(default)]
    settings: toml::Table,
    points: Vec<toml::Table>,
    #[serde(default)]
    peers: Vec<PathBuf>,
    #[serde(default = "interval_db")]
    interval: (f64, f64),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Clip {
    views: Vec<PathBuf>,
    rate: Option<(u32, u32)>,
    cameras: Option<PathBuf>,
}

fn own_codec() -> String {
    "iev".into()
}

fn interval_db() -> (f64, f64) {
    INTERVAL_DB
}

/// One point of our curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Its name, also that of its folder.
    pub label: String,
    /// What to encode with.
    pub request: EncodeRequest,
    /// Whether training starts from the parameters of the point before.
    pub warm_start: bool,
}

/// What to measure, with paths that hold from the working folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Name of the clip, and of the files that are written.
    pub name: String,
    /// Name of our curve.
    pub codec: String,
    /// One y4m file, folder of PNG files or video per view.
    pub views: Vec<PathBuf>,
    /// Pictures per second as a fraction, over what the files say.
    pub rate: Option<(u32, u32)>,
    /// Cameras of the views, to be sent along.
    pub cameras: Option<PathBuf>,
    /// Points of our curve.
    pub points: Vec<Point>,
    /// CSV files of other codecs.
    pub peers: Vec<PathBuf>,
    /// Interval of luma PSNR in dB for the second BD-rate.
    pub interval_db: (f64, f64),
}

impl Config {
    /// Reads a TOML file; its relative paths start at its own folder.
    ///
    /// # Errors
    /// Names the file and what is wrong in it.
    pub fn read(path: &Path) -> Result<Self> {
        let within = || format!("reading {}", path.display());
        let text = read_text(path, MOST_BYTES).with_context(within)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, folder).with_context(within)
    }

    /// Takes a config apart whose relative paths start at `folder`.
    ///
    /// # Errors
    /// The line of the file, or the rule that is broken.
    pub fn parse(text: &str, folder: &Path) -> Result<Self> {
        Self::of(parse_toml(text).map_err(Error::usage)?, folder)
    }

    /// The same of what stands in another file.
    pub(super) fn of_table(table: toml::Table, folder: &Path) -> Result<Self> {
        Self::of(of_toml(table)?, folder)
    }

    fn of(written: Written, folder: &Path) -> Result<Self> {
        let beside = |path: &PathBuf| folder.join(path);
        let point = |own: &toml::Table| point(&written.settings, own);
        let mut points: Vec<Point> = written.points.iter().map(point).collect::<Result<_>>()?;
        if let Some(first) = points.first_mut() {
            first.warm_start = false;
        }
        let config = Self {
            points,
            views: written.clip.views.iter().map(beside).collect(),
            rate: written.clip.rate,
            cameras: written.clip.cameras.as_ref().map(beside),
            peers: written.peers.iter().map(beside).collect(),
            interval_db: written.interval,
            name: written.name,
            codec: written.codec,
        };
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        check_name(&self.name)?;
        ensure!(!self.views.is_empty(), "a clip has at least one view");
        ensure!(!self.points.is_empty(), "a curve has at least one point");
        ensure!(self.rate.is_none_or(|(n, d)| n > 0 && d > 0), "rate is above zero");
        check_interval(self.interval_db)?;
        each_once("peers", &self.peers, |path| path.display().to_string())?;
        for (place, point) in self.points.iter().enumerate() {
            let earlier = &self.points[..place];
            let label = &point.label;
            ensure!(earlier.iter().all(|p| p.label != *label), "there are two points {label:?}");
            let limit = self.points[0].request.limit;
            ensure!(point.request.limit == limit, "all points encode equally many pictures");
        }
        Ok(())
    }
}

/// What a table says, which is a part of a file, so that nobody knows its line.
fn of_toml<T: serde::de::DeserializeOwned>(table: toml::Table) -> Result<T> {
    table.try_into().map_err(|e| Error::usage(e.to_string().trim().replace('\n', " ")))
}

/// A point's own settings over the shared ones.
fn point(shared: &toml::Table, own: &toml::Table) -> Result<Point> {
    let mut settings = shared.clone();
    settings.extend(own.clone());
    let label = settings.remove("label").context("every point has a label")?;
    let label = label.as_str().context("the label of a point is a string")?.to_owned();
    check_name(&label)?;
    let within = || format!("point {label:?}");
    let warm_start = settings.remove("warm-start").unwrap_or(false.into());
    let warm_start = warm_start.as_bool().context("warm-start is true or false")?;
    let request: EncodeRequest = of_toml(settings).with_context(within)?;
    request.check().with_context(within)?;
    Ok(Point { label, request, warm_start })
}

/// Names become files and cells of a CSV.
pub(super) fn check_name(name: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-+".contains(c);
    let whole = !name.is_empty() && name.chars().all(fits) && !name.starts_with('.');
    ensure!(whole, "names are of letters, digits and . _ - +, not {name:?}");
    Ok(())
}

/// Fails where qualities are compared over no interval.
///
/// # Errors
/// What it has to be.
pub fn check_interval((low, high): (f64, f64)) -> Result<()> {
    ensure!(
        low < high && low.is_finite() && high.is_finite(),
        "interval goes from low to high, not from {low} to {high}"
    );
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const ROOM: &str = r#"
        name = "room"
        peers = ["peers/room.csv"]
        [clip]
        views = ["v0.y4m", "/clips/v1.y4m"]
        rate = [24, 1]
        cameras = "rig.json"
        [settings]
        profile = "edge"
        anchor = 1
        qp = 40
        [[points]]
        label = "q40"
        [[points]]
        label = "q31"
        qp = 31
        lambda = 5e-4
        intra-offset = -7
    "#;

    #[test]
    fn points_have_their_own_settings_over_the_shared_ones() {
        let config = Config::parse(ROOM, Path::new("bench")).unwrap();
        assert_eq!(config.views, [Path::new("bench/v0.y4m"), Path::new("/clips/v1.y4m")]);
        assert_eq!(config.peers, [Path::new("bench/peers/room.csv")]);
        assert_eq!(config.cameras.as_deref(), Some(Path::new("bench/rig.json")));
        assert_eq!((config.rate, config.interval_db), (Some((24, 1)), (31.0, 36.0)));
        let [coarse, fine] = &config.points[..] else { panic!("two points") };
        assert_eq!((coarse.request.qp, fine.request.qp), (40.0, 31.0));
        assert_eq!((fine.request.lambda(), fine.request.intra_offset), (5e-4, Some(-7)));
        assert!(config.points.iter().all(|p| p.request.profile == "edge"));
        assert_eq!(coarse.request.steps(), EncodeRequest::default().steps());
    }

    #[test]
    fn every_point_but_the_first_can_start_from_the_one_before() {
        let warm = |text: &str| {
            let config = Config::parse(text, Path::new("")).unwrap();
            config.points.iter().map(|p| p.warm_start).collect::<Vec<_>>()
        };
        assert_eq!(warm(ROOM), [false, false]);
        assert_eq!(warm(&ROOM.replace("anchor = 1", "warm-start = true")), [false, true]);
        assert_eq!(warm(&ROOM.replace("qp = 31", "warm-start = true")), [false, true]);
    }

    #[test]
    fn the_example_of_the_help_is_a_config() {
        let config = Config::parse(include_str!("example.toml"), Path::new("")).unwrap();
        assert_eq!((config.points.len(), config.interval_db), (2, INTERVAL_DB));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let say = |from: &str, to: &str| {
            let text = ROOM.replace(from, to);
            format!("{:#}", anyhow::Error::from(Config::parse(&text, Path::new("")).unwrap_err()))
        };
        assert!(say("qp = 31", "pq = 31").contains("point \"q31\": "));
        assert!(say("qp = 31", "pq = 31").contains("pq"));
        assert!(say("qp = 31", "qp = '31'").ends_with("expected f64 in `qp`"));
        assert!(
            say("qp = 31", "anchor = [-1]").ends_with("a view, or a list of views in `anchor`")
        );
        assert_eq!(say("qp = 31", "anchor = [0, 0]"), "point \"q31\": anchor names view 0 twice");
        assert!(say("[clip]", "interval = [1.0, inf]\n[clip]").contains("from 1 to inf"));
        assert_eq!(say("qp = 31", "qp = 99"), "point \"q31\": qp is 1 to 51, not 99");
        assert_eq!(say("\"q31\"", "\"q40\""), "there are two points \"q40\"");
        assert!(say("\"q31\"", "\"../q\"").contains("not \"../q\""));
        assert_eq!(say("qp = 31", "limit = 4"), "all points encode equally many pictures");
        assert!(say("[clip]", "colour = 3\n[clip]").contains("colour"));
    }
}
