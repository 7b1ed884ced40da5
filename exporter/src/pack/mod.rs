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
    /// The scene, for networks and grids.
    pub scene: usize,
    /// First picture and number of pictures it covers.
    pub span: (usize, usize),
    /// Its bytes.
    pub body: Vec<u8>,
}

/// All sections of a stream in file order; `scenes` is empty where no view is implicit.
pub fn sections(
    plan: &Plan,
    coded: &[Vec<CodedSection>],
    scenes: &[SceneLevels],
) -> Vec<OwnedSection> {
    let mut sections = Vec::new();
    let mut model = Box::new(SymbolModel::new());
    for (scene, gops) in plan.scenes.iter().enumerate() {
        // What holds for a whole scene comes first.
        let (levels, pictures) = (scenes.get(scene), &plan.gops[gops.clone()]);
        if let Some(levels) = levels {
            let span = (pictures[0].0, pictures.iter().map(|gop| gop.1).sum());
            let network = levels.network.encode(&mut model);
            let grids = encode_grids(&levels.scene_grids, &mut model);
            for (kind, body) in [(Kind::Network, network), (Kind::SceneGrids, grids)] {
                sections.push(OwnedSection { kind, view: 0, scene, span, body });
            }
        }
        // Then every GOP, explicit sections in front of grids.
        for (place, (gop, span)) in gops.clone().zip(pictures).enumerate() {
            for explicit in &coded[gop] {
                sections.push(OwnedSection {
                    kind: coder(plan.codec).kind(),
                    view: explicit.views[0],
                    scene,
                    span: *span,
                    body: explicit.body.clone(),
                });
            }
            if let Some(levels) = levels {
                sections.push(OwnedSection {
                    kind: Kind::GopGrids,
                    view: 0,
                    scene,
                    span: *span,
                    body: encode_grids(&levels.gop_grids[place], &mut model),
                });
            }
        }
    }
    sections
}

/// The section of `cameras`, one for each view of the header.
pub fn cameras_section(cameras: &Cameras, header: &Header) -> OwnedSection {
    OwnedSection {
        kind: Kind::Cameras,
        view: 0,
        scene: 0,
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
            scene: s.scene as u16,
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
