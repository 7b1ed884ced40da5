//! Which view has which camera: by name where names agree, else by order.

use std::path::Path;

use iev_runtime::format::cameras::Cameras;

use super::fault::CamerasError;
use super::given::Entry;
use crate::input::View;

/// The cameras of `views` out of `entries`; which view got which goes to `said`.
pub(super) fn assign(
    path: &Path,
    entries: &[Entry],
    views: &[View],
    said: &mut Vec<String>,
) -> Result<Cameras, CamerasError> {
    // By name where any name fits, else by order.
    let (how, chosen) = match by_name(path, entries, views)? {
        Some(chosen) => ("by name", chosen),
        None => ("by order", by_order(path, entries, views)?),
    };
    let mut cameras = Cameras { views: heapless::Vec::new() };
    for (index, (view, entry)) in views.iter().zip(chosen).enumerate() {
        // For the size of the view, which may be a scaled one.
        let size = view.size().unwrap_or((0, 0));
        let in_entry = |fault| CamerasError::Entry {
            path: path.to_owned(),
            entry: entry.place.clone(),
            fault,
        };
        let given = entry.camera.clone().map_err(in_entry)?;
        let camera = given.at(size).map_err(in_entry)?;
        cameras.views.push(camera).map_err(|_| CamerasError::Views { path: path.to_owned() })?;
        let [width, height] = given.size_px;
        let scaled = if given.is_scaled(size) {
            format!(", scaled from {width}x{height} to {}x{} pixels", size.0, size.1)
        } else {
            String::new()
        };
        let shown = view.path.display();
        said.push(format!("view {index} ({shown}) has camera {:?}, {how}{scaled}", entry.name));
    }
    Ok(cameras)
}

fn by_order<'a>(
    path: &Path,
    entries: &'a [Entry],
    views: &[View],
) -> Result<Vec<&'a Entry>, CamerasError> {
    if entries.len() == views.len() {
        return Ok(entries.iter().collect());
    }
    if entries.is_empty() {
        return Err(CamerasError::Nothing { path: path.to_owned() });
    }
    Err(CamerasError::Count {
        path: path.to_owned(),
        cameras: entries.len(),
        views: views.len(),
        example: entries.first().map_or(String::new(), |entry| entry.name.clone()),
    })
}

/// A camera for every view, or none where no view has the name of a camera.
fn by_name<'a>(
    path: &Path,
    entries: &'a [Entry],
    views: &[View],
) -> Result<Option<Vec<&'a Entry>>, CamerasError> {
    let mut chosen: Vec<Option<&Entry>> = Vec::new();
    // No camera serves two views.
    for view in views {
        let found = named_as(path, entries, &view.path)?;
        let taken =
            chosen.iter().flatten().any(|other| found.is_some_and(|f| std::ptr::eq(*other, f)));
        if let (Some(entry), true) = (found, taken) {
            let name = entry.name.clone();
            return Err(CamerasError::Ambiguous { path: path.to_owned(), what: "two views", name });
        }
        chosen.push(found);
    }
    // All views or none.
    if chosen.iter().all(Option::is_none) {
        return Ok(None);
    }
    let lacking =
        |view: &View| CamerasError::NoCamera { path: path.to_owned(), view: view.path.clone() };
    let each = chosen.into_iter().zip(views);
    each.map(|(entry, view)| entry.ok_or_else(|| lacking(view))).collect::<Result<_, _>>().map(Some)
}

/// The camera whose name is that of the file `view`, or is so without folders and extensions.
fn named_as<'a>(
    path: &Path,
    entries: &'a [Entry],
    view: &Path,
) -> Result<Option<&'a Entry>, CamerasError> {
    let same = |part: fn(&Path) -> Option<&std::ffi::OsStr>| {
        let wanted = part(view);
        let fits = move |entry: &&Entry| wanted.is_some() && part(Path::new(&entry.name)) == wanted;
        entries.iter().filter(fits)
    };
    // The whole name goes before the name without its ending.
    let mut found = same(Path::file_name).peekable();
    let first = found.next();
    let (first, second) = match first {
        Some(first) => (Some(first), found.next()),
        None => {
            let mut stems = same(Path::file_stem);
            (stems.next(), stems.next())
        }
    };
    match (first, second) {
        (Some(first), Some(_)) => {
            let name = first.name.clone();
            Err(CamerasError::Ambiguous { path: path.to_owned(), what: "two cameras", name })
        }
        (first, _) => Ok(first),
    }
}
