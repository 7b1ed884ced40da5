//! The network of "Implicit-explicit Integrated Representations for Multi-view Video Compression"
//! (arXiv 2311.17350) in its smallest size, C = 20, as an ONNX graph with random weights.
//!
//! Grids of 20 channels → five blocks (strides 5, 3, 2, 2, 2) of InstanceNorm → Conv3×3 →
//! PixelShuffle → InstanceNorm → GELU → heads at full resolution for RGB, two fusion logits and a
//! flow → bilinear warp of the anchor → softmax fusion. Summing the grids is left out, and the grid
//! embedding of a block is the bias of its convolution, which is the same numbers for nothing: both
//! are in the published network's favour. The widths of the blocks are ours: those that halve and
//! have the published counts, 2.2 M parameters (with grids for 96 frames and 10 views) and 11.2 kMAC
//! per pixel.

use iev_exporter::lower::builder::{Builder, Dim, Value, int, ints, string};
use prost::Message;

/// Channels of the grids.
const GRID: usize = 20;
/// Width and stride of every block.
const BLOCKS: [(usize, usize); 5] = [(160, 5), (80, 3), (40, 2), (24, 2), (19, 2)];
/// RGB, fusion logits, flow.
const HEADS: usize = 3 + 2 + 2;
/// Pixels per cell of the grids, in a row.
pub const CELL_PX: usize = 5 * 3 * 2 * 2 * 2;
/// Cells, frames and views of the published setting.
const PUBLISHED: (usize, usize, usize) = (9 * 16, 96, 10);

/// The graph and the sizes of what fills it.
pub struct Published {
    /// ONNX model.
    pub model: Vec<u8>,
    /// Initializers and their shapes.
    pub parameters: Vec<(String, Vec<usize>)>,
}

/// Multiply–accumulates of the convolutions per pixel.
pub fn mac_per_px() -> f64 {
    let (mut inputs, mut scale, mut mac) = (GRID, CELL_PX, 0.0);
    for (width, stride) in BLOCKS {
        mac += (9 * inputs * width * stride * stride) as f64 / (scale * scale) as f64;
        (inputs, scale) = (width, scale / stride);
    }
    mac + (9 * inputs * HEADS) as f64
}

/// Weights, biases, norms, and grids of the published setting: two temporal levels of half the
/// channels, one of them at half the rate, and one per view.
pub fn parameters() -> usize {
    let (cells, frames, views) = PUBLISHED;
    let grids = cells * (frames * GRID / 2 + frames / 2 * GRID / 2 + views * GRID);
    grids
        + published([1; 2])
            .parameters
            .iter()
            .map(|(_, s)| s.iter().product::<usize>())
            .sum::<usize>()
}

/// The network for pictures of `rows` × `columns` cells of [`CELL_PX`].
///
/// # Shapes
/// `grids [1, 20, rows, columns]`, `anchor [1, 3, height, width]` and `positions [1, height, width, 2]`
/// in; `picture [1, 3, height, width]` out.
pub fn published([rows, columns]: [usize; 2]) -> Published {
    let mut graph = Graph { b: Builder::default(), parameters: Vec::new() };
    let [height, width] = [rows * CELL_PX, columns * CELL_PX];
    let fixed = |shape: [usize; 4]| shape.map(Dim::Fixed);
    let mut x = graph.b.input("grids", &fixed([1, GRID, rows, columns]));
    let anchor = graph.b.input("anchor", &fixed([1, 3, height, width]));
    let positions = graph.b.input("positions", &fixed([1, height, width, 2]));
    let mut inputs = GRID;
    for (block, (outputs, stride)) in BLOCKS.into_iter().enumerate() {
        x = graph.block(&format!("block{block}"), &x, (inputs, outputs), stride);
        inputs = outputs;
    }
    let heads = graph.conv("heads", &x, (inputs, HEADS));
    let implicit = graph.b.slice("implicit", &heads, 1, 0..3);
    let logits = graph.b.slice("logits", &heads, 1, 3..5);
    let flow = graph.b.slice("flow", &heads, 1, 5..7);
    let warped = graph.warp(&anchor, &positions, &flow);
    let weights = graph.b.node("Softmax", "weights", &[&logits], vec![int("axis", 1)]);
    let parts = [(&implicit, 0), (&warped, 1)].map(|(picture, part)| {
        let weight = graph.b.slice(format!("weight{part}"), &weights, 1, part..part + 1);
        graph.b.node("Mul", format!("part{part}"), &[picture, &weight], Vec::new())
    });
    graph.b.node("Add", "picture", &[&parts[0], &parts[1]], Vec::new());
    graph.b.output("picture", &fixed([1, 3, height, width]));
    let Graph { b, parameters } = graph;
    Published { model: b.finish("published").encode_to_vec(), parameters }
}

struct Graph {
    b: Builder,
    parameters: Vec<(String, Vec<usize>)>,
}

impl Graph {
    fn parameter(&mut self, name: String, shape: &[usize]) -> Value {
        self.parameters.push((name.clone(), shape.to_vec()));
        self.b.external(&name, shape)
    }

    fn conv(&mut self, name: &str, value: &str, (inputs, outputs): (usize, usize)) -> Value {
        let weight = self.parameter(format!("{name}.weight"), &[outputs, inputs, 3, 3]);
        let bias = self.parameter(format!("{name}.bias"), &[outputs]);
        let attributes = vec![ints("kernel_shape", &[3, 3]), ints("pads", &[1; 4])];
        self.b.node("Conv", name, &[value, &weight, &bias], attributes)
    }

    fn norm(&mut self, name: &str, value: &str, channels: usize) -> Value {
        let scale = self.parameter(format!("{name}.scale"), &[channels]);
        let bias = self.parameter(format!("{name}.bias"), &[channels]);
        self.b.node("InstanceNormalization", name, &[value, &scale, &bias], Vec::new())
    }

    fn block(
        &mut self,
        name: &str,
        value: &str,
        (inputs, outputs): (usize, usize),
        stride: usize,
    ) -> Value {
        let x = self.norm(&format!("{name}.before"), value, inputs);
        let x = self.conv(&format!("{name}.conv"), &x, (inputs, outputs * stride * stride));
        let shuffle = vec![int("blocksize", stride as i64), string("mode", "CRD")];
        let x = self.b.node("DepthToSpace", format!("{name}.shuffle"), &[&x], shuffle);
        let x = self.norm(&format!("{name}.after"), &x, outputs);
        self.gelu(name, &x)
    }

    /// `x · (1 + erf(x / √2)) · ½`, in the form that ONNX Runtime fuses into one operator.
    fn gelu(&mut self, name: &str, x: &str) -> Value {
        let [root, one, half] =
            [std::f32::consts::SQRT_2, 1.0, 0.5].map(|v| self.b.constant_floats(&[v]));
        let a = self.b.node("Div", format!("{name}.gelu.div"), &[x, &root], Vec::new());
        let a = self.b.node("Erf", format!("{name}.gelu.erf"), &[&a], Vec::new());
        let a = self.b.node("Add", format!("{name}.gelu.add"), &[&a, &one], Vec::new());
        let a = self.b.node("Mul", format!("{name}.gelu.mul"), &[x, &a], Vec::new());
        self.b.node("Mul", format!("{name}.gelu"), &[&a, &half], Vec::new())
    }

    fn warp(&mut self, anchor: &str, positions: &str, flow: &str) -> Value {
        let flow = self.b.transpose("flow.last", flow, &[0, 2, 3, 1]);
        let places = self.b.node("Add", "places", &[positions, &flow], Vec::new());
        let attributes = vec![
            string("mode", "bilinear"),
            string("padding_mode", "border"),
            int("align_corners", 0),
        ];
        self.b.node("GridSample", "warped", &[anchor, &places], attributes)
    }
}
