//! From trained levels to sections and a file.

use std::path::Path;

use iev_runtime::ViewId;
use iev_runtime::format::cameras::Cameras;
use iev_runtime::format::header::Header;
use iev_runtime::format::mixing::SymbolModel;
use iev_runtime::format::table::Kind;
use iev_runtime::format::writer::{Section, write_stream};
use iev_runtime::stream::scene::encode_grids;

use crate::anchor::coder;
use crate::anchor::gop::CodedSection;
use crate::error::Result;
use crate::plan::Plan;
use crate::train::SceneLevels;
use iev_runtime::outputs::write_whole;

/// One section with its own bytes.
#[derive(Debug, Clone)]
pub struct OwnedSection {
    /// What it holds.
    pub kind: Kind,
    /// The explicit view, for anchors.
    pub view: usize,
    /// First picture and number of pictures it covers.
    pub span: (usize, usize),
    /// Its bytes.
    pub body: Vec<u8>,
}

/// All sections of a one-scene stream in file order.
pub fn sections(
    header: &Header,
    plan: &Plan,
    coded: &[Vec<CodedSection>],
    exported: Option<&SceneLevels>,
) -> Vec<OwnedSection> {
    let whole = (0, header.frames as usize);
    let mut sections = Vec::new();
    let mut model = Box::new(SymbolModel::new());
    // What holds for the whole clip comes first.
    if let Some(exported) = exported {
        sections.push(OwnedSection {
            kind: Kind::Network,
            view: 0,
            span: whole,
            body: exported.network.encode(&mut model),
        });
        sections.push(OwnedSection {
            kind: Kind::SceneGrids,
            view: 0,
            span: whole,
            body: encode_grids(&exported.scene_grids, &mut model),
        });
    }
    // Then every GOP, explicit sections in front of grids.
    for (gop, span) in plan.gops.iter().enumerate() {
        for explicit in &coded[gop] {
            sections.push(OwnedSection {
                kind: coder(plan.codec).kind(),
                view: explicit.views[0],
                span: *span,
                body: explicit.body.clone(),
            });
        }
        if let Some(exported) = exported {
            sections.push(OwnedSection {
                kind: Kind::GopGrids,
                view: 0,
                span: *span,
                body: encode_grids(&exported.gop_grids[gop], &mut model),
            });
        }
    }
    sections
}

/// The section of `cameras`, one for each view of the header.
pub fn cameras_section(cameras: &Cameras, header: &Header) -> OwnedSection {
    OwnedSection {
        kind: Kind::Cameras,
        view: 0,
        span: (0, header.frames as usize),
        body: cameras.encode().to_vec(),
    }
}

/// Writes the stream beside `path` under a temporary name, then renames it.
///
/// # Errors
/// When the header breaks a rule or the disk does.
pub fn write_file(path: &Path, header: &Header, sections: &[OwnedSection]) -> Result<u64> {
    let borrowed: Vec<Section<'_>> = sections
        .iter()
        .map(|s| Section {
            kind: s.kind,
            view: ViewId(s.view as u8),
            scene: 0,
            first_frame: s.span.0 as u32,
            frames: s.span.1 as u32,
            body: &s.body,
        })
        .collect();
    let mut bytes = Vec::new();
    let length = write_stream(&mut bytes, header, &borrowed)?;
    write_whole(path, &bytes)?;
    Ok(length)
}
