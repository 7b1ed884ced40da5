//! What a stream would take without the context model: its levels coded again, context by context alike.

use std::path::Path;

use iev_runtime::format::grids;
use iev_runtime::format::limits::Limits;
use iev_runtime::format::mixing::{CONTEXTS, SymbolModel};
use iev_runtime::format::network;
use iev_runtime::format::range::Encoder;
use iev_runtime::format::reader::StreamReader;
use iev_runtime::format::steps::StepIndex;
use iev_runtime::stream::scene::{Grid, Layer, NetworkLevels};
use iev_runtime::stream::source::Source;
use iev_runtime::stream::symbols::{Levels, visit_levels};

use crate::error::{Context, Result};

/// Bytes of the stream at `path` with every tensor coded by one adaptive distribution of its own: order 0,
/// the same binarisation and the same range coder, no neighbours.
///
/// # Errors
/// When the file cannot be read or breaks a rule of the format.
pub fn order0_bytes(path: &Path) -> Result<u64> {
    let within = || format!("coding {} again", path.display());
    let source = Source::open(path).with_context(within)?;
    let mut reader = StreamReader::open(source, &Limits::DEFAULT).with_context(within)?;
    let mut total = reader.file_bytes();
    let mut model = Box::new(SymbolModel::new());
    let visited = visit_levels(&mut reader, |section, levels| {
        total -= u64::from(section.bytes);
        total += match levels {
            Levels::Network(network) => network_bytes(&network, &mut model),
            Levels::Grids(grids) => grids.iter().map(|grid| grid_bytes(grid, &mut model)).sum(),
        };
    });
    visited.with_context(within)?;
    Ok(total)
}

/// A grid with the length of its sub-stream, which stays.
fn grid_bytes(grid: &Grid, model: &mut SymbolModel) -> u64 {
    let levels = grid.levels.iter().map(|l| i16::from(*l));
    let steps = differences(&grid.steps, grids::FIRST_STEP);
    size_of::<u32>() as u64 + tensors_bytes(model, [steps, levels.collect()])
}

fn network_bytes(network: &NetworkLevels, model: &mut SymbolModel) -> u64 {
    let tensors = network.layers.iter().flat_map(|layer| {
        let weights = layer.weights.iter().map(|w| i16::from(*w)).collect();
        [differences(layer_steps(layer), network::FIRST_STEP), weights, layer.bias.clone()]
    });
    tensors_bytes(model, tensors)
}

/// All steps of a layer in the stream's order, in which each is coded as the difference to the one before.
fn layer_steps(layer: &Layer) -> impl Iterator<Item = &StepIndex> {
    layer.steps.iter().chain([&layer.bias_step]).chain(&layer.output_steps)
}

/// Differences of step indices, as the stream has them.
fn differences<'a>(steps: impl IntoIterator<Item = &'a StepIndex>, first: i16) -> Vec<i16> {
    let indices = steps.into_iter().map(|s| i16::from(s.get()));
    let differences = indices.scan(first, |before, index| {
        let difference = index - *before;
        *before = index;
        Some(difference)
    });
    differences.collect()
}

/// One sub-stream of tensors; the model has a context per tensor and knows nothing else.
pub(crate) fn tensors_bytes(
    model: &mut SymbolModel,
    tensors: impl IntoIterator<Item = Vec<i16>>,
) -> u64 {
    let mut encoder = Encoder::new(Vec::new());
    model.reset();
    for (tensor, values) in (0..=u8::MAX).zip(tensors) {
        for value in values {
            model.code(&mut encoder, &[tensor; CONTEXTS], value);
        }
    }
    encoder.finish().len() as u64
}

#[cfg(test)]
mod tests {
    use iev_runtime::profile::PROFILES;
    use iev_runtime::profile::topology::LayerId;

    use super::*;

    #[test]
    fn every_step_of_a_layer_is_coded_as_the_difference_to_the_one_before() {
        let steps = |indices: &[u8]| indices.iter().filter_map(|i| StepIndex::new(*i)).collect();
        let layer = Layer {
            spec: PROFILES[0].layer(LayerId::Res8),
            steps: steps(&[50, 49]),
            weights: Vec::new(),
            bias_step: StepIndex::new(40).unwrap(),
            bias: Vec::new(),
            output_steps: steps(&[70]),
        };
        assert_eq!(differences(layer_steps(&layer), network::FIRST_STEP), [2, -1, -9, 30]);
    }
}
