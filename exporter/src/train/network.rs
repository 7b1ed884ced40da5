//! The convolutions while they train.

use std::collections::HashMap;

use iev_runtime::format::steps::{STEPS, StepIndex};
use iev_runtime::network::quantised::top_level;
use iev_runtime::profile::topology::{Activation, Activations, Cut, LayerId, Then};
use iev_runtime::profile::{FLOW, HEAD, KERNEL, LayerSpec, MASKS, PACKED, Profile};
use iev_runtime::stream::scene::{Layer, NetworkLevels};
use tch::{Device, Kind, Tensor};

use super::grids::{Crop, levels_of_8_bits, log2_of, step_indices};
use super::host::brought;
use super::parameters::{ParameterId, Parameters};
use super::rate::log_mean;
use super::rounding::{LEVEL_LIMIT, Rounding, steps};
use super::twins::Kernels;
use super::windows::Window;

/// Learning rate of weights relative to the schedule's.
const WEIGHT_RATE: f64 = 0.5;
/// log2 of the step of all biases.
const BIAS_LOG2_STEP: f64 = -7.0;
/// Largest magnitude of a bias's level.
const BIAS_LIMIT: i64 = 32767;

/// One convolution.
#[derive(Debug)]
struct TrainedLayer {
    spec: LayerSpec,
    weight: ParameterId,
    log2_step: ParameterId,
    bias: ParameterId,
    /// Log of the Laplace scale per output and per input channel, and of biases.
    scale_output: ParameterId,
    scale_input: ParameterId,
    scale_bias: ParameterId,
}

/// Weights of one layer as the decoder will have them.
#[derive(Debug)]
struct Rounded {
    weight: Tensor,
    bias: Tensor,
}

/// The network.
#[derive(Debug)]
pub struct TrainedNetwork {
    layers: Vec<TrainedLayer>,
}

/// The network with one rounding of its weights, ready to run.
#[derive(Debug)]
pub struct RoundedNetwork {
    layers: Vec<(LayerSpec, Rounded)>,
    /// Estimated bits of all weights and biases.
    pub bits: Tensor,
}

/// What the motion cut returns.
#[derive(Debug)]
pub struct Motion {
    /// `[sample, 4, y, x]` at 1/8.
    pub flow: Tensor,
    /// `[sample, quarter, y, x]` at 1/4.
    pub features: Tensor,
    /// Outputs of layers that have a step in the stream.
    pub stepped: Vec<(LayerId, Tensor)>,
}

/// What the refine cut returns.
#[derive(Debug)]
pub struct Refined {
    /// Implicit picture, `[sample, 24, y, x]` at 1/4.
    pub picture: Tensor,
    /// Masks of source 0 and source 1, `[sample, 8, y, x]` at 1/4.
    pub mask: Tensor,
    /// Outputs of layers that have a step in the stream.
    pub stepped: Vec<(LayerId, Tensor)>,
}

impl Motion {
    /// Flow and features where `crops` paint.
    pub fn painted(self, crops: &[Crop<'_>]) -> Self {
        let part =
            |of: &Tensor, scale: usize| each(crops, of, |window, of| window.painted_of(of, scale));
        Self { flow: part(&self.flow, 8), features: part(&self.features, 4), ..self }
    }
}

/// The part of each sample of `of`, `[sample, channel, y, x]`, that `part` takes of it in its crop's window; one window of
/// the whole picture takes all.
fn each(crops: &[Crop<'_>], of: &Tensor, part: impl Fn(&Window, &Tensor) -> Tensor) -> Tensor {
    if crops[0].window.is_whole() {
        return of.shallow_clone();
    }
    let samples = (0..).zip(crops);
    let parts = samples.map(|(sample, crop)| part(crop.window, &of.narrow(0, sample, 1)));
    Tensor::cat(&parts.collect::<Vec<_>>(), 0)
}

impl TrainedNetwork {
    /// A random network.
    pub fn new(parameters: &mut Parameters, profile: &Profile, device: Device) -> Self {
        let layers =
            profile.layers().into_iter().map(|spec| TrainedLayer::new(parameters, spec, device));
        Self { layers: layers.collect() }
    }

    /// Holds the warped anchor out of the pictures.
    pub fn hold_inter_view(&self, parameters: &mut Parameters, profile: &Profile) {
        let layer = |id| self.layers.iter().find(move |l| l.spec.id == id);
        // The picture is not seen, its flow is at rest, and its mask is closed: the sigmoid of the
        // lowest bias is zero.
        for (id, axis, first, length, bias) in [
            (LayerId::Mix4, 1, profile.quarter, PACKED, None),
            (LayerId::Flow, 0, 0, FLOW / 2, Some(0)),
            (LayerId::Head, 0, PACKED, MASKS / 2, Some(-BIAS_LIMIT)),
        ] {
            let Some(layer) = layer(id) else { continue };
            parameters.hold(layer.weight, (axis, first, length), 0.0);
            if let Some(level) = bias {
                parameters.hold(layer.bias, (0, first, length), level as f64);
            }
        }
    }

    /// Begins at what a stream holds.
    pub fn begin_at(&self, parameters: &mut Parameters, levels: &NetworkLevels) {
        self.layers.iter().zip(&levels.layers).for_each(|(layer, l)| layer.begin_at(parameters, l));
    }

    /// Rounds all weights.
    pub fn round(
        &self,
        parameters: &Parameters,
        rounding: Rounding,
        kernels: &Kernels,
    ) -> RoundedNetwork {
        let mut bits =
            Tensor::zeros([], (Kind::Float, parameters.get(self.layers[0].weight).device()));
        let layers = self.layers.iter().map(|l| {
            let (rounded, layer_bits) = l.round(parameters, rounding, kernels);
            bits += layer_bits;
            (l.spec, rounded)
        });
        let layers = layers.collect();
        RoundedNetwork { layers, bits }
    }

    /// The network as the stream holds it; outputs of its layers have the given `reach`.
    pub fn export(
        &self,
        parameters: &Parameters,
        reach: &HashMap<LayerId, Vec<f64>>,
    ) -> NetworkLevels {
        let layers = self.layers.iter().map(|layer| {
            let reach = reach.get(&layer.spec.id).into_iter().flatten();
            let top = top_level(&layer.spec);
            let output_steps = reach.map(|reach| step_reaching(*reach, top)).collect();
            layer.export(parameters, output_steps)
        });
        NetworkLevels { layers: layers.collect() }
    }
}

impl TrainedLayer {
    fn new(parameters: &mut Parameters, spec: LayerSpec, device: Device) -> Self {
        let options = (Kind::Float, device);
        let (outputs, inputs, kernel) = (spec.outputs as i64, spec.inputs as i64, KERNEL as i64);
        let (gain, log2_step) = match spec.id {
            LayerId::Flow => (0.0, -6.0),
            LayerId::Head => (0.3, -6.0),
            _ => (1.0, -5.0),
        };
        // He et al. 2015: variance 2 / fan-in keeps activations level through ReLU.
        let deviation = gain * (2.0 / (inputs * kernel * kernel) as f64).sqrt();
        let weight = Tensor::randn([outputs, inputs, kernel, kernel], options) * deviation;
        let bias = Tensor::zeros([outputs], options);
        if spec.outputs == HEAD {
            // By the number of outputs, not the layer: `up4` of `lean` and `edge` has as many, starts so too, and every
            // figure on record was trained from there. Start by trusting the view's own key picture where the anchor is not chosen.
            let _ = bias.narrow(0, PACKED as i64 + 4, 4).fill_(1.0);
        }
        let weight = parameters.add_weights(format!("{}.weight", spec.id), &weight, WEIGHT_RATE);
        let mut add = |suffix: &str, start: &Tensor, rate| {
            parameters.add(format!("{}.{suffix}", spec.id), start, rate)
        };
        let full = |size: &[i64], value: f64| Tensor::full(size, value, options);
        Self {
            weight,
            log2_step: add("log2_step", &full(&[outputs, 1, 1, 1], log2_step), 1.0),
            bias: add("bias", &bias, WEIGHT_RATE),
            scale_output: add("scale_output", &full(&[outputs, 1, 1, 1], 0.5), 1.0),
            scale_input: add("scale_input", &full(&[1, inputs, 1, 1], 0.0), 1.0),
            scale_bias: add("scale_bias", &full(&[1], 1.0), 1.0),
            spec,
        }
    }

    fn round(
        &self,
        parameters: &Parameters,
        rounding: Rounding,
        kernels: &Kernels,
    ) -> (Rounded, Tensor) {
        let step = steps(parameters.get(self.log2_step));
        let levels = rounding.apply(&(parameters.get(self.weight) / &step));
        let scale = (parameters.get(self.scale_output) + parameters.get(self.scale_input)).exp();
        let mut bits = kernels.bits(&levels, &scale, None);
        let bias_step = BIAS_LOG2_STEP.exp2();
        let bias = rounding.apply_wide(&(parameters.get(self.bias) / bias_step));
        bits += kernels.bits(&bias, &parameters.get(self.scale_bias).exp(), None);
        let bias = parameters.settle(self.bias, bias, Tensor::shallow_clone) * bias_step;
        let levels = parameters.settle(self.weight, levels, Tensor::shallow_clone);
        (Rounded { weight: levels * step, bias }, bits)
    }

    /// Begins at a layer of a stream; the model of its bits at how large the levels are.
    fn begin_at(&self, parameters: &mut Parameters, layer: &Layer) {
        let (weight, bias): (Vec<f32>, Vec<f32>) =
            (layer.weights_f32().collect(), layer.bias_f32().collect());
        let sizes = Tensor::from_slice(&layer.weights).to_kind(Kind::Float).abs();
        let sizes = sizes.view([self.spec.outputs as i64, self.spec.inputs as i64, -1]);
        // A product of what outputs and inputs have, as the model is.
        let by_output = log_mean(&sizes, &[1, 2]);
        let by_input = log_mean(&(&sizes / by_output.exp()), &[0, 2]);
        let of_bias = Tensor::from_slice(&layer.bias).to_kind(Kind::Float).abs();
        for (id, value) in [
            (self.weight, Tensor::from_slice(&weight)),
            (self.log2_step, log2_of(&layer.steps)),
            (self.bias, Tensor::from_slice(&bias)),
            (self.scale_output, by_output),
            (self.scale_input, by_input),
            (self.scale_bias, log_mean(&of_bias, &[0])),
        ] {
            parameters.begin_at(id, &value);
        }
    }

    fn export(&self, parameters: &Parameters, output_steps: Vec<StepIndex>) -> Layer {
        let log2 = parameters.get(self.log2_step).detach();
        let step = steps(&log2);
        // Levels as the stream has them; what is held stays where it is.
        let weights = (parameters.get(self.weight) / step).round().clamp(-LEVEL_LIMIT, LEVEL_LIMIT);
        let weights = parameters.settle(self.weight, weights, Tensor::shallow_clone);
        let bias = (parameters.get(self.bias) / BIAS_LOG2_STEP.exp2()).round();
        let bias = parameters.settle(
            self.bias,
            bias.clamp(-BIAS_LIMIT, BIAS_LIMIT),
            Tensor::shallow_clone,
        );
        let bias = brought(&bias).reshape([-1]).to_kind(Kind::Int16);
        let bias = Vec::<i16>::try_from(bias)
            .unwrap_or_else(|e| panic!("a flat tensor of 16 bits converts to levels: {e}"));
        Layer {
            spec: self.spec,
            steps: step_indices(&log2),
            weights: levels_of_8_bits(&weights),
            bias_step: StepIndex::of_log2(BIAS_LOG2_STEP as f32),
            bias,
            output_steps,
        }
    }
}

/// Index of the smallest step of which `levels` reach `value`.
fn step_reaching(value: f64, levels: f64) -> StepIndex {
    let mut all = (0..STEPS as u8).filter_map(StepIndex::new);
    let reaches = |step: &StepIndex| step.step().to_num::<f64>() * levels >= value;
    let found = all.clone().find(reaches).or(all.next_back());
    found.unwrap_or_else(|| unreachable!("the table has steps"))
}

impl Rounded {
    fn tensors(&self) -> impl Iterator<Item = &Tensor> {
        [&self.weight, &self.bias].into_iter()
    }
}

impl RoundedNetwork {
    /// The same numbers as leaves of a graph of their own.
    pub fn cut(&self) -> Self {
        let leaf = |t: &Tensor| t.detach().set_requires_grad(true);
        let layers = self.layers.iter().map(|(spec, rounded)| {
            let Rounded { weight, bias } = rounded;
            (*spec, Rounded { weight: leaf(weight), bias: leaf(bias) })
        });
        Self { layers: layers.collect(), bits: self.bits.detach() }
    }

    /// A sum whose gradient carries what arrived at the leaves of `cut` on to these numbers.
    pub fn carry(&self, cut: &Self) -> Tensor {
        let pairs = self.layers.iter().zip(&cut.layers);
        let tensors = pairs.flat_map(|((_, here), (_, there))| here.tensors().zip(there.tensors()));
        let arrived = tensors.filter(|(_, leaf)| leaf.grad().defined());
        let products = arrived.map(|(here, leaf)| (here * leaf.grad()).sum(Kind::Float));
        products.reduce(|a, b| a + b).unwrap_or_else(|| self.bits.zeros_like())
    }

    /// Evaluates the layers of `cut`, each activation as `shown` has it; also gives the outputs that have a step in the stream.
    fn evaluate<const N: usize>(
        &self,
        cut: Cut,
        given: [(Activation, &Tensor); N],
        shown: impl Fn(Activation, Tensor) -> Tensor,
    ) -> (Activations<Tensor>, Vec<(LayerId, Tensor)>) {
        let given = given.map(|(activation, tensor)| (activation, tensor.shallow_clone()));
        let mut tensors = Activations::new(given);
        let mut stepped = Vec::new();
        let layers = self.layers.iter().map(|(spec, _)| spec).filter(|spec| spec.cut() == cut);
        tensors.evaluate(layers, |layer, reads| {
            let output = shown(layer.id.writes(), self.layer(layer.id, reads));
            if layer.output_steps > 0 {
                stepped.push((layer.id, output.shallow_clone()));
            }
            output
        });
        (tensors, stepped)
    }

    /// A layer with what follows its convolution.
    fn layer(&self, id: LayerId, reads: &[&Tensor]) -> Tensor {
        let layer = self.layers.iter().find(|(spec, _)| spec.id == id);
        let (_, layer) = layer.unwrap_or_else(|| unreachable!("layer {id} is in the profile"));
        let input = match reads {
            [input] => input.shallow_clone(),
            _ => Tensor::cat(reads, 1),
        };
        let conv = input.conv2d(&layer.weight, Some(&layer.bias), [1, 1], [1, 1], [1, 1], 1);
        match id.then() {
            Then::Nothing => conv,
            Then::Relu => conv.relu(),
            Then::Residual => input + conv.relu(),
            Then::Larger => conv.relu().pixel_shuffle(2),
        }
    }

    /// The motion cut, from latents as far as the windows of `crops` read them.
    pub fn motion(&self, latent16: &Tensor, latent8: &Tensor, crops: &[Crop<'_>]) -> Motion {
        use Activation::{Carried, Features, Flow, Latent8, Latent16};
        let given = [(Latent16, latent16), (Latent8, latent8)];
        let (mut tensors, stepped) =
            self.evaluate(Cut::Motion, given, |activation, made| match activation {
                Carried => each(crops, &made, Window::carried_of),
                _ => made,
            });
        Motion { flow: tensors.take(Flow), features: tensors.take(Features), stepped }
    }

    /// The refine cut.
    pub fn refine(&self, features: &Tensor, warped: [&Tensor; 2]) -> Refined {
        use Activation::{Features, Head, Warped0, Warped1};
        let given = [(Features, features), (Warped0, warped[0]), (Warped1, warped[1])];
        let (mut tensors, stepped) = self.evaluate(Cut::Refine, given, |_, made| made);
        let head = tensors.take(Head);
        let mask = head.narrow(1, PACKED as i64, MASKS as i64).sigmoid();
        Refined { picture: head.narrow(1, 0, PACKED as i64), mask, stepped }
    }
}
