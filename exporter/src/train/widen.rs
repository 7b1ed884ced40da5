//! Starting from a training of a narrower profile: what that one has learned keeps its meaning, and what is
//! new begins without a say.
//!
//! # Source
//! T. Chen, I. Goodfellow and J. Shlens, "Net2Net: Accelerating Learning via Knowledge Transfer", 2016.
//! Here new channels are random and not read yet, instead of copies: copies cost bits.

use iev_runtime::profile::Profile;
use iev_runtime::profile::topology::{Activation, LayerId};
use tch::Tensor;

use super::parameters::Parameters;

/// What the random weights of a residual block that the narrower profile lacks are scaled by: it adds to what
/// is read already, and one of zeros would have no gradient behind its ReLU.
const NEW_BLOCK: f64 = 0.25;

/// Whether `from` is nowhere wider than `to`, as no profile is than itself.
pub fn is_narrower(from: &Profile, to: &Profile) -> bool {
    let widths = |p: &Profile| {
        [p.latent16, p.latent8, p.stem, p.eighth, p.quarter, p.refine, p.refine_blocks]
    };
    let grids = from.grids.iter().all(|grid| {
        to.grids.iter().any(|g| {
            (g.name, g.sharing, g.scale) == (grid.name, grid.sharing, grid.scale)
                && g.channels >= grid.channels
        })
    });
    grids && widths(from).iter().zip(widths(to)).all(|(narrow, wide)| *narrow <= wide)
}

/// Puts the values of `narrow`, of profile `from`, into `wide`, of profile `to` and otherwise fresh.
pub fn widen(wide: &mut Parameters, to: &Profile, narrow: &Parameters, from: &Profile) {
    tch::no_grad(|| {
        for (name, value) in wide.values() {
            let (owner, kind) = name.split_once('.').unwrap_or((name, ""));
            match narrow.value(name) {
                Some(old) => place(value, old, kind, &channels(from, to, owner, old)),
                None if kind == "weight" => *value *= NEW_BLOCK,
                None => (),
            }
        }
    });
}

/// Copies `old` into the first entries of dimension 0 of `new` and into entries `channels` of dimension 1.
fn place(new: &mut Tensor, old: &Tensor, kind: &str, channels: &[i64]) {
    let size = old.size();
    let mut new = new.narrow(0, 0, size[0]);
    if kind == "weight" {
        // Channels that read a new one wait for what it learns.
        let _ = new.zero_();
    }
    match size.get(1) {
        None => new.copy_(old),
        Some(1) => new.narrow(1, 0, 1).copy_(old),
        Some(_) => {
            let channels = Tensor::from_slice(channels).to_device(new.device());
            let _ = new.index_copy_(1, &channels, old);
        }
    }
}

/// Where dimension 1 of `old`, the inputs of a layer or the channels of a grid, is in the wider profile.
fn channels(from: &Profile, to: &Profile, owner: &str, old: &Tensor) -> Vec<i64> {
    let grid = |p: &Profile| p.grids.iter().find(|g| g.name == owner).copied();
    let layer = LayerId::all(from.refine_blocks).find(|layer| layer.name() == owner);
    let places: Vec<usize> = match (layer, grid(from), grid(to)) {
        (_, Some(old), Some(new)) => {
            let latent = latent_channels(from, to, old.scale);
            latent[old.first..][..old.channels].iter().map(|c| c - new.first).collect()
        }
        (Some(layer), ..) => input_channels(from, to, layer),
        _ => (0..old.size().get(1).map_or(0, |count| *count as usize)).collect(),
    };
    places.into_iter().map(|c| c as i64).collect()
}

/// Where the inputs of a layer are in the wider profile.
fn input_channels(from: &Profile, to: &Profile, layer: LayerId) -> Vec<usize> {
    let mut places = Vec::new();
    let mut first = 0;
    for read in layer.reads() {
        let channels = match read {
            Activation::Latent16 | Activation::Latent8 => latent_channels(from, to, read.scale()),
            _ => (0..from.channels(*read)).collect(),
        };
        places.extend(channels.into_iter().map(|channel| first + channel));
        first += to.channels(*read);
    }
    places
}

/// Where the channels of the latent at `scale` are in the wider profile: those of a moving grid stay its own.
fn latent_channels(from: &Profile, to: &Profile, scale: usize) -> Vec<usize> {
    let place = |channel: usize| {
        let moving = from.grids.iter().find(|g| {
            let channels = g.first..g.first + g.channels;
            g.scale == scale && !g.in_scene() && channels.contains(&channel)
        });
        let pair = moving.and_then(|g| Some((g, to.grids.iter().find(|n| n.name == g.name)?)));
        pair.map_or(channel, |(g, n)| n.first + channel - g.first)
    };
    (0..from.latent(scale)).map(place).collect()
}
