//! Decoded sections in host memory: the network of a scene, and the grids of a scene or a GOP.
//!
//! The writer sits beside the reader: the exporter codes with [`NetworkLevels::encode`] and
//! [`encode_grids`] what the player decodes here.

use heapless::Vec as FixedVec;

use super::latents::{GridLevels, grid_shape};
use crate::error::{Error, Result, within};
use crate::format::grids::{GridShape, code_grid};
use crate::format::limits::Limits;
use crate::format::mixing::SymbolModel;
use crate::format::network::{LayerLevels, code_layer};
use crate::format::range::{BitCoder, Decoder, Encoder};
use crate::format::steps::{StepIndex, to_f32};
use crate::profile::{GridSpec, LayerSpec, MAX_GRIDS, Profile};
use crate::units::Size;

/// Minor version of the first streams with [`Layer::output_steps`].
const OUTPUT_STEPS_SINCE: u8 = 1;
/// Minor version of the first streams with more than one of them in a layer.
const FEATURE_STEPS_SINCE: u8 = 2;
/// What the number of sub-streams of a grid section has to be.
const GRIDS_RULE: &str = "a grid section has a sub-stream per grid of the profile";

/// Quantised numbers of one layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// What it is.
    pub spec: LayerSpec,
    /// One step per output channel.
    pub steps: Vec<StepIndex>,
    /// `[output, input, 3, 3]`.
    pub weights: Vec<i8>,
    /// One step for all biases.
    pub bias_step: StepIndex,
    /// `[output]`.
    pub bias: Vec<i16>,
    /// Steps of its output for networks in 8 bits; streams before version 1.1 have none, those before 1.2 at most one.
    pub output_steps: Vec<StepIndex>,
}

/// Quantised network of a scene.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkLevels {
    /// Layers in the profile's order.
    pub layers: Vec<Layer>,
}

impl NetworkLevels {
    /// A network of zeros.
    pub fn zeros(profile: &Profile) -> Self {
        let zero = StepIndex::new(0).unwrap_or_else(|| unreachable!("step 0 exists"));
        let layers = profile.layers().into_iter().map(|spec| Layer {
            spec,
            steps: vec![zero; spec.outputs],
            weights: vec![0; spec.weights()],
            bias_step: zero,
            bias: vec![0; spec.outputs],
            output_steps: vec![zero; spec.output_steps],
        });
        Self { layers: layers.collect() }
    }

    /// Decodes a network section of a stream of minor version `minor`.
    ///
    /// # Errors
    /// [`Error::Malformed`] when steps leave their table.
    pub fn decode(
        body: &[u8],
        profile: &Profile,
        minor: u8,
        model: &mut SymbolModel,
    ) -> Result<Self> {
        let mut network = Self::zeros(profile);
        let most = if minor < OUTPUT_STEPS_SINCE {
            0
        } else if minor < FEATURE_STEPS_SINCE {
            1
        } else {
            usize::MAX
        };
        network.layers.iter_mut().for_each(|layer| layer.output_steps.truncate(most));
        network.code(&mut Decoder::new(body), model)?;
        Ok(network)
    }

    /// Whether the stream has the steps that networks in 8 bits need.
    pub fn has_output_steps(&self) -> bool {
        self.layers.iter().all(|l| l.output_steps.is_empty() == (l.spec.output_steps == 0))
    }

    /// Codes a network section.
    pub fn encode(&self, model: &mut SymbolModel) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::new());
        let coded = self.clone().code(&mut encoder, model);
        assert!(coded.is_ok(), "encoding repeats what it is given");
        encoder.finish()
    }

    fn code<C: BitCoder>(&mut self, coder: &mut C, model: &mut SymbolModel) -> Result<()> {
        model.reset();
        for (index, layer) in self.layers.iter_mut().enumerate() {
            let mut levels = LayerLevels {
                steps: &mut layer.steps,
                weights: &mut layer.weights,
                bias_step: &mut layer.bias_step,
                bias: &mut layer.bias,
                output_steps: &mut layer.output_steps,
            };
            code_layer(coder, model, index, &layer.spec, &mut levels)?;
        }
        Ok(())
    }
}

impl Layer {
    /// Weights `[output, input, 3, 3]`.
    pub fn weights_f32(&self) -> impl Iterator<Item = f32> + '_ {
        let row = self.weights.len() / self.spec.outputs;
        let dequantise =
            move |(i, w): (usize, &i8)| to_f32(self.steps[i / row].dequantise(i16::from(*w)));
        self.weights.iter().enumerate().map(dequantise)
    }

    /// Step of output or feature `channel`, where the stream has one.
    pub fn output_step(&self, channel: usize) -> Option<f32> {
        let step = self.output_steps.get(channel).or(self.output_steps.last());
        step.map(|step| step.step().to_num())
    }

    /// Biases `[output]`.
    pub fn bias_f32(&self) -> impl Iterator<Item = f32> + '_ {
        self.bias.iter().map(|b| to_f32(self.bias_step.dequantise(*b)))
    }
}

/// One decoded grid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    /// What it is.
    pub spec: &'static GridSpec,
    /// Its sizes.
    pub shape: GridShape,
    /// One step per channel.
    pub steps: Vec<StepIndex>,
    /// `[entry, view, channel, row, column]`.
    pub levels: Vec<i8>,
}

impl Grid {
    /// The grid, borrowed.
    pub fn view(&self) -> GridLevels<'_> {
        GridLevels { spec: self.spec, shape: self.shape, steps: &self.steps, levels: &self.levels }
    }
}

/// Which grids a section holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Residence {
    /// Static grids, once per scene.
    Scene,
    /// Grids over time, once per GOP.
    Gop,
}

/// Grids of zeros, as a section of `residence` holds them.
pub fn zero_grids(
    profile: &'static Profile,
    residence: Residence,
    size: Size,
    frames: usize,
    views: usize,
) -> Vec<Grid> {
    let zero = StepIndex::new(0).unwrap_or_else(|| unreachable!("step 0 exists"));
    let here = profile.grids.iter().filter(|g| g.in_scene() == (residence == Residence::Scene));
    here.map(|spec| {
        let shape = grid_shape(spec, size, frames, views);
        Grid { spec, shape, steps: vec![zero; spec.channels], levels: vec![0; shape.values()] }
    })
    .collect()
}

/// Codes a grid section: per grid a 32-bit length, then its sub-stream.
pub fn encode_grids(grids: &[Grid], model: &mut SymbolModel) -> Vec<u8> {
    let mut body = Vec::new();
    for grid in grids {
        let mut grid = grid.clone();
        let mut encoder = Encoder::new(Vec::new());
        model.reset();
        let coded = code_grid(&mut encoder, model, grid.shape, &mut grid.steps, &mut grid.levels);
        assert!(coded.is_ok(), "encoding repeats what it is given");
        let stream = encoder.finish();
        body.extend((stream.len() as u32).to_le_bytes());
        body.extend(stream);
    }
    body
}

/// The sub-streams of a grid section, without their lengths, each with its byte in the section.
///
/// # Errors
/// [`Error::Malformed`] when the section is cut off or has more of them than any profile has grids.
pub fn grid_streams(body: &[u8]) -> Result<FixedVec<(usize, &[u8]), MAX_GRIDS>> {
    let mut rest = body;
    let mut streams = FixedVec::new();
    while !rest.is_empty() {
        let broken = || {
            Error::malformed(
                (body.len() - rest.len()) as u64,
                "a grid sub-stream ends inside its section",
            )
        };
        let (length, after) = rest.split_first_chunk::<4>().ok_or_else(broken)?;
        let length = u32::from_le_bytes(*length) as usize;
        let stream = after.get(..length).ok_or_else(broken)?;
        let at = body.len() - after.len();
        streams.push((at, stream)).map_err(|_| Error::malformed(0, GRIDS_RULE))?;
        rest = &after[length..];
    }
    Ok(streams)
}

/// Decodes a grid section into `grids`, which have the sizes the header implies ([`zero_grids`]).
///
/// # Errors
/// [`Error::Malformed`] when the section is cut off or has another number of grids.
pub fn decode_grids(body: &[u8], grids: &mut [Grid], model: &mut SymbolModel) -> Result<()> {
    let streams = grid_streams(body)?;
    if streams.len() != grids.len() {
        return Err(Error::malformed(0, GRIDS_RULE));
    }
    for ((start, stream), grid) in streams.into_iter().zip(grids) {
        model.reset();
        let mut decoder = Decoder::new(stream);
        let decoded = code_grid(&mut decoder, model, grid.shape, &mut grid.steps, &mut grid.levels);
        decoded.map_err(|e| e.moved_by(start as u64))?;
    }
    Ok(())
}

/// Checks, before anything is allocated, that the grids of a section stay within `limits`.
///
/// # Errors
/// [`Error::OverBudget`] when they do not.
pub fn check_grids(
    profile: &Profile,
    size: Size,
    frames: usize,
    views: usize,
    limits: &Limits,
) -> Result<()> {
    limits.check_gop(frames as u64)?;
    let values: u64 =
        profile.grids.iter().map(|g| grid_shape(g, size, frames, views).values() as u64).sum();
    within("grid values of a GOP", values, limits.grid_values)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sparse small levels, as training leaves them.
    fn level(i: usize) -> i8 {
        let hash = (i as u32).wrapping_mul(2654435761) >> 24;
        if hash < 200 { 0 } else { (hash % 7) as i8 - 3 }
    }

    fn step(i: usize) -> StepIndex {
        StepIndex::new((40 + i % 30) as u8).unwrap()
    }

    #[test]
    fn networks_and_grids_survive_coding() {
        let mut model = Box::new(SymbolModel::new());
        let size = Size { width_px: 70, height_px: 50 };
        for profile in &crate::profile::PROFILES {
            let mut network = NetworkLevels::zeros(profile);
            for layer in &mut network.layers {
                layer.weights.iter_mut().enumerate().for_each(|(i, w)| *w = level(i));
                layer.steps.iter_mut().enumerate().for_each(|(i, s)| *s = step(i));
                layer.bias.iter_mut().enumerate().for_each(|(i, b)| *b = i16::from(level(i)) * 100);
                layer.bias_step = step(7);
                layer.output_steps.iter_mut().enumerate().for_each(|(i, s)| *s = step(i + 9));
            }
            let body = network.encode(&mut model);
            let decode = |body: &[u8], minor, model: &mut SymbolModel| {
                NetworkLevels::decode(body, profile, minor, model).unwrap()
            };
            assert_eq!(decode(&body, 2, &mut model), network);
            for (minor, most) in [(1, 1), (0, 0)] {
                network.layers.iter_mut().for_each(|layer| layer.output_steps.truncate(most));
                let body = network.encode(&mut model);
                assert_eq!(decode(&body, minor, &mut model), network, "as 1.{minor} has it");
            }

            for residence in [Residence::Scene, Residence::Gop] {
                let mut grids = zero_grids(profile, residence, size, 7, 3);
                for grid in &mut grids {
                    grid.levels.iter_mut().enumerate().for_each(|(i, w)| *w = level(i));
                    grid.steps.iter_mut().enumerate().for_each(|(i, s)| *s = step(i));
                }
                let body = encode_grids(&grids, &mut model);
                let mut decoded = zero_grids(profile, residence, size, 7, 3);
                decode_grids(&body, &mut decoded, &mut model).unwrap();
                assert_eq!(decoded, grids);
                assert!(decode_grids(&body[..body.len() - 1], &mut decoded, &mut model).is_err());
            }
        }
    }
}
