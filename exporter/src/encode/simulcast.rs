//! The floor under the codec: every view by H.264 alone, where the network does not pay.
//!
//! Whether it pays is known only when it is trained: fast motion everywhere, few pictures or a high rate
//! leave it little to save. Then the same quality from H.264 of every view takes fewer bytes.

use anyhow::Result;

use super::explicit_views::explicit_views;
use super::settings::EncodeSettings;
use crate::input::View;
use crate::plan::Plan;

/// Quantisers above the anchor's that are searched: views painted by a network are below their anchor, but
/// seldom by more than this is worth.
const COARSER: i32 = 12;

/// Settings under which every view is explicit, in fewer than `most` bytes of H.264 and at a mean luma PSNR
/// of at least `luma_db`; none when there are no such settings. First pictures are coded at `offset`.
///
/// # Errors
/// The H.264 encoder's.
pub(super) fn simulcast_within(
    views: &[View],
    settings: &EncodeSettings,
    offset: i32,
    most: usize,
    luma_db: f64,
) -> Result<Option<EncodeSettings>> {
    let all: Vec<usize> = (0..views.len()).collect();
    let (frames, gop) = (views[0].frames.len(), settings.plan.gops[0].1);
    let at = |qp: i32| {
        let mut simulcast = settings.clone();
        simulcast.plan = Plan::new(&all, frames, gop, 0);
        (simulcast.anchor.qp, simulcast.anchor.intra_offset) = (qp, offset);
        simulcast
    };
    settings.tell("comparing with H.264 of every view");
    // The coarsest quantiser that is good enough lies in `good..poor`.
    let finest = (settings.anchor.qp - 1).max(1);
    let (mut good, mut poor) = (finest, (settings.anchor.qp + COARSER).min(52));
    let mut bytes = usize::MAX;
    while poor - good > 1 {
        let qp = (good + poor) / 2;
        let explicit = explicit_views(views, &at(qp))?;
        if explicit.luma_db() >= luma_db {
            (good, bytes) = (qp, explicit.bytes());
        } else {
            poor = qp;
        }
    }
    if bytes >= most {
        return Ok(None);
    }
    settings.tell(&format!(
        "the network does not pay: every view by H.264 takes {bytes} bytes instead of {most} at no less quality"
    ));
    Ok(Some(at(good)))
}
