//! The full-resolution half of a step and what its levels cost, in two ways that are held equal: one pass over the
//! samples on the processor, or tensor operations on a device.

use iev_runtime::picture::Picture;
use tch::{Device, Tensor};

use super::grids::Crop;
use super::host::to_vec;
use super::network::Refined;
use super::{Clip, rate, sources, tensors};

/// Where it is done.
#[derive(Debug)]
pub enum Kernels {
    /// On the processor.
    OnePass,
    /// On a device, where this is kept.
    Tensors(tensors::Resident),
}

/// Sources of some crops, warped.
#[derive(Debug)]
pub enum WarpedSources {
    /// With slopes beside the samples.
    OnePass(sources::WarpedBatch),
    /// As tensors.
    Tensors(tensors::WarpedTensors),
}

/// How far fused pictures are from their targets, and where that pulls.
#[derive(Debug)]
pub struct Compared {
    /// Mean squared luma error of the fused picture, samples in 0‥1.
    pub luma_mse: Tensor,
    /// Gradient of the implicit picture, `[sample, 24, y, x]`.
    pub picture: Tensor,
    /// Gradient of the masks, `[sample, 8, y, x]`.
    pub mask: Tensor,
    /// Direct gradients of both warped sources, `[sample, 24, y, x]`.
    pub warped: [Tensor; 2],
}

impl Kernels {
    /// What suits `device`, which may keep pictures of `most_bytes`.
    pub fn of(device: Device, most_bytes: usize) -> Self {
        match device {
            Device::Cpu => Self::OnePass,
            device => Self::Tensors(tensors::Resident::new(device, most_bytes)),
        }
    }

    /// Whether reading a number waits for a device.
    pub fn run_ahead(&self) -> bool {
        matches!(self, Self::Tensors(_))
    }

    /// Sum of the bits of `levels` under Laplace distributions of the given `scale`, each as often as it `counts`.
    pub fn bits(&self, levels: &Tensor, scale: &Tensor, counts: Option<&Tensor>) -> Tensor {
        match self {
            Self::OnePass => rate::in_one_pass(levels, scale, counts),
            Self::Tensors(_) => rate::by_tensors(levels, scale, counts),
        }
    }

    /// Warps one source picture per crop; `flow` is `[sample, 2, y, x]` at 1/8.
    pub fn warp(&self, sources: &[&Picture], flow: &Tensor, crops: &[Crop<'_>]) -> WarpedSources {
        match self {
            Self::OnePass => {
                WarpedSources::OnePass(sources::WarpedBatch::new(sources, flow, crops))
            }
            Self::Tensors(resident) => {
                WarpedSources::Tensors(tensors::WarpedTensors::new(resident, sources, flow, crops))
            }
        }
    }

    /// Fuses what the network painted with the `warped` sources and compares it with the originals of `clip`; the side
    /// terms, warped anchor and implicit picture, have the weight `side`.
    pub fn compare(
        &self,
        clip: &Clip<'_>,
        crops: &[Crop<'_>],
        refined: &Refined,
        [first, second]: [&WarpedSources; 2],
        side: f64,
    ) -> Compared {
        // By tensors where they lie on a device, by one pass over plain numbers elsewhere.
        match (self, first, second) {
            (
                Self::Tensors(resident),
                WarpedSources::Tensors(first),
                WarpedSources::Tensors(second),
            ) => {
                let originals: Vec<_> = crops.iter().map(|c| clip.original(&c.sample)).collect();
                let targets = resident.targets(&originals, crops);
                tch::no_grad(|| {
                    let warped = [&first.values, &second.values];
                    resident.compare(refined, warped, &targets, crops, side)
                })
            }
            (Self::OnePass, WarpedSources::OnePass(first), WarpedSources::OnePass(second)) => {
                let targets = clip.targets(crops);
                let fused = sources::fuse_and_compare(
                    &to_vec(&refined.picture),
                    &to_vec(&refined.mask),
                    [first, second],
                    &targets,
                    crops,
                    side as f32,
                );
                let like = |values: &[f32], tensor: &Tensor| {
                    Tensor::from_slice(values).view(tensor.size().as_slice())
                };
                Compared {
                    luma_mse: Tensor::from(fused.luma_mse),
                    picture: like(&fused.picture, &refined.picture),
                    mask: like(&fused.mask, &refined.mask),
                    warped: fused.warped.each_ref().map(|values| like(values, &refined.picture)),
                }
            }
            _ => unreachable!("sources are warped where they are compared"),
        }
    }

    /// The fused pictures, `[sample, 24, y, x]`.
    pub fn fuse(&self, refined: &Refined, warped: [&WarpedSources; 2]) -> Vec<f32> {
        match warped {
            [WarpedSources::Tensors(first), WarpedSources::Tensors(second)] => {
                to_vec(&tensors::fuse(refined, [&first.values, &second.values]))
            }
            [WarpedSources::OnePass(first), WarpedSources::OnePass(second)] => {
                sources::fuse(&to_vec(&refined.picture), &to_vec(&refined.mask), [first, second])
            }
            _ => unreachable!("both sources are warped in one place"),
        }
    }
}

impl WarpedSources {
    /// Warped pictures `[sample, 24, y, x]`.
    pub fn values(&self) -> Tensor {
        match self {
            Self::OnePass(warped) => warped.tensor(),
            Self::Tensors(warped) => warped.values.shallow_clone(),
        }
    }

    /// Gradient of the flow at 1/4, `[sample, 2, y, x]`, from that of the warped pictures.
    pub fn flow_gradient(&self, gradient: &Tensor) -> Tensor {
        match self {
            Self::OnePass(warped) => warped.flow_gradient(&to_vec(gradient)),
            Self::Tensors(warped) => warped.flow_gradient(gradient),
        }
    }
}
