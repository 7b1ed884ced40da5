//! What is measured: a finished stream, and what it was made of.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use iev_exporter::input::{Reading, View};
use iev_exporter::progress::Progress;
use iev_exporter::verify::open;
use iev_runtime::Header;
use iev_runtime::outputs::Outputs;

use super::{open_clip, read_views};

#[derive(Debug, clap::Args)]
pub(super) struct Measured {
    /// The stream.
    pub(super) stream: PathBuf,
    /// Its source: one y4m file, folder of PNG files or video per view; a longer one is cut.
    #[arg(required = true)]
    views: Vec<PathBuf>,
    /// Figures as JSON.
    #[arg(long)]
    pub(super) json: bool,
    /// Say nothing but errors: neither progress nor warnings.
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    reading: Reading,
}

impl Measured {
    pub(super) fn progress(&self) -> Progress {
        Progress::to_stderr(self.quiet)
    }

    /// What is read, with the file `other`; figures go to standard output.
    pub(super) fn outputs(&self, other: Option<&Path>) -> Result<Outputs> {
        let mut outputs = Outputs::default();
        std::iter::once(self.stream.as_path())
            .chain(other)
            .for_each(|file| drop(outputs.reads(file)));
        read_views(&mut outputs, &self.views, self.progress());
        outputs.claim(Path::new("-"))?;
        Ok(outputs)
    }

    /// The source, as much of it as there is in the stream.
    pub(super) fn source(&self) -> Result<Vec<View>> {
        let header = open(&self.stream)?.header().clone();
        let reading = Reading {
            limit: Some(header.frames as usize),
            rate_of_unknown: Some(header.rate),
            ..self.reading.clone()
        };
        let views = open_clip(&self.views, &reading, self.progress())?;
        check_rate(&header, views[0].rate)?;
        Ok(views)
    }
}

fn check_rate(header: &Header, rate: (u32, u32)) -> Result<()> {
    let of_stream = header.rate;
    ensure!(
        u64::from(rate.0) * u64::from(of_stream.1) == u64::from(of_stream.0) * u64::from(rate.1),
        "the stream has {}/{} frames a second, the views {}/{}: give the --rate it was encoded with",
        of_stream.0,
        of_stream.1,
        rate.0,
        rate.1
    );
    Ok(())
}
