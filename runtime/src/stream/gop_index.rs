//! Which sections make a GOP.
//!
//! The index is built once at opening from the section table; from then on a frame is found by a
//! binary search, and a GOP needs nothing but its own sections and its scene's.

use std::collections::BTreeMap;

use super::source::Source;
use crate::error::{Error, Result};
use crate::format::anchor::Codec;
use crate::format::av1::{Views, take_views};
use crate::format::header::{Header, MAX_VIEWS, Role};
use crate::format::reader::StreamReader;
use crate::format::table::{Entry, Kind};

/// Reader over a stream in a file or in memory.
pub type FileReader = StreamReader<Source>;

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
    pub(super) grids: Option<Entry>,
    pub(super) anchors: Vec<ExplicitEntry>,
}

impl GopEntry {
    /// Bytes of its sections.
    pub fn section_bytes(&self) -> u64 {
        let anchors = self.anchors.iter().map(|explicit| &explicit.entry);
        anchors.chain(&self.grids).map(|entry| u64::from(entry.bytes)).sum()
    }
}

/// The most of each that any GOP of a stream has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LargestGop {
    /// Pictures per view.
    pub frames: u32,
    /// Key pictures of all views.
    pub key_pictures: u32,
    /// Bytes of its sections.
    pub section_bytes: u64,
    /// Whether some of them are AV1.
    pub has_av1: bool,
}

/// A section of explicit pictures.
#[derive(Debug, Clone)]
pub(super) struct ExplicitEntry {
    pub(super) entry: Entry,
    pub(super) codec: Codec,
    /// Its views, in coding order.
    pub(super) views: Views,
}

impl ExplicitEntry {
    /// The section of `entry` and the number of key pictures that it declares, if it is one of explicit pictures.
    fn of(reader: &mut FileReader, entry: Entry) -> Result<Option<(Self, u32)>> {
        let Some(codec) = entry.kind.codec() else { return Ok(None) };
        let mut start = [0; 2 + MAX_VIEWS];
        let start = reader.start_of(&entry, &mut start)?;
        let (views, list) = match codec {
            Codec::H264 => (core::iter::once(entry.view).collect(), start),
            Codec::Av1 => take_views(start).map_err(|e| e.moved_by(entry.offset))?,
        };
        if views.first() != Some(&entry.view) {
            let rule = "the first view of an AV1 section is that of its entry";
            return Err(Error::malformed(entry.offset, rule));
        }
        let keys = list.first().copied().unwrap_or(0);
        Ok(Some((Self { entry, codec, views }, keys.into())))
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
    pub fn build(reader: &mut FileReader) -> Result<Self> {
        let header = reader.header().clone();
        let first_view = header.explicit_views().next();
        // Read once: a file that changes meanwhile must not get past a check made on an older copy.
        let entries: Vec<Entry> =
            (0..reader.sections()).map(|index| reader.entry(index)).collect::<Result<_>>()?;
        let mut gops = Vec::new();
        let mut explicit = Vec::new();
        for entry in &entries {
            reader.limits().check_section(entry.bytes.into())?;
            let Some((section, keys)) = ExplicitEntry::of(reader, *entry)? else { continue };
            let defines = first_view.is_some_and(|view| section.views.contains(&view));
            explicit.push((section, keys));
            if defines {
                reader.limits().check_gop(entry.frames.into())?;
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
            index.place(entry)?;
        }
        for (section, keys) in explicit {
            index.place_explicit(section, keys, &header)?;
        }
        index.check_complete(&header, at)?;
        Ok(index)
    }

    fn place(&mut self, entry: Entry) -> Result<()> {
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
            Kind::Anchor | Kind::Av1 => Ok(()),
        }
    }

    fn place_explicit(&mut self, section: ExplicitEntry, keys: u32, header: &Header) -> Result<()> {
        let broken = |rule| Err(Error::malformed(section.entry.offset, rule));
        for view in &section.views {
            if header.views.get(usize::from(view.0)) != Some(&Role::Explicit) {
                return broken("an anchor section belongs to explicit views");
            }
        }
        let gop = self.gop_of(&section.entry)?;
        gop.key_pictures += keys;
        let is_there = |view| gop.anchors.iter().any(|other| other.views.contains(view));
        if section.views.iter().any(is_there) {
            return broken("a view is in one section of a GOP");
        }
        gop.anchors.push(section);
        Ok(())
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
            if gop.anchors.iter().map(|section| section.views.len()).sum::<usize>() != explicit {
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

    /// The most of each that any GOP has.
    pub fn largest(&self) -> LargestGop {
        LargestGop {
            frames: self.gops.iter().map(|gop| gop.frames).max().unwrap_or(0),
            key_pictures: self.gops.iter().map(|gop| gop.key_pictures).max().unwrap_or(0),
            section_bytes: self.gops.iter().map(GopEntry::section_bytes).max().unwrap_or(0),
            has_av1: self.uses(Codec::Av1),
        }
    }

    /// Whether some section is of `codec`.
    pub fn uses(&self, codec: Codec) -> bool {
        self.gops.iter().flat_map(|gop| &gop.anchors).any(|section| section.codec == codec)
    }

    /// All GOPs in time order.
    pub fn gops(&self) -> &[GopEntry] {
        &self.gops
    }

    /// The GOP that covers picture `frame`.
    pub(super) fn gop_at(&self, frame: u32) -> &GopEntry {
        &self.gops[self.gops.partition_point(|g| g.first <= frame).saturating_sub(1)]
    }

    /// Sections of the network and the static grids of scene `index`.
    pub(super) fn scene(&self, index: u16) -> Option<(Entry, Entry)> {
        self.scenes.get(&index).and_then(|scene| scene.network.zip(scene.grids))
    }

    /// The section of camera parameters.
    pub fn cameras(&self) -> Option<&Entry> {
        self.cameras.as_ref()
    }

    /// The first picture after the GOP that covers picture `frame`.
    pub(crate) fn end_of(&self, frame: u32) -> u32 {
        let gop = self.gop_at(frame);
        gop.first + gop.frames
    }
}
