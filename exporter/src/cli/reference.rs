//! `iev-export reference`.

use std::path::PathBuf;

use super::{open_clip, read_views};
use anyhow::{Result, ensure};
use iev_exporter::input::Reading;
use iev_exporter::picture::PictureExt;
use iev_exporter::progress::Progress;
use iev_exporter::rules::each_once;
use iev_runtime::outputs::{Outputs, write_whole};
use iev_runtime::picture::reference::{Crop, Rectangle, Reference};
use iev_runtime::{FrameIndex, PictureId, ViewId};

/// Cut a small lossless reference out of a clip, for `iev demo` to measure a stream against.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  iev-export reference v*.y4m -o sample.ref --frames 12,36 --crop 120,68,240,136")]
pub(crate) struct ReferenceArgs {
    /// The views of the clip, as given to encode.
    #[arg(required = true)]
    views: Vec<PathBuf>,
    /// The file to write.
    #[arg(short, long)]
    output: PathBuf,
    /// Pictures to cut from.
    #[arg(long, value_delimiter = ',', default_value = "0")]
    frames: Vec<u32>,
    /// Left, top, width and height in luma pixels.
    #[arg(long, value_parser = parse_rectangle)]
    crop: Rectangle,
    /// Say nothing but errors.
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    reading: Reading,
}

fn parse_rectangle(text: &str) -> Result<Rectangle, String> {
    let numbers: Result<Vec<usize>, _> = text.split(',').map(str::parse).collect();
    match numbers.as_deref() {
        Ok(&[left, top, width, height]) if width > 0 && height > 0 => {
            Ok(Rectangle { left, top, width, height })
        }
        _ => Err("a rectangle is left,top,width,height".into()),
    }
}

pub(crate) fn run(args: ReferenceArgs) -> Result<()> {
    each_once("--frames", &args.frames, u32::to_string)?;
    // 1. Outputs first, so that none is an input, and then the views.
    let progress = Progress::to_stderr(args.quiet);
    let mut outputs = Outputs::default();
    read_views(&mut outputs, &args.views, progress);
    outputs.claim(&args.output)?;
    let views = open_clip(&args.views, &args.reading, progress)?;
    let first = &views[0].frames[0];
    let Rectangle { left, top, width, height } = args.crop;
    let reaches =
        |start: usize, length, side| start.checked_add(length).is_some_and(|end| end <= side);
    ensure!(
        reaches(left, width, first.width()) && reaches(top, height, first.height()),
        "the crop {left},{top},{width},{height} goes beyond pictures of {}x{} pixels",
        first.width(),
        first.height()
    );
    // 2. The same crop of every view and asked frame.
    let frames = views[0].frames.len();
    let mut crops = Vec::new();
    for (view, pictures) in (0..).zip(&views) {
        for frame in &args.frames {
            ensure!(
                (*frame as usize) < frames,
                "there is no picture {frame}: the clip has {frames}"
            );
            let id = PictureId { view: ViewId(view), frame: FrameIndex(*frame) };
            crops.push(Crop::cut(&pictures.frames[*frame as usize], id, args.crop));
        }
    }
    Ok(write_whole(&args.output, Reference { crops }.to_file())?)
}
