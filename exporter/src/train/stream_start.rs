//! Starting from a finished stream: its levels are where a training ended.
//!
//! A stream of the same pictures gives all it has learned. Of any other, the network alone is taken: how to see
//! in grids, warp and choose is much the same wherever cameras stand.

use std::path::{Path, PathBuf};

use iev_runtime::format::limits::Limits;
use iev_runtime::format::reader::StreamReader;
use iev_runtime::format::table::Kind;
use iev_runtime::profile::Profile;
use iev_runtime::stream::source::Source;
use iev_runtime::stream::symbols::{Levels, visit_levels};
use sha2::{Digest, Sha256};
use tch::Device;

use super::adam::Parameters;
use super::{Clip, SceneLevels, fresh};
use crate::error::{Context, Result};

/// What the first scene of a stream was trained to.
#[derive(Debug)]
pub struct StreamStart {
    path: PathBuf,
    digest: i64,
    profile: &'static Profile,
    levels: SceneLevels,
}

impl StreamStart {
    /// The stream at `path`.
    ///
    /// # Errors
    /// When it cannot be read, breaks a rule of the format or has no network.
    pub fn load(path: &Path) -> Result<Self> {
        let within = || format!("reading {} to start from", path.display());
        let bytes = std::fs::read(path).with_context(within)?;
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        let mut reader =
            StreamReader::open(Source::from(bytes), &Limits::DEFAULT).with_context(within)?;
        let profile = reader.header().profile();
        // The first scene alone.
        let (mut network, mut scene_grids, mut gop_grids) = (None, Vec::new(), Vec::new());
        let visited = visit_levels(&mut reader, |entry, levels| match levels {
            _ if entry.scene > 0 => (),
            Levels::Network(levels) => network = Some(levels),
            Levels::Grids(grids) if entry.kind == Kind::SceneGrids => scene_grids = grids.to_vec(),
            Levels::Grids(grids) => gop_grids.push(grids.to_vec()),
        });
        visited.with_context(within)?;
        let (profile, network) = profile
            .zip(network)
            .with_context(|| format!("{} has no network to start from", path.display()))?;
        let digest = digest.first_chunk().map_or(0, |first| i64::from_le_bytes(*first));
        let levels = SceneLevels { network, scene_grids, gop_grids };
        Ok(Self { path: path.to_owned(), digest, profile, levels })
    }

    /// A number of its own.
    pub fn digest(&self) -> i64 {
        self.digest
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The profile of its network.
    pub fn profile(&self) -> &'static Profile {
        self.profile
    }

    /// Whether its grids are those of `clip`: as many pictures of as many views in the same GOPs, equally large.
    pub fn knows(&self, clip: &Clip<'_>) -> bool {
        let (_, _, grids) = fresh(self.profile, clip, Device::Cpu);
        let mut moving = grids.iter().filter(|grid| !grid.spec.in_scene());
        let gops = self.levels.gop_grids.len();
        let scene = grids.iter().filter(|grid| grid.spec.in_scene());
        gops == clip.gops.len()
            && scene
                .zip(&self.levels.scene_grids)
                .all(|(grid, levels)| grid.shapes[0] == levels.shape)
            && self.levels.gop_grids.iter().enumerate().all(|(gop, levels)| {
                moving.clone().zip(levels).all(|(grid, levels)| grid.shapes[gop] == levels.shape)
            })
            && moving.next().is_some()
    }

    /// Fresh parameters for `clip` with what the stream holds.
    pub fn parameters(&self, clip: &Clip<'_>, device: Device) -> Parameters {
        let (mut parameters, network, grids) = fresh(self.profile, clip, device);
        network.begin_at(&mut parameters, &self.levels.network);
        if self.knows(clip) {
            let [scene, moving] = [true, false]
                .map(|in_scene| grids.iter().filter(move |grid| grid.spec.in_scene() == in_scene));
            scene.zip(&self.levels.scene_grids).for_each(|(grid, levels)| {
                grid.begin_at(&mut parameters, &[levels]);
            });
            moving.enumerate().for_each(|(place, grid)| {
                let levels: Vec<_> =
                    self.levels.gop_grids.iter().filter_map(|gop| gop.get(place)).collect();
                grid.begin_at(&mut parameters, &levels);
            });
        }
        parameters
    }
}
