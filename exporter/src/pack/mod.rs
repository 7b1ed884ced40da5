//! From trained levels to sections and a file.

use std::path::Path;

use anyhow::Result;
use iev_runtime::ViewId;
use iev_runtime::format::header::Header;
use iev_runtime::format::mixing::SymbolModel;
use iev_runtime::format::steps::StepIndex;
use iev_runtime::format::table::Kind;
use iev_runtime::format::writer::{Section, write_stream};
use iev_runtime::profile::Profile;
use iev_runtime::stream::scene::{Grid, NetworkLevels, Residence, encode_grids, zero_grids};

use crate::anchor::gop::CodedAnchor;
use crate::plan::Plan;
use crate::train::{BIAS_LOG2_STEP, Exported};
use crate::whole_file::write_whole;

fn step(index: u8) -> StepIndex {
    StepIndex::new(index).unwrap_or_else(|| panic!("trained steps stay inside the table"))
}

/// The network as the stream holds it.
pub fn network_levels(profile: &Profile, exported: &Exported) -> NetworkLevels {
    let mut network = NetworkLevels::zeros(profile);
    for (layer, trained) in network.layers.iter_mut().zip(&exported.layers) {
        layer.steps = trained.steps.iter().map(|s| step(*s)).collect();
        layer.weights.copy_from_slice(&trained.weights);
        layer.bias_step = step(((BIAS_LOG2_STEP + 12.0) * 8.0) as u8);
        layer.bias.copy_from_slice(&trained.bias);
        layer.output_steps = trained.output_steps.iter().map(|s| step(*s)).collect();
    }
    network
}

/// The grids of one section, from the trained ones.
fn grids(
    profile: &'static Profile,
    header: &Header,
    exported: &Exported,
    residence: Residence,
    (gop, frames): (usize, usize),
) -> Vec<Grid> {
    let views = header.implicit_views().count();
    let mut grids = zero_grids(profile, residence, header.size, frames, views);
    for grid in &mut grids {
        let place = profile.grids.iter().position(|g| g == grid.spec);
        let (levels, steps) = &exported.grids[place.unwrap_or_default()][gop];
        grid.levels.copy_from_slice(levels);
        grid.steps = steps.iter().map(|s| step(*s)).collect();
    }
    grids
}

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
    coded: &[Vec<CodedAnchor>],
    exported: Option<&Exported>,
) -> Vec<OwnedSection> {
    let whole = (0, header.frames as usize);
    let mut sections = Vec::new();
    let mut model = Box::new(SymbolModel::new());
    let scene = exported.zip(header.profile());
    if let Some((exported, profile)) = scene {
        let network = network_levels(profile, exported);
        let statics = grids(profile, header, exported, Residence::Scene, (0, whole.1));
        sections.push(OwnedSection {
            kind: Kind::Network,
            view: 0,
            span: whole,
            body: network.encode(&mut model),
        });
        sections.push(OwnedSection {
            kind: Kind::SceneGrids,
            view: 0,
            span: whole,
            body: encode_grids(&statics, &mut model),
        });
    }
    for (gop, span) in plan.gops.iter().enumerate() {
        for anchor in &coded[gop] {
            sections.push(OwnedSection {
                kind: Kind::Anchor,
                view: anchor.view,
                span: *span,
                body: anchor.body.clone(),
            });
        }
        if let Some((exported, profile)) = scene {
            let moving = grids(profile, header, exported, Residence::Gop, (gop, span.1));
            sections.push(OwnedSection {
                kind: Kind::GopGrids,
                view: 0,
                span: *span,
                body: encode_grids(&moving, &mut model),
            });
        }
    }
    sections
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
