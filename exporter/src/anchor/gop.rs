//! Codes the explicit part of a clip: the pictures and key pictures of every section.

use std::ops::Range;

use iev_runtime::ViewId;
use iev_runtime::anchor::body::AnchorBody;
use iev_runtime::format::anchor::{Codec, CodedPicture, Key, MAX_KEYS, coding_order};
use iev_runtime::format::header::Header;
use rayon::prelude::*;

use crate::ablation::{Part, Parts};
use crate::anchor::decode::decode;
use crate::anchor::key_picture::{background, key_picture, middle};
use crate::anchor::temporal_filter::filtered;
use crate::anchor::{
    AnchorError, AnchorSettings, AnchorSpeed, CodedPictures, Coder, CodingInput, Order, coder,
};
use crate::picture::{Picture, PictureExt};
use crate::plan::Plan;
use crate::quality::plane_mse;

/// One section of explicit views over one GOP.
#[derive(Debug, Clone)]
pub struct CodedSection {
    /// The views, in the order in which their pictures take turns.
    pub views: Vec<usize>,
    /// Its body.
    pub body: Vec<u8>,
    /// Decoded key pictures with their view and frame.
    pub keys: Vec<(Key, Picture)>,
    /// Decoded pictures of every one of `views`, in time order.
    pub pictures: Vec<Vec<Picture>>,
}

impl CodedSection {
    /// The pictures of `view`, if it is one of this section's.
    pub fn pictures_of(&self, view: usize) -> Option<&[Picture]> {
        let index = self.views.iter().position(|v| *v == view)?;
        Some(&self.pictures[index])
    }

    /// A section of `views` over so many `frames` from its `body`; none where that is no such section.
    pub fn from_body(
        codec: Codec,
        views: &[usize],
        body: Vec<u8>,
        frames: usize,
        header: &Header,
    ) -> Option<Self> {
        let taken_apart =
            AnchorBody::parse(codec, body.clone(), &ids(views), frames as u32, header).ok()?;
        let mut units = Vec::new();
        let mut unit = Vec::new();
        while taken_apart.access_unit(units.len(), &mut unit) {
            units.push(unit.clone());
        }
        let decoded = decode(codec, &units, header.size).ok()?;
        Some(Self::new(views, body, taken_apart.order, decoded))
    }

    /// Sorts pictures that were `decoded` by what `order` says they are: nobody needs hidden ones any more, nor copies
    /// of keys.
    fn new(
        views: &[usize],
        body: Vec<u8>,
        order: impl IntoIterator<Item = CodedPicture>,
        decoded: Vec<Picture>,
    ) -> Self {
        let (mut keys, mut pictures) = (Vec::new(), vec![Vec::new(); views.len()]);
        let mut shown = 0;
        for (coded, picture) in order.into_iter().zip(decoded) {
            match coded {
                CodedPicture::Key(key) => keys.push((key, picture)),
                CodedPicture::Shown => {
                    pictures[shown % views.len()].push(picture);
                    shown += 1;
                }
                CodedPicture::Hidden => {}
            }
        }
        keys.dedup_by_key(|(key, _)| *key);
        Self { views: views.to_vec(), body, keys, pictures }
    }
}

/// Views as a section names them.
fn ids(views: &[usize]) -> Vec<ViewId> {
    views.iter().map(|view| ViewId(*view as u8)).collect()
}

/// Change of the quantiser for the first picture behind a background.
const FIRST_OFFSET: i32 = -2;

/// Codes every section of the GOP that starts at `first`.
///
/// A section of one view may begin with its background, which is not shown: then that is the intra picture, and nothing
/// in the key pictures of other views is hidden from it. Key pictures are coded nearest view first, each predicted from
/// those before it. Where the codec does not filter by itself, the first picture may be without its noise
/// ([`filtered`]). Drafts tell where either pays (EXPERIMENTS.md §23, §28).
///
/// # Errors
/// When the encoder or the decoder fails.
pub fn code_gop(
    views: &[&[Picture]],
    plan: &Plan,
    span: (usize, usize),
    rate: (u32, u32),
    settings: &AnchorSettings,
) -> Result<Vec<CodedSection>, AnchorError> {
    let code = |section: &Vec<usize>| code_section(views, plan, section, span, rate, settings);
    plan.sections().par_iter().map(code).collect()
}

/// Codes the section of `section`'s views.
///
/// # Errors
/// When the encoder or the decoder fails.
pub fn code_section(
    views: &[&[Picture]],
    plan: &Plan,
    section: &[usize],
    (first, frames): (usize, usize),
    rate: (u32, u32),
    settings: &AnchorSettings,
) -> Result<CodedSection, AnchorError> {
    let within = |source| within(section, first, source);
    let of = |view: usize| &views[view][first..first + frames];
    let coder = coder(plan.codec);
    // A view alone has key pictures and may have a background; views in turn have neither.
    match section {
        [view] => {
            let keys = keys(views, plan, *view, (first, frames), &settings.without)?;
            let view = ViewId(*view as u8);
            let originals = of(usize::from(view.0));
            Alone { coder, view, originals, keys, rate }.drafted(settings).map_err(within)
        }
        turns => {
            let originals: Vec<_> = turns.iter().map(|view| of(*view)).collect();
            in_turn(coder, turns, &originals, rate, settings).map_err(within)
        }
    }
}

/// What went wrong with a section, and with which.
fn within(section: &[usize], first: usize, source: AnchorError) -> AnchorError {
    AnchorError::Section { section: named(section), first, source: Box::new(source) }
}

/// Views in a message.
fn named(section: &[usize]) -> String {
    let numbers: Vec<String> = section.iter().map(ToString::to_string).collect();
    match numbers.len() {
        1 => format!("view {}", numbers[0]),
        _ => format!("views {} in turn", numbers.join(", ")),
    }
}

/// Codes the section of `section`'s views without hidden pictures of any kind.
///
/// # Errors
/// When the encoder or the decoder fails.
pub fn code_plainly(
    views: &[&[Picture]],
    codec: Codec,
    section: &[usize],
    (first, frames): (usize, usize),
    rate: (u32, u32),
    settings: &AnchorSettings,
) -> Result<CodedSection, AnchorError> {
    let originals: Vec<_> = section.iter().map(|v| &views[*v][first..first + frames]).collect();
    let coded = in_turn(coder(codec), section, &originals, rate, settings);
    coded.map_err(|source| within(section, first, source))
}

/// Codes the pictures of views in turn.
fn in_turn(
    coder: &dyn Coder,
    section: &[usize],
    originals: &[&[Picture]],
    (rate, per): (u32, u32),
    settings: &AnchorSettings,
) -> Result<CodedSection, AnchorError> {
    let frames = originals[0].len();
    let turns = (0..frames).flat_map(|frame| originals.iter().map(move |view| (&view[frame], 0)));
    let mut inputs: Vec<CodingInput<'_>> = turns.collect();
    inputs[0].1 = settings.shown_offset;
    let rate = (rate.saturating_mul(section.len() as u32), per);
    let CodedPictures { units, pictures } = coder.code(&inputs, Order::Shown, rate, settings)?;
    let body = coder.body(&ids(section), &[], &units);
    let shown = std::iter::repeat(CodedPicture::Shown);
    Ok(CodedSection::new(section, body, shown, pictures))
}

/// Key pictures that travel with `anchor`, in coding order.
fn keys(
    views: &[&[Picture]],
    plan: &Plan,
    anchor: usize,
    (first, frames): (usize, usize),
    without: &Parts,
) -> Result<Vec<(Key, Picture)>, AnchorError> {
    let keyed = plan.keyed_views(anchor);
    let spans = plan.key_spans(frames);
    let keys: Vec<(usize, &Range<usize>)> =
        spans.iter().flat_map(|span| keyed.iter().map(move |v| (*v, span))).collect();
    if keys.len() > MAX_KEYS {
        return Err(AnchorError::TooManyKeys { anchor, keys: keys.len() });
    }
    let key = |(view, span): &(usize, &Range<usize>)| {
        let key = Key { view: ViewId(*view as u8), frame: middle(span) as u16 };
        let pictures = &views[*view][first..first + frames];
        (key, key_picture(pictures, (*span).clone(), without))
    };
    Ok(keys.par_iter().map(key).collect())
}

/// What a section of one view is made of.
struct Alone<'a> {
    coder: &'static dyn Coder,
    view: ViewId,
    originals: &'a [Picture],
    /// Key pictures of other views.
    keys: Vec<(Key, Picture)>,
    rate: (u32, u32),
}

/// What a section begins with.
#[derive(Clone, Copy)]
struct SectionStart<'a> {
    /// The first picture that is shown.
    first: &'a Picture,
    /// A picture that is not shown and stands before it.
    background: Option<&'a Picture>,
}

impl Alone<'_> {
    /// Codes it with the start whose draft is cheapest.
    fn drafted(&self, settings: &AnchorSettings) -> Result<CodedSection, AnchorError> {
        let without = &settings.without;
        let (noisy, rests) = (&self.originals[0], !without.has(Part::Background));
        let background = rests.then(|| background(self.originals));
        let filters = !self.coder.filters_by_itself() && !without.has(Part::TemporalFilter);
        let clean = filters.then(|| filtered(self.originals, 0));
        // A scene that moves has nothing to filter; the same picture is not drafted twice.
        let clean = clean.as_ref().filter(|clean| *clean != noisy);
        let starts: Vec<SectionStart<'_>> = std::iter::once(None)
            .chain(background.as_ref().map(Some))
            .flat_map(|background| {
                std::iter::once(noisy)
                    .chain(clean)
                    .map(move |first| SectionStart { first, background })
            })
            .collect();
        let draft = AnchorSettings { speed: AnchorSpeed::Draft, ..settings.clone() };
        let cost = |start: &SectionStart<'_>| Ok(self.cost(&self.code(*start, &draft)?, draft.qp));
        let costs: Vec<f64> = starts.par_iter().map(cost).collect::<Result<_, AnchorError>>()?;
        let cheapest = starts.iter().zip(costs).min_by(|(_, a), (_, b)| a.total_cmp(b));
        let (start, _) = cheapest.unwrap_or_else(|| unreachable!("there is one without either"));
        self.code(*start, settings)
    }

    fn code(
        &self,
        start: SectionStart<'_>,
        settings: &AnchorSettings,
    ) -> Result<CodedSection, AnchorError> {
        // Coding order: key pictures of others, copies of the background and the view's own pictures.
        let copies =
            if settings.without.has(Part::KeyCopies) { 1 } else { self.coder.key_copies() };
        let copies = copies.min(MAX_KEYS / self.keys.len().max(1));
        let keys = self.keys.iter().flat_map(|(key, _)| std::iter::repeat_n(*key, copies));
        let room = MAX_KEYS - copies * self.keys.len();
        let hidden = self.coder.hidden_frames(self.originals.len(), !self.keys.is_empty());
        let hidden = hidden.into_iter().map(|frame| Key { view: self.view, frame });
        let hidden = hidden.take(if start.background.is_some() { room } else { 0 });
        let list: Vec<Key> = keys.chain(hidden).collect();
        let order: Vec<CodedPicture> =
            coding_order(self.view, &list, self.originals.len() as u32).collect();
        let given = if list.is_empty() { Order::Shown } else { Order::Coded };
        let inputs = self.inputs(&order, given, start, settings);
        let CodedPictures { units, pictures: decoded } =
            self.coder.code(&inputs, given, self.rate, settings)?;
        let body = self.coder.body(&[self.view], &list, &units);
        Ok(CodedSection::new(&[usize::from(self.view.0)], body, order, decoded))
    }

    /// The pictures of `order` and their quantisers: the very first, be it shown or not, is the finest.
    fn inputs<'a>(
        &'a self,
        order: &[CodedPicture],
        given: Order,
        start: SectionStart<'a>,
        settings: &AnchorSettings,
    ) -> Vec<CodingInput<'a>> {
        let key = |wanted: &Key| self.keys.iter().find(|(key, _)| key == wanted);
        let rest = self.originals[1..].iter().map(|picture| (picture, 0));
        let mut shown = std::iter::once((start.first, FIRST_OFFSET)).chain(rest);
        let input = |coded: &CodedPicture| match coded {
            CodedPicture::Key(wanted) => {
                key(wanted).map(|(_, picture)| (picture, settings.key_offset))
            }
            CodedPicture::Shown => shown.next(),
            CodedPicture::Hidden => start.background.map(|picture| (picture, 0)),
        };
        let mut inputs: Vec<CodingInput<'_>> = order.iter().filter_map(input).collect();
        inputs[0].1 = match given {
            Order::Shown => settings.shown_offset,
            Order::Coded => settings.intra_offset,
        };
        inputs
    }

    /// Squared error of the luma shown, and the bytes at the weight that H.264 encoders give them.
    fn cost(&self, coded: &CodedSection, qp: f64) -> f64 {
        let squared = |(a, b): (&Picture, &Picture)| plane_mse(a.y(), b.y()) * a.y().len() as f64;
        let error: f64 = self.originals.iter().zip(&coded.pictures[0]).map(squared).sum();
        error + 0.85 * ((qp - 12.0) / 3.0).exp2() * 8.0 * coded.body.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use iev_runtime::format::anchor::AnchorSection;

    use super::*;
    use crate::anchor::{AnchorEncoder, encode_anchor};
    use crate::picture::synthetic;
    use crate::quality::plane_psnr_db;

    const FRAMES: usize = 12;

    /// `pictures` as one explicit view, and the bytes that they take unfiltered.
    fn coded(pictures: &[Picture]) -> (CodedSection, usize) {
        let encoder = AnchorEncoder::OpenH264;
        let settings =
            AnchorSettings { encoder, speed: AnchorSpeed::Draft, ..AnchorSettings::new(24) };
        let plan = Plan::new(&[0], &[(FRAMES, FRAMES)], 0);
        let coded = code_gop(&[pictures], &plan, (0, FRAMES), (25, 1), &settings).unwrap();
        let all: Vec<CodingInput<'_>> = pictures.iter().map(|picture| (picture, 0)).collect();
        let unfiltered = encode_anchor(&all, Order::Shown, (25, 1), &settings).unwrap();
        (coded.into_iter().next().unwrap(), unfiltered.iter().map(Vec::len).sum())
    }

    #[test]
    fn noise_is_filtered_from_a_scene_at_rest() {
        let scene = synthetic(96, 64, 0.0);
        let noisy = |frame: usize| {
            let mut picture = scene.clone();
            let noise = |at: usize| (at * 7919 + frame * 104_729) as u32;
            let noise = |at| ((noise(at).wrapping_mul(2_654_435_761) >> 16) % 9) as u8;
            picture.planes_mut()[0]
                .iter_mut()
                .enumerate()
                .for_each(|(at, y)| *y = y.saturating_add(noise(at)));
            picture
        };
        let pictures: Vec<Picture> = (0..FRAMES).map(noisy).collect();
        let (coded, unfiltered) = coded(&pictures);
        println!("{} bytes, {unfiltered} unfiltered", coded.body.len());
        assert!(coded.body.len() * 10 < unfiltered * 9, "{} of {unfiltered}", coded.body.len());
    }

    #[test]
    fn a_scene_that_moves_as_a_whole_is_not_blurred() {
        let moving: Vec<Picture> = (0..FRAMES).map(|t| synthetic(96, 64, 3.0 * t as f32)).collect();
        let (coded, _) = coded(&moving);
        let db = plane_psnr_db(moving[0].y(), coded.pictures[0][0].y());
        assert!(db > 34.0, "{db:.1} dB");
    }

    #[test]
    fn a_background_stands_before_what_is_shown() {
        let (scene, other) = (synthetic(96, 64, 0.0), synthetic(96, 64, 30.0));
        let pictures: Vec<Picture> = (0..20).map(|t| synthetic(96, 64, 60.0 + t as f32)).collect();
        let key = Key { view: ViewId(3), frame: 8 };
        let section = Alone {
            coder: coder(Codec::H264),
            view: ViewId(1),
            originals: &pictures,
            keys: vec![(key, other.clone())],
            rate: (25, 1),
        };
        let settings =
            AnchorSettings { encoder: AnchorEncoder::OpenH264, ..AnchorSettings::new(24) };
        let behind = SectionStart { first: &pictures[0], background: Some(&scene) };
        let coded = section.code(behind, &settings).unwrap();
        let parsed = AnchorSection::parse(&coded.body, 20).unwrap();
        let hidden = [0, 0, 15].map(|frame| Key { view: ViewId(1), frame });
        assert_eq!(parsed.keys[..], [&[key][..], &hidden].concat());
        assert_eq!((coded.pictures[0].len(), coded.keys.len()), (20, 1));
        let others = std::iter::once((&other, &coded.keys[0].1));
        for (original, decoded) in pictures.iter().zip(&coded.pictures[0]).chain(others) {
            let db = plane_psnr_db(original.y(), decoded.y());
            assert!(db > 34.0, "{db:.1} dB");
        }

        let inputs = section.inputs(
            &[CodedPicture::Hidden, CodedPicture::Hidden, CodedPicture::Shown],
            Order::Coded,
            behind,
            &settings,
        );
        let offsets: Vec<i32> = inputs.iter().map(|(_, offset)| *offset).collect();
        assert_eq!(offsets, [settings.intra_offset, 0, -2]);
    }
}
