//! Codes the explicit part of a clip: anchors and key pictures, one H.264 stream per anchor and GOP.

use std::ops::Range;

use anyhow::{Context, Result, ensure};
use iev_runtime::ViewId;
use iev_runtime::format::anchor::{Coded, Key, MAX_KEYS, coding_order, write_anchor};
use rayon::prelude::*;

use crate::anchor::key_picture::{background, key_picture, middle};
use crate::anchor::temporal_filter::filtered;
use crate::anchor::{AnchorSettings, AnchorSpeed, Input, decode_anchor, encode_anchor, nal_units};
use crate::picture::{Picture, PictureExt};
use crate::plan::Plan;
use crate::quality::plane_mse;

/// One explicit view over one GOP.
#[derive(Debug, Clone)]
pub struct CodedAnchor {
    /// The view.
    pub view: usize,
    /// Body of its anchor section.
    pub body: Vec<u8>,
    /// Decoded key pictures with their view and time.
    pub keys: Vec<(Key, Picture)>,
    /// Decoded pictures of the view, in time order.
    pub pictures: Vec<Picture>,
}

/// Change of the quantiser for the first picture behind a background.
const FIRST_OFFSET: i32 = -2;

/// Pictures from one copy of the background to the next: H.264 predicts from the last 16 pictures.
const COPY_PERIOD: usize = 15;

/// Codes every explicit view of the GOP that starts at `first`.
///
/// A section may begin with the background of its view, which is not shown: then that is the IDR, nothing in the key
/// pictures of other views is hidden from it, and copies of it, a few bytes each, keep it in reach of what is
/// uncovered. Key pictures are coded nearest view first, each predicted from those before it. The first picture is
/// without its noise ([`filtered`]). Drafts tell where either pays (EXPERIMENTS.md §23, §28).
///
/// # Errors
/// When the encoder or the decoder fails.
pub fn code_gop(
    views: &[&[Picture]],
    plan: &Plan,
    (first, frames): (usize, usize),
    rate: (u32, u32),
    settings: &AnchorSettings,
) -> Result<Vec<CodedAnchor>> {
    let code = |view| code_anchor(views, plan, view, (first, frames), rate, settings);
    plan.explicit().map(code).collect()
}

fn code_anchor(
    views: &[&[Picture]],
    plan: &Plan,
    view: usize,
    (first, frames): (usize, usize),
    rate: (u32, u32),
    settings: &AnchorSettings,
) -> Result<CodedAnchor> {
    let keyed = plan.keyed_views(view);
    let spans = plan.key_spans(frames);
    let keys: Vec<(usize, &Range<usize>)> =
        spans.iter().flat_map(|span| keyed.iter().map(move |v| (*v, span))).collect();
    ensure!(
        keys.len() <= MAX_KEYS,
        "view {view} would carry {} key pictures, and an anchor has at most {MAX_KEYS} key pictures \
         per GOP: ask for fewer keys or a shorter GOP",
        keys.len()
    );
    let of = |view: usize| &views[view][first..first + frames];
    let key = |(view, span): &(usize, &Range<usize>)| {
        let key = Key { view: ViewId(*view as u8), time: middle(span) as u16 };
        (key, key_picture(of(*view), (*span).clone()))
    };
    let section = Section {
        view: ViewId(view as u8),
        originals: of(view),
        keys: keys.par_iter().map(key).collect(),
        rate,
    };
    let (noisy, clean) = (&of(view)[0], &filtered(of(view), 0));
    let background = background(of(view));
    // A scene that moves has nothing to filter; the same picture is not drafted twice.
    let mut firsts = vec![noisy, clean];
    firsts.dedup();
    let starts: Vec<Start<'_>> = [None, Some(&background)]
        .into_iter()
        .flat_map(|background| firsts.iter().map(move |first| Start { first, background }))
        .collect();
    let draft = AnchorSettings { speed: AnchorSpeed::Draft, ..settings.clone() };
    let cost = |start: &Start<'_>| Ok(section.cost(&section.code(*start, &draft)?, draft.qp));
    let within = || format!("coding view {view} from picture {first} on");
    let costs: Vec<f64> =
        starts.par_iter().map(cost).collect::<Result<_>>().with_context(within)?;
    let cheapest = starts.iter().zip(costs).min_by(|(_, a), (_, b)| a.total_cmp(b));
    let (start, _) = cheapest.unwrap_or_else(|| unreachable!("there are two or four"));
    section.code(*start, settings).with_context(within)
}

/// Times before which a background is coded that stands in front of `frames` pictures and of key pictures, if there
/// are such.
fn hidden(frames: usize, keyed: bool) -> impl Iterator<Item = usize> {
    let again = (0..frames).step_by(COPY_PERIOD).skip(usize::from(!keyed));
    std::iter::once(0).chain(again)
}

/// What an anchor section is made of.
struct Section<'a> {
    view: ViewId,
    originals: &'a [Picture],
    /// Key pictures of other views.
    keys: Vec<(Key, Picture)>,
    rate: (u32, u32),
}

/// What a section begins with.
#[derive(Clone, Copy)]
struct Start<'a> {
    /// The first picture that is shown.
    first: &'a Picture,
    /// A picture that is not shown and stands before it.
    background: Option<&'a Picture>,
}

impl Section<'_> {
    fn code(&self, start: Start<'_>, settings: &AnchorSettings) -> Result<CodedAnchor> {
        let hidden = hidden(self.originals.len(), !self.keys.is_empty())
            .map(|time| Key { view: self.view, time: time as u16 });
        let room = MAX_KEYS - self.keys.len();
        let hidden = hidden.take(if start.background.is_some() { room } else { 0 });
        let list: Vec<Key> = self.keys.iter().map(|(key, _)| *key).chain(hidden).collect();
        let order: Vec<Coded> =
            coding_order(self.view, &list, self.originals.len() as u32).collect();
        let units = encode_anchor(&self.inputs(&order, start, settings), self.rate, settings)?;
        let decoded = decode_anchor(&units, start.first.width(), start.first.height())?;
        let (mut keys, mut pictures) = (Vec::new(), Vec::new());
        for (coded, picture) in order.into_iter().zip(decoded) {
            match coded {
                Coded::Key(key) => keys.push((key, picture)),
                Coded::Shown => pictures.push(picture),
                Coded::Hidden => {}
            }
        }
        let mut body = Vec::new();
        write_anchor(&mut body, &list, units.iter().flat_map(|unit| nal_units(unit)));
        Ok(CodedAnchor { view: usize::from(self.view.0), body, keys, pictures })
    }

    /// The pictures of `order` and their quantisers: the very first, be it shown or not, is the finest.
    fn inputs<'a>(
        &'a self,
        order: &[Coded],
        start: Start<'a>,
        settings: &AnchorSettings,
    ) -> Vec<Input<'a>> {
        let mut keys = self.keys.iter().map(|(_, picture)| (picture, settings.key_offset));
        let rest = self.originals[1..].iter().map(|picture| (picture, 0));
        let mut shown = std::iter::once((start.first, FIRST_OFFSET)).chain(rest);
        let input = |coded: &Coded| match coded {
            Coded::Key(_) => keys.next(),
            Coded::Shown => shown.next(),
            Coded::Hidden => start.background.map(|picture| (picture, 0)),
        };
        let mut inputs: Vec<Input<'_>> = order.iter().filter_map(input).collect();
        inputs[0].1 = settings.intra_offset;
        inputs
    }

    /// Squared error of the luma shown, and the bytes at the weight that H.264 encoders give them.
    fn cost(&self, coded: &CodedAnchor, qp: i32) -> f64 {
        let squared = |(a, b): (&Picture, &Picture)| plane_mse(a.y(), b.y()) * a.y().len() as f64;
        let error: f64 = self.originals.iter().zip(&coded.pictures).map(squared).sum();
        error + 0.85 * (f64::from(qp - 12) / 3.0).exp2() * 8.0 * coded.body.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use iev_runtime::format::anchor::AnchorSection;

    use super::*;
    use crate::anchor::AnchorEncoder;
    use crate::picture::synthetic;
    use crate::quality::plane_psnr_db;

    const TIMES: usize = 12;

    /// `pictures` as one explicit view, and the bytes that they take unfiltered.
    fn coded(pictures: &[Picture]) -> (CodedAnchor, usize) {
        let encoder = AnchorEncoder::OpenH264;
        let settings =
            AnchorSettings { encoder, speed: AnchorSpeed::Draft, ..AnchorSettings::new(24) };
        let plan = Plan::new(&[0], TIMES, TIMES, 0);
        let coded = code_gop(&[pictures], &plan, (0, TIMES), (25, 1), &settings).unwrap();
        let all: Vec<Input<'_>> = pictures.iter().map(|picture| (picture, 0)).collect();
        let unfiltered = encode_anchor(&all, (25, 1), &settings).unwrap();
        (coded.into_iter().next().unwrap(), unfiltered.iter().map(Vec::len).sum())
    }

    #[test]
    fn noise_is_filtered_from_a_scene_at_rest() {
        let scene = synthetic(96, 64, 0.0);
        let noisy = |time: usize| {
            let mut picture = scene.clone();
            let noise = |at: usize| (at * 7919 + time * 104_729) as u32;
            let noise = |at| ((noise(at).wrapping_mul(2_654_435_761) >> 16) % 9) as u8;
            picture.planes_mut()[0]
                .iter_mut()
                .enumerate()
                .for_each(|(at, y)| *y = y.saturating_add(noise(at)));
            picture
        };
        let pictures: Vec<Picture> = (0..TIMES).map(noisy).collect();
        let (coded, unfiltered) = coded(&pictures);
        println!("{} bytes, {unfiltered} unfiltered", coded.body.len());
        assert!(coded.body.len() * 10 < unfiltered * 9, "{} of {unfiltered}", coded.body.len());
    }

    #[test]
    fn a_scene_that_moves_as_a_whole_is_not_blurred() {
        let moving: Vec<Picture> = (0..TIMES).map(|t| synthetic(96, 64, 3.0 * t as f32)).collect();
        let (coded, _) = coded(&moving);
        let db = plane_psnr_db(moving[0].y(), coded.pictures[0].y());
        assert!(db > 34.0, "{db:.1} dB");
    }

    #[test]
    fn a_background_stands_before_what_is_shown() {
        let (scene, other) = (synthetic(96, 64, 0.0), synthetic(96, 64, 30.0));
        let pictures: Vec<Picture> = (0..20).map(|t| synthetic(96, 64, 60.0 + t as f32)).collect();
        let key = Key { view: ViewId(3), time: 8 };
        let section = Section {
            view: ViewId(1),
            originals: &pictures,
            keys: vec![(key, other.clone())],
            rate: (25, 1),
        };
        let settings =
            AnchorSettings { encoder: AnchorEncoder::OpenH264, ..AnchorSettings::new(24) };
        let behind = Start { first: &pictures[0], background: Some(&scene) };
        let coded = section.code(behind, &settings).unwrap();
        let parsed = AnchorSection::parse(&coded.body, 20).unwrap();
        let hidden = [0, 0, 15].map(|time| Key { view: ViewId(1), time });
        assert_eq!(parsed.keys[..], [&[key][..], &hidden].concat());
        assert_eq!((coded.pictures.len(), coded.keys.len()), (20, 1));
        let others = std::iter::once((&other, &coded.keys[0].1));
        for (original, decoded) in pictures.iter().zip(&coded.pictures).chain(others) {
            let db = plane_psnr_db(original.y(), decoded.y());
            assert!(db > 34.0, "{db:.1} dB");
        }

        let inputs =
            section.inputs(&[Coded::Hidden, Coded::Hidden, Coded::Shown], behind, &settings);
        let offsets: Vec<i32> = inputs.iter().map(|(_, offset)| *offset).collect();
        assert_eq!(offsets, [settings.intra_offset, 0, -2]);
    }
}
