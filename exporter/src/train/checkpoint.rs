//! Checkpoints: the state of a training, and what it is the state of.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use iev_runtime::outputs::write_whole;
use sha2::{Digest, Sha256};
use tch::Tensor;

use super::{Clip, Settings};
use crate::CHECKPOINT;
use crate::error::{Context, Error, Result, ensure};

/// A number that tells trainings of other settings, clips or explicit coding apart.
///
/// Of the clip it sees the first and the last picture of every view, GOP and source, not those between: enough to
/// tell clips, cuts of one clip and encoders apart, and read in a moment for long clips too.
///
/// Pictures that are trained whole are so whatever the size of windows. The number of steps is left out, so that a training can be continued for longer; the training it
/// started from is not.
pub fn fingerprint(
    settings: &Settings,
    clip: &Clip<'_>,
    windows: usize,
    start: Option<(i64, usize)>,
) -> i64 {
    let Settings { profile, flow_steps, batch, learning_rate, lambda, lambda_fall, seed, .. } =
        settings;
    let mut digest = Sha256::new();
    digest.update(format!(
        "Muon, late Adam {profile:?} {flow_steps} {batch} {learning_rate} {lambda} {lambda_fall} {seed}"
    ));
    if !settings.without.is_empty() {
        digest.update(format!(" without {}", settings.without.name()));
    }
    if windows > 1 {
        digest.update(format!(" {windows} windows"));
    }
    digest.update(start.map_or(String::new(), |(training, step)| format!(" {training} {step}")));
    // First and last picture of every list.
    let views = clip.gops.iter().flatten();
    for view in views {
        let seconds = [view.seconds.first().copied(), view.seconds.last().copied()];
        let ends = [
            [view.originals.first(), view.originals.last()],
            [view.anchors.first(), view.anchors.last()],
            seconds,
        ];
        ends.as_flattened().iter().flatten().for_each(|picture| digest.update(picture.i420()));
    }
    number_of(digest)
}

/// The first eight bytes of a digest, as checkpoints hold numbers.
pub fn number_of(digest: Sha256) -> i64 {
    let bytes: [u8; 32] = digest.finalize().into();
    bytes
        .first_chunk()
        .map_or_else(|| unreachable!("a digest has 32 bytes"), |first| i64::from_le_bytes(*first))
}

/// Where the training of a scene keeps what it has, in the work folder of a clip.
pub fn scene_folder(work: &Path, scene: usize) -> PathBuf {
    if scene == 0 { work.to_owned() } else { work.join(format!("scene-{scene}")) }
}

/// The checkpoint of a training whose work folder is `folder`.
pub fn checkpoint_in(folder: &Path) -> PathBuf {
    folder.join(CHECKPOINT)
}

/// Writes a checkpoint, whole or not at all.
///
/// # Errors
/// The disk's.
pub fn save(
    folder: &Path,
    fingerprint: i64,
    step: usize,
    mut state: Vec<(String, Tensor)>,
) -> Result<()> {
    state.push(("step".into(), Tensor::from(step as i64)));
    state.push(("fingerprint".into(), Tensor::from(fingerprint)));
    // In memory first: libtorch's own words about a full disk are a stack trace.
    let mut bytes = Vec::new();
    Tensor::save_multi_to_stream(&state, &mut bytes)?;
    Ok(write_whole(&checkpoint_in(folder), bytes)?)
}

/// The checkpoint in `folder`, if there is one.
///
/// # Errors
/// When it is not of the training with this fingerprint, which would replace it with its own.
pub fn load(folder: &Path, fingerprint: i64) -> Result<Option<Start>> {
    let path = checkpoint_in(folder);
    if !path.try_exists().with_context(|| format!("reading {}", path.display()))? {
        return Ok(None);
    }
    let start = Start::load(folder)?;
    ensure!(
        start.fingerprint == fingerprint,
        "{} is of other settings, another clip or another encoder of explicit views: name another --work, or delete it",
        path.display()
    );
    Ok(Some(start))
}

/// A checkpoint, of whatever training.
#[derive(Debug)]
pub struct Start {
    path: PathBuf,
    fingerprint: i64,
    step: usize,
    state: Vec<(String, Tensor)>,
}

impl Start {
    /// The checkpoint in `folder`.
    ///
    /// # Errors
    /// When there is none, or it is not one or cannot be read.
    pub fn load(folder: &Path) -> Result<Self> {
        let path = checkpoint_in(folder);
        // libtorch's own words are a stack trace.
        File::open(&path).map_err(|e| match e.kind() {
            ErrorKind::NotFound => {
                Error::usage(format_args!("there is no checkpoint at {}", path.display()))
            }
            _ => Error::from(e).during(format_args!("reading {}", path.display())),
        })?;
        let no_checkpoint = || format!("{} is no checkpoint", path.display());
        let mut state = Tensor::load_multi(&path).ok().with_context(no_checkpoint)?;
        let mut last = |name: &str| {
            let number = state.pop().filter(|(n, t)| n == name && t.numel() == 1);
            number.map(|(_, t)| t.int64_value(&[]))
        };
        let numbers = last("fingerprint").zip(last("step"));
        let (fingerprint, step) = numbers.with_context(no_checkpoint)?;
        Ok(Self { path, fingerprint, step: step as usize, state })
    }

    /// Steps that were done.
    pub fn step(&self) -> usize {
        self.step
    }

    /// Which training it is of, and how far.
    pub fn origin(&self) -> (i64, usize) {
        (self.fingerprint, self.step)
    }

    /// Names, values and moments.
    pub fn state(&self) -> &[(String, Tensor)] {
        &self.state
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
