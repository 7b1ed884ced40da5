//! Which sections make a GOP.
//!
//! The index is built once at opening from the section table, and of the sections only the first bytes of the first
//! GOP's are read, so that a stream plays whose end is still to come. From then on a frame is found by a binary search,
//! and a GOP needs nothing but its own sections and its scene's.

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

/// What breaks when an explicit view is there twice, and when it is missing.
const ONE_SECTION: &str = "a view is in one section of a GOP";
const EVERY_VIEW: &str = "a GOP has an anchor section per explicit view";

/// The sections of one GOP.
#[derive(Debug, Clone)]
pub struct GopEntry {
    /// First picture.
    pub first: u32,
    /// Pictures per view.
    pub frames: u32,
    /// Index of the scene, when there are implicit views.
    pub scene: u16,
    pub(super) grids: Option<Entry>,
    /// Sections of explicit pictures.
    explicit: Vec<Entry>,
}

impl GopEntry {
    /// Bytes of its sections.
    pub fn section_bytes(&self) -> u64 {
        self.explicit.iter().chain(&self.grids).map(|entry| u64::from(entry.bytes)).sum()
    }

    /// Its sections of explicit pictures, by their first bytes.
    ///
    /// # Errors
    /// [`Error::Malformed`] unless each of the explicit views is in one of them.
    pub(super) fn explicit(&self, reader: &mut FileReader) -> Result<Vec<ExplicitSection>> {
        let explicit_views = reader.header().explicit_views().count();
        let (mut sections, mut covered) = (Vec::<ExplicitSection>::new(), 0);
        for entry in &self.explicit {
            let section = ExplicitSection::of(reader, *entry)?;
            let is_there = |view| sections.iter().any(|other| other.views.contains(view));
            if section.views.iter().any(is_there) {
                return Err(Error::malformed(entry.offset, ONE_SECTION));
            }
            covered += section.views.len();
            sections.push(section);
        }
        if covered != explicit_views {
            return Err(Error::malformed(reader.index_bytes(), EVERY_VIEW));
        }
        Ok(sections)
    }
}

/// The most of each that any GOP of a stream has, as far as that is known before it is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LargestGop {
    /// Pictures per view.
    pub frames: u32,
    /// Key pictures of all views, in the first GOP.
    pub key_pictures: u32,
    /// Bytes of its sections.
    pub section_bytes: u64,
    /// Whether some of them are AV1.
    pub has_av1: bool,
}

/// A section of explicit pictures, as its first bytes say.
#[derive(Debug, Clone)]
pub(super) struct ExplicitSection {
    pub(super) entry: Entry,
    pub(super) codec: Codec,
    /// Its views, in coding order.
    pub(super) views: Views,
    /// Key pictures that it declares (FORMAT.md §8), not checked yet.
    pub(super) key_pictures: u32,
}

impl ExplicitSection {
    fn of(reader: &mut FileReader, entry: Entry) -> Result<Self> {
        let broken = |rule| Err(Error::malformed(entry.offset, rule));
        let mut start = [0; 2 + MAX_VIEWS];
        let start = reader.start_of(&entry, &mut start)?;
        let (codec, views, list) = match entry.kind {
            Kind::Av1 => {
                let (views, list) = take_views(start).map_err(|e| e.moved_by(entry.offset))?;
                (Codec::Av1, views, list)
            }
            _ => (Codec::H264, core::iter::once(entry.view).collect(), start),
        };
        if views.first() != Some(&entry.view) {
            return broken("the first view of an AV1 section is that of its entry");
        }
        let roles = &reader.header().views;
        if views.iter().any(|view| roles.get(usize::from(view.0)) != Some(&Role::Explicit)) {
            return broken("an anchor section belongs to explicit views");
        }
        let key_pictures = list.first().copied().unwrap_or(0).into();
        Ok(Self { entry, codec, views, key_pictures })
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
    /// Key pictures that the first GOP declares.
    key_pictures: u32,
}

impl GopIndex {
    /// Sorts the section table by GOP and scene.
    ///
    /// # Errors
    /// [`Error::Malformed`] unless the GOPs of the explicit views cover all pictures, once, with
    /// the same borders, and no section is there twice; and what the first GOP's sections break.
    pub fn build(reader: &mut FileReader) -> Result<Self> {
        let header = reader.header().clone();
        // Read once: a file that changes meanwhile must not get past a check made on an older copy.
        let entries: Vec<Entry> =
            (0..reader.sections()).map(|index| reader.entry(index)).collect::<Result<_>>()?;
        let mut gops = BTreeMap::new();
        for entry in &entries {
            reader.limits().check_section(entry.bytes.into())?;
            if entry.kind.codec().is_some() {
                reader.limits().check_gop(entry.frames.into())?;
                let Entry { first_frame: first, frames, scene, .. } = *entry;
                let (grids, explicit) = (None, Vec::new());
                gops.entry(first).or_insert(GopEntry { first, frames, scene, grids, explicit });
            }
        }
        let gops: Vec<GopEntry> = gops.into_values().collect();
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
        let mut index = Self { gops, scenes: BTreeMap::new(), cameras: None, key_pictures: 0 };
        for entry in entries {
            index.place(entry)?;
        }
        index.check_complete(&header, at)?;
        if let Some(gop) = index.gops.first() {
            index.key_pictures =
                gop.explicit(reader)?.iter().map(|section| section.key_pictures).sum();
        }
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
            Kind::Anchor | Kind::Av1 => {
                let gop = self.gop_of(&entry)?;
                if gop.explicit.iter().any(|other| other.view == entry.view) {
                    return Err(Error::malformed(entry.offset, ONE_SECTION));
                }
                gop.explicit.push(entry);
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
            // A section of AV1 may have several views, which are looked at when its turn comes.
            let several = gop.explicit.iter().any(|entry| entry.kind == Kind::Av1);
            if gop.explicit.len() > explicit || (gop.explicit.len() < explicit && !several) {
                return Err(Error::malformed(at, EVERY_VIEW));
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
            key_pictures: self.key_pictures,
            section_bytes: self.gops.iter().map(GopEntry::section_bytes).max().unwrap_or(0),
            has_av1: self.uses(Codec::Av1),
        }
    }

    /// Whether some section is of `codec`.
    pub fn uses(&self, codec: Codec) -> bool {
        let mut explicit = self.gops.iter().flat_map(|gop| &gop.explicit);
        explicit.any(|entry| entry.kind.codec() == Some(codec))
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
