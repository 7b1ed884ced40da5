//! The networks of one scene as ONNX Runtime sessions.
//!
//! ```text
//! latent16, latent8 ─► motion ─► flow ─► (the caller warps)
//!                        └ features ─► refine ◄─ warped0, warped1
//!                                        └─► picture, mask
//! ```
//! Every tensor is allocated at open and bound once; a run copies inputs in and hands out slices.
//! The two sessions keep one batch and one thread count for life, so a picture's bits do not depend
//! on who else is being decoded.

mod engine;
mod full;
mod graph;
mod peak;
mod prepare;

pub use crate::ort_library::OrtRuntime;
pub use crate::providers::{Provider, ProviderReport, Rung};
pub use full::FullNetwork;
pub use peak::gemm_gmac_per_s;
pub use prepare::{Step, prepare};

use graph::{Graph, MOTION, Plan, Port, REFINE};

use crate::engines::Engines;
use crate::error::Result;
use crate::format::header::Header;
use crate::profile::{FLOW, HEAD, PACKED};
use crate::scene::NetworkLevels;

/// How sessions are opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionOptions {
    /// Providers to try, best first; the CPU is always there at the end.
    pub providers: Vec<Provider>,
    /// Provider without which opening fails.
    pub require: Option<Provider>,
    /// Threads of each session; 0 lets ONNX Runtime choose.
    pub threads: usize,
    /// Where TensorRT's engines are; without a place TensorRT is refused.
    pub engines: Option<Engines>,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self { providers: Provider::LADDER.into(), require: None, threads: 0, engines: None }
    }
}

/// What the motion network made, valid until its next run.
#[derive(Debug, Clone, Copy)]
pub struct MotionOut<'a> {
    /// `[batch, 4, h8, w8]`, dx and dy of each source in units of
    /// [`FLOW_UNIT_PX`](crate::profile::FLOW_UNIT_PX).
    pub flow: &'a [f32],
}

/// What the refinement network made, valid until its next run.
#[derive(Debug, Clone, Copy)]
pub struct RefineOut<'a> {
    /// Implicit picture, packed, `[batch, 24, h4, w4]`.
    pub picture: &'a [f32],
    /// Masks of source 0 and 1 at 1/2, 0‥1, `[batch, 8, h4, w4]`: value `2·dy + dx` of a mask is
    /// for a 2×2 block of luma and one chroma sample.
    pub mask: &'a [f32],
}

/// The motion and refinement networks of one scene.
#[derive(Debug)]
pub struct Networks {
    motion: Graph,
    refine: Graph,
    latent16: Port,
    latent8: Port,
    flow: Port,
    features: Port,
    warped: [Port; 2],
    picture: Port,
    mask: Port,
    report: ProviderReport,
}

impl Networks {
    /// Opens both sessions with the weights of `network`, for `batch` pictures at a time.
    ///
    /// # Errors
    /// [`crate::Error::Backend`] when the stream's template is unknown, a required provider is not in use,
    /// or ONNX Runtime refuses.
    ///
    /// # Panics
    /// If `network` is of another profile than `header`, or `batch` is 0.
    pub fn open(
        ort: &OrtRuntime,
        header: &Header,
        network: &NetworkLevels,
        batch: usize,
        options: &SessionOptions,
    ) -> Result<Self> {
        let plan = Plan::new(ort, header, network, batch, options)?;
        let profile = plan.profile;
        let mut report = ProviderReport::new(&options.providers);
        let mut motion = plan.open(MOTION, plan.templates.motion, &mut report)?;
        let mut refine = plan.open(REFINE, plan.templates.refine, &mut report)?;
        plan.check(&report)?;

        let port = |name, channels, scale| plan.port(name, channels, scale);
        let latent16 = port("latent16", profile.latent16, 16)?;
        let latent8 = port("latent8", profile.latent8, 8)?;
        let mut flow = port("flow", FLOW, 8)?;
        let mut features = port("features", profile.quarter, 4)?;
        let warped = [port("warped0", PACKED, 4)?, port("warped1", PACKED, 4)?];
        let mut picture = port("picture", PACKED, 4)?;
        let mut mask = port("mask", HEAD - PACKED, 4)?;

        motion.bind(&[&latent16, &latent8])?;
        motion.bind_outputs([&mut flow, &mut features])?;
        refine.bind(&[&features, &warped[0], &warped[1]])?;
        refine.bind_outputs([&mut picture, &mut mask])?;
        Ok(Self {
            motion,
            refine,
            latent16,
            latent8,
            flow,
            features,
            warped,
            picture,
            mask,
            report,
        })
    }

    /// Runs the motion network; its features stay inside for [`Self::refine`].
    ///
    /// A batch may be partly filled: then the rest of the outputs is meaningless.
    ///
    /// # Shapes
    /// | argument | shape | unit |
    /// |---|---|---|
    /// | `latent16` | `[views, C16, h16, w16]` | |
    /// | `latent8` | `[views, C8, h8, w8]` | |
    ///
    /// # Errors
    /// [`crate::Error::Backend`] when ONNX Runtime fails.
    ///
    /// # Panics
    /// If a slice does not fit the batch.
    pub fn motion(&mut self, latent16: &[f32], latent8: &[f32]) -> Result<MotionOut<'_>> {
        self.latent16.fill(latent16);
        self.latent8.fill(latent8);
        self.motion.run(&[&self.latent16, &self.latent8])?;
        Ok(MotionOut { flow: self.flow.values() })
    }

    /// Runs the refinement network on the features of the last [`Self::motion`].
    ///
    /// # Shapes
    /// `warped0` and `warped1` are packed pictures `[views, 24, h4, w4]`.
    ///
    /// # Errors
    /// [`crate::Error::Backend`] when ONNX Runtime fails.
    ///
    /// # Panics
    /// If a slice does not fit the batch.
    pub fn refine(&mut self, warped0: &[f32], warped1: &[f32]) -> Result<RefineOut<'_>> {
        self.warped[0].fill(warped0);
        self.warped[1].fill(warped1);
        self.refine.run(&[&self.features, &self.warped[0], &self.warped[1]])?;
        Ok(RefineOut { picture: self.picture.values(), mask: self.mask.values() })
    }

    /// What became of each provider.
    pub fn report(&self) -> &ProviderReport {
        &self.report
    }
}

#[cfg(test)]
mod tests;
