//! The layers that networks in 8 bits compute in integers, as the initializers of their templates.
//!
//! ```text
//! res8 ─ 8 bits ─ up4 ─ ReLU ─ 8 bits ┐
//!                   warped, in pixels ┴ mix4 ─ ReLU ─ 8 bits ─ res4… ─ 8 bits ─ head ─ pixels, logits
//! ```
//! A level `q` of an activation stands for `(q − zero) · scale`. The steps of `res8`, `mix4` and `res4…` are the
//! stream's, with the zero 0. What `mix4` reads is one tensor with one scale and one zero: that of pixels, 1/128 and
//! [`ZERO`]; features have half of the levels and their step in `mix4`'s weights. The head makes pixels, and mask
//! logits in steps of [`LOGIT_STEP`].
//!
//! Weights keep the stream's levels but in `mix4`, where those of one output share a scale with its features'.
//!
//! For TensorRT ([`quantise_signed`]) levels are int8 with the zero 0: pixels are as fine as before, what `res8`, `mix4` and
//! `res4…` make has half the levels, and the head makes f32.

use super::blocks::Block;
use crate::profile::topology::{Cut, LayerId};
use crate::profile::{HEAD, KERNEL, LOGIT_STEP, LayerSpec, PACKED, Profile, ZERO};
use crate::stream::scene::{Layer, NetworkLevels};

/// Scale of a feature, which is counted in steps of its own.
const FEATURE: f32 = 1.0;
/// Scale of a pixel: a network sees `(pixel − 128) / 128`.
pub const PIXEL: f32 = 1.0 / 128.0;
/// Largest magnitude of a weight's level.
const WEIGHT_LIMIT: f32 = 127.0;
/// Largest magnitude of a bias's level: a sum over all taps of all inputs stays below as much again.
const BIAS_LIMIT: f32 = (1u32 << 30) as f32;

/// Channels that `width` channels are padded to: the provider's kernels are twice as fast on multiples of 8.
pub const fn padded(width: usize) -> usize {
    width.next_multiple_of(8)
}

/// The highest level of a layer's output above that of zero.
pub fn top_level(layer: &LayerSpec) -> f64 {
    f64::from(if layer.id == LayerId::Up4 { u8::MAX - ZERO } else { u8::MAX })
}

/// Whether networks in 8 bits compute a layer in integers.
pub fn in_integers(layer: &LayerSpec) -> bool {
    layer.cut() == Cut::Refine || layer.id == LayerId::Up4
}

/// Scale of a layer's output, where the stream has one.
pub fn output_scale(layer: &Layer) -> Option<f32> {
    let step = layer.output_step(0)?;
    Some(if layer.spec.id == LayerId::Up4 { FEATURE } else { step })
}

/// The same where levels are signed, so that half of them are of what is not below zero.
pub fn signed_output_scale(layer: &Layer) -> Option<f32> {
    let step = layer.output_step(0).filter(|_| layer.spec.id != LayerId::Up4)?;
    Some(step * f32::from(u8::MAX) / f32::from(i8::MAX))
}

/// One convolution in integers.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer8 {
    /// Which one.
    pub id: LayerId,
    /// Inputs, padded.
    pub inputs: usize,
    /// Cells computed at once; outputs are those of all, one cell after another.
    pub block: Block,
    /// `[output, input, row, column]`, outputs padded.
    pub weights: Vec<i8>,
    /// `[output]`.
    pub weight_scales: Vec<f32>,
    /// `[output]`.
    pub bias: Vec<i32>,
    /// `[output]`: the input's scale times the weights'.
    pub bias_scales: Vec<f32>,
}

/// What a layer is computed with.
struct Around<'a> {
    layer: &'a Layer,
    /// Scale of its input.
    input_scale: f32,
    /// Inputs and outputs, padded.
    channels: [usize; 2],
    /// What an input channel's weights are multiplied by.
    of_input: &'a dyn Fn(usize) -> f32,
    /// What an output channel is multiplied by.
    of_output: &'a dyn Fn(usize) -> f32,
    /// The layer's channel at place `output` of the output.
    channel_at: &'a dyn Fn(usize) -> usize,
}

/// The layers in integers for the CPU provider, or none when the stream has no steps for them.
pub fn quantise(profile: &Profile, network: &NetworkLevels) -> Option<Vec<Layer8>> {
    let (up4, mix4) = (find(network, LayerId::Up4), find(network, LayerId::Mix4));
    let quarter = profile.quarter;
    let mut input_scale = output_scale(find(network, LayerId::Res8))?;
    // Depth to space outside the graph moves whole cells, so channels of one cell lie together.
    let by_cell = |output: usize| output % quarter * 4 + output / quarter;
    let feature_steps = feature_steps(profile, up4)?;
    let in_steps = |channel: usize| FEATURE / feature_steps[channel / 4];
    let around = plain(up4, input_scale, [up4.spec.inputs, up4.spec.outputs]);
    let around = Around { channel_at: &by_cell, of_output: &in_steps, ..around };
    let mut layers = vec![around.quantise()];

    let feature = |input: usize| feature_steps.get(input).map_or(1.0, |step| step / PIXEL);
    let width = padded(profile.refine);
    let around = plain(mix4, PIXEL, [mix4.spec.inputs, width]);
    let made = Around { of_input: &feature, ..around }.quantise();
    layers.push(made.in_blocks(Block::of_mix4(width)));

    input_scale = output_scale(mix4)?;
    for layer in network.layers.iter().filter(|l| matches!(l.spec.id, LayerId::Res4(_))) {
        let made = plain(layer, input_scale, [width, width]).quantise();
        layers.push(made.in_blocks(Block::of_res4(width)));
        input_scale = output_scale(layer)?;
    }
    let logit = |output| if output < PACKED { 1.0 } else { PIXEL / LOGIT_STEP };
    let around = plain(find(network, LayerId::Head), input_scale, [width, HEAD]);
    layers.push(Around { of_output: &logit, ..around }.quantise());
    Some(layers)
}

/// The same for TensorRT, whose graph has channels as they are and spreads cells itself.
pub fn quantise_signed(profile: &Profile, network: &NetworkLevels) -> Option<Vec<Layer8>> {
    let whole = |layer: &Layer| [layer.spec.inputs, layer.spec.outputs];
    let (up4, mix4) = (find(network, LayerId::Up4), find(network, LayerId::Mix4));
    let mut input_scale = signed_output_scale(find(network, LayerId::Res8))?;
    // A feature is of a pixel's scale when it comes to be rounded, beside the pixels.
    let steps = feature_steps(profile, up4)?;
    let in_pixels = |channel: usize| PIXEL / steps[channel / 4];
    let around = plain(up4, input_scale, whole(up4));
    let mut layers = vec![Around { of_output: &in_pixels, ..around }.quantise()];

    let feature = |input: usize| steps.get(input).map_or(1.0, |step| step / PIXEL);
    let around = plain(mix4, PIXEL, whole(mix4));
    layers.push(Around { of_input: &feature, ..around }.quantise());

    input_scale = signed_output_scale(mix4)?;
    for layer in network.layers.iter().filter(|l| matches!(l.spec.id, LayerId::Res4(_))) {
        layers.push(plain(layer, input_scale, whole(layer)).quantise());
        input_scale = signed_output_scale(layer)?;
    }
    let head = find(network, LayerId::Head);
    layers.push(plain(head, input_scale, whole(head)).quantise());
    Some(layers)
}

fn find(network: &NetworkLevels, id: LayerId) -> &Layer {
    let layer = network.layers.iter().find(|layer| layer.spec.id == id);
    layer.unwrap_or_else(|| unreachable!("layer {id} is in the profile"))
}

/// A layer with nothing around it but the scale of what it reads.
fn plain(layer: &Layer, input_scale: f32, channels: [usize; 2]) -> Around<'_> {
    let (one, same) = (&|_: usize| 1.0, &|channel: usize| channel);
    Around { layer, input_scale, channels, of_input: one, of_output: one, channel_at: same }
}

/// The step of every feature.
fn feature_steps(profile: &Profile, up4: &Layer) -> Option<Vec<f32>> {
    (0..profile.quarter).map(|feature| up4.output_step(feature)).collect()
}

impl Layer8 {
    /// Weights and biases as the numbers that their levels stand for.
    pub fn in_floats(&self) -> (Vec<f32>, Vec<f32>) {
        let row = self.weights.len() / self.weight_scales.len();
        let weights = self.weights.chunks_exact(row).zip(&self.weight_scales);
        let weights =
            weights.flat_map(|(row, scale)| row.iter().map(move |l| f32::from(*l) * scale));
        let biases = self.bias.iter().zip(&self.bias_scales);
        (weights.collect(), biases.map(|(level, scale)| *level as f32 * scale).collect())
    }

    /// The same, many cells at once.
    fn in_blocks(self, block: Block) -> Self {
        let cells = block.cells();
        Self {
            block,
            weights: block.weights(&self.weights),
            weight_scales: self.weight_scales.repeat(cells),
            bias: self.bias.repeat(cells),
            bias_scales: self.bias_scales.repeat(cells),
            ..self
        }
    }
}

impl Around<'_> {
    fn quantise(&self) -> Layer8 {
        const TAPS: usize = KERNEL * KERNEL;
        let Layer { spec, steps, weights, .. } = self.layer;
        let [inputs, outputs] = self.channels;
        let biases: Vec<f32> = self.layer.bias_f32().collect();
        let mut made = Layer8 {
            id: spec.id,
            inputs,
            block: Block::CELL,
            weights: vec![0; outputs * inputs * TAPS],
            weight_scales: vec![1.0; outputs],
            bias: vec![0; outputs],
            bias_scales: vec![self.input_scale; outputs],
        };
        // Channels of the layer in the order of the block; those beyond it stay zero.
        let row = spec.inputs * TAPS;
        let rows = made.weights.chunks_exact_mut(inputs * TAPS);
        for (output, to) in rows.enumerate().take(spec.outputs) {
            let channel = (self.channel_at)(output);
            let levels = weights[channel * row..][..row].iter().enumerate();
            let scaled: Vec<f32> =
                levels.map(|(at, l)| f32::from(*l) * (self.of_input)(at / TAPS)).collect();
            // The finest power of two at which the largest weight still fits a byte.
            let shift = finest_shift(scaled.iter().fold(0.0, |m, w| w.abs().max(m)));
            for (level, weight) in to.iter_mut().zip(&scaled) {
                *level = (weight * shift).round_ties_even() as i8;
            }
            // The scales take up what the shift and the neighbouring layers leave.
            let factor = (self.of_output)(channel);
            let scale = steps[channel].step().to_num::<f32>() * factor / shift;
            let bias_scale = self.input_scale * scale;
            let bias = (biases[channel] * factor / bias_scale).round_ties_even();
            made.weight_scales[output] = scale;
            made.bias_scales[output] = bias_scale;
            made.bias[output] = bias.clamp(-BIAS_LIMIT, BIAS_LIMIT) as i32;
        }
        made
    }
}

/// The largest power of two that keeps a magnitude of `most` within the levels of a weight.
///
/// Why a power of two: levels of the stream then stay what they are, but for their place.
fn finest_shift(most: f32) -> f32 {
    let mut shift = 1.0;
    while most * shift > WEIGHT_LIMIT {
        shift /= 2.0;
    }
    while most > 0.0 && most * shift * 2.0 <= WEIGHT_LIMIT {
        shift *= 2.0;
    }
    shift
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::PROFILES;
    use crate::tests::streams::lively_network;

    #[test]
    fn weights_are_the_streams_and_in_mix4_near_them() {
        for profile in &PROFILES {
            let network = lively_network(profile);
            let layers = quantise(profile, &network).unwrap();
            let up4 = network.layers.iter().find(|l| l.spec.id == LayerId::Up4).unwrap();
            for made in &layers {
                let layer = network.layers.iter().find(|l| l.spec.id == made.id).unwrap();
                let spec = &layer.spec;
                let weights: Vec<f32> = layer.weights_f32().collect();
                let outputs = made.bias.len() / made.block.cells();
                let [_, wide] = made.block.kernel();
                let taps = made.weights.len() / made.bias.len() / made.inputs;
                for output in 0..outputs {
                    for input in 0..made.inputs {
                        for tap in 0..9 {
                            let kernel = (output * made.inputs + input) * taps;
                            let level = made.weights[kernel + tap / 3 * wide + tap % 3];
                            let got = f32::from(level) * made.weight_scales[output];
                            if output >= spec.outputs || input >= spec.inputs {
                                assert_eq!(got, 0.0, "padding");
                                continue;
                            }
                            let channel = match spec.id {
                                LayerId::Up4 => {
                                    output % profile.quarter * 4 + output / profile.quarter
                                }
                                _ => output,
                            };
                            let mut want = weights[(channel * spec.inputs + input) * 9 + tap];
                            if spec.id == LayerId::Up4 {
                                want /= up4.output_step(channel / 4).unwrap();
                            }
                            if spec.id == LayerId::Head && channel >= PACKED {
                                want /= 8.0;
                            }
                            let feature = spec.id == LayerId::Mix4 && input < profile.quarter;
                            if feature {
                                want *= up4.output_step(input).unwrap() * 128.0;
                            }
                            let mix4 = spec.id == LayerId::Mix4;
                            let allowed = if mix4 {
                                made.weight_scales[output] * 0.501
                            } else {
                                want.abs() * 1e-6
                            };
                            assert!((got - want).abs() <= allowed, "{}: {got} {want}", spec.id);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn signed_layers_stand_for_the_streams_numbers() {
        for profile in &PROFILES {
            let network = lively_network(profile);
            let step = |channel| find(&network, LayerId::Up4).output_step(channel).unwrap();
            for made in quantise_signed(profile, &network).unwrap() {
                let layer = find(&network, made.id);
                let (weights, biases) = made.in_floats();
                // Features are in pixels' units between the layer that makes and the one that reads them.
                let of_output = |output: usize| match made.id {
                    LayerId::Up4 => PIXEL / step(output / 4),
                    _ => 1.0,
                };
                let of_input = |input: usize| match made.id {
                    LayerId::Mix4 if input < profile.quarter => step(input) / PIXEL,
                    _ => 1.0,
                };
                let (inputs, taps) = (layer.spec.inputs, KERNEL * KERNEL);
                assert_eq!(weights.len(), layer.weights.len());
                for (at, (got, want)) in weights.iter().zip(layer.weights_f32()).enumerate() {
                    let (output, input) = (at / taps / inputs, at / taps % inputs);
                    let want = want * of_output(output) * of_input(input);
                    let scale = made.weight_scales[output];
                    let rounding = if made.id == LayerId::Mix4 { scale * 0.501 } else { 0.0 };
                    let allowed = rounding + want.abs() * 1e-6;
                    assert!((got - want).abs() <= allowed, "{}: {got} {want}", made.id);
                    let level = got / scale;
                    assert!((level - level.round()).abs() < 1e-4, "{level} is a level");
                }
                for (output, (got, want)) in biases.iter().zip(layer.bias_f32()).enumerate() {
                    let want = want * of_output(output);
                    let allowed = made.bias_scales[output] * 0.501 + want.abs() * 1e-6;
                    assert!((got - want).abs() <= allowed, "{}: {got} {want}", made.id);
                }
            }
        }
    }

    #[test]
    fn streams_without_steps_have_no_layers_in_integers() {
        let profile = &PROFILES[0];
        let mut network = lively_network(profile);
        network.layers.iter_mut().for_each(|l| l.output_steps.clear());
        assert_eq!(quantise(profile, &network), None);
        assert_eq!(quantise_signed(profile, &network), None);
    }

    #[test]
    fn weights_use_as_much_of_their_levels_as_powers_of_two_allow() {
        for (most, shift) in [(127.0, 1.0), (128.0, 0.5), (63.0, 2.0), (0.0, 1.0), (3.0, 32.0)] {
            assert_eq!(finest_shift(most), shift, "{most}");
        }
    }
}
