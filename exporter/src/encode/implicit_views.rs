//! The implicit views of a whole clip: a training for each scene.

use std::fs;

use iev_runtime::Size;

use super::explicit_views::mean_luma_db;
use super::figures::Costs;
use super::floor::{Outlook, Shown, hopeless};
use super::settings::EncodeSettings;
use crate::anchor::gop::CodedSection;
use crate::error::{Context, Result};
use crate::pack::sections;
use crate::picture::Picture;
use crate::quality::PlaneErrors;
use crate::stop;
use crate::train::dataset::assemble;
use crate::train::{Clip, Sample, SceneLevels, Settings, Trainer};

/// What coding with a network has come to.
pub(super) enum Outcome<T> {
    Whole(T),
    /// The training showed early that it cannot pay: these settings do without.
    Hopeless(Box<EncodeSettings>),
}

/// Implicit views of a clip.
#[derive(Default)]
pub(super) struct ImplicitViews {
    /// Levels of every scene; none where no view is implicit.
    pub(super) scenes: Vec<SceneLevels>,
    /// PSNR of every implicit view as the trainer paints it, all planes.
    pub(super) quality_db: Vec<(usize, [f64; 3])>,
}

/// Trains what the networks hold of `views` on the `coded` explicit ones, while that can pay.
pub(super) fn implicit_views(
    views: &[&[Picture]],
    coded: &[Vec<CodedSection>],
    size: Size,
    costs: &Costs<'_>,
    settings: &EncodeSettings,
    plays: impl Fn(&EncodeSettings) -> bool,
) -> Result<Outcome<ImplicitViews>> {
    let (plan, progress) = (&settings.plan, settings.progress);
    if plan.implicit().next().is_none() {
        return Ok(Outcome::Whole(ImplicitViews::default()));
    }
    // 1. What every scene's training sees, and where it stands.
    let mut clips = Vec::new();
    for (scene, gops) in plan.scenes.iter().enumerate() {
        let work = of_scene(&settings.training, scene).work();
        if let Some(folder) = &work {
            let within = || format!("making {}", folder.display());
            fs::create_dir_all(folder).with_context(within)?;
        }
        let gops = gops.clone();
        clips.push(assemble(views, plan, gops, coded, size, work.as_deref(), progress)?);
        stop::check()?;
    }
    let trainer = |(scene, clip)| Trainer::new(of_scene(&settings.training, scene), clip);
    let mut trainers: Vec<Trainer> =
        clips.iter().enumerate().map(trainer).collect::<Result<_>>()?;
    // 2. How long it will take, and whether it is worth that.
    let left = trainers.iter().map(Trainer::steps_left);
    let left = left.reduce(|all, left| [all[0] + left[0], all[1] + left[1]]).unwrap_or_default();
    if let Some(at) = trainers.iter().position(|trainer| trainer.steps_left() != [0, 0]) {
        trainers[at].tell_estimate(&clips[at], left, progress)?;
    }
    if let Some(explicit) = given_up(&mut trainers, &clips, costs, settings)?.filter(plays) {
        return Ok(Outcome::Hopeless(Box::new(explicit)));
    }
    // 3. Each to its end.
    let mut errors = vec![PlaneErrors::default(); plan.implicit().count()];
    let mut scenes = Vec::new();
    for (scene, (trainer, clip)) in trainers.iter_mut().zip(&clips).enumerate() {
        if clips.len() > 1 {
            settings.tell(&format!("scene {} of {}", scene + 1, clips.len()));
        }
        trainer.run(clip, progress)?;
        scenes.push(trainer.export(clip));
        measure(trainer, clip, usize::MAX, &mut errors);
    }
    Ok(Outcome::Whole(ImplicitViews { scenes, quality_db: quality_db(settings, &errors) }))
}

/// The `training` of one scene of a clip.
fn of_scene(training: &Settings, scene: usize) -> Settings {
    Settings { scene, ..training.clone() }
}

/// Trains a part of the steps and gives what to do instead, where the rest would be in vain.
fn given_up(
    trainers: &mut [Trainer],
    clips: &[Clip<'_>],
    costs: &Costs<'_>,
    settings: &EncodeSettings,
) -> Result<Option<EncodeSettings>> {
    let training = &settings.training;
    let Some(offset) = settings.simulcast_offset else { return Ok(None) };
    // A training that starts from another is not at its beginning, and one of few steps is soon over.
    if training.warm_start.is_some() || training.steps < LEAST_ASKED_STEPS {
        return Ok(None);
    }
    for (part, outlook) in ASKED {
        // All of them, so that one that goes on has done what it would have done without a stop.
        let mut reached = true;
        for (trainer, clip) in trainers.iter_mut().zip(clips) {
            reached &= trainer.run_to(training.steps / part, clip, settings.progress)?;
        }
        // One that is behind that has been asked before.
        if !reached {
            continue;
        }
        let mut errors = vec![PlaneErrors::default(); settings.plan.implicit().count()];
        let mut scenes = Vec::new();
        for (trainer, clip) in trainers.iter().zip(clips) {
            measure(trainer, clip, TOLD_PICTURES, &mut errors);
            scenes.push(trainer.levels_so_far(clip));
        }
        let no_views = vec![Vec::new(); settings.plan.gops.len()];
        let network = sections(&settings.plan, &no_views, &scenes);
        let shown = Shown {
            luma_db: mean_luma_db(&quality_db(settings, &errors)),
            bytes: network.iter().map(|section| section.body.len()).sum(),
        };
        let without = hopeless(costs, settings, offset, shown, outlook)?;
        if without.is_some() {
            return Ok(without);
        }
    }
    Ok(None)
}

/// When a training is asked what it has come to, after one of so many parts of its steps, and what becomes of that at
/// best: about half as much again as trainings that pay showed (EXPERIMENTS.md §46).
const ASKED: [(usize, Outlook); 5] = [
    (40, Outlook { yet_db: 6.0, bytes_left: 0.5 }),
    (20, Outlook { yet_db: 5.0, bytes_left: 0.5 }),
    (10, Outlook { yet_db: 4.0, bytes_left: 0.5 }),
    (5, Outlook { yet_db: 2.8, bytes_left: 0.6 }),
    (2, Outlook { yet_db: 1.6, bytes_left: 0.65 }),
];
/// Fewer steps are over before that is worth its drafts.
const LEAST_ASKED_STEPS: usize = 5_000;
/// Pictures of each view and scene that tell how good a network is.
const TOLD_PICTURES: usize = 8;

/// Adds the errors of every implicit view, by at most so many `pictures` of each.
fn measure(trainer: &Trainer, clip: &Clip<'_>, pictures: usize, errors: &mut [PlaneErrors]) {
    for (view, errors) in errors.iter_mut().enumerate() {
        let samples: Vec<Sample> = clip.samples().into_iter().filter(|s| s.view == view).collect();
        let apart = samples.len().div_ceil(pictures).max(1);
        let samples: Vec<Sample> = samples.into_iter().step_by(apart).collect();
        for chunk in samples.chunks(trainer.at_once(8)) {
            for (sample, fused) in chunk.iter().zip(trainer.fused(clip, chunk)) {
                errors.add(clip.original(sample), &fused);
            }
        }
    }
}

fn quality_db(settings: &EncodeSettings, errors: &[PlaneErrors]) -> Vec<(usize, [f64; 3])> {
    settings.plan.implicit().zip(errors.iter().map(PlaneErrors::psnr_db)).collect()
}
