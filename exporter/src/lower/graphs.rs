//! The cuts of a profile, from the topology of its layers; what is in 8 bits is in `int8.rs` and `signed.rs`, what in 16 in
//! `half.rs`.

use iev_runtime::kernel::flow::{CELL_BITS, PIXEL_BITS, REACH_PX};
use iev_runtime::network::blocks::Block;
use iev_runtime::profile::topology::{self, Activation, Activations, LayerId, Then};
use iev_runtime::profile::{FLOW, FLOW_UNIT_PX, HEAD, KERNEL, LayerSpec, MASKS, PACKED, Profile};

mod half;
mod int8;
mod signed;

use super::builder::{Builder, Dim, Port, Value, int, ints, string};
use super::onnx::{AttributeProto, FLOAT, INT32, ModelProto, UINT8};

use Dim::{Fixed, Named};

const BATCH: Dim = Named("batch");
/// Rows and columns at 1/16.
const AT16: [Dim; 2] = [Named("h16"), Named("w16")];
/// Rows and columns at 1/8.
const AT8: [Dim; 2] = [Named("h8"), Named("w8")];
/// Rows and columns at 1/4.
const AT4: [Dim; 2] = [Named("h4"), Named("w4")];
/// Rows and columns of chroma planes, padded.
const AT2: [Dim; 2] = [Named("h2"), Named("w2")];
/// Rows and columns of luma planes, padded.
const AT1: [Dim; 2] = [Named("h1"), Named("w1")];

/// A template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum TemplateCut {
    /// Latents → flow and features.
    Motion,
    /// Features and warped sources → packed picture and masks.
    Refine,
    /// Latents, source pictures and weights → fused pictures; pictures are in bytes.
    Full,
    /// The same with convolutions in f16, for TensorRT.
    Full16,
    /// The same with what paints in 8 bits and weights that are constants, for TensorRT.
    Full8,
    /// Latents → flow, and features in 8 bits.
    Motion8,
    /// Features and warped sources in 8 bits → packed picture and masks in 8 bits.
    Refine8,
}

impl TemplateCut {
    /// All cuts.
    pub const ALL: [Self; 7] = [
        Self::Motion,
        Self::Refine,
        Self::Full,
        Self::Full16,
        Self::Full8,
        Self::Motion8,
        Self::Refine8,
    ];

    /// Name in file names and the manifest.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Whether it is for the CPU provider alone, whose 8 bits are not those of TensorRT.
    pub const fn for_cpu(self) -> bool {
        matches!(self, Self::Motion8 | Self::Refine8)
    }
}

/// A lowered template and its interface.
#[derive(Debug, Clone)]
pub struct Template {
    /// The graph.
    pub model: ModelProto,
    /// Its inputs.
    pub inputs: Vec<Port>,
    /// Its outputs.
    pub outputs: Vec<Port>,
}

/// Lowers one cut of `profile`.
pub fn lower(profile: &Profile, cut: TemplateCut) -> Template {
    let mut graph = Graph {
        b: Builder::default(),
        profile,
        mix8: Mix8::Whole,
        weights: Weights::Constant,
        numbers: Numbers::F32,
        depth_to_space: Graph::depth_to_space,
    };
    match cut {
        TemplateCut::Motion => graph.motion_cut(),
        TemplateCut::Refine => graph.refine_cut(),
        TemplateCut::Full => graph.full_cut(Numbers::F32, Weights::Given),
        TemplateCut::Full16 => graph.full_cut(Numbers::F16, Weights::Given),
        // The scales of quantisers must be constants, and so weights may be.
        TemplateCut::Full8 => graph.full_cut(Numbers::Int8, Weights::Constant),
        TemplateCut::Motion8 => graph.motion8_cut(),
        TemplateCut::Refine8 => graph.refine8_cut(),
    }
    let (inputs, outputs) = (graph.b.inputs.clone(), graph.b.outputs.clone());
    let model = graph.b.finish(&format!("{}.{}", profile.name, cut.name()));
    Template { model, inputs, outputs }
}

fn nchw(channels: usize, [rows, columns]: [Dim; 2]) -> [Dim; 4] {
    [BATCH, Fixed(channels), rows, columns]
}

/// How `mix8` reads its two inputs.
#[derive(Clone, Copy)]
enum Mix8 {
    /// One convolution of both, concatenated.
    Whole,
    /// One each, added: the CPU provider copies nothing, and its kernels like multiples of 16 inputs or few.
    Apart,
}

/// Where weights and biases come from.
#[derive(Clone, Copy)]
enum Weights {
    /// They are in the graph, filled in when a session opens: providers can arrange them, and what they compile is of one
    /// stream.
    Constant,
    /// They are inputs: what is compiled is of every stream.
    Given,
}

/// What the full cut paints in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Numbers {
    F32,
    /// By casts around convolutions.
    F16,
    /// By quantisers.
    Int8,
}

/// Shape of the weights of a 3×3 convolution with `outputs` for all cells of a block.
fn kernels(inputs: usize, outputs: usize, block: Block) -> [usize; 4] {
    let [rows, columns] = block.kernel();
    [outputs, inputs, rows, columns]
}

/// 3×3 for every cell of a block, zero padding of one cell.
fn three_by_three(block: Block) -> Vec<AttributeProto> {
    let sizes = |[rows, columns]: [usize; 2]| [rows as i64, columns as i64];
    let padding = KERNEL as i64 / 2;
    let strides = ints("strides", &sizes([block.down, block.across]));
    let kernel = vec![ints("kernel_shape", &sizes(block.kernel())), ints("pads", &[padding; 4])];
    kernel.into_iter().chain((block != Block::CELL).then_some(strides)).collect()
}

/// Flow and features.
struct MotionOutputs {
    flow: Value,
    features: Value,
}

struct Graph<'a> {
    b: Builder,
    profile: &'a Profile,
    mix8: Mix8,
    weights: Weights,
    numbers: Numbers,
    /// `[N, 4·c, h, w]` → `[N, c, 2·h, 2·w]`.
    depth_to_space: fn(&mut Self, output: &str, value: &str) -> Value,
}

impl Graph<'_> {
    /// `layers`, one after another, on the activations `given` and made.
    fn evaluate<const N: usize>(
        &mut self,
        layers: &[LayerSpec],
        given: [(Activation, Value); N],
    ) -> Activations<Value> {
        let mut values = Activations::new(given);
        values.evaluate(layers, |layer, reads| {
            let made = self.layer(layer, reads);
            self.made_signed(layer.id, made)
        });
        values
    }

    /// A layer with what follows its convolution.
    fn layer(&mut self, layer: &LayerSpec, reads: &[&Value]) -> Value {
        let id = layer.id;
        // What it reads is one tensor, or several side by side.
        let conv = match (reads, self.mix8) {
            ([value], _) => self.conv(id, value),
            ([up8, latent8], Mix8::Apart) => self.conv_apart(layer, up8, latent8),
            _ => {
                let reads: Vec<&str> = reads.iter().map(|value| value.as_str()).collect();
                let value = self.b.concat(format!("{id}.in"), &reads);
                self.conv(id, &value)
            }
        };
        // What follows the convolution.
        if id.then() == Then::Nothing {
            return conv;
        }
        let relu = self.b.node("Relu", format!("{id}.relu"), &[&conv], Vec::new());
        match id.then() {
            Then::Nothing | Then::Relu => relu,
            Then::Residual => {
                self.b.node("Add", format!("{id}.sum"), &[reads[0], &relu], Vec::new())
            }
            Then::Larger if id == LayerId::Up4 => (self.depth_to_space)(self, "features", &relu),
            Then::Larger => (self.depth_to_space)(self, &format!("{id}.out"), &relu),
        }
    }

    /// 3×3 convolution with the layer's weights, zero padding of one cell.
    fn conv(&mut self, layer: LayerId, value: &str) -> Value {
        if let Some(conv) = self.conv_half(layer, value).or_else(|| self.conv_signed(layer, value))
        {
            return conv;
        }
        let output =
            if layer == LayerId::Flow { "flow".to_owned() } else { format!("{layer}.conv") };
        self.conv_in_blocks(layer, &output, value, Block::CELL)
    }

    /// The same for all cells of a block at once.
    fn conv_in_blocks(&mut self, layer: LayerId, output: &str, value: &str, block: Block) -> Value {
        let spec = self.profile.layer(layer);
        let outputs = block.cells() * spec.outputs;
        let weight =
            self.parameter(&format!("{layer}.weight"), &kernels(spec.inputs, outputs, block));
        let bias = self.parameter(&format!("{layer}.bias"), &[outputs]);
        self.b.node("Conv", output, &[value, &weight, &bias], three_by_three(block))
    }

    /// Weights or biases of a layer, in f32.
    fn parameter(&mut self, name: &str, shape: &[usize]) -> Value {
        match self.weights {
            Weights::Constant => self.b.external(name, shape),
            Weights::Given => {
                let shape: Vec<Dim> = shape.iter().map(|size| Fixed(*size)).collect();
                self.b.input(name, &shape)
            }
        }
    }

    /// The convolution of `mix8` as one of each input, added.
    fn conv_apart(&mut self, layer: &LayerSpec, up8: &str, latent8: &str) -> Value {
        let of_up8 = LayerSpec { inputs: self.profile.eighth, ..*layer };
        let of_latent8 = LayerSpec { inputs: self.profile.latent8, ..*layer };
        let bias = self.b.external("mix8.bias", &[layer.outputs]);
        let up8 = self.conv_of("mix8.up8", &of_up8, up8, Some(bias));
        let latent8 = self.conv_of("mix8.latent8", &of_latent8, latent8, None);
        self.b.node("Add", "mix8.conv", &[&up8, &latent8], Vec::new())
    }

    /// A part of a layer, called `name` as its weights are.
    fn conv_of(&mut self, name: &str, spec: &LayerSpec, value: &str, bias: Option<Value>) -> Value {
        let shape = kernels(spec.inputs, spec.outputs, Block::CELL);
        let weight = self.b.external(&format!("{name}.weight"), &shape);
        let inputs: Vec<&str> = [value, &weight].into_iter().chain(bias.as_deref()).collect();
        self.b.node("Conv", format!("{name}.conv"), &inputs, three_by_three(Block::CELL))
    }

    fn depth_to_space(&mut self, output: &str, value: &str) -> Value {
        let attributes = vec![int("blocksize", 2), string("mode", "CRD")];
        self.b.node("DepthToSpace", output, &[value], attributes)
    }

    fn motion(&mut self) -> MotionOutputs {
        let given = self.latents();
        let layers: Vec<_> = self.profile.layers_of(topology::Cut::Motion).collect();
        let mut values = self.evaluate(&layers, given);
        MotionOutputs {
            flow: values.take(Activation::Flow),
            features: values.take(Activation::Features),
        }
    }

    fn latents(&mut self) -> [(Activation, Value); 2] {
        let latent16 = self.b.input("latent16", &nchw(self.profile.latent16, AT16));
        let latent8 = self.b.input("latent8", &nchw(self.profile.latent8, AT8));
        [(Activation::Latent16, latent16), (Activation::Latent8, latent8)]
    }

    /// Implicit packed picture and masks; `picture` is the name of the former.
    fn refine(&mut self, features: &str, warped: [&str; 2], picture: &str) -> (Value, Value) {
        use Activation::{Features, Warped0, Warped1};
        let given = [(Features, features), (Warped0, warped[0]), (Warped1, warped[1])];
        let given = given.map(|(activation, name)| (activation, name.to_owned()));
        let layers: Vec<_> = self.profile.layers_of(topology::Cut::Refine).collect();
        let head = self.evaluate(&layers, given).take(Activation::Head);
        let implicit = self.b.slice(picture, &head, 1, 0..PACKED);
        let logits = self.b.slice("mask.logits", &head, 1, PACKED..HEAD);
        let mask = self.b.node("Sigmoid", "mask", &[&logits], Vec::new());
        (implicit, mask)
    }

    fn motion_cut(&mut self) {
        self.mix8 = Mix8::Apart;
        self.motion();
        self.b.output("flow", &nchw(FLOW, AT8));
        self.b.output("features", &nchw(self.profile.quarter, AT4));
    }

    fn refine_cut(&mut self) {
        let features = self.b.input("features", &nchw(self.profile.quarter, AT4));
        let warped = ["warped0", "warped1"].map(|name| self.b.input(name, &nchw(PACKED, AT4)));
        self.refine(&features, warped.each_ref().map(String::as_str), "picture");
        self.b.output("picture", &nchw(PACKED, AT4));
        self.b.output("mask", &nchw(MASKS, AT4));
    }

    fn full_cut(&mut self, numbers: Numbers, weights: Weights) {
        (self.numbers, self.weights) = (numbers, weights);
        let motion = self.motion();
        let grids = self.sampling_grids(&motion.flow);
        let pictures = self.source_pictures();
        let warped = [0, 1].map(|source| self.warp(source, &pictures, &grids[source]));
        let warped = warped.each_ref().map(String::as_str);
        let (implicit, mask) = self.refine(&motion.features, warped, "implicit");
        self.fuse(warped, &implicit, &mask);
        self.planes("picture");
    }

    /// Pictures to copy from, in 0‥255: luma `[anchors + keys, 1, h1, w1]`, chroma `[anchors + keys, 2, h2, w2]`.
    ///
    /// Why two inputs of each: what several views copy from is given once, and keys once for many frames.
    fn source_pictures(&mut self) -> [Value; 2] {
        [("y", 1, AT1), ("uv", 2, AT2)].map(|(plane, channels, [h, w])| {
            let given = ["anchors", "keys"].map(|count| {
                let shape = [Named(count), Fixed(channels), h, w];
                let bytes = self.b.input_of(UINT8, &format!("{count}_{plane}"), &shape);
                self.b.cast(format!("{bytes}.f32"), &bytes, FLOAT)
            });
            let given = given.each_ref().map(String::as_str);
            self.b.node("Concat", format!("pictures_{plane}"), &given, vec![int("axis", 0)])
        })
    }

    /// Where every luma and chroma sample of both sources is read, `[source][luma, chroma]`, each
    /// `[N, rows, columns, 2]` in −1‥1 of the padded plane.
    ///
    /// Displacements are the integers of the player's kernel (`kernel/flow.rs`), which floats hold exactly: those of cells
    /// in any case, those between them up to 256 pixels, beyond which a sum may be off by 1/16 pixel.
    ///
    /// `d` of them, 1/16 luma pixel each, are `d · 2 / (16 · width)` of the −1‥1 axis, in chroma as in luma. The width is
    /// not in the graph, so that factor for dx and dy comes as `flow_scale` and the undisplaced positions as `grid_y` and
    /// `grid_uv`: all three are set once per session, and no operator outside the portable set is needed to count pixels.
    fn sampling_grids(&mut self, flow: &str) -> [[Value; 2]; 2] {
        let cells = self.displacements(flow);
        let scale = self.b.input("flow_scale", &[Fixed(1), Fixed(1), Fixed(1), Fixed(2)]);
        let base = [("grid_y", AT1), ("grid_uv", AT2)]
            .map(|(name, [h, w])| self.b.input(name, &[Fixed(1), h, w, Fixed(2)]));
        [0, 1].map(|source| {
            let name = format!("flow{source}");
            let flow = self.b.slice(name.as_str(), &cells, 1, 2 * source..2 * source + 2);
            // Cells are 8 luma pixels, so 4 chroma pixels.
            [("y", FLOW_CELL_PX), ("uv", FLOW_CELL_PX / 2.0)].map(|(plane, times)| {
                let scales = self.b.constant_floats(&[1.0, 1.0, times, times]);
                let mode = vec![
                    string("mode", "linear"),
                    string("coordinate_transformation_mode", "half_pixel"),
                ];
                let name = format!("{name}.{plane}");
                let wide = self.b.node("Resize", name.as_str(), &[&flow, "", &scales], mode);
                let last = self.b.transpose(format!("{name}.last"), &wide, &[0, 2, 3, 1]);
                let whole = self.b.node("Floor", format!("{name}.whole"), &[&last], Vec::new());
                let by = [whole.as_str(), &scale];
                let by = self.b.node("Mul", format!("{name}.by"), &by, Vec::new());
                let base = &base[usize::from(plane == "uv")];
                self.b.node("Add", format!("{name}.grid"), &[base, &by], Vec::new())
            })
        })
    }

    /// Displacements of cells as `quantise` of the player makes them, in units of a pixel's and half of one more, so that
    /// the floor of what lies between cells is rounded half up.
    fn displacements(&mut self, flow: &str) -> Value {
        let unit = (1 << CELL_BITS) as f32;
        let [scale, least, most] =
            [FLOW_UNIT_PX * unit, -REACH_PX * unit, REACH_PX * unit].map(|f| self.b.scalar(f));
        let scaled = self.b.node("Mul", "flow.scaled", &[flow, &scale], Vec::new());
        let within = self.b.node("Clip", "flow.within", &[&scaled, &least, &most], Vec::new());
        let cells = self.b.node("Round", "flow.cells", &[&within], Vec::new());
        let [fine, half] =
            [1.0 / (1 << (CELL_BITS - PIXEL_BITS)) as f32, 0.5].map(|f| self.b.scalar(f));
        let fine = self.b.node("Mul", "flow.fine", &[&cells, &fine], Vec::new());
        self.b.node("Add", "flow.raised", &[&fine, &half], Vec::new())
    }

    /// One source, sampled and packed: `[N, 24, h4, w4]` in −1‥1. `source0` and `source1` say which of the pictures it
    /// is for each view.
    fn warp(&mut self, source: usize, pictures: &[Value; 2], grids: &[Value; 2]) -> Value {
        let which = self.b.input_of(INT32, &format!("source{source}"), &[BATCH]);
        let sampled = [0, 1].map(|plane| {
            let name = format!("source{source}.{}", ["y", "uv"][plane]);
            let chosen = [&pictures[plane], &which].map(String::as_str);
            let chosen = self.b.node("Gather", name.as_str(), &chosen, vec![int("axis", 0)]);
            let attributes = vec![
                string("mode", "bilinear"),
                string("padding_mode", "border"),
                int("align_corners", 0),
            ];
            let inputs = [chosen.as_str(), &grids[plane]];
            let warped = self.b.node("GridSample", format!("{name}.warped"), &inputs, attributes);
            self.whole_fractions(&name, &warped, PIXEL_BITS + plane as u32)
        });
        let chroma = [("u", 0), ("v", 1)].map(|(plane, at)| {
            self.b.slice(format!("source{source}.{plane}"), &sampled[1], 1, at..at + 1)
        });
        let planes = [(&sampled[0], 4), (&chroma[0], 2), (&chroma[1], 2)];
        let packed = planes.map(|(plane, side)| self.space_to_depth(plane, plane, side));
        let packed = packed.each_ref().map(String::as_str);
        let packed = self.b.concat(format!("source{source}.pixels"), &packed);
        let one = self.b.scalar(1.0);
        self.b.node("Sub", format!("warped{source}"), &[&packed, &one], Vec::new())
    }

    /// Samples 0‥255, interpolated by weights of `bits` fraction bits on either axis, as 0‥2; the rest of
    /// `sample_from_fixed` of the player is to subtract 1.
    ///
    /// Why rounded: a position on a −1‥1 axis of 1920 pixels is off by some 1/20000 pixel in f32. Between neighbours that
    /// are alike the sample is then the kernel's all the same; elsewhere it is off by a few of these fractions.
    fn whole_fractions(&mut self, name: &str, samples: &str, bits: u32) -> Value {
        let fractions = (1 << (2 * bits)) as f32;
        let [many, scale] = [fractions, 1.0 / (128.0 * fractions)].map(|f| self.b.scalar(f));
        let many = self.b.node("Mul", format!("{name}.fractions"), &[samples, &many], Vec::new());
        let whole = self.b.node("Round", format!("{name}.whole"), &[&many], Vec::new());
        self.b.node("Mul", format!("{name}.scaled"), &[&whole, &scale], Vec::new())
    }

    /// `[N, 1, s·h, s·w]` → `[N, s², h, w]`, channel `s·dy + dx`.
    ///
    /// Why not a stride-s convolution with a one-hot kernel: a GPU may round its inputs to TF32 or
    /// half. Copies are exact. Why four reshapes: each may leave only one size to be inferred, and
    /// copying a size (0) works only where its place stays the same.
    fn space_to_depth(&mut self, name: &str, value: &str, side: i64) -> Value {
        let rows = self.b.reshape(format!("{name}.rows"), value, &[0, -1, side, 0]);
        let cells = self.b.reshape(format!("{name}.cells"), &rows, &[0, 0, 0, -1, side]);
        let order = self.b.transpose(format!("{name}.order"), &cells, &[0, 2, 4, 1, 3]);
        let merged = self.b.reshape(format!("{name}.merged"), &order, &[0, side * side, 1, 0, 0]);
        let axis = self.b.constant_ints(&[2]);
        self.b.node("Squeeze", format!("{name}.packed"), &[&merged, &axis], Vec::new())
    }

    /// `y = t + m₀ · (w₀ − t)` with `t = implicit + m₁ · (w₁ − implicit)`.
    fn fuse(&mut self, warped: [&str; 2], implicit: &str, mask: &str) {
        let inner = self.blend(1, warped[1], implicit, mask, "fused1");
        self.blend(0, warped[0], &inner, mask, "picture");
    }

    /// The packed picture as planes of bytes: rounded to nearest, ties to even, as `to_pixel` of the player.
    fn planes(&mut self, packed: &str) {
        let level = self.b.scalar(128.0);
        let scaled = self.b.node("Mul", "picture.scaled", &[packed, &level], Vec::new());
        let raised = self.b.node("Add", "picture.raised", &[&scaled, &level], Vec::new());
        let bounds = [0.0, 255.0].map(|bound| self.b.scalar(bound));
        let inputs = [raised.as_str(), &bounds[0], &bounds[1]];
        let clipped = self.b.node("Clip", "picture.clipped", &inputs, Vec::new());
        let pixels = self.b.node("Round", "picture.pixels", &[&clipped], Vec::new());
        let planes = [("picture_y", 0..16, 4, 1, AT1), ("picture_uv", 16..PACKED, 2, 2, AT2)];
        for (name, channels, side, planes, size) in planes {
            let packed = self.b.slice(format!("{name}.packed"), &pixels, 1, channels);
            let attributes = vec![int("blocksize", side), string("mode", "CRD")];
            let plane = format!("{name}.f32");
            let plane = self.b.node("DepthToSpace", plane, &[&packed], attributes);
            self.b.cast(name, &plane, UINT8);
            self.b.output_of(UINT8, name, &nchw(planes, size));
        }
    }

    fn blend(&mut self, source: usize, over: &str, under: &str, mask: &str, out: &str) -> Value {
        let mask = self.spread_mask(source, mask);
        let gap = self.b.node("Sub", format!("gap{source}"), &[over, under], Vec::new());
        let part = self.b.node("Mul", format!("part{source}"), &[&mask, &gap], Vec::new());
        self.b.node("Add", out, &[under, &part], Vec::new())
    }

    /// One mask, 4 values per cell, over the 24 packed planes: value `2·dy + dx` covers a 2×2 block
    /// of luma and one chroma sample.
    fn spread_mask(&mut self, source: usize, mask: &str) -> Value {
        let quarters: Vec<Value> = (0..4)
            .map(|q| {
                let at = 4 * source + q;
                self.b.slice(format!("mask{source}_{q}"), mask, 1, at..at + 1)
            })
            .collect();
        let luma = (0..16).map(|c| 2 * (c / 8) + (c % 4) / 2);
        let channels: Vec<&str> =
            luma.chain(0..4).chain(0..4).map(|q| quarters[q].as_str()).collect();
        self.b.concat(format!("mask{source}"), &channels)
    }
}

/// Luma pixels per cell of the flow. It happens to be one flow unit, but need not stay so.
const FLOW_CELL_PX: f32 = 8.0;
