//! Codes the explicit part of a clip: anchors and key pictures, one H.264 stream per anchor and GOP.

use anyhow::{Context, Result, ensure};
use iev_runtime::ViewId;
use iev_runtime::format::anchor::{Key, MAX_KEYS, write_anchor};

use crate::anchor::{AnchorSettings, decode_anchor, encode_anchor, nal_units};
use crate::picture::Picture;
use crate::plan::Plan;
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
    /// Bytes of the key pictures in the body.
    pub key_bytes: usize,
}

/// Codes every explicit view of the GOP that starts at `first`.
///
/// The anchor's first picture is the IDR; key pictures follow, nearest view first, each predicted from
/// those before it; then come the anchor's other pictures. The first picture and the keys are without
/// their noise ([`filtered`]).
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
    let mut keys = Vec::new();
    for time in plan.key_times(frames) {
        keys.extend(keyed.iter().map(|v| (*v, time)));
    }
    ensure!(
        keys.len() <= MAX_KEYS,
        "view {view} would carry {} key pictures, and an anchor has at most {MAX_KEYS} key pictures \
         per GOP: ask for fewer keys or a shorter GOP",
        keys.len()
    );
    let filter =
        |&(view, time): &(usize, usize)| filtered(&views[view][first..first + frames], time);
    let fine: Vec<Picture> = [(view, 0)].iter().chain(&keys).map(filter).collect();
    let rest = &views[view][first + 1..first + frames];
    let pictures: Vec<&Picture> = fine.iter().chain(rest).collect();
    let settings = AnchorSettings { keys: keys.len(), ..settings.clone() };
    let units = encode_anchor(&pictures, rate, &settings)
        .with_context(|| format!("coding view {view} from picture {first} on"))?;
    let mut decoded = decode_anchor(&units, pictures[0].width, pictures[0].height)
        .with_context(|| format!("decoding view {view} from picture {first} on"))?;
    let key_pictures: Vec<Picture> = decoded.drain(1..=keys.len()).collect();
    let ids: Vec<Key> =
        keys.iter().map(|(v, t)| Key { view: ViewId(*v as u8), time: *t as u16 }).collect();
    let mut body = Vec::new();
    write_anchor(&mut body, &ids, units.iter().flat_map(|unit| nal_units(unit)));
    let key_bytes = units[1..=keys.len()].iter().map(Vec::len).sum();
    Ok(CodedAnchor {
        view,
        body,
        keys: ids.into_iter().zip(key_pictures).collect(),
        pictures: decoded,
        key_bytes,
    })
}
