//! The decoder profiles: network shapes and grids, as data.
//!
//! One definition serves training, lowering, packing and decoding.
//!
//! What every layer reads and what follows its convolution is in [`topology`]; its sizes are here.
//!
//! The paper's per-block grid embedding (a bias per view) and the joint grids over time and view of its
//! relatives are not here: beside a static grid per view, neither saved a byte
//! (exporter/EXPERIMENTS.md §15).
//!
//! Why two sources: the first is the anchor at the same time, warped (the paper's inter-view
//! compensation). The second is a *key picture* of the view itself: an H.264 P picture predicted
//! from the anchor's, a few per GOP. Fine static grids of our own spent about 26 kB per view on the
//! background of a two-second clip; a key picture holds it in a quarter of that.

pub mod topology;

use heapless::Vec;

use topology::{Activation, Cut, LayerId, Then};

/// Planes of the packed picture at 1/4: 16 luma, 4 + 4 chroma samples per cell.
pub const PACKED: usize = 24;
/// Two masks at 1/2, 4 values per cell each.
pub const MASKS: usize = 8;
/// Outputs of the head: the packed picture and the masks.
pub const HEAD: usize = PACKED + MASKS;
/// Level of zero in pixels, features and logits of 8 bits.
pub const ZERO: u8 = 128;
/// Step of a mask's logit of 8 bits.
pub const LOGIT_STEP: f32 = 1.0 / 16.0;
/// Flow of both sources, (dx, dy) each.
pub const FLOW: usize = 4;
/// Pixels per unit of the network's flow output.
pub const FLOW_UNIT_PX: f32 = 8.0;
/// Side of every convolution kernel.
pub const KERNEL: usize = 3;

/// How the entries of a grid are shared over time and views.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// One entry every `period` pictures, linear between them, the same for all views.
    Temporal {
        /// Pictures per entry, a power of two.
        period: usize,
    },
    /// One entry per view for the whole scene: what never moves.
    View,
}

/// One level of learned features, added into channels `first .. first + channels` of its latent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GridSpec {
    /// Name in reports.
    pub name: &'static str,
    /// Luma pixels per cell: 16 or 8.
    pub scale: usize,
    /// First latent channel it adds to.
    pub first: usize,
    /// Channels.
    pub channels: usize,
    /// How entries are shared.
    pub sharing: Sharing,
}

impl GridSpec {
    /// Entries `[time, view]` for a GOP of `frames` pictures and `views` implicit views.
    pub const fn entries(&self, frames: usize, views: usize) -> (usize, usize) {
        match self.sharing {
            Sharing::Temporal { period } => ((frames.saturating_sub(1)).div_ceil(period) + 1, 1),
            Sharing::View => (1, views),
        }
    }

    /// True when the grid is coded once per scene, false when once per GOP.
    pub const fn in_scene(&self) -> bool {
        matches!(self.sharing, Sharing::View)
    }

    /// Pictures per entry.
    pub const fn period(&self) -> usize {
        match self.sharing {
            Sharing::Temporal { period } => period,
            Sharing::View => 1,
        }
    }
}

/// One 3×3 convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerSpec {
    /// Which one.
    pub id: LayerId,
    /// Input channels.
    pub inputs: usize,
    /// Output channels, before DepthToSpace.
    pub outputs: usize,
    /// Luma pixels per output cell of the convolution.
    pub scale: usize,
    /// Steps that the stream has for its output (with residual blocks, for the sum), which networks in 8 bits
    /// round: none, one, or one for each feature. See `quantised.rs`.
    pub output_steps: usize,
}

impl LayerSpec {
    /// Template the layer is in.
    pub const fn cut(&self) -> Cut {
        self.id.cut()
    }

    /// Multiply–accumulates per luma pixel of one implicit picture.
    pub fn mac_per_px(&self) -> f64 {
        self.weights() as f64 / (self.scale * self.scale) as f64
    }

    /// Weights without biases.
    pub const fn weights(&self) -> usize {
        self.inputs * self.outputs * KERNEL * KERNEL
    }
}

/// A decoder profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// Name in the stream and on the command line.
    pub name: &'static str,
    /// Channels of the latent at 1/16.
    pub latent16: usize,
    /// Channels of the latent at 1/8.
    pub latent8: usize,
    /// Width of the stem at 1/16.
    pub stem: usize,
    /// Width at 1/8.
    pub eighth: usize,
    /// Feature channels handed to 1/4.
    pub quarter: usize,
    /// Width of the refinement at 1/4.
    pub refine: usize,
    /// Residual blocks of the refinement.
    pub refine_blocks: usize,
    /// Grids, in coding order.
    pub grids: &'static [GridSpec],
}

/// Most layers any profile has.
pub const MAX_LAYERS: usize = 16;
/// Most grids any profile has.
pub const MAX_GRIDS: usize = 8;

impl Profile {
    /// The profile called `name`.
    pub fn by_name(name: &str) -> Option<&'static Profile> {
        PROFILES.iter().find(|p| p.name == name)
    }

    /// The layers in the order of evaluation and of coding.
    pub fn layers(&self) -> Vec<LayerSpec, MAX_LAYERS> {
        LayerId::all(self.refine_blocks).map(|id| self.layer(id)).collect()
    }

    /// The layers of `cut`, in the same order.
    pub fn layers_of(&self, cut: Cut) -> impl Iterator<Item = LayerSpec> {
        self.layers().into_iter().filter(move |layer| layer.cut() == cut)
    }

    /// The layer `id`.
    pub fn layer(&self, id: LayerId) -> LayerSpec {
        let reads = id.reads();
        let cells = if id.then() == Then::Larger { 4 } else { 1 };
        LayerSpec {
            id,
            inputs: reads.iter().map(|read| self.channels(*read)).sum(),
            outputs: self.channels(id.writes()) * cells,
            scale: reads[0].scale(),
            output_steps: match id {
                LayerId::Up4 => self.quarter,
                LayerId::Res8 | LayerId::Mix4 | LayerId::Res4(_) => 1,
                _ => 0,
            },
        }
    }

    /// Channels of an activation.
    pub const fn channels(&self, activation: Activation) -> usize {
        match activation {
            Activation::Latent16 => self.latent16,
            Activation::Latent8 => self.latent8,
            Activation::Sixteenth => self.stem,
            Activation::Carried | Activation::Eighth => self.eighth,
            Activation::Flow => FLOW,
            Activation::Features => self.quarter,
            Activation::Warped0 | Activation::Warped1 => PACKED,
            Activation::Refined => self.refine,
            Activation::Head => HEAD,
        }
    }

    /// Multiply–accumulates per luma pixel of one implicit picture.
    pub fn mac_per_px(&self) -> f64 {
        self.layers().iter().map(LayerSpec::mac_per_px).sum()
    }

    /// Values of the latent at `scale`.
    pub const fn latent(&self, scale: usize) -> usize {
        if scale == 16 { self.latent16 } else { self.latent8 }
    }
}

const fn grid(
    name: &'static str,
    scale: usize,
    first: usize,
    channels: usize,
    sharing: Sharing,
) -> GridSpec {
    GridSpec { name, scale, first, channels, sharing }
}

/// The grids of a profile: static ones fill the latents, moving ones share the coarser of them.
const fn grids(latent16: usize, latent8: usize) -> [GridSpec; 4] {
    let half = latent16 / 2;
    [
        grid("view16", 16, 0, latent16, Sharing::View),
        grid("view8", 8, 0, latent8, Sharing::View),
        grid("time4", 16, half, half, Sharing::Temporal { period: 4 }),
        grid("time1", 16, 0, half, Sharing::Temporal { period: 1 }),
    ]
}

const LEAN: Profile = Profile {
    name: "lean",
    latent16: 12,
    latent8: 6,
    stem: 15,
    eighth: 16,
    quarter: 8,
    refine: 16,
    refine_blocks: 0,
    grids: &grids(12, 6),
};

/// All profiles, lightest first.
pub static PROFILES: [Profile; 3] = [
    LEAN,
    Profile { name: "edge", refine_blocks: 2, ..LEAN },
    Profile {
        name: "rich",
        latent16: 24,
        latent8: 12,
        stem: 64,
        eighth: 40,
        quarter: 20,
        refine: 40,
        refine_blocks: 2,
        grids: &grids(24, 12),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_stay_within_their_mac_budgets() {
        for (profile, kmac) in PROFILES.iter().zip([1.0, 1.5, 6.0]) {
            let used = profile.mac_per_px() / 1000.0;
            assert!(used <= kmac, "{}: {used:.2} kMAC/px, budget {kmac}", profile.name);
        }
    }

    #[test]
    fn every_grid_fits_its_latent_and_divides_time_by_a_power_of_two() {
        for profile in &PROFILES {
            assert!(profile.grids.len() <= MAX_GRIDS);
            for g in profile.grids {
                assert!(
                    g.first + g.channels <= profile.latent(g.scale),
                    "{} {}",
                    profile.name,
                    g.name
                );
                assert!(g.period().is_power_of_two());
            }
        }
    }
}
