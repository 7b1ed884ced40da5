//! The cuts in 8 bits, for ONNX Runtime's CPU provider.
//!
//! Pictures and features are u8 and channels last, as that provider's integer kernels have them; the transpositions
//! at the edges are then none. What the flow comes from stays in f32: in 8 bits it would be off by a twentieth of a
//! pixel, for 0.01 dB (exporter/EXPERIMENTS.md §26). Where a convolution has few outputs it computes several cells at
//! once (`runtime/src/network/blocks.rs`). What each number means is defined beside the code that fills the initializers, in
//! `runtime/src/network/quantised.rs`.
//!
//! Why the biases are integers and the output of a ReLU has the zero point 0: only so does the provider make one
//! integer operator of a convolution and what is around it. TensorRT wants it otherwise.

use iev_runtime::network::blocks::Block;
use iev_runtime::network::quantised::{PIXEL, padded};
use iev_runtime::profile::topology::{self, Activation, LayerId};
use iev_runtime::profile::{HEAD, PACKED, ZERO};

use super::super::builder::{Dim, Value, ints};
use super::super::onnx::{INT8, INT32, UINT8};
use super::{AT4, AT8, AT16, BATCH, FLOW, Fixed, Graph, Mix8, kernels, nchw, three_by_three};

fn nhwc(channels: usize, [rows, columns]: [Dim; 2]) -> [Dim; 4] {
    [BATCH, rows, columns, Fixed(channels)]
}

/// Scale and zero point of a u8 value.
struct Scale {
    scale: Value,
    zero: Value,
}

impl Graph<'_> {
    pub(super) fn motion8_cut(&mut self) {
        (self.mix8, self.depth_to_space) = (Mix8::Apart, Self::spread);
        let given = self.latents();
        let layers = self.profile.layers_of(topology::Cut::Motion);
        let layers: Vec<_> = layers.take_while(|layer| layer.id != LayerId::Flow).collect();
        let eighth = self.evaluate(&layers, given).take(Activation::Eighth);
        self.conv_in_blocks(LayerId::Flow, "flow", &eighth, Block::OF_FLOW);
        self.b.output("flow", &nchw(Block::OF_FLOW.cells() * FLOW, AT16));

        let x = self.rounded(LayerId::Res8, &eighth);
        let [inputs, outputs] = [self.profile.eighth, 4 * self.profile.quarter];
        let features = self.conv8(LayerId::Up4, &x, inputs, outputs);
        let features = self.b.node("Relu", "up4.relu", &[&features], Vec::new());
        let scale = self.scale(LayerId::Up4);
        let features = self.quantise("up4", &features, &scale);
        self.b.transpose("features", &features, &[0, 2, 3, 1]);
        self.b.output_of(UINT8, "features", &nhwc(outputs, AT8));
    }

    /// Why not by [`Graph::evaluate`]: `mix4` reads one tensor that holds all three of its activations, and what a layer
    /// makes is rounded before another reads it, so that few of these values are the topology's.
    pub(super) fn refine8_cut(&mut self) {
        let channels = self.profile.quarter + 2 * PACKED;
        let width = padded(self.profile.refine);
        let planes = self.b.input_of(UINT8, "planes", &nhwc(channels, AT4));
        let planes = self.b.transpose("planes.first", &planes, &[0, 3, 1, 2]);
        let pixels = Scale { scale: self.b.scalar(PIXEL), zero: self.b.scalar_u8(ZERO) };
        let x = self.dequantise("planes", &planes, &pixels);
        let block = Block::of_mix4(width);
        let mut x = self.conv8_relu(LayerId::Mix4, &x, [channels, width], block, "mix4");
        let residual = |id: &LayerId| matches!(id, LayerId::Res4(_));
        for id in self.profile.layers().iter().map(|layer| layer.id).filter(residual) {
            let branch = format!("{id}.branch");
            let branch = self.conv8_relu(id, &x, [width; 2], Block::of_res4(width), &branch);
            let sum = self.b.node("Add", format!("{id}.sum"), &[&x, &branch], Vec::new());
            x = self.rounded(id, &sum);
        }
        let head = self.conv8(LayerId::Head, &x, width, HEAD);
        let head = self.quantise("head", &head, &pixels);
        self.b.transpose("picture", &head, &[0, 2, 3, 1]);
        self.b.output_of(UINT8, "picture", &nhwc(HEAD, AT4));
    }

    /// 3×3 convolution by blocks of cells, with ReLU, in 8 bits of the layer's scale.
    fn conv8_relu(
        &mut self,
        layer: LayerId,
        value: &str,
        channels: [usize; 2],
        block: Block,
        name: &str,
    ) -> Value {
        let x = self.conv8_of(layer, value, channels, block);
        let x = self.b.node("Relu", format!("{layer}.relu"), &[&x], Vec::new());
        if block == Block::CELL {
            return self.rounded_as(layer, &x, name);
        }
        let scale = self.scale(layer);
        let x = self.quantise(name, &x, &scale);
        // With channels last, as the provider has them, nothing of this moves a byte.
        let x = self.b.transpose(format!("{name}.last"), &x, &[0, 2, 3, 1]);
        let x = self.b.reshape(format!("{name}.cells"), &x, &[0, 0, -1, channels[1] as i64]);
        let x = self.b.transpose(format!("{name}.first"), &x, &[0, 3, 1, 2]);
        self.dequantise(name, &x, &scale)
    }

    /// `[N, 4·c, h, w]` → `[N, c, 2·h, 2·w]` for `c` of [`Profile::eighth`](iev_runtime::profile::Profile::eighth), as
    /// a transposed convolution: the CPU provider takes 17 µs for it where DepthToSpace takes 78.
    fn spread(&mut self, output: &str, value: &str) -> Value {
        let channels = self.profile.eighth;
        // Channel 4·c + 2·dy + dx goes to (dy, dx) alone.
        let places: Vec<f32> =
            (0..4 * channels * 4).map(|at| if at / 4 % 4 == at % 4 { 1.0 } else { 0.0 }).collect();
        let places = self.b.constant_tensor("places", &[4 * channels, 1, 2, 2], &places);
        let attributes = vec![
            ints("kernel_shape", &[2; 2]),
            ints("strides", &[2; 2]),
            super::int("group", channels as i64),
        ];
        self.b.node("ConvTranspose", output, &[value, &places], attributes)
    }

    /// 3×3 convolution with weights and biases in integers.
    fn conv8(&mut self, layer: LayerId, value: &str, inputs: usize, outputs: usize) -> Value {
        self.conv8_of(layer, value, [inputs, outputs], Block::CELL)
    }

    /// The same for all cells of a block at once.
    fn conv8_of(
        &mut self,
        layer: LayerId,
        value: &str,
        [inputs, outputs]: [usize; 2],
        block: Block,
    ) -> Value {
        let outputs = block.cells() * outputs;
        let mut constant = |part: &str, element, shape: &[usize]| {
            let name = format!("{layer}.{part}");
            let levels = self.b.external_of(element, &name, shape);
            let scale = self.b.external(&format!("{name}_scale"), &[outputs]);
            let axis = vec![super::int("axis", 0)];
            self.b.node("DequantizeLinear", format!("{name}_f32"), &[&levels, &scale], axis)
        };
        let weight = constant("weight", INT8, &kernels(inputs, outputs, block));
        let bias = constant("bias", INT32, &[outputs]);
        let inputs = [value, &weight, &bias];
        self.b.node("Conv", format!("{layer}.conv"), &inputs, three_by_three(block))
    }

    /// The scale of a layer's output, which is not below zero, filled from the stream.
    fn scale(&mut self, layer: LayerId) -> Scale {
        let scale = self.b.external(&format!("{layer}.scale"), &[]);
        Scale { scale, zero: self.b.scalar_u8(0) }
    }

    /// `value` in 8 bits of the layer's scale.
    fn rounded(&mut self, layer: LayerId, value: &str) -> Value {
        self.rounded_as(layer, value, layer.name())
    }

    fn rounded_as(&mut self, layer: LayerId, value: &str, name: &str) -> Value {
        let scale = self.scale(layer);
        let levels = self.quantise(name, value, &scale);
        self.dequantise(name, &levels, &scale)
    }

    fn quantise(&mut self, name: &str, value: &str, Scale { scale, zero }: &Scale) -> Value {
        self.b.node("QuantizeLinear", format!("{name}.u8"), &[value, scale, zero], Vec::new())
    }

    fn dequantise(&mut self, name: &str, value: &str, Scale { scale, zero }: &Scale) -> Value {
        self.b.node("DequantizeLinear", format!("{name}.f32"), &[value, scale, zero], Vec::new())
    }
}
