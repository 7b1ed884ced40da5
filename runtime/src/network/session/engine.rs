//! The engine of one graph while its session opens: admitted from the cache, or built into it.

use std::fs;
use std::path::Path;

use super::graph::{GraphPart, SessionPlan};
use crate::network::engines::{
    EngineEntry, EngineOrigin, EngineState, Engines, Maker, Recipe, sha256,
};
use crate::network::providers::Provider;
use crate::stream::scene::Layer;

/// What TensorRT is told about a graph.
pub(super) struct Engine {
    /// The cache and the place in it; without one TensorRT is refused.
    cache: Option<(Engines, EngineEntry)>,
    /// How the entry was found.
    found: EngineState,
    /// Whether what was in the cache has been given up.
    anew: bool,
}

impl Engine {
    /// The engine of `part` in the plan's cache. Where `wanted` is false there is none to look for, and
    /// the digests that name it are not computed.
    pub(super) fn of(
        plan: &SessionPlan<'_>,
        part: GraphPart,
        template: &[u8],
        wanted: bool,
    ) -> Self {
        let entry = |engines: &Engines| {
            let maker = Maker::here(Path::new("/"), plan.ort.build_info());
            EngineEntry::new(engines, recipe(plan, part, template), maker)
        };
        let engines = plan.options.engines.as_ref().filter(|_| wanted);
        let cache = engines.map(|engines| (engines.clone(), entry(engines)));
        Self { cache, found: EngineState::Missing, anew: false }
    }

    /// Where TensorRT looks for it and puts it.
    pub(super) fn place(&self) -> Option<(&Engines, &EngineEntry)> {
        self.cache.as_ref().map(|(engines, entry)| (engines, entry))
    }

    /// Lets TensorRT have the graph, or says why not: without leave to build, only what is ready.
    pub(super) fn admit(&mut self) -> Result<(), String> {
        let Some((engines, entry)) = &self.cache else {
            return Err(
                "no folder for its engines is named, and without one they would be built at \
                        every start: use --engines"
                    .into(),
            );
        };
        if !self.anew {
            self.found = entry.state();
        }
        match (&self.found, engines.build) {
            (EngineState::Ready, _) if !self.anew => Ok(()),
            (found, false) => Err(format!(
                "its engine is {found}: run iev prepare on the same stream, board and options"
            )),
            (_, true) => entry.begin().map_err(|e| e.to_string()),
        }
    }

    /// Gives up what is in the cache after TensorRT failed on it; true once, and only with leave to
    /// build.
    pub(super) fn give_up(&mut self) -> bool {
        let Some((engines, _)) = self.cache.as_ref().filter(|(e, _)| e.build && !self.anew) else {
            return false;
        };
        // Timings of another machine or version are refused by some versions of TensorRT. What cannot
        // be removed fails again, and is then told.
        let _ = fs::remove_dir_all(engines.timing());
        if self.found == EngineState::Ready {
            self.found = EngineState::Damaged("TensorRT does not take it".into());
        }
        self.anew = true;
        true
    }

    /// Keeps what TensorRT made.
    pub(super) fn seal(self) -> Option<EngineOrigin> {
        let (_, entry) = self.cache?;
        if self.found == EngineState::Ready {
            return Some(EngineOrigin::Ready);
        }
        Some(entry.seal().map_or_else(
            |e| EngineOrigin::Lost(e.to_string()),
            |()| EngineOrigin::Built(self.found),
        ))
    }
}

pub(super) fn recipe(plan: &SessionPlan<'_>, part: GraphPart, template: &[u8]) -> Recipe {
    let layers = plan.network.layers.iter().filter(|l| part.cuts.contains(&l.spec.cut()));
    let numbers = |layer: &Layer| -> Vec<u8> {
        let values = layer.weights_f32().chain(layer.bias_f32()).flat_map(f32::to_le_bytes);
        values.chain(layer.output_steps.iter().map(|step| step.get())).collect()
    };
    let constants = (!part.given).then(|| layers.flat_map(numbers).collect::<Vec<u8>>());
    Recipe {
        graph: part.graph.into(),
        template_sha256: sha256(template),
        weights_sha256: constants.map(|numbers| sha256(&numbers)),
        provider: Provider::TensorRt.name().into(),
        precision: plan.precision.name().into(),
        size_px: (plan.size.width_px.into(), plan.size.height_px.into()),
        batch: plan.batch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What TensorRT would write.
    fn compile(engine: &Engine) {
        fs::write(engine.place().unwrap().1.folder().join("graph.engine"), b"engine").unwrap();
    }

    fn engine(folder: &Path, build: bool) -> Engine {
        let engines = Engines { folder: folder.into(), build };
        let recipe = Recipe {
            graph: "full".into(),
            template_sha256: String::new(),
            weights_sha256: None,
            provider: "tensorrt".into(),
            precision: "f32".into(),
            size_px: (64, 64),
            batch: 1,
        };
        let entry = EngineEntry::new(&engines, recipe, Maker::here(folder, "1.24"));
        Engine { cache: Some((engines, entry)), found: EngineState::Missing, anew: false }
    }

    #[test]
    fn players_take_what_is_ready_and_never_build() {
        let folder = tempfile::tempdir().unwrap();
        let refusal = engine(folder.path(), false).admit().unwrap_err();
        assert!(refusal.contains("missing") && refusal.contains("iev prepare"), "{refusal}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was made");

        let mut built = engine(folder.path(), true);
        built.admit().unwrap();
        compile(&built);
        assert_eq!(built.seal(), Some(EngineOrigin::Built(EngineState::Missing)));
        let mut played = engine(folder.path(), false);
        played.admit().unwrap();
        assert!(!played.give_up(), "a player has no leave to build");
        assert_eq!(played.seal(), Some(EngineOrigin::Ready));
    }

    #[test]
    fn what_is_damaged_is_refused_to_players_and_built_anew_by_prepare() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = engine(folder.path(), true);
        first.admit().unwrap();
        compile(&first);
        let place = first.place().unwrap().1.folder().join("graph.engine");
        first.seal();
        fs::write(place, b"engune").unwrap();
        let refusal = engine(folder.path(), false).admit().unwrap_err();
        assert!(
            refusal.contains("damaged (graph.engine") && refusal.contains("prepare"),
            "{refusal}"
        );

        let mut again = engine(folder.path(), true);
        again.admit().unwrap();
        compile(&again);
        assert!(matches!(again.seal(), Some(EngineOrigin::Built(EngineState::Damaged(_)))));
        engine(folder.path(), false).admit().unwrap();
    }

    #[test]
    fn what_tensorrt_fails_on_is_given_up_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = engine(folder.path(), true);
        first.admit().unwrap();
        compile(&first);
        first.seal();
        let timing = folder.path().join("timing");
        fs::create_dir(&timing).unwrap();
        let mut second = engine(folder.path(), true);
        second.admit().unwrap();
        assert!(second.give_up() && !timing.exists());
        second.admit().unwrap();
        assert!(!second.give_up(), "a second failure is TensorRT's own");
        compile(&second);
        assert!(matches!(second.seal(), Some(EngineOrigin::Built(EngineState::Damaged(_)))));
        // Nothing written is told, and is no reason to stop.
        let mut third = engine(folder.path(), true);
        third.admit().unwrap();
        assert!(third.give_up());
        third.admit().unwrap();
        assert!(
            matches!(third.seal(), Some(EngineOrigin::Lost(reason)) if reason.contains("no engine"))
        );
    }

    #[test]
    fn without_a_folder_tensorrt_is_refused() {
        let mut engine = Engine { cache: None, found: EngineState::Missing, anew: false };
        assert!(engine.admit().unwrap_err().contains("--engines"));
        assert_eq!(engine.seal(), None);
    }
}
