//! `iev-export peers`.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use iev_exporter::ffmpeg::encoders;
use iev_exporter::input::{Reading, clip_digest};
use iev_exporter::progress::Progress;
use iev_exporter::rd::curve::to_csv;
use iev_exporter::rd::peers::{PeerCodec, clip_folder, measure_point};
use iev_exporter::rules::each_once;
use iev_exporter::work_folder::WorkFolder;
use iev_runtime::outputs::{Outputs, write_whole};

use super::{open_clip, print, read_views};

/// Measure conventional codecs on a clip, by ffmpeg.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Every view is coded on its own with intra pictures 250 (VVenC: 256) apart, for \
PSNR; pictures are decoded and compared by this program.
Codecs are FAMILY-PRESET with a family of x264, x265, svtav1 and vvenc; FAMILY-PRESET-interleaved codes the pictures
of all views in turn in one stream.

Examples:
  iev-export peers v*.y4m --out peers.csv
  iev-export peers v*.y4m --out peers.csv --codecs x264-medium --qualities 24,32
  iev-export peers v*.y4m --out peers.csv --codecs svtav1-p4,svtav1-p4-interleaved
  IEV_FFMPEG=ffmpeg-static/ffmpeg iev-export peers v*.y4m --out peers.csv --work streams"
)]
pub(crate) struct PeersArgs {
    /// One y4m file, folder of PNG files or video per view.
    #[arg(required = true)]
    views: Vec<PathBuf>,
    /// The CSV file to write.
    #[arg(short, long)]
    out: PathBuf,
    /// Codecs to measure.
    #[arg(
        long,
        value_delimiter = ',',
        value_parser = PeerCodec::parse,
        default_value = "x264-medium,x265-medium,svtav1-p4,vvenc-medium"
    )]
    codecs: Vec<PeerCodec>,
    /// Rate factors or quantisers, instead of each codec's own list.
    #[arg(long, value_delimiter = ',')]
    qualities: Vec<u32>,
    /// Folder for streams, taken over by the next run; beside the CSV unless given.
    #[arg(long)]
    work: Option<PathBuf>,
    /// Say nothing but errors: neither progress nor warnings.
    #[arg(long)]
    quiet: bool,
    /// Code only the first pictures.
    #[arg(long)]
    limit: Option<NonZeroUsize>,
    #[command(flatten)]
    reading: Reading,
}

pub(crate) fn run(args: PeersArgs) -> Result<()> {
    each_once("--codecs", &args.codecs, |codec| codec.name.clone())?;
    each_once("--qualities", &args.qualities, u32::to_string)?;
    let work = args.work.unwrap_or_else(|| args.out.with_extension("streams"));
    let mut outputs = Outputs::default();
    let progress = Progress::to_stderr(args.quiet);
    let curves: Vec<(&PeerCodec, Vec<u32>)> = args
        .codecs
        .iter()
        .map(|c| Ok((c, c.qualities(&args.qualities)?)))
        .collect::<Result<_>>()?;
    read_views(&mut outputs, &args.views, progress);
    outputs.claim(Path::new("-"))?;
    outputs.claim(&args.out)?;
    outputs.claim_folder(&work)?;
    let reading = Reading { limit: args.limit.map(NonZeroUsize::get), ..args.reading };
    let views = open_clip(&args.views, &reading, progress)?;
    // Codecs that this ffmpeg lacks are left out and named.
    let listed = encoders()?;
    let (curves, absent): (Vec<_>, Vec<_>) =
        curves.into_iter().partition(|(c, _)| c.is_in(&listed));
    for (codec, _) in absent {
        let (name, encoder) = (&codec.name, codec.encoder());
        progress.warn(format_args!("{name} is left out: this ffmpeg has no {encoder}"));
    }
    ensure!(!curves.is_empty(), "this ffmpeg has none of the codecs");
    // What an earlier run has coded is taken from the folder.
    let work = clip_folder(&work, &clip_digest(&views));
    let _taken = WorkFolder::take(&work)?;
    let streams: usize = curves.iter().map(|(c, q)| q.len() * c.streams(views.len())).sum();
    let job = progress.job("coding", streams);
    let mut rows = Vec::new();
    for (codec, qualities) in curves {
        for quality in qualities {
            rows.push(measure_point(codec, quality, &views, &work, || job.step())?);
        }
    }
    drop(job);
    let csv = to_csv(&rows)?;
    write_whole(&args.out, &csv)?;
    print(csv.trim_end())
}
