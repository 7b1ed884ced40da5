//! Starting from a finished stream: its levels are where a training ended.
//!
//! Only of the same pictures: the network of another clip is dearer than one that begins at nothing
//! (EXPERIMENTS.md §36).

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use iev_runtime::format::limits::Limits;
use iev_runtime::format::reader::StreamReader;
use iev_runtime::format::table::Kind;
use iev_runtime::profile::Profile;
use iev_runtime::stream::scene::Grid;
use iev_runtime::stream::source::Source;
use iev_runtime::stream::symbols::{Levels, visit_levels};
use sha2::{Digest, Sha256};
use tch::Device;

use super::checkpoint::number_of;
use super::parameters::Parameters;
use super::{Clip, SceneLevels, fresh};
use crate::error::{Context, Result};

/// What a scene of a stream was trained to.
#[derive(Debug)]
pub struct StreamStart {
    path: PathBuf,
    digest: i64,
    profile: &'static Profile,
    levels: SceneLevels,
}

impl StreamStart {
    /// A `scene` of the stream at `path`.
    ///
    /// # Errors
    /// When it cannot be read, breaks a rule of the format or has no such network.
    pub fn load(path: &Path, scene: usize) -> Result<Self> {
        let within = || format!("reading {} to start from", path.display());
        let mut digest = Sha256::new();
        let mut file = File::open(path).with_context(within)?;
        io::copy(&mut file, &mut digest).with_context(within)?;
        let source = Source::open(path).with_context(within)?;
        let mut reader = StreamReader::open(source, &Limits::DEFAULT).with_context(within)?;
        let profile = reader.header().profile();
        let (mut network, mut scene_grids, mut gop_grids) = (None, Vec::new(), Vec::new());
        let visited = visit_levels(&mut reader, |entry, levels| match levels {
            _ if usize::from(entry.scene) != scene => (),
            Levels::Network(levels) => network = Some(levels),
            Levels::Grids(grids) if entry.kind == Kind::SceneGrids => scene_grids = grids.to_vec(),
            Levels::Grids(grids) => gop_grids.push(grids.to_vec()),
        });
        visited.with_context(within)?;
        let (profile, network) = profile.zip(network).with_context(|| {
            format!("{} has no network to start scene {scene} from", path.display())
        })?;
        let levels = SceneLevels { network, scene_grids, gop_grids };
        Ok(Self { path: path.to_owned(), digest: number_of(digest), profile, levels })
    }

    /// A number of its own.
    pub fn digest(&self) -> i64 {
        self.digest
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Fresh parameters of `profile` for `clip` with what the stream holds; none where those are not of one shape.
    pub fn parameters(
        &self,
        profile: &'static Profile,
        clip: &Clip<'_>,
        device: Device,
    ) -> Option<Parameters> {
        let SceneLevels { network: levels, scene_grids, gop_grids } = &self.levels;
        if profile.name != self.profile.name || gop_grids.len() != clip.gops.len() {
            return None;
        }
        let (mut parameters, network, grids) = fresh(profile, clip, device);
        network.begin_at(&mut parameters, levels);
        // Static grids once, those over time for every GOP, each in the profile's order.
        let (mut of_scene, mut of_gops) = (scene_grids.iter(), 0..);
        for grid in &grids {
            let levels: Vec<&Grid> = if grid.spec.in_scene() {
                of_scene.next().into_iter().collect()
            } else {
                let place = of_gops.next()?;
                gop_grids.iter().filter_map(|gop| gop.get(place)).collect()
            };
            if !levels.iter().map(|levels| &levels.shape).eq(&grid.shapes) {
                return None;
            }
            grid.begin_at(&mut parameters, &levels);
        }
        Some(parameters)
    }
}
