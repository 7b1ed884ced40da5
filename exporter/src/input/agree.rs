//! Makes views one clip: lengths, sizes, rates, and one description of colour and sampling.

use std::path::{Display, Path};

use iev_runtime::format::colour::{MATRICES, Names, PRIMARIES, Siting, TRANSFERS};
use iev_runtime::format::header::Colour;

use super::notice::Notice;
use super::{InputError, SourceFacts, View, in_pixels};

/// Fails where views differ in length, or cuts all to the shortest.
pub(super) fn lengths(views: &mut [View], shortest: bool) -> Result<(), InputError> {
    let frames = |view: &&View| view.frames.len();
    let (Some(short), Some(long)) =
        (views.iter().min_by_key(frames), views.iter().max_by_key(frames))
    else {
        return Err(InputError::NoViews);
    };
    let (short_frames, long_frames) = (short.frames.len(), long.frames.len());
    if short_frames != long_frames && !shortest {
        let (long, short) = (long.path.clone(), short.path.clone());
        return Err(InputError::Lengths { long, long_frames, short, short_frames });
    }
    for view in views {
        let from = view.frames.len();
        if from > short_frames {
            view.frames.truncate(short_frames);
            view.notices.push(Notice::Cut { from, to: short_frames });
        }
    }
    Ok(())
}

/// Gives views that say no rate that of the first one that does.
pub(super) fn rates(views: &mut [View]) {
    let says_none = |view: &View| view.notices.iter().any(|n| matches!(n, Notice::NoRate(_)));
    let Some(rate) = views.iter().find(|view| !says_none(view)).map(|view| view.rate) else {
        return;
    };
    for view in views {
        for notice in &mut view.notices {
            if let Notice::NoRate(taken) = notice {
                (view.rate, *taken) = (rate, rate);
            }
        }
    }
}

/// Fails where views differ in size or rate.
pub(super) fn shapes(views: &[View]) -> Result<(), InputError> {
    let product = |a: (u32, u32), b: (u32, u32)| u64::from(a.0) * u64::from(b.1);
    for view in views {
        let both = [&views[0], view];
        if both[0].size() != view.size() {
            let has = |v: &View| v.size().map(in_pixels).unwrap_or_default();
            let remedy = resize(&view.path, views[0].size().unwrap_or_default());
            return Err(differ("size", both, has, remedy));
        }
        if product(both[0].rate, view.rate) != product(view.rate, both[0].rate) {
            let rate = |v: &View| format!("{}/{}", v.rate.0, v.rate.1);
            let remedy = format!(
                "--rate {} repeats and drops frames so that all have it, and keeps their times",
                rate(&views[0])
            );
            return Err(differ("rate", both, rate, remedy));
        }
    }
    Ok(())
}

/// Says which views do not start when the first one does, by the clocks of those files that have one: nobody but who
/// made the views knows whether the clocks were set alike, so frames stay paired by number.
pub(super) fn starts(views: &mut [View]) {
    let clock = |view: &View| Some((view.path.clone(), view.starts_at_ms?));
    let Some((of, zero_ms)) = views.iter().find_map(clock) else { return };
    for view in views {
        let (frames, seconds) = view.rate;
        let Some(ms) = view.starts_at_ms.map(|ms| ms.saturating_sub(zero_ms)) else { continue };
        // Half a frame, for rounding.
        let apart = u128::from(ms.unsigned_abs()) * u128::from(frames) * 2;
        if apart > 1000 * u128::from(seconds) {
            view.notices.push(Notice::StartsApart { of: of.clone(), ms });
        }
    }
}

/// How to bring the file at `path` to a size.
pub(super) fn resize(path: &Path, (width, height): (usize, usize)) -> String {
    format!("bring all to one: ffmpeg -i {} -vf scale={width}:{height} OUT.y4m", path.display())
}

/// Gives all views one description: what some leave open is that of those that say it. Matrix and range change what
/// samples mean, so views that say different ones cannot share a stream; of the rest the first view is believed.
///
/// Why refused: a stream has one of each, a wrong label is a wrong green, and nobody but who made the views knows
/// which of them are right.
pub(super) fn descriptions(views: &mut [View]) -> Result<(), InputError> {
    let code = |names: Names, code: u8| names.name(code).map_or(format!("code {code}"), Into::into);
    let known = |code: u8| (code != Colour::UNKNOWN).then_some(code);
    // What samples mean.
    Property {
        what: "colour matrix",
        remedy: Some(&|matrix, has, file| {
            let weights = |matrix| Colour { matrix, ..Colour::UNSPECIFIED }.luma_weights();
            let one_by_two_names = weights(matrix).is_some() && weights(matrix) == weights(has);
            let name = code(MATRICES, matrix);
            let remedy = format!(
                "--colour {name} takes all for that, where it is the label that is wrong; else convert: \
                 ffmpeg -i {file} -vf scale=out_color_matrix={name},format=yuv420p OUT.y4m"
            );
            (!one_by_two_names).then_some(remedy)
        }),
        get: &|told| known(told.matrix),
        set: &|told, value| told.matrix = value,
        name: &|value| code(MATRICES, value),
    }
    .settle(views)?;
    Property {
        what: "range of samples",
        remedy: Some(&|full, _, file| {
            let (name, of_ffmpeg) = if full { ("full", "pc") } else { ("limited", "tv") };
            Some(format!(
                "--range {name} takes all for that, where it is the label that is wrong; else convert: \
                 ffmpeg -i {file} -vf scale=out_range={of_ffmpeg},format=yuv420p OUT.y4m"
            ))
        }),
        get: &|told| told.full_range,
        set: &|told, value| told.full_range = Some(value),
        name: &|full| if full { "0‥255".into() } else { "16‥235".into() },
    }
    .settle(views)?;
    // How they are shown.
    Property {
        what: "primaries",
        remedy: None,
        get: &|told| known(told.primaries),
        set: &|told, value| told.primaries = value,
        name: &|value| code(PRIMARIES, value),
    }
    .settle(views)?;
    Property {
        what: "transfer",
        remedy: None,
        get: &|told| known(told.transfer),
        set: &|told, value| told.transfer = value,
        name: &|value| code(TRANSFERS, value),
    }
    .settle(views)?;
    Property {
        what: "pixel aspect",
        remedy: None,
        get: &|told| Some(told.sampling.pixel_aspect).filter(|aspect| *aspect != (0, 0)),
        set: &|told, value| told.sampling.pixel_aspect = value,
        name: &|(width, height)| format!("{width}:{height}"),
    }
    .settle(views)?;
    Property {
        what: "place of chroma",
        remedy: None,
        get: &|told| Some(told.sampling.siting).filter(|siting| *siting != Siting::Unspecified),
        set: &|told, value| told.sampling.siting = value,
        name: &|value| format!("{value:?}").to_lowercase(),
    }
    .settle(views)
}

/// By the value believed, another one, and the file that has it: nothing where both mean the same.
type Remedy<'a, T> = dyn Fn(T, T, Display<'_>) -> Option<String> + 'a;

/// One property of a view's samples.
struct Property<'a, T> {
    what: &'static str,
    /// What to do where samples mean something else under the value that a file has than under the one believed; for
    /// properties that do not decide what samples mean there is none.
    remedy: Option<&'a Remedy<'a, T>>,
    get: &'a dyn Fn(&SourceFacts) -> Option<T>,
    set: &'a dyn Fn(&mut SourceFacts, T),
    name: &'a dyn Fn(T) -> String,
}

impl<T: Copy + PartialEq> Property<'_, T> {
    fn settle(&self, views: &mut [View]) -> Result<(), InputError> {
        // 1. The first view that says something is believed.
        let Some(believed) = views.iter().position(|view| (self.get)(&view.told).is_some()) else {
            return Ok(());
        };
        let Some(value) = (self.get)(&views[believed].told) else { return Ok(()) };
        let (of, says, what) = (views[believed].path.clone(), (self.name)(value), self.what);
        for index in 0..views.len() {
            // 2. Views that say something else end it where that changes what samples mean.
            let has = (self.get)(&views[index].told);
            let other = has.filter(|has| *has != value);
            let both = [&views[believed], &views[index]];
            if let (Some(has), Some(remedy)) = (other, self.remedy)
                && let Some(remedy) = remedy(value, has, both[1].path.display())
            {
                let name = |view: &View| (self.get)(&view.told).map_or(String::new(), self.name);
                return Err(differ(what, both, name, remedy));
            }
            // 3. The others are told of, and take what is believed.
            let notice = match has {
                Some(has) if has == value => None,
                Some(has) => Some(Notice::Disagrees {
                    what,
                    has: (self.name)(has),
                    of: of.clone(),
                    says: says.clone(),
                }),
                None if self.remedy.is_some() => {
                    Some(Notice::Adopted { what, of: of.clone(), says: says.clone() })
                }
                None => None,
            };
            views[index].notices.extend(notice);
            (self.set)(&mut views[index].told, value);
        }
        Ok(())
    }
}

/// The error of views that differ in `what`, of which each `has` something.
fn differ(
    what: &'static str,
    views: [&View; 2],
    has: impl Fn(&View) -> String,
    remedy: String,
) -> InputError {
    let [first, other] = views.map(|view| view.path.clone());
    InputError::Differ { what, first, other, has: Box::new(views.map(has)), remedy }
}
