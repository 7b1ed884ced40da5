//! Makes views one clip: lengths, sizes, rates, and one description of colour and sampling.

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

/// Fails where views differ in size or rate.
pub(super) fn shapes(views: &[View]) -> Result<(), InputError> {
    let product = |a: (u32, u32), b: (u32, u32)| u64::from(a.0) * u64::from(b.1);
    for view in views {
        let both = [&views[0], view];
        if both[0].size() != view.size() {
            return Err(differ("size", both, |v| v.size().map(in_pixels).unwrap_or_default()));
        }
        if product(both[0].rate, view.rate) != product(view.rate, both[0].rate) {
            return Err(differ("rate", both, |v| format!("{}/{}", v.rate.0, v.rate.1)));
        }
    }
    Ok(())
}

/// Gives all views one description: what some leave open is that of those that say it. Matrix and range change what
/// samples mean, so views that say different ones cannot share a stream; of the rest the first view is believed.
pub(super) fn descriptions(views: &mut [View]) -> Result<(), InputError> {
    let code = |names: Names, code: u8| names.name(code).map_or(format!("code {code}"), Into::into);
    let known = |code: u8| (code != Colour::UNKNOWN).then_some(code);
    Property {
        what: "colour matrix",
        decides_pixels: true,
        get: &|told| known(told.matrix),
        set: &|told, value| told.matrix = value,
        name: &|value| code(MATRICES, value),
    }
    .settle(views)?;
    Property {
        what: "range of samples",
        decides_pixels: true,
        get: &|told| told.full_range,
        set: &|told, value| told.full_range = Some(value),
        name: &|full| if full { "0‥255".into() } else { "16‥235".into() },
    }
    .settle(views)?;
    Property {
        what: "primaries",
        decides_pixels: false,
        get: &|told| known(told.primaries),
        set: &|told, value| told.primaries = value,
        name: &|value| code(PRIMARIES, value),
    }
    .settle(views)?;
    Property {
        what: "transfer",
        decides_pixels: false,
        get: &|told| known(told.transfer),
        set: &|told, value| told.transfer = value,
        name: &|value| code(TRANSFERS, value),
    }
    .settle(views)?;
    Property {
        what: "pixel aspect",
        decides_pixels: false,
        get: &|told| Some(told.sampling.pixel_aspect).filter(|aspect| *aspect != (0, 0)),
        set: &|told, value| told.sampling.pixel_aspect = value,
        name: &|(width, height)| format!("{width}:{height}"),
    }
    .settle(views)?;
    Property {
        what: "place of chroma",
        decides_pixels: false,
        get: &|told| Some(told.sampling.siting).filter(|siting| *siting != Siting::Unspecified),
        set: &|told, value| told.sampling.siting = value,
        name: &|value| format!("{value:?}").to_lowercase(),
    }
    .settle(views)
}

/// One property of a view's samples.
struct Property<'a, T> {
    what: &'static str,
    /// Whether samples mean something else with another value.
    decides_pixels: bool,
    get: &'a dyn Fn(&SourceFacts) -> Option<T>,
    set: &'a dyn Fn(&mut SourceFacts, T),
    name: &'a dyn Fn(T) -> String,
}

impl<T: Copy + PartialEq> Property<'_, T> {
    fn settle(&self, views: &mut [View]) -> Result<(), InputError> {
        let Some(believed) = views.iter().position(|view| (self.get)(&view.told).is_some()) else {
            return Ok(());
        };
        let Some(value) = (self.get)(&views[believed].told) else { return Ok(()) };
        let (of, says, what) = (views[believed].path.clone(), (self.name)(value), self.what);
        for index in 0..views.len() {
            let has = (self.get)(&views[index].told);
            let notice = match has {
                Some(has) if has == value => None,
                Some(_) if self.decides_pixels => {
                    let name =
                        |view: &View| (self.get)(&view.told).map_or(String::new(), self.name);
                    return Err(differ(what, [&views[believed], &views[index]], name));
                }
                Some(has) => Some(Notice::Disagrees {
                    what,
                    has: (self.name)(has),
                    of: of.clone(),
                    says: says.clone(),
                }),
                None if self.decides_pixels => {
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
fn differ(what: &'static str, views: [&View; 2], has: impl Fn(&View) -> String) -> InputError {
    let [first_has, other_has] = views.map(has);
    let [first, other] = views.map(|view| view.path.clone());
    InputError::Differ { what, first, first_has, other, other_has }
}
