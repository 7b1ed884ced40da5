//! `iev-export encode`.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use iev_exporter::anchor::AnchorSettings;
use iev_exporter::encode::{EncodeSettings, Encoded, device, encode, profile};
use iev_exporter::input::open_views;
use iev_exporter::plan::{GOP_FRAMES, Plan};
use iev_exporter::train::Settings;

/// How long to train.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Preset {
    /// A quarter of an hour for two seconds of 480×272 on two cores.
    Quick,
    /// Under an hour.
    Standard,
    /// A night.
    Best,
}

impl Preset {
    fn steps(self) -> usize {
        match self {
            Self::Quick => 6_000,
            Self::Standard => 20_000,
            Self::Best => 100_000,
        }
    }
}

/// Encode the views of a clip into one .iev stream.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  iev-export encode v0.y4m v1.y4m v2.y4m -o clip.iev --anchor 1
  iev-export encode v*.y4m -o clip.iev --anchor 2 --preset standard --work clip.work
  iev-export encode left/ right/ -o stereo.iev --qp 34 --lambda 1e-3    (PNG folders)")]
pub(crate) struct EncodeArgs {
    /// One y4m file, folder of PNG files or video per view.
    #[arg(required = true)]
    views: Vec<PathBuf>,
    /// The stream to write.
    #[arg(short, long)]
    output: PathBuf,
    /// View coded by H.264; the middle one unless given.
    #[arg(long)]
    anchor: Option<usize>,
    /// Decoder profile: lean, edge or rich.
    #[arg(long, default_value = "lean")]
    profile: String,
    /// How long to train.
    #[arg(long, value_enum, default_value = "quick")]
    preset: Preset,
    /// Steps of training, instead of the preset's.
    #[arg(long)]
    steps: Option<usize>,
    /// Quantiser of the anchor, 1 to 51.
    #[arg(long, default_value_t = 37, value_parser = clap::value_parser!(i32).range(1..=51))]
    qp: i32,
    /// Change of the quantiser for the first picture of a GOP.
    #[arg(long, default_value_t = -9, allow_negative_numbers = true)]
    intra_offset: i32,
    /// Change of the quantiser for key pictures.
    #[arg(long, default_value_t = -6, allow_negative_numbers = true)]
    key_offset: i32,
    /// Key pictures per implicit view and GOP.
    #[arg(long, default_value_t = 1)]
    keys: usize,
    /// Squared error (samples in 0..1) worth one bit per implicit pixel.
    #[arg(long)]
    lambda: Option<f64>,
    /// Most pictures of a GOP.
    #[arg(long, default_value_t = GOP_FRAMES, value_parser = parse_gop)]
    gop: usize,
    /// Encode only the first pictures.
    #[arg(long)]
    limit: Option<usize>,
    /// Seed of everything random.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Peak learning rate.
    #[arg(long, default_value_t = 5e-3)]
    learning_rate: f64,
    /// Pictures per training step.
    #[arg(long, default_value_t = 4)]
    batch: usize,
    /// Folder for checkpoints; training goes on from what it holds.
    #[arg(long)]
    work: Option<PathBuf>,
    /// cpu or cuda.
    #[arg(long, default_value = "cpu")]
    device: String,
    /// Further x264 settings, name=value joined by colons.
    #[arg(long, default_value = "")]
    x264_params: String,
    /// Lines instead of a progress bar.
    #[arg(long)]
    quiet: bool,
}

fn parse_gop(text: &str) -> Result<usize, String> {
    let frames: usize = text.parse().map_err(|_| "not a number".to_owned())?;
    if (1..=256).contains(&frames) { Ok(frames) } else { Err("a GOP has 1 to 256 pictures".into()) }
}

/// λ that matches the slope of H.264 at quantiser `qp`.
///
/// Squared error per bit doubles every 3 QP; the constant is where both parts of `room` gave the same
/// gain per byte.
fn lambda_at(qp: i32) -> f64 {
    2e-3 * (f64::from(qp - 37) / 3.0).exp2()
}

pub(crate) fn run(args: EncodeArgs) -> Result<()> {
    let profile = profile(&args.profile)?;
    let views = open_views(&args.views, args.limit)?;
    ensure!(views.len() <= 32, "a stream has at most 32 views, not {}", views.len());
    let anchor_view = args.anchor.unwrap_or(views.len() / 2);
    ensure!(
        anchor_view < views.len(),
        "there is no view {anchor_view}: the clip has views 0 to {}",
        views.len() - 1
    );
    if let Some(folder) = &args.work {
        std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    let plan =
        Plan::single_anchor(views.len(), views[0].frames.len(), anchor_view, args.gop, args.keys);
    let anchor = AnchorSettings {
        intra_offset: args.intra_offset,
        key_offset: args.key_offset,
        x264_params: args.x264_params,
        ..AnchorSettings::new(args.qp)
    };
    let training = Settings {
        profile,
        steps: args.steps.unwrap_or(args.preset.steps()),
        batch: args.batch,
        learning_rate: args.learning_rate,
        lambda: args.lambda.unwrap_or_else(|| lambda_at(args.qp)),
        seed: args.seed,
        device: device(&args.device)?,
        checkpoint: args.work,
    };
    let settings =
        EncodeSettings { output: args.output, plan, anchor, training, quiet: args.quiet };
    print(&encode(&views, &settings)?);
    Ok(())
}

fn print(encoded: &Encoded) {
    println!("{} bytes, of them {} in key pictures", encoded.bytes, encoded.key_bytes);
    for (kind, bytes) in &encoded.parts {
        println!("  {kind:?} {bytes}");
    }
    for (view, db) in &encoded.explicit_db {
        println!("view {view} explicit {db:.2?}");
    }
    for q in &encoded.implicit_db {
        println!(
            "view {} warped {:.2} implicit {:.2} fused {:.2?}",
            q.view, q.warped_db, q.implicit_db, q.fused_db
        );
    }
    let luma = encoded
        .explicit_db
        .iter()
        .map(|e| e.1[0])
        .chain(encoded.implicit_db.iter().map(|q| q.fused_db[0]));
    let (sum, count) = luma.fold((0.0, 0), |(sum, count), db| (sum + db, count + 1));
    println!("mean luma {:.3} dB", sum / f64::from(count));
}
