//! Codes the explicit part of a clip: anchors and key pictures, one H.264 stream per anchor and GOP.

use std::ops::Range;

use anyhow::{Context, Result, ensure};
use iev_runtime::ViewId;
use iev_runtime::format::anchor::{Key, MAX_KEYS, write_anchor};
use rayon::prelude::*;

use crate::anchor::{AnchorSettings, AnchorSpeed, decode_anchor, encode_anchor, nal_units};
use crate::key_picture::{key_picture, middle};
use crate::picture::Picture;
use crate::plan::Plan;
use crate::quality::plane_mse;
use crate::temporal_filter::filtered;

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

/// Codes every explicit view of the GOP that starts at `first`.
///
/// The anchor's first picture is the IDR; key pictures follow, nearest view first, each predicted from
/// those before it; then come the anchor's other pictures. The first picture is without its noise
/// ([`filtered`]) where that pays.
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
    let key_pictures: Vec<Picture> =
        keys.par_iter().map(|(view, span)| key_picture(of(*view), (*span).clone())).collect();
    let (noisy, clean) = (&of(view)[0], &filtered(of(view), 0));
    let settings = AnchorSettings { keys: keys.len(), ..settings.clone() };
    let code = |first_picture: &Picture, settings: &AnchorSettings| {
        let at = || format!("coding view {view} from picture {first} on");
        Coded::new(first_picture, &key_pictures, &of(view)[1..], rate, settings).with_context(at)
    };
    let draft = AnchorSettings { speed: AnchorSpeed::Draft, ..settings.clone() };
    let cost =
        |first: &Picture| Ok::<_, anyhow::Error>(code(first, &draft)?.cost(of(view), &draft));
    let pays = clean != noisy && cost(clean)? < cost(noisy)?;
    let Coded { units, key_pictures, pictures } =
        code(if pays { clean } else { noisy }, &settings)?;
    let ids: Vec<Key> = keys
        .iter()
        .map(|(v, span)| Key { view: ViewId(*v as u8), time: middle(span) as u16 })
        .collect();
    let mut body = Vec::new();
    write_anchor(&mut body, &ids, units.iter().flat_map(|unit| nal_units(unit)));
    Ok(CodedAnchor { view, body, keys: ids.into_iter().zip(key_pictures).collect(), pictures })
}

/// An anchor as H.264 and as it is decoded.
struct Coded {
    units: Vec<Vec<u8>>,
    key_pictures: Vec<Picture>,
    pictures: Vec<Picture>,
}

impl Coded {
    /// Codes the `first` picture, the `keys` and the `rest`.
    fn new(
        first: &Picture,
        keys: &[Picture],
        rest: &[Picture],
        rate: (u32, u32),
        settings: &AnchorSettings,
    ) -> Result<Self> {
        let all: Vec<&Picture> = std::iter::once(first).chain(keys).chain(rest).collect();
        let units = encode_anchor(&all, rate, settings)?;
        let mut pictures = decode_anchor(&units, first.width, first.height)?;
        let key_pictures = pictures.drain(1..=keys.len()).collect();
        Ok(Self { units, key_pictures, pictures })
    }

    /// Squared error of the luma shown, and the bytes at the weight that H.264 encoders give them.
    fn cost(&self, originals: &[Picture], settings: &AnchorSettings) -> f64 {
        let squared = |(a, b): (&Picture, &Picture)| plane_mse(&a.y, &b.y) * a.y.len() as f64;
        let error: f64 = originals.iter().zip(&self.pictures).map(squared).sum();
        let bits = 8 * self.units.iter().map(Vec::len).sum::<usize>();
        error + 0.85 * (f64::from(settings.qp - 12) / 3.0).exp2() * bits as f64
    }
}

#[cfg(test)]
mod tests {
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
        let all: Vec<&Picture> = pictures.iter().collect();
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
            picture.y.iter_mut().enumerate().for_each(|(at, y)| *y = y.saturating_add(noise(at)));
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
        let db = plane_psnr_db(&moving[0].y, &coded.pictures[0].y);
        assert!(db > 34.0, "{db:.1} dB");
    }
}
