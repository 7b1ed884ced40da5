//! Sixteen bits in the full cut: casts around the convolutions, which TensorRT obeys.
//!
//! The convolution that makes the flow, and all that is none, stays in f32: f16 cannot say where in a wide picture a pixel is.
//! Why casts around every one, and not f16 from the first to the last: sums of residual layers then keep their bits.
//!
//! ONNX Runtime's CPU provider for x86 has no convolutions in f16 and drops these casts. What they cost the player's reference
//! network tells (`runtime/src/tests/reference_network.rs`).

use iev_runtime::network::blocks::Block;
use iev_runtime::profile::topology::LayerId;

use super::super::builder::Value;
use super::super::onnx::{FLOAT, FLOAT16};
use super::{Graph, Numbers, kernels, three_by_three};

impl Graph<'_> {
    /// A convolution whose input, weights, bias and output are in f16; none of the flow, or where nothing is.
    pub(super) fn conv_half(&mut self, layer: LayerId, value: &str) -> Option<Value> {
        if self.numbers != Numbers::F16 || layer == LayerId::Flow {
            return None;
        }
        let spec = self.profile.layer(layer);
        let weight = format!("{layer}.weight");
        let weight = self.parameter(&weight, &kernels(spec.inputs, spec.outputs, Block::CELL));
        let bias = self.parameter(&format!("{layer}.bias"), &[spec.outputs]);
        let inputs = [("in", value), ("weight", &weight), ("bias", &bias)]
            .map(|(what, value)| self.b.cast(format!("{layer}.{what}.f16"), value, FLOAT16));
        let inputs = inputs.each_ref().map(String::as_str);
        let conv = format!("{layer}.conv.f16");
        let conv = self.b.node("Conv", conv, &inputs, three_by_three(Block::CELL));
        Some(self.b.cast(format!("{layer}.conv"), &conv, FLOAT))
    }
}
