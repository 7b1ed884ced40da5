//! The network's topology: what every layer reads, what follows its convolution and what that makes.
//!
//! ```text
//! latent16 ─ stem ─ up8 ─┐                           motion cut
//!                latent8 ┴ mix8 ─ res8 ─┬─ flow            → two flows @1/8
//!                                       └─ up4             → features @1/4
//! features ┐
//! source 0 ┼ mix4 ─ res4… ─ head → implicit picture, two masks   refine cut
//! source 1 ┘
//! ```
//! [`Profile::layers`](crate::profile::Profile::layers) adds the sizes. Training, lowering and the tests' reference
//! run the layers by [`Activations::evaluate`], each with a convolution of its own.

use core::fmt;

use heapless::{LinearMap, Vec};

use crate::profile::LayerSpec;

/// Which ONNX template a layer belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Latents → flow and features.
    Motion,
    /// Features and warped sources → packed picture and masks.
    Refine,
}

/// What layers read and write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// Sum of the grids at 1/16.
    Latent16,
    /// Sum of the grids at 1/8.
    Latent8,
    /// Made of the former at 1/16.
    Sixteenth,
    /// The same, carried to 1/8.
    Carried,
    /// What flow and features are made from.
    Eighth,
    /// Flow of both sources.
    Flow,
    /// Features at 1/4.
    Features,
    /// The first source, warped and packed.
    Warped0,
    /// The second source, warped and packed.
    Warped1,
    /// What the picture is made from.
    Refined,
    /// Implicit picture and logits of the masks.
    Head,
}

impl Activation {
    const COUNT: usize = 11;

    /// Luma pixels per cell.
    pub const fn scale(self) -> usize {
        match self {
            Self::Latent16 | Self::Sixteenth => 16,
            Self::Latent8 | Self::Carried | Self::Eighth | Self::Flow => 8,
            Self::Features | Self::Warped0 | Self::Warped1 | Self::Refined | Self::Head => 4,
        }
    }
}

/// What follows a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Nothing.
    Nothing,
    /// ReLU.
    Relu,
    /// ReLU, and the layer's input added.
    Residual,
    /// ReLU and DepthToSpace(2).
    Larger,
}

/// Names of the residual blocks at 1/4.
const RES4: [&str; 4] = ["res4_0", "res4_1", "res4_2", "res4_3"];

/// A layer: a 3×3 convolution and what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LayerId {
    /// Reads the latent at 1/16.
    Stem,
    /// Carries it to 1/8.
    Up8,
    /// Joins it with the latent there.
    Mix8,
    /// Residual block at 1/8.
    Res8,
    /// Makes the flow.
    Flow,
    /// Makes the features at 1/4.
    Up4,
    /// Joins them with the warped sources.
    Mix4,
    /// A residual block at 1/4, by its number below [`LayerId::MAX_RES4`].
    Res4(u8),
    /// Makes the picture and the masks.
    Head,
}

impl LayerId {
    /// Most residual blocks at 1/4.
    pub const MAX_RES4: usize = RES4.len();

    /// The layers of a network with `blocks` residual blocks at 1/4, in the order of evaluation and of coding.
    pub fn all(blocks: usize) -> impl Iterator<Item = Self> {
        use LayerId::{Flow, Head, Mix4, Mix8, Res4, Res8, Stem, Up4, Up8};
        let before = [Stem, Up8, Mix8, Res8, Flow, Up4, Mix4];
        let residual = (0..RES4.len() as u8).take(blocks).map(Res4);
        before.into_iter().chain(residual).chain([Head])
    }

    /// Name; weights are `<name>.weight` and `<name>.bias` in the templates.
    ///
    /// # Panics
    /// For a residual block that no network has.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stem => "stem",
            Self::Up8 => "up8",
            Self::Mix8 => "mix8",
            Self::Res8 => "res8",
            Self::Flow => "flow",
            Self::Up4 => "up4",
            Self::Mix4 => "mix4",
            Self::Res4(block) => RES4[block as usize],
            Self::Head => "head",
        }
    }

    /// What it reads, concatenated along channels.
    pub const fn reads(self) -> &'static [Activation] {
        match self {
            Self::Stem => &[Activation::Latent16],
            Self::Up8 => &[Activation::Sixteenth],
            Self::Mix8 => &[Activation::Carried, Activation::Latent8],
            Self::Res8 | Self::Flow | Self::Up4 => &[Activation::Eighth],
            Self::Mix4 => &[Activation::Features, Activation::Warped0, Activation::Warped1],
            Self::Res4(_) | Self::Head => &[Activation::Refined],
        }
    }

    /// What follows the convolution.
    pub const fn then(self) -> Then {
        match self {
            Self::Flow | Self::Head => Then::Nothing,
            Self::Stem | Self::Mix8 | Self::Mix4 => Then::Relu,
            Self::Res8 | Self::Res4(_) => Then::Residual,
            Self::Up8 | Self::Up4 => Then::Larger,
        }
    }

    /// What all that makes.
    pub const fn writes(self) -> Activation {
        match self {
            Self::Stem => Activation::Sixteenth,
            Self::Up8 => Activation::Carried,
            Self::Mix8 | Self::Res8 => Activation::Eighth,
            Self::Flow => Activation::Flow,
            Self::Up4 => Activation::Features,
            Self::Mix4 | Self::Res4(_) => Activation::Refined,
            Self::Head => Activation::Head,
        }
    }

    /// Template it is in.
    pub const fn cut(self) -> Cut {
        match self {
            Self::Mix4 | Self::Res4(_) | Self::Head => Cut::Refine,
            _ => Cut::Motion,
        }
    }
}

impl fmt::Display for LayerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Activations during an evaluation.
#[derive(Debug, Clone)]
pub struct Activations<V>(LinearMap<Activation, V, { Activation::COUNT }>);

impl<V> Activations<V> {
    /// What is there before the first layer.
    pub fn new<const N: usize>(given: [(Activation, V); N]) -> Self {
        let mut all = Self(LinearMap::new());
        given.into_iter().for_each(|(activation, value)| all.set(activation, value));
        all
    }

    /// Evaluates `layers` in order; `layer` makes one's output from what it reads.
    ///
    /// # Panics
    /// If a layer reads what was neither given nor made before.
    pub fn evaluate<'a>(
        &mut self,
        layers: impl IntoIterator<Item = &'a LayerSpec>,
        mut layer: impl FnMut(&LayerSpec, &[&V]) -> V,
    ) {
        for spec in layers {
            let reads = spec.id.reads().iter().map(|read| self.get(*read));
            let made = layer(spec, &reads.collect::<Vec<&V, 3>>());
            self.set(spec.id.writes(), made);
        }
    }

    /// One of them.
    ///
    /// # Panics
    /// If it was neither given nor made.
    pub fn get(&self, activation: Activation) -> &V {
        let value = self.0.get(&activation);
        value.unwrap_or_else(|| unreachable!("{activation:?} is given, or a layer before makes it"))
    }

    /// One of them, for good.
    ///
    /// # Panics
    /// If it was neither given nor made.
    pub fn take(&mut self, activation: Activation) -> V {
        let value = self.0.remove(&activation);
        value.unwrap_or_else(|| unreachable!("{activation:?} is given, or a layer makes it"))
    }

    fn set(&mut self, activation: Activation, value: V) {
        assert!(self.0.insert(activation, value).is_ok(), "there is a place for every activation");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::PROFILES;

    #[test]
    fn every_layer_reads_what_is_there_at_one_scale() {
        use Activation::{Latent8, Latent16, Warped0, Warped1};
        for profile in &PROFILES {
            let given = [Latent16, Latent8, Warped0, Warped1].map(|a| (a, profile.channels(a)));
            let mut channels = Activations::new(given);
            channels.evaluate(&profile.layers(), |layer, reads| {
                let read = reads.iter().copied().sum::<usize>();
                assert_eq!(read, layer.inputs, "{}", layer.id);
                assert!(layer.id.reads().iter().all(|a| a.scale() == layer.scale), "{}", layer.id);
                let larger = usize::from(layer.id.then() == Then::Larger);
                assert_eq!(layer.id.writes().scale() << larger, layer.scale, "{}", layer.id);
                layer.outputs >> (2 * larger)
            });
            assert_eq!(*channels.get(Activation::Head), crate::profile::HEAD);
        }
    }

    #[test]
    #[should_panic(expected = "Latent8 is given")]
    fn what_is_missing_is_named() {
        let given = [(Activation::Latent16, 0)];
        Activations::new(given).evaluate(&PROFILES[0].layers(), |layer, _| layer.outputs);
    }
}
