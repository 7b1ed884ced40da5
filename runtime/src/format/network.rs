//! Network section (FORMAT.md §5): steps, weights and biases, layer by layer.

use super::mixing::{CONTEXTS, SymbolModel};
use super::range::BitCoder;
use super::steps::StepIndex;
use super::tensor::{class, pack, signed};
use crate::error::{Error, Result};
use crate::profile::{KERNEL, LayerSpec};

/// Taps of a kernel.
const TAPS: usize = KERNEL * KERNEL;
/// Most input channels of a layer.
const MAX_INPUTS: usize = 128;

/// The step index that a layer's first one is coded as the difference to.
pub const FIRST_STEP: i16 = 48;

/// The quantised numbers of one layer, borrowed from the caller's storage.
#[derive(Debug)]
pub struct LayerLevels<'a> {
    /// One step per output channel.
    pub steps: &'a mut [StepIndex],
    /// `[output, input, 3, 3]`.
    pub weights: &'a mut [i8],
    /// One step for all biases.
    pub bias_step: &'a mut StepIndex,
    /// `[output]`.
    pub bias: &'a mut [i16],
    /// Steps of the output, as many as the stream has.
    pub output_steps: &'a mut [StepIndex],
}

/// Codes one layer: encodes what `levels` holds, or fills it when `coder` decodes.
///
/// `index` is the layer's place in the profile; `model` carries over from layer to layer.
///
/// # Errors
/// [`Error::Malformed`] when decoded steps leave the table.
///
/// # Panics
/// If the slices do not have the layer's sizes.
pub fn code_layer<C: BitCoder>(
    coder: &mut C,
    model: &mut SymbolModel,
    index: usize,
    layer: &LayerSpec,
    levels: &mut LayerLevels<'_>,
) -> Result<()> {
    assert_eq!(levels.weights.len(), layer.weights(), "weights are [output, input, 3, 3]");
    assert!(layer.inputs <= MAX_INPUTS, "a layer has at most {MAX_INPUTS} inputs");
    let mut previous = FIRST_STEP;
    for step in levels.steps.iter_mut() {
        *step = code_step(coder, model, *step, &mut previous)?;
    }
    code_weights(coder, model, index as u32, layer, levels.weights);
    *levels.bias_step = code_step(coder, model, *levels.bias_step, &mut previous)?;
    code_biases(coder, model, levels.bias);
    for step in levels.output_steps.iter_mut() {
        *step = code_step(coder, model, *step, &mut previous)?;
    }
    Ok(())
}

/// Codes a step as the difference to the one before it.
pub(crate) fn code_step<C: BitCoder>(
    coder: &mut C,
    model: &mut SymbolModel,
    step: StepIndex,
    previous: &mut i16,
) -> Result<StepIndex> {
    let difference = i16::from(step.get()) - *previous;
    let coded = model.code(coder, &[255; CONTEXTS], difference);
    *previous = previous.saturating_add(coded);
    u8::try_from(*previous)
        .ok()
        .and_then(StepIndex::new)
        .ok_or(Error::malformed(0, "a quantiser step index is 0 to 127"))
}

fn code_weights<C: BitCoder>(
    coder: &mut C,
    model: &mut SymbolModel,
    index: u32,
    layer: &LayerSpec,
    weights: &mut [i8],
) {
    // Magnitude of what is already decoded, per input channel: the second axis of the model.
    let mut input_sums = [0u32; MAX_INPUTS];
    let row = layer.inputs * TAPS;
    for output in 0..layer.outputs {
        let mut output_sum = 0u32;
        for (input, input_sum) in input_sums.iter_mut().enumerate().take(layer.inputs) {
            for tap in 0..TAPS {
                let at = output * row + input * TAPS + tap;
                let near = |back: usize, exists: bool| {
                    if exists { i32::from(weights[at - back]) } else { 0 }
                };
                let neighbours = Neighbours {
                    layer: index,
                    tap: tap as u32,
                    last_tap: near(1, tap > 0),
                    last_input: near(TAPS, input > 0),
                    last_output: near(row, output > 0),
                    output_mean: mean(output_sum, input * TAPS + tap),
                    input_mean: mean(*input_sum, output * TAPS + tap),
                };
                let coded = model.code(coder, &neighbours.contexts(), i16::from(weights[at]));
                weights[at] = coded.clamp(-127, 127) as i8;
                let magnitude = u32::from(weights[at].unsigned_abs());
                output_sum += magnitude;
                *input_sum += magnitude;
            }
        }
    }
}

/// Class of the mean magnitude of `count` numbers; 8 when there are none yet.
fn mean(sum: u32, count: usize) -> u32 {
    if count == 0 { 8 } else { class(sum * 8 / count as u32) }
}

/// What is known when a weight is coded.
struct Neighbours {
    layer: u32,
    tap: u32,
    last_tap: i32,
    last_input: i32,
    last_output: i32,
    output_mean: u32,
    input_mean: u32,
}

impl Neighbours {
    fn contexts(&self) -> [u8; CONTEXTS] {
        [
            pack(&[(self.output_mean, 16), (self.input_mean, 16)]),
            pack(&[(self.layer, 13), (self.output_mean, 16)]),
            pack(&[(self.tap, 9), (self.input_mean, 16)]),
            pack(&[
                (signed(self.last_output, 3), 7),
                (signed(self.last_input, 3), 7),
                (self.output_mean / 4, 4),
            ]),
            pack(&[(self.tap, 9), (signed(self.last_tap, 3), 7), (signed(self.last_input, 1), 3)]),
            pack(&[(self.layer, 13), (self.tap, 9)]),
        ]
    }
}

/// Biases carry little structure: the magnitude of the one before is all their context.
fn code_biases<C: BitCoder>(coder: &mut C, model: &mut SymbolModel, biases: &mut [i16]) {
    let mut last = 0u16;
    for bias in biases {
        let context = 208 + class(last.into()) as u8;
        *bias = model.code(coder, &[context; CONTEXTS], *bias);
        last = bias.unsigned_abs();
    }
}
