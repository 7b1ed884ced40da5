//! The networks of one scene as ONNX Runtime sessions.
//!
//! ```text
//! latent16, latent8, view biases ─► motion ─► flow ─► (the caller warps)
//!                                     └ features ─► refine ◄─ warped0, warped1
//!                                                     └─► picture, mask
//! ```
//! Every tensor is allocated at open and bound once; a run copies inputs in and hands out slices.
//! The two sessions keep one batch and one thread count for life, so a picture's bits do not depend
//! on who else is being decoded.

use std::sync::Arc;

use ort::memory::Allocator;
use ort::session::{IoBinding, Session};
use ort::value::{DynValue, Tensor};

pub use crate::ort_library::OrtRuntime;
pub use crate::providers::{Provider, ProviderReport, Rung};

use crate::error::{Error, Result};
use crate::format::header::Header;
use crate::profile::{Cut, FLOW, HEAD, KERNEL, PACKED, Profile};
use crate::providers::RECORD_ASSIGNMENT;
use crate::scene::{Layer, NetworkLevels};
use crate::templates::Templates;
use crate::units::Size;

/// How sessions are opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionOptions {
    /// Providers to try, best first; the CPU is always there at the end.
    pub providers: Vec<Provider>,
    /// Provider without which opening fails.
    pub require: Option<Provider>,
    /// Threads of each session; 0 lets ONNX Runtime choose.
    pub threads: usize,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self { providers: Provider::LADDER.into(), require: None, threads: 0 }
    }
}

/// What the motion network made, valid until its next run.
#[derive(Debug, Clone, Copy)]
pub struct MotionOut<'a> {
    /// `[batch, 4, h8, w8]`, dx and dy of each source in units of
    /// [`FLOW_UNIT_PX`](crate::profile::FLOW_UNIT_PX).
    pub flow: &'a [f32],
}

/// What the refinement network made, valid until its next run.
#[derive(Debug, Clone, Copy)]
pub struct RefineOut<'a> {
    /// Implicit picture, packed, `[batch, 24, h4, w4]`.
    pub picture: &'a [f32],
    /// Masks of source 0 and 1 at 1/2, 0‥1, `[batch, 8, h4, w4]`: value `2·dy + dx` of a mask is
    /// for a 2×2 block of luma and one chroma sample.
    pub mask: &'a [f32],
}

/// The motion and refinement networks of one scene.
#[derive(Debug)]
pub struct Networks {
    motion: Graph,
    refine: Graph,
    latent16: Port,
    latent8: Port,
    views: [ViewBias; 2],
    flow: Port,
    features: Port,
    warped: [Port; 2],
    picture: Port,
    mask: Port,
    batch: usize,
    report: ProviderReport,
}

impl Networks {
    /// Opens both sessions with the weights of `network`, for `batch` pictures at a time.
    ///
    /// # Errors
    /// [`Error::Backend`] when the stream's template is unknown, a required provider is not in use,
    /// or ONNX Runtime refuses.
    ///
    /// # Panics
    /// If `network` is of another profile than `header`, or `batch` is 0.
    pub fn open(
        ort: &OrtRuntime,
        header: &Header,
        network: &NetworkLevels,
        batch: usize,
        options: &SessionOptions,
    ) -> Result<Self> {
        assert!(batch > 0, "a batch has at least one picture");
        let templates = Templates::by_digest(&header.template_sha256)?;
        let profile = matching_profile(header, templates)?;
        let specs: Vec<_> = network.layers.iter().map(|l| l.spec).collect();
        assert_eq!(specs[..], profile.layers()[..], "the network is of the header's profile");

        let plan = Plan { ort, network, options, dimensions: dimensions(header.size, batch) };
        let mut report = ProviderReport::new(&options.providers);
        let mut motion = plan.open(MOTION, templates.motion, &mut report)?;
        let mut refine = plan.open(REFINE, templates.refine, &mut report)?;
        if let Some(required) = options.require {
            report.check(required)?;
        }

        let port = |name, channels, scale| {
            let (columns, rows) = header.size.cells(scale);
            Port::new(name, [batch, channels, rows, columns])
        };
        let latent16 = port("latent16", profile.latent16, 16)?;
        let latent8 = port("latent8", profile.latent8, 8)?;
        let views = [
            ViewBias::new("up8.view", network, batch)?,
            ViewBias::new("up4.view", network, batch)?,
        ];
        let mut flow = port("flow", FLOW, 8)?;
        let mut features = port("features", profile.quarter, 4)?;
        let warped = [port("warped0", PACKED, 4)?, port("warped1", PACKED, 4)?];
        let mut picture = port("picture", PACKED, 4)?;
        let mut mask = port("mask", HEAD - PACKED, 4)?;

        motion.bind(&[&latent16, &latent8, &views[0].port, &views[1].port])?;
        motion.bind_outputs([&mut flow, &mut features])?;
        refine.bind(&[&features, &warped[0], &warped[1]])?;
        refine.bind_outputs([&mut picture, &mut mask])?;
        Ok(Self {
            motion,
            refine,
            latent16,
            latent8,
            views,
            flow,
            features,
            warped,
            picture,
            mask,
            batch,
            report,
        })
    }

    /// Runs the motion network; its features stay inside for [`Self::refine`].
    ///
    /// `views` are indices of implicit views, one per picture of the batch. A batch may be partly
    /// filled: then the rest of the outputs is meaningless.
    ///
    /// # Shapes
    /// | argument | shape | unit |
    /// |---|---|---|
    /// | `latent16` | `[views, C16, h16, w16]` | |
    /// | `latent8` | `[views, C8, h8, w8]` | |
    ///
    /// # Errors
    /// [`Error::Backend`] when ONNX Runtime fails.
    ///
    /// # Panics
    /// If a slice or `views` does not fit the batch.
    pub fn motion(
        &mut self,
        latent16: &[f32],
        latent8: &[f32],
        views: &[usize],
    ) -> Result<MotionOut<'_>> {
        assert!((1..=self.batch).contains(&views.len()), "a batch holds 1 to {} views", self.batch);
        self.latent16.fill(latent16);
        self.latent8.fill(latent8);
        self.views.iter_mut().for_each(|v| v.select(views));
        let inputs = [&self.latent16, &self.latent8, &self.views[0].port, &self.views[1].port];
        self.motion.run(&inputs)?;
        Ok(MotionOut { flow: self.flow.values() })
    }

    /// Runs the refinement network on the features of the last [`Self::motion`].
    ///
    /// # Shapes
    /// `warped0` and `warped1` are packed pictures `[views, 24, h4, w4]`.
    ///
    /// # Errors
    /// [`Error::Backend`] when ONNX Runtime fails.
    ///
    /// # Panics
    /// If a slice does not fit the batch.
    pub fn refine(&mut self, warped0: &[f32], warped1: &[f32]) -> Result<RefineOut<'_>> {
        self.warped[0].fill(warped0);
        self.warped[1].fill(warped1);
        self.refine.run(&[&self.features, &self.warped[0], &self.warped[1]])?;
        Ok(RefineOut { picture: self.picture.values(), mask: self.mask.values() })
    }

    /// What became of each provider.
    pub fn report(&self) -> &ProviderReport {
        &self.report
    }
}

fn matching_profile(header: &Header, templates: &Templates) -> Result<&'static Profile> {
    let profile = header.profile().filter(|p| p.name == templates.profile);
    profile.ok_or_else(|| Error::Backend {
        what: format!(
            "the stream names profile {:?} but the template of profile {:?}",
            header.profile, templates.profile
        ),
    })
}

/// Values of the templates' symbolic dimensions.
fn dimensions(size: Size, batch: usize) -> Vec<(&'static str, usize)> {
    let scales = [(16, "h16", "w16"), (8, "h8", "w8"), (4, "h4", "w4"), (2, "h2", "w2")];
    let scales = scales.into_iter().chain([(1, "h1", "w1")]);
    let cells = scales.flat_map(|(scale, h, w)| {
        let (columns, rows) = size.cells(scale);
        [(h, rows), (w, columns)]
    });
    cells.chain([("batch", batch)]).collect()
}

fn failed(what: &'static str) -> impl Fn(ort::Error) -> Error {
    move |e| Error::Backend { what: format!("{what}: {}", e.message().trim()) }
}

/// What a session computes.
#[derive(Debug, Clone, Copy)]
struct Part {
    /// Name in errors.
    name: &'static str,
    /// Cuts whose layers it has.
    cuts: &'static [Cut],
}

const MOTION: Part = Part { name: "motion network", cuts: &[Cut::Motion] };
const REFINE: Part = Part { name: "refinement network", cuts: &[Cut::Refine] };

/// What all sessions of a scene have in common.
struct Plan<'a> {
    ort: &'a OrtRuntime,
    network: &'a NetworkLevels,
    options: &'a SessionOptions,
    dimensions: Vec<(&'static str, usize)>,
}

impl Plan<'_> {
    /// Opens `template` on the best provider that takes it.
    fn open(&self, part: Part, template: &[u8], report: &mut ProviderReport) -> Result<Graph> {
        loop {
            let name = part.name;
            let mut builder = self.builder(part.cuts).map_err(failed(name))?;
            let standing: Vec<Provider> = report.standing().collect();
            for provider in standing {
                if let Err(reason) = provider.register(&mut builder) {
                    report.refuse(provider, &reason);
                }
            }
            match builder.commit_from_memory(template) {
                Ok(session) => {
                    report.count_nodes(&session);
                    let binding = session.create_binding().map_err(failed(name))?;
                    let on_device = report.in_use != Provider::Cpu;
                    return Ok(Graph { name, session, binding, on_device });
                }
                // A provider may register and then find no device or refuse the graph.
                Err(reason) if report.in_use != Provider::Cpu => {
                    report.refuse(report.in_use, &reason);
                }
                Err(reason) => return Err(failed(name)(reason)),
            }
        }
    }

    fn builder(&self, cuts: &[Cut]) -> ort::Result<ort::session::builder::SessionBuilder> {
        let mut builder = Session::builder(self.ort.environment())?
            .with_intra_threads(self.options.threads)?
            .with_inter_threads(1)?
            .with_config_entry(RECORD_ASSIGNMENT, "1")?;
        for (name, size) in &self.dimensions {
            builder = builder.with_dimension_override(name, *size as i64)?;
        }
        // Every weight given must be in the template.
        for layer in self.network.layers.iter().filter(|l| cuts.contains(&l.spec.cut)) {
            let (weight, bias) = parameters(layer)?;
            let name = layer.spec.name;
            builder = builder
                .with_external_initializer(format!("{name}.weight"), weight)?
                .with_external_initializer(format!("{name}.bias"), bias)?;
        }
        Ok(builder)
    }
}

/// Weights `[output, input, 3, 3]` and biases `[output]` of a layer.
fn parameters(layer: &Layer) -> ort::Result<(Arc<DynValue>, Arc<DynValue>)> {
    let spec = &layer.spec;
    let shape = [spec.outputs, spec.inputs, KERNEL, KERNEL];
    let weight = Tensor::from_array((shape, layer.weights_f32().collect::<Vec<f32>>()))?;
    let bias = Tensor::from_array(([spec.outputs], layer.bias_f32().collect::<Vec<f32>>()))?;
    Ok((Arc::new(weight.into_dyn()), Arc::new(bias.into_dyn())))
}

/// A session and what is bound to it.
#[derive(Debug)]
struct Graph {
    name: &'static str,
    session: Session,
    binding: IoBinding,
    /// Binding an input copies it to the device, so every run binds anew; on the CPU the session
    /// reads our memory and one binding lasts.
    on_device: bool,
}

impl Graph {
    fn bind(&mut self, inputs: &[&Port]) -> Result<()> {
        for port in inputs {
            self.binding.bind_input(port.name, &port.tensor).map_err(failed(self.name))?;
        }
        Ok(())
    }

    fn bind_outputs<const N: usize>(&mut self, outputs: [&mut Port; N]) -> Result<()> {
        for port in outputs {
            self.binding.bind_output(port.name, &mut port.tensor).map_err(failed(self.name))?;
        }
        Ok(())
    }

    fn run(&mut self, inputs: &[&Port]) -> Result<()> {
        if self.on_device {
            self.bind(inputs)?;
        }
        let run = self.session.run_binding(&self.binding);
        run.map(drop).map_err(failed(self.name))
    }
}

/// A host tensor with a fixed address.
#[derive(Debug)]
struct Port {
    name: &'static str,
    tensor: Tensor<f32>,
}

impl Port {
    fn new(name: &'static str, shape: [usize; 4]) -> Result<Self> {
        let mut tensor = Tensor::new(&Allocator::default(), shape).map_err(failed(name))?;
        tensor.extract_tensor_mut().1.fill(0.0);
        Ok(Self { name, tensor })
    }

    /// Copies `values` to the front.
    fn fill(&mut self, values: &[f32]) {
        let (shape, own) = self.tensor.extract_tensor_mut();
        let fits = values.len() <= own.len() && values.len() % (own.len() / shape[0] as usize) == 0;
        assert!(fits, "{} takes whole pictures of {shape:?}, got {}", self.name, values.len());
        own[..values.len()].copy_from_slice(values);
    }

    fn values(&self) -> &[f32] {
        self.tensor.extract_tensor().1
    }
}

/// Per-view biases of an `up` layer and the input they go to.
#[derive(Debug)]
struct ViewBias {
    /// `[batch, outputs, 1, 1]`.
    port: Port,
    /// `[view, outputs]`.
    all: Vec<f32>,
    outputs: usize,
}

impl ViewBias {
    /// `input` is `<layer>.view`.
    fn new(input: &'static str, network: &NetworkLevels, batch: usize) -> Result<Self> {
        let layer =
            network.layers.iter().find(|l| input.strip_suffix(".view") == Some(l.spec.name));
        let layer = layer.unwrap_or_else(|| unreachable!("every profile has the layer of {input}"));
        let outputs = layer.spec.outputs;
        let port = Port::new(input, [batch, outputs, 1, 1])?;
        Ok(Self { port, all: layer.view_bias_f32().collect(), outputs })
    }

    fn select(&mut self, views: &[usize]) {
        let (_, rows) = self.port.tensor.extract_tensor_mut();
        for (row, view) in rows.chunks_exact_mut(self.outputs).zip(views) {
            row.copy_from_slice(&self.all[view * self.outputs..][..self.outputs]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::header::{Colour, Role, Second};
    use crate::format::steps::StepIndex;
    use crate::profile::PROFILES;
    use crate::reference_network::{Map, ReferenceNetwork};
    use crate::units::ViewId;

    /// Largest difference to the reference, relative to the largest value of the tensor (at least
    /// 1). Measured on x86-64: 5e-7 (1.3e-6 absolute on values to 3.6).
    const TOLERANCE: f32 = 5e-6;

    /// A repeatable number in −1‥1.
    fn noise(seed: usize) -> f32 {
        let hash = (seed as u32 ^ 0x9e37_79b9).wrapping_mul(2654435761);
        let hash = (hash ^ (hash >> 15)).wrapping_mul(2246822519);
        (hash >> 8) as f32 / (1 << 23) as f32 - 1.0
    }

    fn noises(seed: usize, length: usize) -> Vec<f32> {
        (0..length).map(|i| noise(seed * 1_000_003 + i)).collect()
    }

    /// Weights whose layers keep the size of their input.
    fn network(profile: &Profile, views: usize) -> NetworkLevels {
        let mut network = NetworkLevels::zeros(profile, views);
        for (seed, layer) in network.layers.iter_mut().enumerate() {
            let gain = (layer.spec.inputs as f32 * 9.0 / 6.0).sqrt().recip();
            // Steps are 2^(k/8 − 12); a level is up to 100.
            let step = ((gain / 100.0).log2() + 12.0) * 8.0;
            let step = StepIndex::new(step as u8).unwrap();
            layer.steps.fill(step);
            layer.bias_step = step;
            let level = |(i, scale): (usize, f32)| noise(seed * 7919 + i) * scale;
            layer.weights.iter_mut().enumerate().for_each(|(i, w)| *w = level((i, 100.0)) as i8);
            layer.bias.iter_mut().enumerate().for_each(|(i, b)| *b = level((i + 11, 50.0)) as i16);
            let views = layer.view_bias.iter_mut().enumerate();
            views.for_each(|(i, b)| *b = level((i + 29, 90.0)) as i16);
        }
        network
    }

    fn header(profile: &Profile, size: Size, implicit: usize) -> Header {
        let role = Role::Implicit { anchor: ViewId(0), second: Second::Key };
        let views = std::iter::once(Role::Explicit).chain(std::iter::repeat_n(role, implicit));
        Header {
            profile: profile.name.try_into().unwrap(),
            template_sha256: Templates::of(profile.name).unwrap().sha256(),
            size,
            rate: (30, 1),
            frames: 1,
            colour: Colour::UNSPECIFIED,
            views: views.collect(),
        }
    }

    fn cpu(threads: usize) -> SessionOptions {
        SessionOptions { providers: vec![Provider::Cpu], require: Some(Provider::Cpu), threads }
    }

    fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
        assert_eq!(a.len(), b.len());
        a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn the_templates_agree_with_the_reference_network() {
        let ort = OrtRuntime::find(None).unwrap();
        let size = Size { width_px: 70, height_px: 36 };
        let views = [2, 0];
        for profile in &PROFILES {
            let network = network(profile, 3);
            let header = header(profile, size, 3);
            let mut networks = Networks::open(&ort, &header, &network, 2, &cpu(1)).unwrap();
            assert_eq!(
                networks.report().nodes.keys().collect::<Vec<_>>(),
                ["CPUExecutionProvider"]
            );

            let map = |seed, channels, scale| {
                let (columns, rows) = size.cells(scale);
                Map::new(channels, rows, columns, noises(seed, channels * rows * columns))
            };
            let latents =
                [0, 1].map(|i| (map(i, profile.latent16, 16), map(i, profile.latent8, 8)));
            let warped = [10, 20].map(|i| [map(i, PACKED, 4), map(i + 1, PACKED, 4)]);
            let joined = |a: &Map, b: &Map| [&a.values[..], &b.values].concat();

            let latent16 = joined(&latents[0].0, &latents[1].0);
            let latent8 = joined(&latents[0].1, &latents[1].1);
            let flow = networks.motion(&latent16, &latent8, &views).unwrap().flow.to_vec();
            let features = networks.features.values().to_vec();
            let warped0 = joined(&warped[0][0], &warped[1][0]);
            let warped1 = joined(&warped[0][1], &warped[1][1]);
            let out = networks.refine(&warped0, &warped1).unwrap();

            let reference = ReferenceNetwork::new(profile, &network);
            for (i, view) in views.into_iter().enumerate() {
                let (want_flow, want_features) =
                    reference.motion(&latents[i].0, &latents[i].1, view);
                let (want_picture, want_mask) =
                    reference.refine(&want_features, [&warped[i][0], &warped[i][1]]);
                let rows = [
                    ("flow", &flow[..], &want_flow),
                    ("features", &features, &want_features),
                    ("picture", out.picture, &want_picture),
                    ("mask", out.mask, &want_mask),
                ];
                for (name, got, want) in rows {
                    let got = &got[i * want.values.len()..][..want.values.len()];
                    let most = want.values.iter().fold(0.0f32, |m, v| m.max(v.abs()));
                    let difference = largest_difference(got, &want.values);
                    println!("{} {name}: {difference:.1e}, up to {most:.2}", profile.name);
                    assert!(most > 0.1, "{} {name} is not trivial", profile.name);
                    let allowed = TOLERANCE * most.max(1.0);
                    assert!(difference <= allowed, "{} {name}: {difference}", profile.name);
                }
            }
        }
    }

    #[test]
    fn a_picture_does_not_depend_on_the_rest_of_its_batch() {
        let ort = OrtRuntime::find(None).unwrap();
        let profile = &PROFILES[1];
        let size = Size { width_px: 64, height_px: 48 };
        let network = network(profile, 3);
        let header = header(profile, size, 3);
        let mut networks = Networks::open(&ort, &header, &network, 3, &cpu(2)).unwrap();
        let latent = |scale, channels, seed| {
            let (columns, rows) = size.cells(scale);
            noises(seed, columns * rows * channels)
        };
        let (a16, a8) = (latent(16, profile.latent16, 1), latent(8, profile.latent8, 1));
        let (b16, b8) = (latent(16, profile.latent16 * 2, 2), latent(8, profile.latent8 * 2, 2));
        let alone = networks.motion(&a16, &a8, &[1]).unwrap().flow[..4 * 6 * 8].to_vec();
        let full = networks
            .motion(&[&a16[..], &b16].concat(), &[&a8[..], &b8].concat(), &[1, 0, 2])
            .unwrap();
        assert_eq!(full.flow[..4 * 6 * 8], alone);
    }

    #[test]
    fn a_required_provider_that_is_missing_is_an_error_with_its_reason() {
        let ort = OrtRuntime::find(None).unwrap();
        let profile = &PROFILES[0];
        let header = header(profile, Size { width_px: 32, height_px: 32 }, 1);
        let network = network(profile, 1);
        let ladder = SessionOptions { threads: 1, ..SessionOptions::default() };
        let networks = Networks::open(&ort, &header, &network, 1, &ladder).unwrap();
        println!("{}", networks.report());
        if networks.report().in_use == Provider::TensorRt {
            return;
        }
        assert!(networks.report().rungs[0].refusal.is_some());
        let strict = SessionOptions { require: Some(Provider::TensorRt), ..ladder };
        let error = Networks::open(&ort, &header, &network, 1, &strict).unwrap_err().to_string();
        assert!(error.contains("tensorrt is required"), "{error}");
    }

    #[test]
    fn networks_move_between_threads() {
        fn send<T: Send>() {}
        send::<Networks>();
    }

    /// `cargo test -p iev-runtime --lib time_of_a_run -- --ignored --nocapture`
    #[test]
    #[ignore = "a measurement, not a property"]
    fn time_of_a_run() {
        let ort = OrtRuntime::find(None).unwrap();
        let size = Size { width_px: 480, height_px: 272 };
        let batch = 4;
        for profile in &PROFILES {
            let network = network(profile, 4);
            let header = header(profile, size, 4);
            let started = std::time::Instant::now();
            let mut networks = Networks::open(&ort, &header, &network, batch, &cpu(2)).unwrap();
            let open = started.elapsed();
            let tensor = |channels, scale| {
                let (columns, rows) = size.cells(scale);
                noises(3, batch * channels * columns * rows)
            };
            let (l16, l8) = (tensor(profile.latent16, 16), tensor(profile.latent8, 8));
            let warped = tensor(PACKED, 4);
            let mut times = [Vec::new(), Vec::new()];
            for _ in 0..60 {
                let started = std::time::Instant::now();
                networks.motion(&l16, &l8, &[0, 1, 2, 3]).unwrap();
                times[0].push(started.elapsed());
                let started = std::time::Instant::now();
                networks.refine(&warped, &warped).unwrap();
                times[1].push(started.elapsed());
            }
            times.iter_mut().for_each(|t| t.sort());
            let ms = |t: &Vec<std::time::Duration>, i: usize| t[i].as_secs_f64() * 1e3;
            println!(
                "{}: open {:.1} ms, motion p10 {:.2} p50 {:.2}, refine p10 {:.2} p50 {:.2} ms",
                profile.name,
                open.as_secs_f64() * 1e3,
                ms(&times[0], 6),
                ms(&times[0], 30),
                ms(&times[1], 6),
                ms(&times[1], 30),
            );
        }
    }
}
