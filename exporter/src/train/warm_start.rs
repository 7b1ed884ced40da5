//! What a training starts from: another training's work folder, or a finished stream.

use std::path::Path;

use iev_runtime::profile::{PROFILES, Profile};
use tch::Device;

use super::adam::Parameters;
use super::checkpoint::Start;
use super::stream_start::StreamStart;
use super::{Clip, fresh, widen};
use crate::error::{Result, bail, ensure};

/// The start, read.
#[derive(Debug)]
pub enum WarmStart {
    /// All parameters as they were.
    Training(Start),
    /// What is left of them in a stream.
    Stream(StreamStart),
}

impl WarmStart {
    /// The stream, or the checkpoint in the folder, at `path`.
    ///
    /// # Errors
    /// When it is neither or cannot be read.
    pub fn load(path: &Path) -> Result<Self> {
        if path.is_file() {
            StreamStart::load(path).map(Self::Stream)
        } else {
            Start::load(path).map(Self::Training)
        }
    }

    /// What tells trainings that start from it from others.
    pub fn origin(&self) -> (i64, usize) {
        match self {
            Self::Training(start) => start.origin(),
            Self::Stream(start) => (start.digest(), 0),
        }
    }

    /// Whether it has grids for `clip`, or only a network.
    pub fn knows(&self, clip: &Clip<'_>) -> bool {
        match self {
            Self::Training(_) => true,
            Self::Stream(start) => start.knows(clip),
        }
    }

    /// Puts what it has learned into `parameters`, which are fresh ones of `profile` for `clip`.
    ///
    /// # Errors
    /// When its profile is wider, or it is a training of pictures of another size or number.
    pub fn teach(
        &self,
        parameters: &mut Parameters,
        profile: &'static Profile,
        clip: &Clip<'_>,
        device: Device,
    ) -> Result<()> {
        let narrower = PROFILES.iter().filter(|from| widen::is_narrower(from, profile));
        let (start, from) = match self {
            Self::Training(checkpoint) => {
                let mut fitting = narrower.filter_map(|from| {
                    let (mut start, ..) = fresh(from, clip, device);
                    start.take_over(checkpoint.state()).then_some((start, from))
                });
                let Some(found) = fitting.next() else {
                    bail!(
                        "{} is of another picture size, number of views or pictures, or wider profile and cannot be started from",
                        checkpoint.path().display()
                    )
                };
                found
            }
            Self::Stream(stream) => {
                ensure!(
                    widen::is_narrower(stream.profile(), profile),
                    "{} is of profile {}, which is wider than {} and cannot be started from",
                    stream.path().display(),
                    stream.profile().name,
                    profile.name
                );
                (stream.parameters(clip, device), stream.profile())
            }
        };
        widen::widen(parameters, profile, &start, from);
        Ok(())
    }
}
