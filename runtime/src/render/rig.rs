//! The cameras of a stream, the pictures at hand, and their depth.

use heapless::Vec as FixedVec;
use nalgebra::Vector3;
use rayon::prelude::*;

use super::MOST_SOURCES;
use super::blocks::Blocks;
use super::depth::DepthMap;
use super::matcher::Matcher;
use super::source::{COARSE, Detail, FINE, Shrunk, Source};
use super::sweep::{Depths, MOST_OTHERS};
use super::viewpoint::{Transfer, Viewpoint};
use crate::picture::Picture;
use crate::units::ViewId;

/// How far a thing at the nearest depth that is looked for moves from one view to the next, as a share of the width.
const MOST_SHIFT: f64 = 1.0 / 3.0;
/// Spacings of cameras that a camera counts as away which looks the opposite way.
const OPPOSITE: f64 = 8.0;

/// What a source works with while others look at it.
#[derive(Debug)]
struct Desk {
    map: DepthMap,
    /// One for each size of shrunk pictures.
    matchers: [Matcher; 2],
    /// Blocks of each size whose depth is found anew.
    stale: [Blocks; 2],
    spare: [Blocks; 2],
    /// The views that the depth at hand was found by.
    others: FixedVec<usize, MOST_OTHERS>,
    /// The depths that were tried for it, of each size.
    found: [Option<Depths>; 2],
}

/// All cameras, and the views that have had a picture.
#[derive(Debug)]
pub(super) struct Rig {
    cameras: Vec<Viewpoint>,
    pub detail: Detail,
    /// How far apart neighbouring cameras are, in world units.
    spacing: f64,
    pub sources: Vec<Source>,
    /// One for each source.
    desks: Vec<Desk>,
    /// Whether the depth of the pictures at hand has been found.
    found: bool,
}

impl Rig {
    pub(super) fn new(cameras: Vec<Viewpoint>, detail: Detail) -> Self {
        let (sources, desks) = (Vec::new(), Vec::new());
        let mut rig = Self { cameras, detail, spacing: 1.0, sources, desks, found: false };
        let gaps = rig.cameras.iter().filter_map(|camera| rig.gap(camera));
        let (sum, count) = gaps.fold((0.0, 0), |(sum, count), gap| (sum + gap, count + 1));
        if count > 0 {
            rig.spacing = sum / f64::from(count);
        }
        rig
    }

    /// From a camera to the next one that is elsewhere.
    fn gap(&self, own: &Viewpoint) -> Option<f64> {
        let apart = self.cameras.iter().map(|other| (other.position - own.position).norm());
        apart.filter(|gap| *gap > 0.0).min_by(f64::total_cmp)
    }

    /// How far a camera is from `at`; farther, where it looks another way.
    pub(super) fn distance_in_spacings(&self, camera: &Viewpoint, at: &Viewpoint) -> f64 {
        let [own, other] = [camera, at].map(|view| view.rotation * Vector3::z());
        let turn = 0.5 * (1.0 - own.dot(&other));
        (camera.position - at.position).norm() / self.spacing + OPPOSITE * turn
    }

    /// The views nearest to `at`, the nearest first.
    pub(super) fn views(&self, at: &Viewpoint) -> FixedVec<ViewId, MOST_SOURCES> {
        let distances = self.cameras.iter().map(|camera| self.distance_in_spacings(camera, at));
        least((0..).map(ViewId).zip(distances))
    }

    /// The sources at hand nearest to `at`, the nearest first.
    pub(super) fn nearest(&self, at: &Viewpoint) -> FixedVec<usize, MOST_SOURCES> {
        let at_hand = self.sources.iter().enumerate().filter(|(_, source)| source.present);
        least(at_hand.map(|(number, s)| (number, self.distance_in_spacings(&s.camera, at))))
    }

    /// The sources at hand that one is compared with.
    fn others(&self, own: usize) -> FixedVec<usize, MOST_OTHERS> {
        let camera = &self.sources[own].camera;
        let others = self.sources.iter().enumerate();
        let others = others.filter(|(_, o)| o.present && o.camera.position != camera.position);
        least(others.map(|(number, o)| (number, self.distance_in_spacings(&o.camera, camera))))
    }

    /// No picture is at hand any more.
    pub(super) fn forget(&mut self) {
        self.sources.iter_mut().for_each(|source| source.present = false);
        self.found = false;
    }

    /// Takes the next picture of a view.
    pub(super) fn take(&mut self, view: ViewId, picture: &Picture) {
        let camera = self.cameras.get(usize::from(view.0));
        let camera = camera.unwrap_or_else(|| panic!("view {} has no camera", view.0));
        assert_eq!(picture.size(), camera.size, "a picture is of the size that was announced");
        let known = self.sources.iter().position(|source| source.view == view);
        let number = known.unwrap_or_else(|| {
            let source = Source::new(view, *camera, self.detail);
            let matchers = [COARSE, FINE].map(|size| Matcher::new(&source.shrunk[size].level));
            let blocks = || [COARSE, FINE].map(|size| source.shrunk[size].level.changed.clone());
            let (stale, spare) = (blocks(), blocks());
            let map = DepthMap::default();
            let others = FixedVec::new();
            self.desks.push(Desk { map, matchers, stale, spare, others, found: [None, None] });
            self.sources.push(source);
            self.sources.len() - 1
        });
        self.sources[number].take(picture);
    }

    /// Lets go of views that are not at hand, where there are more than `most` in all.
    pub(super) fn let_go(&mut self, most: usize) {
        while self.sources.len() > most {
            let Some(gone) = self.sources.iter().position(|source| !source.present) else { return };
            self.sources.swap_remove(gone);
            self.desks.swap_remove(gone);
            // The last one has its number now; what was found by the one that is gone does not go on.
            let last = self.sources.len();
            for others in self.desks.iter_mut().map(|desk| &mut desk.others) {
                if others.contains(&gone) {
                    others.clear();
                }
                others.iter_mut().filter(|other| **other == last).for_each(|other| *other = gone);
            }
        }
    }

    /// All depths that are looked for in a view; none where no camera is elsewhere.
    fn whole_range(&self, camera: &Viewpoint) -> Option<Depths> {
        let shift_px = MOST_SHIFT * camera.size.width() as f64;
        let nearest = shift_px / (camera.focal_px[0] * self.gap(camera)?);
        Some(Depths::between(0.0, nearest as f32))
    }

    /// The nearness of the nearest thing that a source may show.
    pub(super) fn nearest_depth(&self, source: &Source) -> f32 {
        let whole = || self.whole_range(&source.camera);
        source.depths().or_else(whole).map_or(0.0, |depths| depths.nearest())
    }

    /// Finds the depth of all pictures at hand, where that is still to be done.
    pub(super) fn find_depths(&mut self) {
        if std::mem::replace(&mut self.found, true) {
            return;
        }
        self.forget_what_does_not_go_on();
        self.present_at_once(Source::shrink);
        for size in [COARSE, FINE] {
            for number in 0..self.sources.len() {
                if self.sources[number].present {
                    self.choose_range(number, size);
                }
            }
            self.search(size);
            self.ask(size);
        }
        let sources = self.sources.par_iter_mut().zip(&self.desks);
        let sources = sources.filter(|(source, _)| source.present);
        sources.for_each(|(source, desk)| source.enlarge(&desk.stale[FINE]));
    }

    /// A view that is not at hand, or that is compared with others than before, is the next time as if it were new.
    fn forget_what_does_not_go_on(&mut self) {
        for number in 0..self.sources.len() {
            let others = self.others(number);
            let (source, desk) = (&mut self.sources[number], &mut self.desks[number]);
            if !source.present || desk.others != others {
                source.forget();
                (desk.others, desk.found) = (others, [None, None]);
            }
        }
    }

    /// Has the sources at hand work, a thread for each.
    fn present_at_once(&mut self, work: fn(&mut Source)) {
        self.sources.par_iter_mut().filter(|source| source.present).for_each(work);
    }

    /// The same at what `taken` says of a source, with all to look at.
    fn desks_at_once(
        &mut self,
        taken: impl Fn(&mut Source, &mut Desk),
        work: impl Fn(&Self, usize, &mut Desk) + Sync,
    ) {
        let mut desks = std::mem::take(&mut self.desks);
        let swap = |sources: &mut [Source], desks: &mut [Desk]| {
            sources.iter_mut().zip(desks).for_each(|(source, desk)| taken(source, desk));
        };
        swap(&mut self.sources, &mut desks);
        desks.par_iter_mut().enumerate().for_each(|(number, desk)| {
            if self.sources[number].present {
                work(self, number, desk);
            }
        });
        swap(&mut self.sources, &mut desks);
        self.desks = desks;
    }

    /// Says what depths of a source are tried: all in the coarse picture, what was found there in the fine one.
    fn choose_range(&mut self, number: usize, size: usize) {
        let whole = self.whole_range(&self.sources[number].camera);
        let whole = whole.filter(|_| !self.others(number).is_empty());
        let shrunk = &self.sources[number].shrunk;
        let before = shrunk[FINE].depths;
        let matcher = &mut self.desks[number].matchers[COARSE];
        let depths = match (size, whole) {
            (FINE, Some(whole)) => {
                let range = matcher.range(&shrunk[COARSE].map, whole).unwrap_or(whole);
                let goes_on = shrunk[FINE].level.changed.share() < 1.0;
                Some(before.filter(|before| goes_on && before.suit(range)).unwrap_or(range))
            }
            _ => whole,
        };
        self.sources[number].shrunk[size].depths = depths;
    }

    /// Matches every source with others.
    fn search(&mut self, size: usize) {
        let map = |source: &mut Source, desk: &mut Desk| {
            std::mem::swap(&mut source.shrunk[size].map, &mut desk.map);
        };
        self.desks_at_once(map, |rig, number, desk| {
            let Desk { map, matchers, stale, spare, found, .. } = desk;
            let own = &rig.sources[number].shrunk[size];
            let (stale, spare) = (&mut stale[size], &mut spare[size]);
            let Some(depths) = own.depths else {
                stale.mark_all();
                found[size] = None;
                return map.nearness.fill(0.0);
            };
            let others = rig.ways(number, size).map(|(other, way)| (&other.level, way));
            let others: FixedVec<_, MOST_OTHERS> = others.collect();
            let goes_on = found[size].replace(depths) == Some(depths);
            own.level.find_stale(goes_on.then_some(&*map), &others, (stale, spare));
            if size == FINE && goes_on {
                let coarse = &rig.sources[number].shrunk[COARSE];
                let maps = [(&*map, 1), (&coarse.map, coarse.scale / own.scale)];
                matchers[size].spans.narrow(&maps, depths);
            } else {
                matchers[size].spans.fill();
            }
            matchers[size].match_views(&own.level, &others, depths, stale, map);
        });
    }

    /// Lets the other views say how far the depths of each are to be trusted.
    fn ask(&mut self, size: usize) {
        let trust = |source: &mut Source, desk: &mut Desk| {
            std::mem::swap(&mut source.shrunk[size].map.trust, &mut desk.map.trust);
        };
        self.desks_at_once(trust, |rig, number, Desk { map, stale, .. }| {
            let own = &rig.sources[number].shrunk[size];
            let others = rig.ways(number, size).map(|(other, way)| (&other.map, way));
            let others: FixedVec<_, MOST_OTHERS> = others.collect();
            match own.depths {
                Some(depths) => own.map.ask(&others, depths.step, &mut map.trust, &mut stale[size]),
                None => own.map.ask(&[], 1.0, &mut map.trust, &mut stale[size]),
            }
        });
    }

    /// The shrunk pictures that a source is compared with, each with the way from its own to theirs.
    fn ways(&self, number: usize, size: usize) -> impl Iterator<Item = (&Shrunk, Transfer)> {
        let own = &self.sources[number].shrunk[size].camera;
        self.others(number).into_iter().map(move |other| {
            let other = &self.sources[other].shrunk[size];
            (other, Transfer::between(own, &other.camera))
        })
    }
}

/// The items of the least distances, the least first.
fn least<T, const MOST: usize>(items: impl Iterator<Item = (T, f64)>) -> FixedVec<T, MOST> {
    let mut least: FixedVec<(T, f64), MOST> = FixedVec::new();
    for (item, distance) in items {
        let farther = least.iter().position(|(_, other)| distance < *other);
        let place = farther.unwrap_or(least.len());
        if least.is_full() && place < MOST {
            least.pop();
        }
        // Behind a full list is no place.
        let _ = least.insert(place, (item, distance));
    }
    least.into_iter().map(|(item, _)| item).collect()
}
