//! Which explicit views share a section, chosen by drafts of the first GOP of every scene.
//!
//! Views that see nearly the same cost fewer bytes in one section in turn, each predicted from its neighbour
//! of the same frame; others cost up to several times as many, because every reference in time is then farther away
//! (EXPERIMENTS.md §29). Drafts by the fast preset tell the two apart by a wide margin.

use super::figures::{Costs, Figures, RateLine, draft_at};
use crate::anchor::AnchorSettings;
use crate::error::Result;

/// Quantisers from the asked one to those of the drafts, a finer and a coarser one.
pub(super) const APART_QP: f64 = 1.0;

/// Explicit views by section, and what made them so.
#[derive(Debug, Clone)]
pub(super) struct Arrangement {
    /// The sections.
    pub(super) sections: Vec<Vec<usize>>,
    /// Bytes of the drafts over their quality.
    pub(super) line: RateLine,
    /// Why, in one line.
    pub(super) reason: String,
}

/// How `views` are best arranged at the quality of `anchor`.
///
/// Candidates are each view alone and, where the codec can, neighbours in pairs in either order, each pair for itself,
/// and all in turn.
pub(super) fn arrangement(
    costs: &Costs<'_>,
    views: &[usize],
    anchor: &AnchorSettings,
    interleaves: bool,
) -> Result<Arrangement> {
    // Every section that some arrangement has, each drafted once.
    let alone: Vec<Vec<usize>> = views.iter().map(|view| vec![*view]).collect();
    let pairs = views.chunks_exact(2).flat_map(|p| [vec![p[0], p[1]], vec![p[1], p[0]]]);
    let in_turn = (views.len() > 2).then(|| views.to_vec());
    let mut candidates = alone.clone();
    if interleaves {
        candidates.extend(pairs.chain(in_turn.clone()));
    }
    let lines = Drafts::of(costs, &candidates, anchor)?;
    // The arrangements are compared at one quality, which all of them reach.
    let luma_db = lines.line(&alone).middle_db();
    let mut rivals = vec![alone];
    if interleaves {
        rivals.extend(Some(lines.in_pairs(views)).filter(|pairs| *pairs != rivals[0]));
        rivals.extend(in_turn.map(|all| vec![all]));
    }
    let bytes = |sections: &Vec<Vec<usize>>| lines.line(sections).bytes_at(luma_db);
    let best = rivals.iter().min_by(|a, b| bytes(a).total_cmp(&bytes(b)));
    let sections = best.unwrap_or_else(|| unreachable!("each alone is one")).clone();
    // All of them are told, not only the best.
    let figures = rivals.iter().map(|r| format!("{} {:.1} kB", named(r), bytes(r) / 1e3));
    let figures: Vec<String> = figures.collect();
    let reason = format!(
        "explicit views: {}; drafts of the first GOP at {luma_db:.2} dB: {}",
        named(&sections),
        figures.join(", ")
    );
    Ok(Arrangement { line: lines.line(&sections), sections, reason })
}

/// Sections in a message, such as `0+1, 2`.
fn named(sections: &[Vec<usize>]) -> String {
    if sections.iter().all(|section| section.len() == 1) {
        return "each alone".into();
    }
    let section = |views: &Vec<usize>| {
        let views: Vec<String> = views.iter().map(ToString::to_string).collect();
        views.join("+")
    };
    let all: Vec<String> = sections.iter().map(section).collect();
    format!("{} in turn", all.join(", "))
}

/// Two drafts of every candidate.
struct Drafts {
    candidates: Vec<Vec<usize>>,
    finer: Vec<Figures>,
    coarser: Vec<Figures>,
}

impl Drafts {
    fn of(costs: &Costs<'_>, candidates: &[Vec<usize>], anchor: &AnchorSettings) -> Result<Self> {
        let at = |qp: f64| {
            let anchor = draft_at(anchor, qp);
            candidates.iter().map(move |section| (section.clone(), anchor.clone()))
        };
        let qps = [anchor.qp - APART_QP, anchor.qp + APART_QP];
        let asked: Vec<_> = qps.into_iter().flat_map(at).collect();
        let mut finer = costs.drafted(&asked)?;
        let coarser = finer.split_off(candidates.len());
        Ok(Self { candidates: candidates.to_vec(), finer, coarser })
    }

    /// Bytes over quality of `sections`, which all are candidates.
    fn line(&self, sections: &[Vec<usize>]) -> RateLine {
        let place = |section: &Vec<usize>| {
            let place = self.candidates.iter().position(|candidate| candidate == section);
            place.unwrap_or_else(|| unreachable!("{section:?} has been drafted"))
        };
        let of = |all: &[Figures]| {
            let places: Vec<usize> = sections.iter().map(place).collect();
            Figures::sum(places.iter().map(|place| &all[*place]))
        };
        RateLine::through(&of(&self.finer), &of(&self.coarser))
    }

    /// Neighbours in pairs, each in the better order or apart.
    fn in_pairs(&self, views: &[usize]) -> Vec<Vec<usize>> {
        let best = |pair: &[usize]| -> Vec<Vec<usize>> {
            let [a, b] = *pair else { return vec![pair.to_vec()] };
            let apart = vec![vec![a], vec![b]];
            let luma_db = self.line(&apart).middle_db();
            let rivals = [vec![vec![a, b]], vec![vec![b, a]], apart];
            let bytes = |sections: &Vec<Vec<usize>>| self.line(sections).bytes_at(luma_db);
            let best = rivals.into_iter().min_by(|a, b| bytes(a).total_cmp(&bytes(b)));
            best.unwrap_or_else(|| unreachable!("there are three"))
        };
        views.chunks(2).flat_map(best).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use iev_runtime::format::anchor::Codec;
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::encode::request::EncodeRequest;
    use crate::encode::settings::EncodeSettings;
    use crate::ffmpeg;
    use crate::input::View;
    use crate::picture::{Picture, PictureExt};
    use crate::plan::Plan;
    use crate::progress::Progress;

    /// Blocks of noise that `seed` makes, seen from `shift` samples to the side.
    fn texture(seed: u64, shift: usize) -> Picture {
        const ROWS: usize = 64 / 3 + 1;
        let random = &mut StdRng::seed_from_u64(seed);
        let blocks: Vec<u8> = (0..200 * ROWS).map(|_| random.random_range(64..192)).collect();
        let mut picture = Picture::zeros(96, 64);
        for (at, sample) in picture.planes_mut()[0].iter_mut().enumerate() {
            *sample = blocks[(at % 96 + shift) / 3 * ROWS + at / 96 / 3];
        }
        picture
    }

    /// Arrangement by AV1 of two views whose pictures at a time are `pictures`; none without SVT-AV1.
    fn sections(pictures: impl Fn(usize) -> [Picture; 2]) -> Option<Vec<Vec<usize>>> {
        iev_skips::fetched("ffmpeg", ffmpeg::find())?;
        let frames: Vec<[Picture; 2]> = (0..8).map(pictures).collect();
        let view = |view: usize| {
            let frames = frames.iter().map(|pair| pair[view].clone()).collect();
            View::new(PathBuf::new(), frames, (24, 1))
        };
        let views = [view(0), view(1)];
        let request = EncodeRequest { anchor: vec![0, 1], ..EncodeRequest::default() };
        let plan = Plan { codec: Codec::Av1, ..Plan::new(&[0, 1], &[(8, 8)], 0) };
        let settings: EncodeSettings =
            request.settings(plan, PathBuf::new(), None, Progress::Quiet).unwrap();
        let costs = Costs::open(&views, &settings);
        let arranged = arrangement(&costs, &[0, 1], &settings.anchor, true).unwrap();
        println!("{}", arranged.reason);
        Some(arranged.sections)
    }

    #[test]
    fn views_of_the_same_that_change_all_the_time_take_turns() {
        // Nothing stays from one frame to the next, and both cameras see the same, a little apart.
        let Some(sections) = sections(|frame| [texture(frame as u64, 0), texture(frame as u64, 8)])
        else {
            return;
        };
        assert_eq!(sections.len(), 1, "{sections:?}");
    }

    #[test]
    fn views_of_different_things_that_move_are_apart() {
        let moving = |frame: usize| [texture(1, 6 * frame), texture(2, 300 - 6 * frame)];
        let Some(sections) = sections(moving) else { return };
        assert_eq!(sections, [[0], [1]]);
    }
}
