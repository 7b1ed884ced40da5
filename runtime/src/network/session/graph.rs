//! One ONNX Runtime session with its tensors: what [`Networks`](super::Networks) and
//! [`FullNetwork`](super::full::FullNetwork) are made of.

use std::ffi::CStr;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use ort::AsPointer;
use ort::session::builder::SessionBuilder;
use ort::session::{IoBinding, Session};
use ort::value::{DynValue, PrimitiveTensorElementType, Tensor};

use super::engine::Engine;
use super::planes::PicturePort;
use super::port::{Element, TensorPort};
use super::prepare::PrepareStep;
use super::{OrtRuntime, Provider, ProviderReport, SessionOptions};
use crate::error::{Error, Result};
use crate::format::header::{Header, Preamble};
use crate::network::blocks::Block;
use crate::network::engines::EngineOrigin;
use crate::network::opening::{Opening, Precision};
use crate::network::providers::{RECORD_ASSIGNMENT, ShapeRange};
use crate::network::quantised::{Layer8, output_scale, signed_output_scale};
use crate::network::templates::Templates;
use crate::profile::topology::{Cut, LayerId};
use crate::profile::{KERNEL, Profile};
use crate::stream::scene::{Layer, NetworkLevels};
use crate::units::Size;

fn matching_profile(header: &Header, templates: &Templates) -> Result<&'static Profile> {
    let profile = header.profile().filter(|p| p.name == templates.profile);
    profile.ok_or(Error::malformed(
        Preamble::BYTES as u64,
        "a header names a profile and the template of this profile",
    ))
}

/// Values of the templates' symbolic dimensions, but of how many pictures there are where a run may have more than
/// one: that is then open, so that a run computes those it is for.
fn dimensions(size: Size, batch: usize, anchors: usize) -> Vec<(&'static str, usize)> {
    let scales = [(16, "h16", "w16"), (8, "h8", "w8"), (4, "h4", "w4"), (2, "h2", "w2")];
    let scales = scales.into_iter().chain([(1, "h1", "w1")]);
    let cells = scales.flat_map(|(scale, h, w)| {
        let (columns, rows) = size.cells(scale);
        [(h, rows), (w, columns)]
    });
    let counts = [("batch", batch), ("anchors", anchors), ("keys", batch)];
    cells.chain(counts.into_iter().filter(|(_, most)| *most == 1)).collect()
}

pub(super) fn failed(what: &'static str) -> impl Fn(ort::Error) -> Error {
    move |e| Error::Backend { what: format!("{what}: {}", e.message().trim()) }
}

/// What a session computes.
#[derive(Debug, Clone, Copy)]
pub(super) struct GraphPart {
    /// Name in errors.
    pub(super) name: &'static str,
    /// Name of the graph's engine.
    pub(super) graph: &'static str,
    /// Cuts whose layers it has.
    pub(super) cuts: &'static [Cut],
    /// Whether its `mix8` is two convolutions, one for each of its inputs.
    pub(super) mix8_apart: bool,
    /// Cells of the flow computed at once.
    pub(super) flow: Block,
    /// Whether what it has in integers is in int8 by quantisers, as TensorRT has it.
    pub(super) signed: bool,
    /// Whether its weights are inputs, so that what is compiled of it is of every stream.
    pub(super) given: bool,
}

pub(super) const FULL: GraphPart = GraphPart {
    name: "full network",
    graph: "full",
    cuts: &[Cut::Motion, Cut::Refine],
    mix8_apart: false,
    flow: Block::CELL,
    signed: false,
    given: true,
};
pub(super) const FULL16: GraphPart = GraphPart { graph: "full16", ..FULL };
pub(super) const FULL8: GraphPart =
    GraphPart { graph: "full8", signed: true, given: false, ..FULL };
pub(super) const MOTION: GraphPart = GraphPart {
    name: "motion network",
    graph: "motion",
    cuts: &[Cut::Motion],
    mix8_apart: true,
    given: false,
    ..FULL
};
pub(super) const REFINE: GraphPart = GraphPart {
    name: "refinement network",
    graph: "refine",
    cuts: &[Cut::Refine],
    given: false,
    ..FULL
};
pub(super) const MOTION8: GraphPart =
    GraphPart { graph: "motion8", flow: Block::OF_FLOW, ..MOTION };
pub(super) const REFINE8: GraphPart = GraphPart { graph: "refine8", ..REFINE };

/// What all sessions of a scene have in common.
pub(super) struct SessionPlan<'a> {
    pub(super) profile: &'static Profile,
    pub(super) templates: &'static Templates,
    pub(super) ort: &'a OrtRuntime,
    pub(super) network: &'a NetworkLevels,
    pub(super) options: &'a SessionOptions,
    pub(super) size: Size,
    /// Most pictures in a run.
    pub(super) batch: usize,
    /// Most explicit pictures that these copy from.
    pub(super) anchors: usize,
    pub(super) precision: Precision,
    /// Layers computed in integers.
    integers: Vec<Layer8>,
    /// Who is told of every graph that is opened.
    tell: Option<&'a mut dyn FnMut(PrepareStep)>,
}

impl<'a> SessionPlan<'a> {
    /// Checks that stream, templates and network belong together.
    pub(super) fn new(
        ort: &'a OrtRuntime,
        header: &Header,
        network: &'a NetworkLevels,
        Opening { batch, precision, .. }: Opening,
        options: &'a SessionOptions,
    ) -> Result<Self> {
        assert!(batch > 0, "a batch has at least one picture");
        let templates = Templates::by_digest(&header.template_sha256)?;
        let profile = matching_profile(header, templates)?;
        let specs: Vec<_> = network.layers.iter().map(|l| l.spec).collect();
        assert_eq!(specs[..], profile.layers()[..], "the network is of the header's profile");
        let size = header.size;
        Ok(Self {
            profile,
            templates,
            ort,
            network,
            options,
            size,
            batch,
            anchors: header.explicit_views().count().min(2 * batch),
            precision,
            integers: Vec::new(),
            tell: None,
        })
    }

    /// The same, with somebody who is told of every graph that is opened.
    pub(super) fn telling(self, tell: &'a mut dyn FnMut(PrepareStep)) -> Self {
        Self { tell: Some(tell), ..self }
    }

    fn tell(&mut self, step: PrepareStep) {
        if let Some(tell) = &mut self.tell {
            tell(step);
        }
    }

    /// Has the graphs compute in integers what can be, as `quantise` makes them.
    pub(super) fn in_integers(
        &mut self,
        quantise: fn(&Profile, &NetworkLevels) -> Option<Vec<Layer8>>,
    ) -> Result<()> {
        let without_steps = || Error::Usage {
            what: "streams before version 1.1 have no steps for int8: ask for f32".into(),
        };
        self.integers = quantise(self.profile, self.network).ok_or_else(without_steps)?;
        Ok(())
    }

    /// Fails when a required provider is not in use.
    pub(super) fn check(&self, report: &ProviderReport) -> Result<()> {
        self.options.require.map_or(Ok(()), |required| report.check(required))
    }

    /// A tensor of `channels` at 1/`scale` of the padded picture.
    pub(super) fn port(
        &self,
        name: &'static CStr,
        channels: usize,
        scale: usize,
    ) -> Result<TensorPort> {
        let (columns, rows) = self.size.cells(scale);
        TensorPort::new(name, [self.batch, channels, rows, columns])
    }

    /// A tensor of bytes of `channels` at 1/`scale`, channels last.
    pub(super) fn port_of_bytes(
        &self,
        name: &'static CStr,
        channels: usize,
        scale: usize,
    ) -> Result<TensorPort<u8>> {
        let (columns, rows) = self.size.cells(scale);
        TensorPort::new(name, [self.batch, rows, columns, channels])
    }

    /// Opens `template` on the best provider that takes it, for runs of any number of pictures up to those of
    /// `inputs`, each with its largest shape.
    pub(super) fn open<const N: usize>(
        &mut self,
        part: GraphPart,
        template: &[u8],
        inputs: [(&'static CStr, &[usize]); N],
        report: &mut ProviderReport,
    ) -> Result<LoadedGraph> {
        let (started, graph) = (Instant::now(), part.name);
        self.tell(PrepareStep::Begins { graph });
        let (opened, engine) =
            self.open_on_best(part, template, ShapeRange::of(&inputs), report)?;
        self.tell(PrepareStep::Done { graph, engine, took: started.elapsed() });
        Ok(opened)
    }

    /// The same, untold; with how the graph came by its engine, where it has one.
    fn open_on_best(
        &self,
        part: GraphPart,
        template: &[u8],
        shapes: Option<ShapeRange>,
        report: &mut ProviderReport,
    ) -> Result<(LoadedGraph, Option<EngineOrigin>)> {
        let wanted = report.standing().any(|p| p == Provider::TensorRt && p.is_built_in());
        let mut engine = Engine::of(self, part, template, wanted);
        let name = part.name;
        let parameters = self.parameters(part).map_err(failed(name))?;
        let constants: &[_] = if part.given { &[] } else { &parameters };
        loop {
            let mut builder = self.builder(constants).map_err(failed(name))?;
            let standing: Vec<Provider> = report.standing().collect();
            if part.signed && standing[0] == Provider::Cpu {
                builder = exactly_quantised(builder).map_err(failed(name))?;
            }
            for provider in standing {
                let place = engine.place();
                let registered = provider.register(self.ort, &mut builder, place, shapes.as_ref());
                if let Err(reason) = registered {
                    report.refuse(provider, reason.message());
                }
            }
            let tensorrt = report.standing().any(|p| p == Provider::TensorRt);
            if let Some(Err(reason)) = tensorrt.then(|| engine.admit()) {
                report.refuse(Provider::TensorRt, &reason);
                report.unprepared = true;
                continue;
            }
            match builder.commit_from_memory(template) {
                Ok(session) => {
                    report.count_nodes(&session);
                    let binding = session.create_binding().map_err(failed(name))?;
                    let engine = if tensorrt { engine.seal() } else { None };
                    let mut graph = LoadedGraph { name, session, binding, moved_bytes: 0 };
                    if part.given {
                        graph.give_parameters(&parameters)?;
                    }
                    return Ok((graph, engine));
                }
                Err(_) if tensorrt && engine.give_up() => {}
                // A provider may register and then find no device or refuse the graph.
                Err(reason) if report.in_use != Provider::Cpu => {
                    report.refuse(report.in_use, reason.message());
                }
                Err(reason) => return Err(failed(name)(reason)),
            }
        }
    }

    fn builder(&self, constants: &[Parameter]) -> ort::Result<SessionBuilder> {
        let mut builder = Session::builder(self.ort.environment())?
            .with_intra_threads(self.options.threads)?
            .with_inter_threads(1)?
            // Spinning threads would take the cores of the other stages: on a busy two-core
            // machine runs were up to a third slower with it, on a quiet one no faster.
            .with_intra_op_spinning(false)?
            .with_config_entry(RECORD_ASSIGNMENT, "1")?;
        for (name, size) in dimensions(self.size, self.batch, self.anchors) {
            builder = builder.with_dimension_override(name, size as i64)?;
        }
        // Every one must be in the template.
        for (name, value) in constants {
            builder = builder.with_external_initializer(name, Arc::clone(value))?;
        }
        Ok(builder)
    }

    /// Weights, biases and scales of a graph's layers.
    fn parameters(&self, part: GraphPart) -> ort::Result<Vec<Parameter>> {
        let mut named = Vec::new();
        for layer in self.network.layers.iter().filter(|l| part.cuts.contains(&l.spec.cut())) {
            let id = layer.spec.id;
            let mut parameters = match self.integers.iter().find(|l| l.id == id) {
                Some(layer) if part.signed => signed_parameters(layer)?,
                Some(layer) => integer_parameters(layer)?,
                None if id == LayerId::Mix8 && part.mix8_apart => {
                    apart(layer, ["up8.weight", "latent8.weight"], self.profile.eighth)?
                }
                None if id == LayerId::Flow => float_parameters(layer, part.flow)?,
                None => float_parameters(layer, Block::CELL)?,
            };
            let scale = if part.signed { signed_output_scale } else { output_scale };
            if let Some(scale) = scale(layer).filter(|_| !self.integers.is_empty()) {
                parameters.push(("scale", value([], vec![scale])?));
            }
            named.extend(
                parameters.into_iter().map(|(name, value)| (format!("{id}.{name}"), value)),
            );
        }
        Ok(named)
    }
}

/// What a graph's weights, biases or scales are filled with, by the name that the graph has for them.
type Parameter = (String, Arc<DynValue>);

/// The same by their names within a layer.
type Parameters = Vec<(&'static str, Arc<DynValue>)>;

/// Weights `[output, input, row, column]` and biases `[output]` of a layer, the outputs those of a block of cells.
fn float_parameters(layer: &Layer, block: Block) -> ort::Result<Parameters> {
    let weights: Vec<f32> = layer.weights_f32().collect();
    let bias: Vec<f32> = layer.bias_f32().collect();
    let outputs = block.cells() * layer.spec.outputs;
    let [rows, columns] = block.kernel();
    Ok(vec![
        ("weight", value([outputs, layer.spec.inputs, rows, columns], block.weights(&weights))?),
        ("bias", value([outputs], bias.repeat(block.cells()))?),
    ])
}

/// The same with the weights of the `first` inputs apart from the others'.
fn apart(layer: &Layer, names: [&'static str; 2], first: usize) -> ort::Result<Parameters> {
    let spec = &layer.spec;
    let weights: Vec<f32> = layer.weights_f32().collect();
    let part = |inputs: Range<usize>| {
        let shape = [spec.outputs, inputs.len(), KERNEL, KERNEL];
        let inputs = inputs.start * KERNEL * KERNEL..inputs.end * KERNEL * KERNEL;
        let rows = weights.chunks_exact(spec.inputs * KERNEL * KERNEL);
        value(shape, rows.flat_map(|row| row[inputs.clone()].to_vec()).collect())
    };
    Ok(vec![
        (names[0], part(0..first)?),
        (names[1], part(first..spec.inputs)?),
        ("bias", value([spec.outputs], layer.bias_f32().collect())?),
    ])
}

/// The same in integers, and their scales.
fn integer_parameters(layer: &Layer8) -> ort::Result<Parameters> {
    let outputs = layer.bias.len();
    let [rows, columns] = layer.block.kernel();
    let shape = [outputs, layer.inputs, rows, columns];
    Ok(vec![
        ("weight", value(shape, layer.weights.clone())?),
        ("weight_scale", value([outputs], layer.weight_scales.clone())?),
        ("bias", value([outputs], layer.bias.clone())?),
        ("bias_scale", value([outputs], layer.bias_scales.clone())?),
    ])
}

/// The same as numbers, which the graph rounds to those integers again.
fn signed_parameters(layer: &Layer8) -> ort::Result<Parameters> {
    let (weights, bias) = layer.in_floats();
    let (outputs, [rows, columns]) = (bias.len(), layer.block.kernel());
    Ok(vec![
        ("weight", value([outputs, layer.inputs, rows, columns], weights)?),
        ("weight_scale", value([outputs], layer.weight_scales.clone())?),
        ("bias", value([outputs], bias)?),
    ])
}

/// Has the CPU provider compute what quantisers say and no more: its own kernels for int8 saturate on processors
/// without VNNI, and TensorRT's do not.
fn exactly_quantised(builder: SessionBuilder) -> ort::Result<SessionBuilder> {
    Ok(builder.with_config_entry("session.disable_quant_qdq", "1")?)
}

fn value<T, const N: usize>(shape: [usize; N], values: Vec<T>) -> ort::Result<Arc<DynValue>>
where
    T: PrimitiveTensorElementType + fmt::Debug + Clone + 'static,
{
    Ok(Arc::new(Tensor::from_array((shape, values))?.into_dyn()))
}

/// A session and what is bound to it.
#[derive(Debug)]
pub(super) struct LoadedGraph {
    name: &'static str,
    session: Session,
    binding: IoBinding,
    moved_bytes: u64,
}

/// `BindInput` or `BindOutput`.
type Bind = unsafe extern "system" fn(
    *mut ort::sys::OrtIoBinding,
    *const core::ffi::c_char,
    *const ort::sys::OrtValue,
) -> ort::sys::OrtStatusPtr;

impl LoadedGraph {
    /// Has the next runs read the first `count` pictures of `input`; where the session is on a device, they are copied
    /// there now.
    pub(super) fn give<T: Element, const RANK: usize>(
        &mut self,
        input: &TensorPort<T, RANK>,
        count: usize,
    ) -> Result<()> {
        self.bind(ort::api().BindInput, input, count)
    }

    /// Has all runs read these weights, which are f32; where the session is on a device, they are copied there now, once.
    fn give_parameters(&mut self, parameters: &[Parameter]) -> Result<()> {
        for (name, value) in parameters {
            self.binding.bind_input(name, &**value).map_err(failed(self.name))?;
            self.moved_bytes += (value.shape().num_elements() * size_of::<f32>()) as u64;
        }
        Ok(())
    }

    /// Has the next runs write the first `count` pictures of `output`.
    pub(super) fn take<T: Element>(
        &mut self,
        output: &mut TensorPort<T>,
        count: usize,
    ) -> Result<()> {
        self.bind(ort::api().BindOutput, output, count)
    }

    /// Both planes of the first `count` pictures.
    pub(super) fn give_pictures(&mut self, input: &PicturePort, count: usize) -> Result<()> {
        self.give(&input.luma, count)?;
        self.give(&input.chroma, count)
    }

    /// Bytes given and taken by all runs so far: what crosses to a device and back where the session is on one.
    pub(super) fn moved_bytes(&self) -> u64 {
        self.moved_bytes
    }

    fn bind<T: Element, const RANK: usize>(
        &mut self,
        bind: Bind,
        port: &TensorPort<T, RANK>,
        count: usize,
    ) -> Result<()> {
        self.moved_bytes += port.bytes(count);
        let value = port.first(count).ptr();
        #[allow(
            unsafe_code,
            reason = "`IoBinding::bind_input` copies a tensor over memory that is not its own"
        )]
        // SAFETY: binding, name and value are alive, and the binding keeps its own reference to the value. What the
        // value lies over is the port's, which outlives the binding beside it in its network.
        let bound = unsafe {
            let status = bind(self.binding.ptr().cast_mut(), port.name.as_ptr(), value);
            ort::Error::result_from_status(status)
        };
        bound.map_err(failed(self.name))
    }

    /// Runs on what is bound.
    pub(super) fn run(&mut self) -> Result<()> {
        // SAFETY: session and binding are alive and of each other; no run options are given. The
        // tensors bound are ports, which outlive the binding beside them in their network.
        #[allow(unsafe_code, reason = "`Session::run_binding` allocates a map of outputs per run")]
        let run = unsafe {
            let run = ort::api().RunWithBinding;
            let status = run(self.session.ptr().cast_mut(), core::ptr::null(), self.binding.ptr());
            ort::Error::result_from_status(status)
        };
        run.map_err(failed(self.name))
    }
}
