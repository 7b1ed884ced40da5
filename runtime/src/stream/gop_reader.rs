//! The reader stage: copies and checks the sections of one GOP after another, and decodes what the other
//! stages can begin without.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::gop_index::{ExplicitSection, FileReader, GopIndex};
use super::scene::{NetworkLevels, Residence};
use super::section_grids::SectionGrids;
use super::source::Waiting;
use crate::anchor::body::AnchorBody;
use crate::error::{Error, Result, within};
use crate::format::header::Header;
use crate::format::mixing::SymbolModel;
use crate::format::table::Entry;
use crate::format::views::ViewSet;
use crate::profile::Profile;

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
    reader: FileReader,
    header: Arc<Header>,
    index: Arc<GopIndex>,
    /// Key pictures that a GOP may have.
    most_keys: u32,
    /// Views that may be shown.
    reachable: ViewSet,
    /// Pictures still to show.
    frames: Range<u32>,
    /// Pictures to show after those, again and again.
    again: Range<u32>,
    scene: Option<Arc<Scene>>,
    /// Grids handed on and not yet decoded by the reader: at most a scene's and a GOP's.
    pending: Vec<Arc<SectionGrids>>,
}

impl GopReader {
    /// Reads what `reachable` needs for the pictures `frames`, then for `again` until dropped; a GOP has at most so many
    /// key pictures.
    pub fn new(
        reader: FileReader,
        index: Arc<GopIndex>,
        most_keys: u32,
        reachable: ViewSet,
        frames: Range<u32>,
        again: Range<u32>,
    ) -> Self {
        let header = Arc::new(reader.header().clone());
        let pending = Vec::new();
        Self { reader, header, index, most_keys, reachable, frames, again, scene: None, pending }
    }

    /// Waits for bytes that have not come until what is returned is dropped, whatever other readers do.
    pub(crate) fn wait_apart(&mut self) -> Waiting {
        self.reader.source_mut().wait_apart()
    }

    fn read(&mut self) -> Result<Gop> {
        let started = Instant::now();
        let index = Arc::clone(&self.index);
        let entry = index.gop_at(self.frames.start);
        // The frames to show: up to the end of the GOP or of what was asked for.
        let end = (entry.first + entry.frames).min(self.frames.end);
        let show = self.frames.start..end;
        self.frames.start = end;
        let header = Arc::clone(&self.header);
        // Explicit sections of the views that somebody may show, or that those are painted from.
        let needed = self.reachable.explicit_needed(&header);
        let explicit = entry.explicit(&mut self.reader)?;
        let keys = explicit.iter().map(|section| section.key_pictures).sum::<u32>();
        within("key pictures of a GOP", keys.into(), self.most_keys.into())?;
        let mut anchors = Vec::new();
        for ExplicitSection { entry: section, codec, views, key_pictures } in explicit {
            if views.iter().any(|view| needed.contains(*view)) {
                let body = self.reader.section(&section)?;
                let parsed = AnchorBody::parse(codec, body, &views, entry.frames, &header);
                let parsed = parsed.map_err(|e| e.moved_by(section.offset))?;
                // No checksum covers its first bytes alone, by which memory was counted.
                let pictures = parsed.order.len() - views.len() * entry.frames as usize;
                if pictures != key_pictures as usize {
                    let rule = "a section is the same whenever it is read";
                    return Err(Error::malformed(section.offset, rule));
                }
                anchors.push(parsed);
            }
        }
        // Network and grids, where an implicit view may be shown.
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
        let (network, grids) = self.index.scene(index).ok_or(missing)?;
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
        // An error is ignored here: `SectionGrids::get` reports it to the stage that needs the grids.
        self.pending.drain(..).for_each(|grids| drop(grids.get()));
        if self.frames.is_empty() {
            self.frames = self.again.clone();
        }
        if self.frames.is_empty() {
            return None;
        }
        let gop = self.read();
        if gop.is_err() {
            self.frames.end = self.frames.start;
            self.again = 0..0;
        }
        Some(gop)
    }
}
