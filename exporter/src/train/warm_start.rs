//! What a training starts from: another training's work folder, or a finished stream.

use std::path::Path;

use iev_runtime::profile::{PROFILES, Profile};
use tch::Device;

use super::checkpoint::{Start, scene_folder};
use super::parameters::Parameters;
use super::stream_start::StreamStart;
use super::{Clip, fresh, widen};
use crate::error::{Result, bail};

/// The start, read.
#[derive(Debug)]
pub enum WarmStart {
    /// All parameters as they were.
    Training(Start),
    /// What is left of them in a stream.
    Stream(StreamStart),
}

impl WarmStart {
    /// One `scene` of the stream, or of the work folder, at `path`.
    ///
    /// # Errors
    /// When it is neither or cannot be read.
    pub fn load(path: &Path, scene: usize) -> Result<Self> {
        if path.is_file() {
            StreamStart::load(path, scene).map(Self::Stream)
        } else {
            Start::load(&scene_folder(path, scene)).map(Self::Training)
        }
    }

    /// What tells trainings that start from it from others.
    pub fn origin(&self) -> (i64, usize) {
        match self {
            Self::Training(start) => start.origin(),
            Self::Stream(start) => (start.digest(), 0),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Training(start) => start.path(),
            Self::Stream(start) => start.path(),
        }
    }

    /// Puts what it has learned into `parameters`, which are fresh ones of `profile` for `clip`.
    ///
    /// # Errors
    /// When its profile is wider, or its pictures are of another size or number.
    pub fn teach(
        &self,
        parameters: &mut Parameters,
        profile: &'static Profile,
        clip: &Clip<'_>,
        device: Device,
    ) -> Result<()> {
        let mut narrower = PROFILES.iter().filter(|from| widen::is_narrower(from, profile));
        let taken = narrower.find_map(|from| {
            let start = match self {
                Self::Training(training) => {
                    let (mut start, ..) = fresh(from, clip, device);
                    start.take_over(training.state()).then_some(start)
                }
                Self::Stream(stream) => stream.parameters(from, clip, device),
            };
            start.map(|start| (start, from))
        });
        let Some((start, from)) = taken else {
            bail!(
                "{} is of another picture size, number of views or pictures, or wider profile and cannot be started from",
                self.path().display()
            )
        };
        widen::widen(parameters, profile, &start, from);
        Ok(())
    }
}
