//! Which sections make a GOP, and the reader stage that copies and checks them, and decodes what the
//! other stages can begin without.
//!
//! The index is built once at opening from the section table; from then on a time is found by a
//! binary search, and a GOP needs nothing but its own sections and its scene's.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::scene::{NetworkLevels, Residence};
use super::section_grids::SectionGrids;
use super::source::Source;
use crate::anchor::h264::checker::{Checker, Unit};
use crate::error::{Error, Result, within};
use crate::format::anchor::{AnchorSection, Coded, KEY_BYTES, Key, coding_order};
use crate::format::header::{Header, Role};
use crate::format::mixing::SymbolModel;
use crate::format::reader::StreamReader;
use crate::format::table::{Entry, Kind};
use crate::profile::Profile;
use crate::units::ViewId;
use crate::units::views::ViewSet;

/// Most NAL units of an anchor section per picture: parameter sets, a delimiter and messages come before
/// its slice.
const MAX_NALS_PER_PICTURE: usize = 8;

/// Reader over a stream in a file or in memory.
pub type Reader = StreamReader<Source>;

/// The sections of one GOP.
#[derive(Debug, Clone)]
pub struct GopEntry {
    /// First picture.
    pub first: u32,
    /// Pictures per view.
    pub frames: u32,
    /// Index of the scene, when there are implicit views.
    pub scene: u16,
    /// Key pictures that its anchor sections declare (FORMAT.md §8), not checked yet.
    pub key_pictures: u32,
    grids: Option<Entry>,
    anchors: Vec<Entry>,
}

impl GopEntry {
    /// Bytes of its sections.
    pub fn section_bytes(&self) -> u64 {
        self.anchors.iter().chain(&self.grids).map(|entry| u64::from(entry.bytes)).sum()
    }
}

/// The sections of one scene.
#[derive(Debug, Clone, Default)]
struct SceneEntry {
    network: Option<Entry>,
    grids: Option<Entry>,
}

/// Where every GOP and scene of a stream is.
#[derive(Debug)]
pub struct GopIndex {
    gops: Vec<GopEntry>,
    scenes: BTreeMap<u16, SceneEntry>,
    cameras: Option<Entry>,
}

impl GopIndex {
    /// Sorts the section table by GOP and scene.
    ///
    /// # Errors
    /// [`Error::Malformed`] unless the GOPs of every explicit view cover all pictures, once, with
    /// the same borders, and no section is there twice.
    pub fn build(reader: &mut Reader) -> Result<Self> {
        let header = reader.header().clone();
        let first_view = header.explicit_views().next();
        // Read once: a file that changes meanwhile must not get past a check made on an older copy.
        let entries: Vec<Entry> =
            (0..reader.sections()).map(|index| reader.entry(index)).collect::<Result<_>>()?;
        let mut gops = Vec::new();
        for entry in &entries {
            within("bytes of a section", entry.bytes.into(), reader.limits().section_bytes)?;
            if entry.kind == Kind::Anchor && Some(entry.view) == first_view {
                within("pictures of a GOP", entry.frames.into(), reader.limits().gop_frames)?;
                let Entry { first_frame: first, frames, scene, .. } = *entry;
                let (grids, anchors) = (None, Vec::new());
                gops.push(GopEntry { first, frames, scene, key_pictures: 0, grids, anchors });
            }
        }
        gops.sort_by_key(|g| g.first);
        let at = reader.index_bytes();
        let mut next = 0u32;
        for gop in &gops {
            if gop.first != next || gop.frames == 0 {
                return Err(Error::malformed(at, "GOPs follow one another without gaps"));
            }
            next = next.saturating_add(gop.frames);
        }
        if next != header.frames {
            return Err(Error::malformed(at, "GOPs cover every picture of the header"));
        }
        let mut index = Self { gops, scenes: BTreeMap::new(), cameras: None };
        for entry in entries {
            index.place(entry, &header)?;
            if entry.kind == Kind::Anchor {
                index.gop_of(&entry)?.key_pictures += u32::from(reader.first_byte(&entry)?);
            }
        }
        index.check_complete(&header, at)?;
        Ok(index)
    }

    fn place(&mut self, entry: Entry, header: &Header) -> Result<()> {
        let once = |slot: &mut Option<Entry>| match slot.replace(entry) {
            None => Ok(()),
            Some(_) => Err(Error::malformed(entry.offset, "a section is in the stream once")),
        };
        match entry.kind {
            Kind::Cameras => once(&mut self.cameras),
            Kind::Network => once(&mut self.scenes.entry(entry.scene).or_default().network),
            Kind::SceneGrids => once(&mut self.scenes.entry(entry.scene).or_default().grids),
            Kind::GopGrids => {
                let gop = self.gop_of(&entry)?;
                gop.scene = entry.scene;
                once(&mut gop.grids)
            }
            Kind::Anchor => {
                if header.views.get(usize::from(entry.view.0)) != Some(&Role::Explicit) {
                    let rule = "an anchor section belongs to an explicit view";
                    return Err(Error::malformed(entry.offset, rule));
                }
                let gop = self.gop_of(&entry)?;
                if gop.anchors.iter().any(|e| e.view == entry.view) {
                    return Err(Error::malformed(entry.offset, "a section is in the stream once"));
                }
                gop.anchors.push(entry);
                Ok(())
            }
        }
    }

    fn gop_of(&mut self, entry: &Entry) -> Result<&mut GopEntry> {
        let found = self.gops.binary_search_by_key(&entry.first_frame, |g| g.first);
        let rule = "all sections of a GOP cover the same pictures";
        let broken = Error::malformed(entry.offset, rule);
        match found.map(|i| &mut self.gops[i]) {
            Ok(gop) if gop.frames == entry.frames => Ok(gop),
            _ => Err(broken),
        }
    }

    fn check_complete(&self, header: &Header, at: u64) -> Result<()> {
        let explicit = header.explicit_views().count();
        let implicit = header.implicit_views().next().is_some();
        for gop in &self.gops {
            if gop.anchors.len() != explicit {
                return Err(Error::malformed(at, "a GOP has an anchor section per explicit view"));
            }
            let complete = |s: &SceneEntry| s.network.is_some() && s.grids.is_some();
            let scene = self.scenes.get(&gop.scene).is_some_and(complete);
            if implicit && !(scene && gop.grids.is_some()) {
                let rule = "a GOP with implicit views has grids and a complete scene";
                return Err(Error::malformed(at, rule));
            }
        }
        Ok(())
    }

    /// All GOPs in time order.
    pub fn gops(&self) -> &[GopEntry] {
        &self.gops
    }

    /// The section of camera parameters.
    pub fn cameras(&self) -> Option<&Entry> {
        self.cameras.as_ref()
    }

    /// The first picture after the GOP that covers picture `time`.
    pub(crate) fn end_of(&self, time: u32) -> u32 {
        let gop = &self.gops[self.covering(time)];
        gop.first + gop.frames
    }

    /// Place of the GOP that covers picture `time`.
    fn covering(&self, time: u32) -> usize {
        self.gops.partition_point(|g| g.first <= time).saturating_sub(1)
    }
}

/// The network and static grids of a scene.
#[derive(Debug)]
pub struct Scene {
    /// Its index.
    pub index: u16,
    /// Quantised weights.
    pub network: NetworkLevels,
    /// Static grids.
    pub grids: Arc<SectionGrids>,
}

/// A parsed anchor section; every NAL unit has passed [`Checker::check`].
#[derive(Debug)]
pub struct AnchorBody {
    /// The explicit view.
    pub view: ViewId,
    /// What its access units are, in coding order.
    pub order: Vec<Coded>,
    body: Vec<u8>,
    nals: Vec<(Unit, Range<usize>)>,
}

impl AnchorBody {
    /// Parses and checks a section covering `frames` pictures.
    ///
    /// # Errors
    /// [`Error::Malformed`] and [`Error::Unsupported`], counted from the start of the section.
    pub fn parse(body: Vec<u8>, view: ViewId, frames: u32, header: &Header) -> Result<Self> {
        let section = AnchorSection::parse(&body, frames)?;
        check_keys(&section.keys, view, header)?;
        let pictures = section.keys.len() + frames as usize;
        let mut nals = Vec::new();
        let mut checker = Checker::new(header.size);
        let most = MAX_NALS_PER_PICTURE * pictures;
        for nal in section.nal_units() {
            let nal = nal?;
            let start = nal.as_ptr() as usize - body.as_ptr() as usize;
            if nals.len() == most {
                let rule = "an anchor section has at most 8 NAL units per picture";
                return Err(Error::malformed(start as u64, rule));
            }
            let unit = checker.check(nal).map_err(|e| e.moved_by(start as u64))?;
            nals.push((unit, start..start + nal.len()));
        }
        let is_picture = |(unit, _): &&(Unit, _)| matches!(unit, Unit::Idr | Unit::Slice);
        if nals.iter().filter(is_picture).count() != pictures {
            let rule = "an anchor section has one slice per key and per picture";
            return Err(Error::malformed(0, rule));
        }
        let order = coding_order(view, &section.keys, frames).collect();
        Ok(Self { view, order, body, nals })
    }

    /// NAL unit `index` and what it is.
    pub fn nal(&self, index: usize) -> Option<(Unit, &[u8])> {
        self.nals.get(index).map(|(unit, range)| (*unit, &self.body[range.clone()]))
    }
}

/// Fails where a key in the list of a section of `view` is of a view that has nothing from it.
fn check_keys(keys: &[Key], view: ViewId, header: &Header) -> Result<()> {
    for (index, key) in (0..).zip(keys) {
        let role = header.views.get(usize::from(key.view.0));
        let warps = matches!(role, Some(Role::Implicit { anchor, .. }) if *anchor == view);
        if !warps && key.view != view {
            let rule = "a key picture belongs to a section's own view or one that warps it";
            return Err(Error::malformed(1 + index * KEY_BYTES, rule));
        }
    }
    Ok(())
}

/// A GOP ready to be decoded.
#[derive(Debug)]
pub struct Gop {
    /// First picture.
    pub first: u32,
    /// Pictures to show, counted from the start of the stream.
    pub show: Range<u32>,
    /// Network and static grids, when an implicit view is reachable.
    pub scene: Option<Arc<Scene>>,
    /// Grids over time, when an implicit view is reachable.
    pub grids: Option<Arc<SectionGrids>>,
    /// Anchor sections of the explicit views that are needed.
    pub anchors: Vec<AnchorBody>,
    /// Time the reader took.
    pub read_us: u64,
}

/// The reader stage: GOPs in time order.
pub struct GopReader {
    reader: Reader,
    header: Arc<Header>,
    index: Arc<GopIndex>,
    /// Views that may be shown.
    reachable: ViewSet,
    /// Pictures still to show.
    times: Range<u32>,
    /// Pictures to show after those, again and again.
    again: Range<u32>,
    scene: Option<Arc<Scene>>,
    /// Grids handed on and not yet decoded by the reader: at most a scene's and a GOP's.
    pending: Vec<Arc<SectionGrids>>,
}

impl GopReader {
    /// Name in errors, traces and board profiles.
    pub const NAME: &'static str = "reader";

    /// Reads what `reachable` needs for the pictures `times`, then for `again` until dropped.
    pub fn new(
        reader: Reader,
        index: Arc<GopIndex>,
        reachable: ViewSet,
        times: Range<u32>,
        again: Range<u32>,
    ) -> Self {
        let header = Arc::new(reader.header().clone());
        let pending = Vec::new();
        Self { reader, header, index, reachable, times, again, scene: None, pending }
    }

    fn read(&mut self) -> Result<Gop> {
        let started = Instant::now();
        let index = Arc::clone(&self.index);
        let entry = &index.gops[index.covering(self.times.start)];
        let end = (entry.first + entry.frames).min(self.times.end);
        let show = self.times.start..end;
        self.times.start = end;
        let header = Arc::clone(&self.header);
        let needed = self.reachable.explicit_needed(&header);
        let mut anchors = Vec::new();
        for section in entry.anchors.iter().filter(|e| needed.contains(e.view)) {
            let body = self.reader.section(section)?;
            let parsed = AnchorBody::parse(body, section.view, entry.frames, &header);
            anchors.push(parsed.map_err(|e| e.moved_by(section.offset))?);
        }
        let mut gop =
            Gop { first: entry.first, show, scene: None, grids: None, anchors, read_us: 0 };
        let implicit = !self.reachable.implicit(&header).is_empty();
        if let (true, Some(profile), Some(section)) = (implicit, header.profile(), entry.grids) {
            gop.scene = Some(self.scene(entry.scene, profile)?);
            gop.grids = Some(self.grids(&section, profile, Residence::Gop)?);
        }
        gop.read_us = started.elapsed().as_micros() as u64;
        Ok(gop)
    }

    /// The scene called `index`, decoded when it changes.
    fn scene(&mut self, index: u16, profile: &'static Profile) -> Result<Arc<Scene>> {
        if let Some(scene) = self.scene.as_ref().filter(|s| s.index == index) {
            return Ok(Arc::clone(scene));
        }
        let missing =
            Error::malformed(0, "a GOP with implicit views has grids and a complete scene");
        let gops = Arc::clone(&self.index);
        let sections = gops.scenes.get(&index).and_then(|s| s.network.zip(s.grids));
        let (network, grids) = sections.ok_or(missing)?;
        let body = self.reader.section(&network)?;
        let mut model = Box::new(SymbolModel::new());
        let decoded = NetworkLevels::decode(&body, profile, self.reader.minor(), &mut model);
        let network = decoded.map_err(|e| e.moved_by(network.offset))?;
        let grids = self.grids(&grids, profile, Residence::Scene)?;
        let scene = Arc::new(Scene { index, network, grids });
        self.scene = Some(Arc::clone(&scene));
        Ok(scene)
    }

    fn grids(
        &mut self,
        section: &Entry,
        profile: &'static Profile,
        residence: Residence,
    ) -> Result<Arc<SectionGrids>> {
        let grids = SectionGrids::read(&mut self.reader, section, profile, residence)?;
        let grids = Arc::new(grids);
        self.pending.push(Arc::clone(&grids));
        Ok(grids)
    }
}

impl Iterator for GopReader {
    type Item = Result<Gop>;

    fn next(&mut self) -> Option<Self::Item> {
        // What is broken is told by whoever needs it.
        self.pending.drain(..).for_each(|grids| drop(grids.get()));
        if self.times.is_empty() {
            self.times = self.again.clone();
        }
        if self.times.is_empty() {
            return None;
        }
        let gop = self.read();
        if gop.is_err() {
            self.times.end = self.times.start;
            self.again = 0..0;
        }
        Some(gop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::anchor::write_anchor;
    use crate::tests::streams::header;
    use crate::units::Size;

    #[test]
    fn units_that_hold_nothing_do_not_fill_memory() {
        let header = header(Size { width_px: 16, height_px: 16 }, 1, &[Role::Explicit]);
        let filler: &[u8] = &[12];
        let refusal = |count: usize| {
            let mut body = Vec::new();
            write_anchor(&mut body, &[], std::iter::repeat_n(filler, count));
            AnchorBody::parse(body, ViewId(0), 1, &header).unwrap_err().to_string()
        };
        assert!(refusal(8).contains("one slice per key and per picture"), "{}", refusal(8));
        let said = refusal(9);
        assert!(said.contains("at byte 18: an anchor section has at most 8 NAL units"), "{said}");
    }

    #[test]
    fn pictures_of_other_explicit_views_are_no_keys() {
        let header = header(Size { width_px: 16, height_px: 16 }, 1, &[Role::Explicit; 2]);
        let keys = [ViewId(0), ViewId(1)].map(|view| Key { view, time: 0 });
        assert!(check_keys(&keys[..1], ViewId(0), &header).is_ok());
        let said = check_keys(&keys, ViewId(0), &header).unwrap_err().to_string();
        assert!(said.contains("at byte 4: a key picture belongs to"), "{said}");
    }
}
