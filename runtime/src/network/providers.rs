//! Execution providers: the ladder TensorRT → CUDA → CPU, and what became of each rung.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::str::FromStr;

use ort::AsPointer;
use ort::ep::{CUDA, ExecutionProvider, TensorRT, cuda::ConvAlgorithmSearch};
use ort::session::Session;
use ort::session::builder::SessionBuilder;

use super::engines::{EngineEntry, Engines};
use super::ort_library::OrtRuntime;
use crate::error::{Error, Result};
use crate::named::by_name;

/// Where networks run.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    serde::Deserialize,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(serialize_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// TensorRT engines.
    TensorRt,
    /// CUDA and cuDNN.
    Cuda,
    /// ONNX Runtime's own kernels.
    Cpu,
}

impl Provider {
    /// From fastest to surest.
    pub const LADDER: [Self; 3] = [Self::TensorRt, Self::Cuda, Self::Cpu];

    /// Name on the command line and in reports.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// ONNX Runtime's name for it.
    pub const fn ort_name(self) -> &'static str {
        match self {
            Self::TensorRt => TensorRT::NAME,
            Self::Cuda => CUDA::NAME,
            Self::Cpu => "CPUExecutionProvider",
        }
    }

    /// Whether the library was built with the provider; whether it works here only registering tells.
    pub(crate) fn is_built_in(self) -> bool {
        let available = match self {
            Self::TensorRt => TensorRT::is_available(),
            Self::Cuda => CUDA::is_available(),
            Self::Cpu => Ok(true),
        };
        available.unwrap_or(false)
    }

    /// Adds the provider to a session's options; TensorRT keeps its engines in `engines`, if any, and makes them for
    /// inputs of `shapes`, where these are not always the same.
    ///
    /// CUDA graphs stay off, explicitly: with them a binding that moved repeats the first picture
    /// without a word, and nothing here has been tried on a device. A program that turns them on has to let
    /// two different pictures through at open and compare.
    pub(crate) fn register(
        self,
        runtime: &OrtRuntime,
        builder: &mut SessionBuilder,
        engines: Option<(&Engines, &EngineEntry)>,
        shapes: Option<&ShapeRange>,
    ) -> ort::Result<()> {
        if let Some(broken) = runtime.broken_library(self) {
            return Err(ort::Error::new(broken));
        }
        match self {
            // Why no flag for f16 or int8: without, ONNX Runtime has TensorRT obey the types of the graph, from TensorRT 11 on
            // there is nothing else, and with one it may round what must not be.
            Self::TensorRt => {
                let mut tensorrt = TensorRT::default().with_cuda_graph(false);
                if let Some((cache, entry)) = engines {
                    tensorrt = tensorrt
                        .with_engine_cache(true)
                        .with_engine_cache_path(entry.folder().display())
                        // A player builds nothing, and so has nothing to time or to write.
                        .with_timing_cache(cache.build)
                        .with_timing_cache_path(cache.timing().display());
                }
                if let Some(ShapeRange { least, most }) = shapes {
                    tensorrt = tensorrt
                        .with_profile_min_shapes(least)
                        .with_profile_opt_shapes(most)
                        .with_profile_max_shapes(most);
                }
                tensorrt.register(builder)
            }
            // Why no exhaustive search: it times algorithms at start-up, so two sessions could pick
            // different ones and differ in the last bit. Why no TF32: the tolerance we promise is
            // that of f32.
            Self::Cuda => CUDA::default()
                .with_cuda_graph(false)
                .with_conv_algorithm_search(ConvAlgorithmSearch::Heuristic)
                .with_tf32(false)
                .register(builder),
            // Always there, always last.
            Self::Cpu => Ok(()),
        }
    }
}

/// From the least to the most that a graph's inputs may be, as TensorRT's optimisation profile: one engine for runs of
/// any number of pictures. Not run on a device.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ShapeRange {
    least: String,
    most: String,
}

impl ShapeRange {
    /// Up to the shapes of `inputs`, all but the first dimension always the same; none where there is only one shape.
    pub(crate) fn of(inputs: &[(&CStr, &[usize])]) -> Option<Self> {
        if inputs.iter().all(|(_, shape)| shape[0] == 1) {
            return None;
        }
        let text = |first: fn(usize) -> usize| {
            let shapes = inputs.iter().map(|(name, shape)| {
                let sizes = std::iter::once(first(shape[0])).chain(shape[1..].iter().copied());
                let sizes: Vec<String> = sizes.map(|size| size.to_string()).collect();
                format!("{}:{}", name.to_string_lossy(), sizes.join("x"))
            });
            shapes.collect::<Vec<_>>().join(",")
        };
        Some(Self { least: text(|_| 1), most: text(|most| most) })
    }
}

impl FromStr for Provider {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        by_name("execution provider", name)
    }
}

impl core::fmt::Display for Provider {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

/// One provider that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rung {
    /// The provider.
    pub provider: Provider,
    /// Why it was refused; `None` when it was registered.
    pub refusal: Option<String>,
}

/// Which providers run the networks, and why not the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderReport {
    /// Providers in the order they were asked for.
    pub rungs: Vec<Rung>,
    /// The first provider that was registered.
    pub in_use: Provider,
    /// Nodes of all sessions per provider, by ONNX Runtime's names; empty when it does not tell.
    pub nodes: BTreeMap<String, usize>,
    /// Whether TensorRT was refused for want of an engine that `iev prepare` builds.
    pub unprepared: bool,
}

impl ProviderReport {
    /// A ladder not yet climbed.
    pub(crate) fn new(providers: &[Provider]) -> Self {
        let rungs = providers.iter().map(|p| Rung { provider: *p, refusal: None }).collect();
        let in_use = providers.first().copied().unwrap_or(Provider::Cpu);
        Self { rungs, in_use, nodes: BTreeMap::new(), unprepared: false }
    }

    /// Providers not refused so far.
    pub(crate) fn standing(&self) -> impl Iterator<Item = Provider> + '_ {
        self.rungs.iter().filter(|r| r.refusal.is_none()).map(|r| r.provider)
    }

    /// Notes why `provider` is out.
    pub(crate) fn refuse(&mut self, provider: Provider, reason: &str) {
        let rung = self.rungs.iter_mut().find(|r| r.provider == provider);
        if let Some(rung) = rung {
            rung.refusal = Some(reason.trim().replace('\n', " "));
        }
        let best = self.standing().next();
        self.in_use = best.unwrap_or(Provider::Cpu);
    }

    /// Adds the nodes of a session.
    pub(crate) fn count_nodes(&mut self, session: &Session) {
        for (provider, nodes) in node_counts(session).unwrap_or_default() {
            *self.nodes.entry(provider).or_default() += nodes;
        }
    }

    /// Fails unless `required` runs at least one node.
    ///
    /// # Errors
    /// [`Error::Backend`] with the reason of the refusal.
    pub(crate) fn check(&self, required: Provider) -> Result<()> {
        let rung = self.rungs.iter().find(|r| r.provider == required);
        let idle = !self.nodes.is_empty() && !self.nodes.contains_key(required.ort_name());
        let reason = match rung {
            None => "it is not among the providers to try".to_owned(),
            Some(Rung { refusal: Some(reason), .. }) => reason.clone(),
            Some(_) if idle => "it took none of the network's nodes".to_owned(),
            Some(_) => return Ok(()),
        };
        Err(Error::Backend { what: format!("{required} is required but not in use: {reason}") })
    }
}

impl core::fmt::Display for ProviderReport {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}", self.in_use)?;
        for (provider, nodes) in &self.nodes {
            write!(f, ", {nodes} nodes on {provider}")?;
        }
        for Rung { provider, refusal } in &self.rungs {
            if let Some(reason) = refusal {
                write!(f, "; {provider} refused: {reason}")?;
            }
        }
        Ok(())
    }
}

/// Every provider with the reason why a session of `ort` cannot have it, if there is one.
pub fn refusals(ort: &OrtRuntime) -> Vec<(Provider, Option<String>)> {
    let refusal = |provider: Provider| {
        let builder = Session::builder(ort.environment());
        let registered =
            builder.and_then(|mut builder| provider.register(ort, &mut builder, None, None));
        registered.err().map(|reason| reason.message().trim().replace('\n', " "))
    };
    Provider::LADDER.into_iter().map(|provider| (provider, refusal(provider))).collect()
}

/// Session option that makes [`node_counts`] possible.
pub(crate) const RECORD_ASSIGNMENT: &str = "session.record_ep_graph_assignment_info";

/// Nodes of `session` per provider (`Session_GetEpGraphAssignmentInfo`, API 24).
#[allow(unsafe_code, reason = "ort 2.0.0-rc.15 does not wrap this call")]
fn node_counts(session: &Session) -> ort::Result<Vec<(String, usize)>> {
    let api = ort::api();
    let (mut subgraphs, mut count) = (core::ptr::null(), 0);
    // SAFETY: the session is alive, and both results are out-parameters that ONNX Runtime fills.
    // What it returns belongs to the session.
    unsafe {
        let status =
            (api.Session_GetEpGraphAssignmentInfo)(session.ptr(), &mut subgraphs, &mut count);
        ort::Error::result_from_status(status)?;
    }
    if subgraphs.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: the call above succeeded, so there are `count` pointers at `subgraphs`.
    let subgraphs = unsafe { core::slice::from_raw_parts(subgraphs, count) };
    let mut counts = Vec::new();
    for subgraph in subgraphs {
        let (mut name, mut nodes, mut count) = (core::ptr::null(), core::ptr::null(), 0);
        // SAFETY: `subgraph` came from the session above, which is still borrowed; on success
        // `name` is a string of the session's.
        let name = unsafe {
            ort::Error::result_from_status((api.EpAssignedSubgraph_GetEpName)(
                *subgraph, &mut name,
            ))?;
            ort::Error::result_from_status((api.EpAssignedSubgraph_GetNodes)(
                *subgraph, &mut nodes, &mut count,
            ))?;
            CStr::from_ptr(name)
        };
        counts.push((name.to_string_lossy().into_owned(), count));
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_range_over_the_first_dimension_alone() {
        let shapes: [(&CStr, &[usize]); 2] = [(c"latent8", &[4, 6, 34, 60]), (c"index", &[4])];
        let (least, most) = ("latent8:1x6x34x60,index:1", "latent8:4x6x34x60,index:4");
        let range = ShapeRange { least: least.into(), most: most.into() };
        assert_eq!(ShapeRange::of(&shapes), Some(range));
        assert_eq!(ShapeRange::of(&[(c"latent8", &[1, 6, 34, 60])]), None, "always the same");
    }
}
