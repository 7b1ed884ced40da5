//! Eight bits as TensorRT has them, in the full cut: quantisers around the convolutions that paint.
//!
//! Everything is int8 with the zero point 0. Weights have a scale per output and pass through a quantiser of their own,
//! biases and what the head makes are f32. What moves stays in f32, as in the cuts for the CPU provider (`int8.rs`). What
//! each number means is defined beside the code that fills the initializers, in `runtime/src/network/quantised.rs`.

use iev_runtime::network::blocks::Block;
use iev_runtime::network::quantised::{PIXEL, in_integers};
use iev_runtime::profile::LayerSpec;
use iev_runtime::profile::topology::LayerId;

use super::super::builder::Value;
use super::{Graph, Numbers, int, kernels, three_by_three};

impl Graph<'_> {
    /// A convolution with its weights, and what it reads where that is not yet, in int8; none of a layer that stays in
    /// f32.
    pub(super) fn conv_signed(&mut self, layer: LayerId, value: &str) -> Option<Value> {
        let spec = self.profile.layer(layer);
        if self.numbers != Numbers::Int8 || !in_integers(&spec) {
            return None;
        }
        let value = match layer {
            LayerId::Up4 => self.signed_as(LayerId::Res8, "up4.in", value),
            LayerId::Mix4 => {
                let pixel = self.b.scalar(PIXEL);
                self.signed_by("mix4.in", value, &pixel)
            }
            _ => value.to_owned(),
        };
        let weight = self.signed_weights(&spec);
        let bias = self.b.external(&format!("{layer}.bias"), &[spec.outputs]);
        let inputs = [value.as_str(), &weight, &bias];
        Some(self.b.node("Conv", format!("{layer}.conv"), &inputs, three_by_three(Block::CELL)))
    }

    /// What a layer makes, in int8 where only layers in int8 read it.
    pub(super) fn made_signed(&mut self, layer: LayerId, value: Value) -> Value {
        match layer {
            LayerId::Mix4 | LayerId::Res4(_) if self.numbers == Numbers::Int8 => {
                self.signed_as(layer, layer.name(), &value)
            }
            _ => value,
        }
    }

    fn signed_weights(&mut self, spec: &LayerSpec) -> Value {
        let name = format!("{}.weight", spec.id);
        let weight = self.b.external(&name, &kernels(spec.inputs, spec.outputs, Block::CELL));
        let scale = self.b.external(&format!("{name}_scale"), &[spec.outputs]);
        let zeros = self.b.zeros_i8(Some(spec.outputs));
        let axis = vec![int("axis", 0)];
        let inputs = [weight.as_str(), &scale, &zeros];
        let levels = self.b.node("QuantizeLinear", format!("{name}.i8"), &inputs, axis.clone());
        let inputs = [levels.as_str(), &scale, &zeros];
        self.b.node("DequantizeLinear", format!("{name}.f32"), &inputs, axis)
    }

    /// `value` in int8 of the scale of what `layer` makes, filled from the stream.
    fn signed_as(&mut self, layer: LayerId, name: &str, value: &str) -> Value {
        let scale = self.b.external(&format!("{layer}.scale"), &[]);
        self.signed_by(name, value, &scale)
    }

    fn signed_by(&mut self, name: &str, value: &str, scale: &str) -> Value {
        let zero = self.b.zeros_i8(None);
        let inputs = [value, scale, &zero];
        let levels = self.b.node("QuantizeLinear", format!("{name}.i8"), &inputs, Vec::new());
        let inputs = [levels.as_str(), scale, &zero];
        self.b.node("DequantizeLinear", format!("{name}.f32"), &inputs, Vec::new())
    }
}
