//! The networks of one scene as ONNX Runtime sessions.
//!
//! ```text
//! latent16, latent8 ─► motion ─► flow ─► (the caller warps)
//!                        └ features ─► refine ◄─ warped0, warped1
//!                                        └─► picture, mask
//! ```
//! Every tensor is allocated at open, and the caller fills and reads it in place. On the CPU it is bound once and a
//! run copies nothing; another device is given the inputs anew by every run.
//! The two sessions keep one batch and one thread count for life, so a picture's bits do not depend
//! on who else is being decoded.

mod engine;
mod full;
mod graph;
mod int8;
mod peak;
mod prepare;

pub use crate::network::ort_library::{ORT_VARIABLE, OrtRuntime};
pub use crate::network::providers::{Provider, ProviderReport, Rung};
pub use full::FullNetwork;
pub use int8::{Int8Network, Int8Tensors};
pub use peak::{Factors, gemm_gmac_per_s};
pub use prepare::{PrepareStep, prepare};

use graph::{LoadedGraph, MOTION, REFINE, SessionPlan, TensorPort};

use crate::error::Result;
use crate::format::header::Header;
use crate::network::engines::Engines;
use crate::network::halves::Reconstruct;
use crate::network::opening::Opening;
use crate::network::tensors::Tensors;
use crate::profile::{FLOW, MASKS, PACKED};
use crate::stream::scene::NetworkLevels;

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

/// The motion and refinement networks of one scene.
#[derive(Debug)]
pub struct Networks {
    motion: LoadedGraph,
    refine: LoadedGraph,
    latent16: TensorPort,
    latent8: TensorPort,
    flow: TensorPort,
    features: TensorPort,
    warped: [TensorPort; 2],
    picture: TensorPort,
    mask: TensorPort,
    report: ProviderReport,
}

impl Networks {
    /// Opens both sessions with the weights of `network`.
    ///
    /// # Errors
    /// [`crate::Error::Backend`] when the stream's template is unknown, a required provider is not in use,
    /// or ONNX Runtime refuses.
    ///
    /// # Panics
    /// If `network` is of another profile than `header`, or the batch is of no picture.
    pub fn open(
        ort: &OrtRuntime,
        header: &Header,
        network: &NetworkLevels,
        opening: Opening,
        options: &SessionOptions,
    ) -> Result<Self> {
        let plan = SessionPlan::new(ort, header, network, opening, options)?;
        let profile = plan.profile;
        let mut report = ProviderReport::new(&options.providers);
        // Two graphs.
        let mut motion = plan.open(MOTION, plan.templates.motion, &mut report)?;
        let mut refine = plan.open(REFINE, plan.templates.refine, &mut report)?;
        plan.check(&report)?;

        // The tensors that stay in place between them.
        let port = |name, channels, scale| plan.port(name, channels, scale);
        let latent16 = port("latent16", profile.latent16, 16)?;
        let latent8 = port("latent8", profile.latent8, 8)?;
        let mut flow = port("flow", FLOW, 8)?;
        let mut features = port("features", profile.quarter, 4)?;
        let warped = [port("warped0", PACKED, 4)?, port("warped1", PACKED, 4)?];
        let mut picture = port("picture", PACKED, 4)?;
        let mut mask = port("mask", MASKS, 4)?;

        // Bound once: a run then copies nothing.
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

    /// What became of each provider.
    pub fn report(&self) -> &ProviderReport {
        &self.report
    }
}

impl Reconstruct for Networks {
    fn tensors(&mut self) -> Tensors<'_> {
        let [warped0, warped1] = &mut self.warped;
        Tensors {
            latent16: self.latent16.values_mut(),
            latent8: self.latent8.values_mut(),
            flow: self.flow.values(),
            warped: [warped0.values_mut(), warped1.values_mut()],
            implicit: self.picture.values(),
            masks: self.mask.values(),
        }
    }

    fn motion(&mut self) -> Result<()> {
        self.motion.run(&[&self.latent16, &self.latent8])
    }

    fn refine(&mut self) -> Result<()> {
        self.refine.run(&[&self.features, &self.warped[0], &self.warped[1]])
    }
}

#[cfg(test)]
mod tests;
