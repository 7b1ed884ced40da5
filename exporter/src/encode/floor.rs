//! The floor under the codec: every view by the video codec alone, where the network does not pay.
//!
//! Before the training drafts tell what implicit views would cost as explicit ones. Where a network cannot cost
//! less, there is none; early in the training this is asked again, by how good its pictures are then and what they cost.
//! After all of it the finished stream is compared with explicit views of no less quality: fast motion
//! everywhere, few pictures or a high rate leave a network little to save.

use super::drafts::{APART_QP, Arrangement, arrangement};
use super::figures::{Costs, Figures, RateLine, draft_at};
use super::settings::EncodeSettings;
use crate::anchor::{AnchorSettings, coder};
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::rules::{least_network_bytes, qp_of_lambda};

/// What implicit views are below the explicit ones in luma PSNR (EXPERIMENTS.md §28).
const IMPLICIT_BELOW_DB: f64 = 1.7;
/// Bytes of the slow preset over those of a draft at equal quality (EXPERIMENTS.md §29, §36).
const THOROUGH_OVER_DRAFT: f64 = 0.73;
/// Less than that of any slow preset at any quality.
const LEAST_OVER_DRAFT: f64 = 0.5;
/// A network whose stream is at least this much smaller than the explicit views at a neighbouring quantiser needs no
/// closer look.
const CLEARLY: f64 = 1.05;
/// How far the line through two drafts a quantiser apart is good for.
const ON_THE_LINE_DB: f64 = 2.0;
/// Luma PSNR above the asked one that is near enough.
const NEAR_DB: f64 = 0.02;

/// `settings` with all that drafts decide.
///
/// # Errors
/// When a draft cannot be coded.
pub(super) fn chosen_by_drafts(
    costs: &Costs<'_>,
    settings: &EncodeSettings,
) -> Result<EncodeSettings> {
    let has_network = settings.plan.implicit().next().is_some();
    let arranges = settings.arrange && coder(settings.plan.codec).interleaves();
    // A network that drafts say is too dear is not trained; where there is none, drafts arrange the views.
    match settings.simulcast_offset {
        Some(offset) if has_network => {
            let without = without_network(costs, settings, offset, None)?;
            Ok(without.unwrap_or_else(|| settings.clone()))
        }
        _ if !has_network && arranges && settings.plan.roles.len() > 1 => {
            let best = best_explicit(costs, settings, &settings.anchor)?;
            settings.tell(&best.reason);
            let plan = settings.plan.all_explicit(&best.sections);
            Ok(EncodeSettings { plan, ..settings.clone() })
        }
        _ => Ok(settings.clone()),
    }
}

/// What a training has come to before its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    /// Luma PSNR, mean of the implicit views.
    pub(super) luma_db: f64,
    /// Bytes of networks and grids.
    pub(super) bytes: usize,
}

/// What the rest of a training makes of that at best.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outlook {
    /// Luma that it still learns.
    pub(super) yet_db: f64,
    /// Share of the bytes that is left of them.
    pub(super) bytes_left: f64,
}

/// Settings without a network, where one cannot pay whose training has `shown` so much and has such an `outlook`.
///
/// # Errors
/// When a draft cannot be coded.
pub(super) fn hopeless(
    costs: &Costs<'_>,
    settings: &EncodeSettings,
    offset: i32,
    shown: Shown,
    outlook: Outlook,
) -> Result<Option<EncodeSettings>> {
    let (Shown { luma_db, bytes }, Outlook { yet_db, bytes_left }) = (shown, outlook);
    let bound = Bound { luma_db: luma_db + yet_db, bytes: bytes_left * bytes as f64 };
    let without = without_network(costs, settings, offset, Some(bound))?;
    if without.is_some() {
        settings.tell(&format!(
            "training ends early: its views are {luma_db:.2} dB, and {yet_db} dB more would not pay"
        ));
    }
    Ok(without)
}

/// What a training comes to at best.
#[derive(Debug, Clone, Copy)]
struct Bound {
    luma_db: f64,
    /// Of networks and grids.
    bytes: f64,
}

/// Settings under which all views are explicit, where a network costs more even if it comes to its `bound`, or to what
/// the best ones come to.
fn without_network(
    costs: &Costs<'_>,
    settings: &EncodeSettings,
    offset: i32,
    bound: Option<Bound>,
) -> Result<Option<EncodeSettings>> {
    let anchor = AnchorSettings { intra_offset: offset, ..settings.anchor.clone() };
    let best = best_explicit(costs, settings, &anchor)?;
    let Some(reason) = too_dear(costs, settings, (&best, &anchor), bound)? else {
        return Ok(None);
    };
    settings.tell(&reason);
    settings.tell(&best.reason);
    let plan = settings.plan.all_explicit(&best.sections);
    Ok(Some(EncodeSettings { plan, anchor, ..settings.clone() }))
}

/// The best way to code all views as explicit ones.
fn best_explicit(
    costs: &Costs<'_>,
    settings: &EncodeSettings,
    anchor: &AnchorSettings,
) -> Result<Arrangement> {
    let views: Vec<usize> = (0..settings.plan.roles.len()).collect();
    arrangement(costs, &views, anchor, coder(settings.plan.codec).interleaves())
}

/// Why a network cannot pay, where it cannot: what it costs at the least is more than its views as explicit ones.
fn too_dear(
    costs: &Costs<'_>,
    settings: &EncodeSettings,
    (best, anchor): (&Arrangement, &AnchorSettings),
    bound: Option<Bound>,
) -> Result<Option<String>> {
    // 1. The explicit views of the plan, without and with what a network is trained on.
    let plan = &settings.plan;
    let implicit = plan.implicit().count();
    let draft = draft_at(&settings.anchor, settings.anchor.qp);
    let asked: Vec<_> = plan.sections().into_iter().map(|s| (s, draft.clone())).collect();
    let alone = costs.drafted(&asked)?;
    let keyed = costs.planned("drafting key pictures", plan, &asked, &plan.first_gops())?;
    let bytes = |figures: &[Figures]| figures.iter().map(|f| f.bytes).sum::<usize>() as f64;
    // Only the first GOP of a scene is drafted; the others are taken to be like it.
    let pictures = |gops: &[(usize, usize)]| gops.iter().map(|gop| gop.1).sum::<usize>() as f64;
    let clip = THOROUGH_OVER_DRAFT * pictures(&plan.gops) / pictures(&plan.first_gops());
    // 2. All views as explicit ones, as good as they would be in the mean.
    let anchor_db = best.line.middle_db();
    let usual_db = anchor_db - IMPLICIT_BELOW_DB;
    let implicit_db = bound.map_or(usual_db, |bound| bound.luma_db.min(usual_db));
    let share = implicit as f64 / plan.roles.len() as f64;
    let all_db = anchor_db - (anchor_db - implicit_db) * share;
    let all = bytes_near(costs, (best, anchor), &coder(plan.codec).quantisers(), all_db)?;
    // 3. What is left of them for the implicit views, against what those cost otherwise.
    let explicit = clip * (all - bytes(&alone));
    let keys = clip * (bytes(&keyed) - bytes(&alone)).max(0.0);
    let qp = qp_of_lambda(settings.training.lambda);
    let least = plan.scenes.len() as f64 * least_network_bytes(qp, implicit);
    let network = bound.map_or(least, |bound| bound.bytes.max(least));
    Ok((explicit <= network + keys).then(|| {
        format!(
            "no network: its views take about {:.1} kB as explicit ones, and a network at least {:.1} kB \
             with {:.1} kB of key pictures",
            explicit.max(0.0) / 1e3,
            network / 1e3,
            keys / 1e3
        )
    }))
}

/// Bytes of a draft of `best` at `luma_db`, or at the coarsest that it can be.
fn bytes_near(
    costs: &Costs<'_>,
    (best, anchor): (&Arrangement, &AnchorSettings),
    quantisers: &[f64],
    luma_db: f64,
) -> Result<f64> {
    let below_db = best.line.middle_db() - luma_db;
    if below_db <= ON_THE_LINE_DB {
        return Ok(best.line.bytes_at(luma_db));
    }
    // Farther away the line bends: two drafts around the quality, from which it is not far.
    let coarsest = quantisers.last().copied().unwrap_or(anchor.qp);
    let qp = (anchor.qp + below_db * QP_PER_DB).min(coarsest);
    let at = |qp: f64| {
        let draft = draft_at(anchor, qp);
        let asked: Vec<_> = best.sections.iter().map(|s| (s.clone(), draft.clone())).collect();
        Ok::<_, Error>(Figures::sum(costs.drafted(&asked)?.iter()))
    };
    let (finer, coarser) = (at(qp - APART_QP)?, at(qp)?);
    let line = RateLine::through(&finer, &coarser);
    Ok(line.bytes_at(luma_db.max(coarser.luma_db)))
}

/// A stream with a network.
#[derive(Debug, Clone, Copy)]
pub(super) struct NetworkStream {
    /// Bytes of its sections.
    pub(super) bytes: usize,
    /// Luma PSNR, mean of all views.
    pub(super) luma_db: f64,
}

/// Settings under which every view is explicit, in fewer bytes than `trained` and at no less quality; none when there
/// are no such settings. First pictures of H.264 are coded at `offset`.
///
/// # Errors
/// The encoder's.
pub(super) fn cheaper_explicit(
    costs: &Costs<'_>,
    settings: &EncodeSettings,
    offset: i32,
    trained: NetworkStream,
) -> Result<Option<EncodeSettings>> {
    let anchor = AnchorSettings { intra_offset: offset, ..settings.anchor.clone() };
    // The best arrangement without a network, then the coarsest quantiser that is as good.
    let best = best_explicit(costs, settings, &anchor)?;
    // Where that is far off, drafts of the whole clip are enough to tell.
    let near = (best.line.middle_db() - trained.luma_db).abs() < 2.0 * ON_THE_LINE_DB;
    let least_bytes = LEAST_OVER_DRAFT * best.line.bytes_at(trained.luma_db);
    if settings.plan.gops == settings.plan.first_gops()
        && near
        && least_bytes > trained.bytes as f64
    {
        return Ok(None);
    }
    let plan = settings.plan.all_explicit(&best.sections);
    let search = QuantiserSearch { costs, plan: &plan, anchor: &anchor, line: best.line, trained };
    let Some((qp, figures)) = search.run(coder(plan.codec).quantisers())? else { return Ok(None) };
    settings.tell(&format!(
        "the network does not pay: every view by {} takes {} bytes instead of {} at no less quality; {}",
        coder(plan.codec).name(),
        figures.bytes,
        trained.bytes,
        best.reason
    ));
    let anchor = AnchorSettings { qp, ..anchor };
    Ok(Some(EncodeSettings { plan, anchor, ..settings.clone() }))
}

/// Looks for the coarsest quantiser that is good enough.
struct QuantiserSearch<'a> {
    costs: &'a Costs<'a>,
    plan: &'a Plan,
    anchor: &'a AnchorSettings,
    /// Bytes over quality of drafts.
    line: RateLine,
    trained: NetworkStream,
}

impl QuantiserSearch<'_> {
    /// The quantiser and what it comes to, if that is less than the trained stream.
    fn run(&self, quantisers: Vec<f64>) -> Result<Option<(f64, Figures)>> {
        let NetworkStream { bytes: most, luma_db: wanted_db } = self.trained;
        let nearest = |qp: f64| quantisers.partition_point(|q| *q < qp).min(quantisers.len() - 1);
        let mut at = nearest(self.anchor.qp);
        let mut good: Option<(usize, Figures)> = None;
        let mut poor: Option<(usize, f64)> = None;
        loop {
            let figures = self.at(quantisers[at])?;
            let over_db = figures.luma_db - wanted_db;
            // As fine as the trained stream these would take more bytes than it, whatever the quantiser.
            if figures.bytes as f64 * self.line.times(-over_db) > CLEARLY * most as f64
                && over_db.abs() < 1.0
            {
                return Ok(None);
            }
            if over_db >= 0.0 {
                let is_near = over_db <= NEAR_DB;
                good = Some((at, figures));
                if is_near {
                    break;
                }
            } else {
                poor = Some((at, over_db));
            }
            let next = match (&good, poor) {
                (Some((good, _)), Some((poor, _))) if poor - good <= 1 => break,
                (Some((good, figures)), Some((poor, under_db))) => {
                    let over_db = figures.luma_db - wanted_db;
                    let share = over_db / (over_db - under_db);
                    let step = ((poor - good) as f64 * share) as usize;
                    (good + step).clamp(good + 1, poor - 1)
                }
                // At least one further, up to where the scale ends.
                _ => {
                    let qp = quantisers[at] + over_db * QP_PER_DB + over_db.signum() / 2.0;
                    let last = quantisers.len() - 1;
                    if over_db < 0.0 {
                        nearest(qp).min(at.saturating_sub(1))
                    } else {
                        nearest(qp).max(at + 1).min(last)
                    }
                }
            };
            if next == at {
                break;
            }
            at = next;
        }
        let better = good.filter(|(_, figures)| figures.bytes < most);
        Ok(better.map(|(index, figures)| (quantisers[index], figures)))
    }

    fn at(&self, qp: f64) -> Result<Figures> {
        let anchor = AnchorSettings { qp, ..self.anchor.clone() };
        let asked: Vec<_> =
            self.plan.sections().into_iter().map(|section| (section, anchor.clone())).collect();
        let what = "comparing with explicit views";
        let figures = self.costs.planned(what, self.plan, &asked, &self.plan.gops)?;
        Ok(Figures::sum(figures.iter()))
    }
}

/// Quantisers that are worth a dB.
const QP_PER_DB: f64 = 1.7;

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::anchor::AnchorEncoder;
    use crate::encode::request::EncodeRequest;
    use crate::input::View;
    use crate::picture::synthetic;
    use crate::progress::Progress;

    fn clip() -> (Vec<View>, EncodeSettings) {
        let view = |view: usize| {
            let frames = (0..6).map(|frame| synthetic(64, 48, (3 * view + 2 * frame) as f32));
            View::new(PathBuf::new(), frames.collect(), (24, 1))
        };
        let request = EncodeRequest { qp: 30.0, ..EncodeRequest::default() };
        let plan = Plan::new(&[0, 0], &[(6, 4)], 1);
        let mut settings = request.settings(plan, PathBuf::new(), None, Progress::Quiet).unwrap();
        settings.anchor.encoder = AnchorEncoder::OpenH264;
        (vec![view(0), view(1)], settings)
    }

    #[test]
    fn explicit_views_are_as_coarse_as_the_trained_stream_allows() {
        let (views, settings) = clip();
        let costs = Costs::open(&views, &settings);
        for wanted_db in [32.0, 38.0] {
            let trained = NetworkStream { bytes: 1 << 20, luma_db: wanted_db };
            let found = cheaper_explicit(&costs, &settings, -6, trained).unwrap().unwrap();
            assert_eq!(found.plan.explicit().count(), 2);
            let figures = |qp: f64| {
                let anchor = AnchorSettings { qp, ..found.anchor.clone() };
                let sections = found.plan.sections().into_iter();
                let asked: Vec<_> = sections.map(|s| (s, anchor.clone())).collect();
                Figures::sum(
                    costs.planned("", &found.plan, &asked, &found.plan.gops).unwrap().iter(),
                )
            };
            let (chosen, coarser) = (figures(found.anchor.qp), figures(found.anchor.qp + 1.0));
            assert!(chosen.luma_db >= wanted_db, "{chosen:?}");
            let is_near = chosen.luma_db <= wanted_db + NEAR_DB;
            assert!(is_near || coarser.luma_db < wanted_db, "{chosen:?}, {coarser:?}");
        }
    }

    #[test]
    fn a_trained_stream_that_is_smaller_stays() {
        let (views, settings) = clip();
        let costs = Costs::open(&views, &settings);
        let trained = NetworkStream { bytes: 100, luma_db: 36.0 };
        assert!(cheaper_explicit(&costs, &settings, -6, trained).unwrap().is_none());
        // Of one GOP drafts alone tell.
        let one = EncodeSettings { plan: Plan::new(&[0, 0], &[(6, 6)], 1), ..settings.clone() };
        let costs_of_one = Costs::open(&views, &one);
        assert!(cheaper_explicit(&costs_of_one, &one, -6, trained).unwrap().is_none());
        let large = NetworkStream { bytes: 1 << 20, ..trained };
        assert!(cheaper_explicit(&costs_of_one, &one, -6, large).unwrap().is_some());
        // Finer than the finest quantiser.
        let trained = NetworkStream { bytes: 1 << 20, luma_db: 90.0 };
        assert!(cheaper_explicit(&costs, &settings, -6, trained).unwrap().is_none());
    }

    #[test]
    fn a_training_that_shows_poor_pictures_or_many_bytes_early_ends() {
        let (views, settings) = clip();
        // As if the clip went on like its first GOP, which is all that drafts look at.
        let settings = EncodeSettings { plan: Plan::new(&[0, 0], &[(4000, 4)], 1), ..settings };
        let costs = Costs::open(&views, &settings);
        let hopeless = |luma_db: f64, bytes: usize| {
            let outlook = Outlook { yet_db: 4.0, bytes_left: 0.5 };
            hopeless(&costs, &settings, -6, Shown { luma_db, bytes }, outlook).unwrap()
        };
        assert!(hopeless(40.0, 1_000).is_none());
        for poor in [(10.0, 1_000), (40.0, 100 << 20)] {
            assert_eq!(hopeless(poor.0, poor.1).unwrap().plan.explicit().count(), 2);
        }
    }

    #[test]
    fn so_few_pictures_carry_no_network() {
        let (views, settings) = clip();
        let costs = Costs::open(&views, &settings);
        let chosen = chosen_by_drafts(&costs, &settings).unwrap();
        assert_eq!(chosen.plan.explicit().count(), 2);
        let asked = EncodeSettings { simulcast_offset: None, ..settings.clone() };
        assert_eq!(chosen_by_drafts(&costs, &asked).unwrap().plan.implicit().count(), 1);
    }
}
