//! The networks of one scene as ONNX Runtime sessions.
//!
//! ```text
//! latent16, latent8 ─► motion ─► flow ─► (the caller warps)
//!                        └ features ─► refine ◄─ warped0, warped1
//!                                        └─► picture, mask
//! ```
//! Every tensor is allocated at open, and the caller fills and reads it in place. Every run binds as many pictures of
//! it as are to be painted: on the CPU that copies nothing, another device is given the inputs by it.
//! A session is opened once, for any number of pictures up to the batch.

mod engine;
mod full;
mod graph;
mod int8;
mod peak;
mod planes;
mod port;
mod prepare;

pub use crate::network::ort_library::{ORT_VARIABLE, OrtRuntime};
pub use crate::network::providers::{Provider, ProviderReport, Rung};
pub use full::FullNetwork;
pub use int8::{Int8Network, Int8Tensors};
pub use peak::{Factors, gemm_gmac_per_s};
pub use prepare::{PrepareStep, prepare};

use graph::{LoadedGraph, MOTION, REFINE, SessionPlan};
use port::TensorPort;

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
        Self::of(&mut SessionPlan::new(ort, header, network, opening, options)?)
    }

    fn of(plan: &mut SessionPlan<'_>) -> Result<Self> {
        let profile = plan.profile;
        // The tensors that stay in place between two graphs.
        let port = |name, channels, scale| plan.port(name, channels, scale);
        let latent16 = port(c"latent16", profile.latent16, 16)?;
        let latent8 = port(c"latent8", profile.latent8, 8)?;
        let flow = port(c"flow", FLOW, 8)?;
        let features = port(c"features", profile.quarter, 4)?;
        let warped = [port(c"warped0", PACKED, 4)?, port(c"warped1", PACKED, 4)?];
        let picture = port(c"picture", PACKED, 4)?;
        let mask = port(c"mask", MASKS, 4)?;

        // The graphs.
        let mut report = ProviderReport::new(&plan.options.providers);
        let inputs = [latent16.largest(), latent8.largest()];
        let motion = plan.open(MOTION, plan.templates.motion, inputs, &mut report)?;
        let inputs = [features.largest(), warped[0].largest(), warped[1].largest()];
        let refine = plan.open(REFINE, plan.templates.refine, inputs, &mut report)?;
        plan.check(&report)?;
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

    fn motion(&mut self, pictures: usize) -> Result<()> {
        self.motion.give(&self.latent16, pictures)?;
        self.motion.give(&self.latent8, pictures)?;
        self.motion.take(&mut self.flow, pictures)?;
        self.motion.take(&mut self.features, pictures)?;
        self.motion.run()
    }

    fn refine(&mut self, pictures: usize) -> Result<()> {
        self.refine.give(&self.features, pictures)?;
        for warped in &self.warped {
            self.refine.give(warped, pictures)?;
        }
        self.refine.take(&mut self.picture, pictures)?;
        self.refine.take(&mut self.mask, pictures)?;
        self.refine.run()
    }

    fn moved_bytes(&self) -> u64 {
        self.motion.moved_bytes() + self.refine.moved_bytes()
    }
}

#[cfg(test)]
mod tests;
