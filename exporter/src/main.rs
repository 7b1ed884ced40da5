//! `iev-export`: trains, packs, lowers and measures.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use iev_exporter::anchor::AnchorSettings;
use iev_exporter::encode::{EncodeSettings, device, encode, profile};
use iev_exporter::input::open_views;
use iev_exporter::plan::{GOP_FRAMES, Plan};
use iev_exporter::train::Settings;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Encode(Encode),
}

#[derive(clap::Args)]
struct Encode {
    views: Vec<PathBuf>,
    #[arg(short)]
    output: PathBuf,
    #[arg(long, default_value_t = 0)]
    anchor: usize,
    #[arg(long, default_value = "lean")]
    profile: String,
    #[arg(long, default_value_t = 37)]
    qp: i32,
    #[arg(long, default_value_t = -9)]
    intra: i32,
    #[arg(long, default_value_t = 2e-3)]
    lambda: f64,
    #[arg(long, default_value_t = 2000)]
    steps: usize,
    #[arg(long, default_value_t = 1)]
    keys: usize,
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[arg(long, default_value_t = 5e-3)]
    rate: f64,
    #[arg(long)]
    work: Option<PathBuf>,
    #[arg(long, default_value = "")]
    x264: String,
    #[arg(long, default_value_t = -6)]
    key_qp: i32,
    #[arg(long, default_value_t = 4)]
    batch: usize,
    #[arg(long)]
    quiet: bool,
}

fn main() -> anyhow::Result<()> {
    let Command::Encode(a) = Arguments::parse().command;
    let views = open_views(&a.views, None)?;
    let plan =
        Plan::single_anchor(views.len(), views[0].frames.len(), a.anchor, GOP_FRAMES, a.keys);
    let mut anchor = AnchorSettings::new(a.qp);
    anchor.intra_offset = a.intra;
    anchor.key_offset = a.key_qp;
    anchor.x264_params = a.x264;
    let training = Settings {
        profile: profile(&a.profile)?,
        steps: a.steps,
        batch: a.batch,
        learning_rate: a.rate,
        lambda: a.lambda,
        seed: a.seed,
        device: device("cpu")?,
        checkpoint: a.work,
    };
    let encoded = encode(
        &views,
        &EncodeSettings {
            output: a.output,
            plan,
            anchor,
            training,
            template_sha256: [0; 32],
            quiet: a.quiet,
        },
    )?;
    println!("{} bytes, keys {}", encoded.bytes, encoded.key_bytes);
    for p in &encoded.parts {
        println!("  {:?} {}", p.0, p.1);
    }
    for (v, db) in &encoded.explicit_db {
        println!("view {v} explicit {db:.2?}");
    }
    for q in &encoded.implicit_db {
        println!(
            "view {} warped {:.2} implicit {:.2} fused {:.2?}",
            q.view, q.warped_db, q.implicit_db, q.fused_db
        );
    }
    let mean = (encoded.explicit_db.iter().map(|e| e.1[0]).sum::<f64>()
        + encoded.implicit_db.iter().map(|e| e.fused_db[0]).sum::<f64>())
        / (encoded.explicit_db.len() + encoded.implicit_db.len()) as f64;
    println!("mean luma {mean:.3} dB");
    Ok(())
}
