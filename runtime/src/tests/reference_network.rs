//! The decoder network in plain Rust: slow, obvious, and the twin of the ONNX templates.

use crate::profile::topology::{Activation, Activations, Cut, LayerId, Then};
use crate::profile::{KERNEL, LayerSpec, MASKS, PACKED, Profile};
use crate::stream::scene::{Layer, NetworkLevels};

/// One picture's tensor, `[channel, row, column]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// Channels.
    pub channels: usize,
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// Values.
    pub values: Vec<f32>,
}

impl Map {
    /// A map of `values`.
    ///
    /// # Panics
    /// If there are not `channels · rows · columns` of them.
    pub fn new(channels: usize, rows: usize, columns: usize, values: Vec<f32>) -> Self {
        assert_eq!(values.len(), channels * rows * columns, "a map is [channel, row, column]");
        Self { channels, rows, columns, values }
    }

    /// Value at a place that may lie outside, where it is zero.
    fn at(&self, channel: usize, row: isize, column: isize) -> f32 {
        let inside =
            (0..self.rows as isize).contains(&row) && (0..self.columns as isize).contains(&column);
        let at = (channel * self.rows) as isize + row;
        if inside { self.values[(at * self.columns as isize + column) as usize] } else { 0.0 }
    }

    /// `f(channel, row, column)` everywhere.
    fn make(
        channels: usize,
        rows: usize,
        columns: usize,
        mut f: impl FnMut(usize, isize, isize) -> f32,
    ) -> Self {
        let mut values = Vec::with_capacity(channels * rows * columns);
        for channel in 0..channels {
            for row in 0..rows as isize {
                values.extend((0..columns as isize).map(|column| f(channel, row, column)));
            }
        }
        Self { channels, rows, columns, values }
    }

    fn map(mut self, f: impl Fn(f32) -> f32) -> Self {
        self.values.iter_mut().for_each(|v| *v = f(*v));
        self
    }

    fn relu(self) -> Self {
        self.map(|v| v.max(0.0))
    }

    fn add(mut self, other: &Self) -> Self {
        self.values.iter_mut().zip(&other.values).for_each(|(a, b)| *a += b);
        self
    }

    /// Channels of all `maps`, one after another.
    fn concat(maps: &[&Self]) -> Self {
        let channels = maps.iter().map(|m| m.channels).sum();
        let values = maps.iter().flat_map(|m| m.values.iter().copied()).collect();
        Self::new(channels, maps[0].rows, maps[0].columns, values)
    }

    /// Channel `4·c + 2·dy + dx` goes to row `2·row + dy`, column `2·column + dx` of channel `c`.
    fn depth_to_space(&self) -> Self {
        Self::make(self.channels / 4, self.rows * 2, self.columns * 2, |c, row, column| {
            let within = (row % 2 * 2 + column % 2) as usize;
            self.at(4 * c + within, row / 2, column / 2)
        })
    }
}

/// The network of a scene, dequantised.
#[derive(Debug)]
pub struct ReferenceNetwork<'a> {
    profile: &'a Profile,
    network: &'a NetworkLevels,
    /// Whether what convolutions read and make is rounded to f16, but of the one that makes the flow.
    in_f16: bool,
}

/// `value` as f16 holds it.
fn rounded_to_f16(value: f32) -> f32 {
    assert!(value.abs() < 65_520.0, "f16 holds no {value}");
    let exponent = (value.to_bits() >> 23 & 0xff) as i32 - 127;
    let step = 2f32.powi(exponent.max(-14) - 10);
    (value / step).round_ties_even() * step
}

impl<'a> ReferenceNetwork<'a> {
    /// `network` of `profile`.
    pub fn new(profile: &'a Profile, network: &'a NetworkLevels) -> Self {
        Self { profile, network, in_f16: false }
    }

    /// The same as the template `full16` has it.
    pub fn in_f16(self) -> Self {
        Self { in_f16: true, ..self }
    }

    fn layer(&self, id: LayerId) -> &Layer {
        let layer = self.network.layers.iter().find(|l| l.spec.id == id);
        layer.unwrap_or_else(|| panic!("profile {} has a layer {id}", self.profile.name))
    }

    /// Convolution, summed in f64: nearer the truth than either side of a comparison.
    fn conv(&self, id: LayerId, input: &Map) -> Map {
        let layer = self.layer(id);
        let half = self.in_f16 && id != LayerId::Flow;
        let rounded = |value| if half { rounded_to_f16(value) } else { value };
        let weights: Vec<f32> = layer.weights_f32().map(rounded).collect();
        let bias: Vec<f32> = layer.bias_f32().map(rounded).collect();
        let input = input.clone().map(rounded);
        assert_eq!(input.channels, layer.spec.inputs, "{id} has its profile's inputs");
        Map::make(layer.spec.outputs, input.rows, input.columns, |output, row, column| {
            let mut sum = f64::from(bias[output]);
            for channel in 0..input.channels {
                for tap in 0..KERNEL * KERNEL {
                    let (dy, dx) = ((tap / KERNEL) as isize - 1, (tap % KERNEL) as isize - 1);
                    let weight = weights[(output * input.channels + channel) * 9 + tap];
                    sum += f64::from(weight) * f64::from(input.at(channel, row + dy, column + dx));
                }
            }
            rounded(sum as f32)
        })
    }

    /// A layer with what follows its convolution.
    fn evaluate(&self, layer: &LayerSpec, reads: &[&Map]) -> Map {
        let conv = self.conv(layer.id, &Map::concat(reads));
        match layer.id.then() {
            Then::Nothing => conv,
            Then::Relu => conv.relu(),
            Then::Residual => conv.relu().add(reads[0]),
            Then::Larger => conv.relu().depth_to_space(),
        }
    }

    /// Flow `[4, h8, w8]` and features `[Q, h4, w4]`.
    pub fn motion(&self, latent16: &Map, latent8: &Map) -> (Map, Map) {
        use Activation::{Features, Flow, Latent8, Latent16};
        let mut maps = Activations::new([(Latent16, latent16.clone()), (Latent8, latent8.clone())]);
        let layers: Vec<_> = self.profile.layers_of(Cut::Motion).collect();
        maps.evaluate(&layers, |layer, reads| self.evaluate(layer, reads));
        (maps.take(Flow), maps.take(Features))
    }

    /// Implicit packed picture `[24, h4, w4]` and masks `[8, h4, w4]`.
    pub fn refine(&self, features: &Map, warped: [&Map; 2]) -> (Map, Map) {
        use Activation::{Features, Head, Warped0, Warped1};
        let [warped0, warped1] = warped.map(Map::clone);
        let given = [(Features, features.clone()), (Warped0, warped0), (Warped1, warped1)];
        let mut maps = Activations::new(given);
        let layers: Vec<_> = self.profile.layers_of(Cut::Refine).collect();
        maps.evaluate(&layers, |layer, reads| self.evaluate(layer, reads));
        let head = maps.take(Head);
        let (picture, logits) = head.values.split_at(PACKED * head.rows * head.columns);
        let picture = Map::new(PACKED, head.rows, head.columns, picture.into());
        let masks = Map::new(MASKS, head.rows, head.columns, logits.into());
        (picture, masks.map(|v| 1.0 / (1.0 + (-v).exp())))
    }
}

#[test]
fn values_are_rounded_as_f16_does() {
    // Ties go to even; below 2^-14 steps stay the same.
    let rows = [
        (0.0, 0.0),
        (1.0 + 1.0 / 2048.0, 1.0),
        (1.0 + 3.0 / 2048.0, 1.0 + 2.0 / 1024.0),
        (-2049.1, -2050.0),
        (65_519.0, 65_504.0),
        (2f32.powi(-24) * 1.4, 2f32.powi(-24)),
        (2f32.powi(-26), 0.0),
    ];
    for (value, rounded) in rows {
        assert_eq!(rounded_to_f16(value), rounded, "{value}");
    }
}
