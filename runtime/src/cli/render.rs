//! `iev render`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use iev_runtime::format::cameras::Cameras;
use iev_runtime::format::header::{Header, Role};
use iev_runtime::outputs::Outputs;
use iev_runtime::paint::timing::Timings;
use iev_runtime::picture::pool::{Loan, Pool};
use iev_runtime::play::player::{Player, Selection};
use iev_runtime::play::posed::{Consumer, PosedPlayback};
use iev_runtime::play::shown::{Pictures, ShownFrame, ShownView};
use iev_runtime::render::Viewpoint;
use iev_runtime::sink::{Muxer, Plan, Sink, TileLayout, names_view};
use iev_runtime::{FrameIndex, Picture, Result, Size, ViewId};

use super::decode::{FrameArgs, muxer_named, muxer_of, tell_of_place_of_frame};
use super::stream::StreamArgs;
use super::trace::{self, Pose, When};
use super::{BackendArgs, Failure, warn};

/// Least share of a picture that views have to have seen for nothing to be said.
const LEAST_SEEN: f64 = 0.5;

/// Render what a head sees that is between the cameras
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Render {
    #[command(flatten)]
    pub(super) stream: StreamArgs,
    /// Where to write; %v is the eye, %t the number of a PNG, %% a percent sign, - is standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Where the head is (x right, y down, z forward) and how it is turned (a unit quaternion to world axes; without, as
    /// the nearest camera); iev info shows where cameras are
    #[arg(
        long,
        value_name = "X,Y,Z[,QW,QX,QY,QZ]",
        value_delimiter = ',',
        allow_hyphen_values = true,
        required_unless_present = "trace",
        conflicts_with = "trace"
    )]
    pose: Vec<f64>,
    /// Poses over time, a picture each: a table of X,Y,Z,Yaw,Pitch,Roll (TMIV's, a row per frame), or of
    /// frame,x,y,z,qw,qx,qy,qz, or with seconds in place of frame
    #[arg(long, value_name = "CSV")]
    trace: Option<PathBuf>,
    /// Horizontal field of view in degrees [default: that of the camera nearest to the first pose]
    #[arg(long, value_name = "DEGREES")]
    fov: Option<f64>,
    /// Size of a picture, of one eye where there are two [default: the stream's]
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = parse_size)]
    size: Option<Size>,
    /// Two eyes, so far apart in the units of the cameras: 0.063 where those are metres
    #[arg(long, value_name = "DISTANCE")]
    stereo: Option<f64>,
    /// Where the eyes go: side by side, left above right, or two files with %v for 0 (left) and 1
    #[arg(long, requires = "stereo", default_value = "sbs")]
    layout: Eyes,
    #[command(flatten)]
    frames: FrameArgs,
    /// yuv4mpeg2, yuv, nv12, rgba, png, md5 or null, when the file name does not tell
    #[arg(long)]
    muxer: Option<String>,
    /// Say nothing of pictures that are mostly guessed
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    backend: BackendArgs,
}

const EXAMPLES: &str = "\
Examples:
  iev render clip.iev --pose 0.1,0,0 -o between.y4m
  iev render clip.iev --pose 0.1,0,0,1,0,0,0 --fov 70 --size 640x640 --limit 1 -o between.png
  iev render clip.iev --trace poses.csv -o - | mpv -
  iev render clip.iev --trace poses.csv --stereo 0.063 --layout two -o eye%v.y4m";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Eyes {
    Sbs,
    Tb,
    Two,
}

/// What to render: of which frame, and what each eye sees.
struct Shot {
    frame: u32,
    eyes: Vec<Viewpoint>,
}

impl Shot {
    /// Its pictures, and the share of each that some view has seen.
    fn render(&self, posed: &mut PosedPlayback, pool: &Pool<Picture>) -> (Pictures, [f64; 2]) {
        let empty = |at: &Viewpoint| -> Loan<Picture> { pool.take_or(|| Picture::new(at.size)) };
        let (mut pictures, mut seen) = (Pictures::new(), [1.0; 2]);
        let mut show = |eye: u8, picture: Loan<Picture>| {
            let rendered = ShownView { view: ViewId(eye), picture: picture.share() };
            assert!(pictures.push(rendered).is_ok(), "two eyes are fewer than views");
        };
        match self.eyes.as_slice() {
            [left, right] => {
                let [mut one, mut other] = [left, right].map(empty);
                seen = posed.render_pair([(left, &mut one), (right, &mut other)]);
                show(0, one);
                show(1, other);
            }
            eyes => {
                for (eye, (at, seen)) in (0..).zip(eyes.iter().zip(&mut seen)) {
                    let mut picture = empty(at);
                    *seen = posed.render(at, &mut picture);
                    show(eye, picture);
                }
            }
        }
        (pictures, seen)
    }
}

fn parse_size(text: &str) -> Result<Size, String> {
    let sides = text.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    match sides {
        Some((width_px, height_px)) if width_px > 0 && height_px > 0 => {
            Ok(Size { width_px, height_px })
        }
        _ => Err("a size is WIDTHxHEIGHT, each at most 65535".into()),
    }
}

pub(crate) fn run(command: &Render) -> Result<(), Failure> {
    let backend = command.backend.backend(command.quiet);
    command.backend.limit_renderer();
    let player = command.stream.open(command.backend.options(&backend, command.quiet))?;
    let cameras = player.cameras()?.ok_or_else(|| Failure::Usage(NO_CAMERAS.into()))?;
    let trace = command.trace.as_deref().map(trace::read).transpose()?;
    let shots = command.shots(&player, &cameras, trace.as_deref())?;
    let eyes: Vec<_> = shots.iter().flat_map(|shot| shot.eyes.iter().copied()).collect();
    let views = player.views_at(&eyes)?;
    let header = command.header(player.header(), &shots, trace.as_deref());
    let order: Vec<_> = (0..header.views.len() as u8).map(ViewId).collect();
    let (muxer, path) = (command.muxer()?, command.output.as_path());
    let layout =
        if command.layout == Eyes::Tb { TileLayout::TopBottom } else { TileLayout::SideBySide };
    let single = shots.len() == 1;
    let plan = Plan { muxer, path, header: &header, views: &order, layout, single };
    plan.check()?;
    let mut outputs = command.inputs();
    plan.files(0..shots.len() as u32).iter().try_for_each(|path| outputs.claim(path))?;
    if !command.quiet {
        tell_of_place_of_frame(&plan);
    }
    let frames = shots[0].frame..shots[shots.len() - 1].frame + 1;
    let posed = player.posed(&Selection::new(views, frames), Consumer::File)?;
    command.pump(posed, &shots, Sink::open(&plan)?)
}

pub(super) const NO_CAMERAS: &str = "the stream has no cameras, so nothing says where its views are: encode it with \
                                     iev-export encode --cameras FILE";

impl Render {
    fn inputs(&self) -> Outputs {
        let mut outputs = self.backend.inputs(&self.stream.path);
        self.trace.iter().for_each(|trace| drop(outputs.reads(trace)));
        outputs
    }

    fn muxer(&self) -> Result<Muxer, Failure> {
        if self.stereo.is_some() && (self.layout == Eyes::Two) != names_view(&self.output) {
            let what = "--layout two writes two files, and no other does: name them by %v, as in eye%v.y4m";
            return Err(Failure::Usage(what.into()));
        }
        match muxer_named(self.muxer.as_deref())? {
            Some(muxer) => Ok(muxer),
            None => muxer_of(&self.output),
        }
    }

    /// The pictures to render, in order of time; at least one.
    fn shots(
        &self,
        player: &Player,
        cameras: &Cameras,
        trace: Option<&[trace::Row]>,
    ) -> Result<Vec<Shot>, Failure> {
        let poses = self.poses(player.header(), cameras, trace)?;
        let lens = self.lens(player, cameras, &poses[0].1)?;
        let baseline = self.stereo.unwrap_or(0.0);
        check_apart(baseline)?;
        let shot = |(frame, pose): (u32, Pose)| {
            let head = Viewpoint { position: pose.position, rotation: pose.rotation, ..lens };
            let eyes = match self.stereo {
                Some(apart) => vec![head.moved_right(-0.5 * apart), head.moved_right(0.5 * apart)],
                None => vec![head],
            };
            Shot { frame, eyes }
        };
        Ok(poses.into_iter().map(shot).collect())
    }

    /// Frames of the stream, each with a pose; at least one.
    fn poses(
        &self,
        header: &Header,
        cameras: &Cameras,
        trace: Option<&[trace::Row]>,
    ) -> Result<Vec<(u32, Pose)>, Failure> {
        let chosen = self.frames.of(header.frames);
        let nothing = || format!("nothing to render: the stream has {} frames", header.frames);
        let (Some(path), Some(rows)) = (&self.trace, trace) else {
            let pose = self.pose(cameras)?;
            let poses: Vec<_> = chosen.map(|frame| (frame, pose)).collect();
            return if poses.is_empty() { Err(Failure::Usage(nothing())) } else { Ok(poses) };
        };
        let mut poses = Vec::new();
        for row in rows {
            let frame = frame_at(row.when, header);
            if frame >= u64::from(header.frames) {
                let what = format!("line {}: is at frame {frame}", row.line);
                let frames = header.frames;
                return Err(trace::fault(
                    path,
                    format_args!("{what}, the stream has {frames}, counted from 0"),
                ));
            }
            if chosen.contains(&(frame as u32)) {
                poses.push((frame as u32, row.pose));
            }
        }
        if poses.is_empty() { Err(Failure::Usage(nothing())) } else { Ok(poses) }
    }

    /// The one pose that was typed.
    fn pose(&self, cameras: &Cameras) -> Result<Pose, Failure> {
        let wrong = |what: &str| Err(Failure::Usage(format!("--pose {what}")));
        if !self.pose.iter().all(|number| number.is_finite()) {
            return wrong("takes finite numbers");
        }
        match *self.pose {
            [x, y, z] => {
                let position = [x, y, z].into();
                let nearest = cameras.nearest(position).map_or(0, |view| usize::from(view.0));
                Ok(Pose { position, rotation: cameras.views[nearest].rotation() })
            }
            [x, y, z, qw, qx, qy, qz] => match trace::rotation([qw, qx, qy, qz]) {
                Some(rotation) => Ok(Pose { position: [x, y, z].into(), rotation }),
                None => wrong("ends in a unit quaternion, w first"),
            },
            _ => wrong("takes three numbers, x,y,z, or seven with qw,qx,qy,qz"),
        }
    }

    /// Lens and size of what is rendered, at no place yet.
    fn lens(&self, player: &Player, cameras: &Cameras, first: &Pose) -> Result<Viewpoint, Failure> {
        let own = player.header().size;
        let size = self.size.unwrap_or(own);
        player.options().limits.check_size(size).map_err(|e| {
            let (width, height) = (size.width_px, size.height_px);
            Failure::Usage(format!("--size {width}x{height}: {e}"))
        })?;
        let nearest = cameras.nearest(first.position).map_or(0, |view| usize::from(view.0));
        let lens = Viewpoint::of_camera(&cameras.views[nearest], own).resized(size);
        let Some(degrees) = self.fov else { return Ok(lens) };
        if !(1.0..=170.0).contains(&degrees) {
            return Err(Failure::Usage(format!("--fov {degrees} is not within 1 and 170 degrees")));
        }
        let [width, height] = [size.width(), size.height()].map(|side| side as f64);
        let focal_px = 0.5 * width / (0.5 * degrees.to_radians()).tan();
        let centre_px = [0.5 * width, 0.5 * height];
        Ok(Viewpoint { focal_px: [focal_px; 2], centre_px, ..lens })
    }

    /// The header that a stream of the rendered pictures would have.
    fn header(&self, own: &Header, shots: &[Shot], trace: Option<&[trace::Row]>) -> Header {
        let mut header = own.clone();
        header.size = shots[0].eyes[0].size;
        header.frames = shots.len() as u32;
        header.views = shots[0].eyes.iter().map(|_| Role::Explicit).collect();
        if self.fov.is_some() {
            header.sampling.pixel_aspect = (1, 1);
        }
        header.rate = trace.and_then(rate).unwrap_or(header.rate);
        header
    }

    fn pump(
        &self,
        mut posed: PosedPlayback,
        shots: &[Shot],
        mut sink: Sink,
    ) -> Result<(), Failure> {
        let pool: Pool<Picture> = Pool::new(2);
        let (mut next, mut guessed) = (0, 0);
        while let Some(frame) = posed.next_frame() {
            let frame = frame?;
            while let Some(shot) = shots.get(next).filter(|shot| shot.frame == frame.0) {
                let (pictures, seen) = shot.render(&mut posed, &pool);
                guessed += seen.into_iter().filter(|seen| *seen < LEAST_SEEN).count();
                let (frame, timings) = (FrameIndex(next as u32), Timings::begin(0));
                sink.put(&ShownFrame { frame, pictures, degraded: false, timings })?;
                next += 1;
            }
        }
        sink.finish()?;
        if guessed > 0 && !self.quiet {
            let of = shots.len() * shots[0].eyes.len();
            warn(format_args!(
                "warning: {guessed} of {of} pictures are mostly guessed, for no view sees what they show: iev info shows \
                 where cameras are"
            ));
        }
        Ok(())
    }
}

pub(super) fn check_apart(eyes: f64) -> Result<(), Failure> {
    if (0.0..1e4).contains(&eyes) {
        return Ok(());
    }
    Err(Failure::Usage(format!("--stereo {eyes} is no distance of eyes")))
}

/// The frame that is shown then.
fn frame_at(when: When, header: &Header) -> u64 {
    let (pictures, seconds) = header.rate;
    match when {
        When::Frame(frame) => frame.into(),
        // A little more, for rounding.
        When::Seconds(at) => (at * f64::from(pictures) / f64::from(seconds) + 1e-3) as u64,
    }
}

/// The mean rate of rows with seconds, in thousandths of a hertz; none of others.
fn rate(rows: &[trace::Row]) -> Option<(u32, u32)> {
    let [first, .., last] = rows else { return None };
    let (When::Seconds(start), When::Seconds(end)) = (first.when, last.when) else { return None };
    let rate = (rows.len() - 1) as f64 / (end - start);
    let thousandths = (1e3 * rate).round();
    if !(1.0..=1e6).contains(&thousandths) {
        return None;
    }
    let thousandths = thousandths as u32;
    Some(if thousandths.is_multiple_of(1000) {
        (thousandths / 1000, 1)
    } else {
        (thousandths, 1000)
    })
}
