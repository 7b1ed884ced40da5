//! ONNX Runtime as the network of the reconstruct stage.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Result;
use crate::providers::ProviderReport;
use crate::reconstruct::{OpenNetwork, Reconstruct};
use crate::session::{Networks, OrtRuntime, SessionOptions};

impl Reconstruct for Networks {
    fn motion(&mut self, latent16: &[f32], latent8: &[f32], flow: &mut [f32]) -> Result<()> {
        let made = Networks::motion(self, latent16, latent8)?;
        flow.copy_from_slice(made.flow);
        Ok(())
    }

    fn refine(
        &mut self,
        warped0: &[f32],
        warped1: &[f32],
        picture: &mut [f32],
        masks: &mut [f32],
    ) -> Result<()> {
        let made = Networks::refine(self, warped0, warped1)?;
        picture.copy_from_slice(made.picture);
        masks.copy_from_slice(made.mask);
        Ok(())
    }
}

/// Opens networks in ONNX Runtime; the library is looked for when the first one is needed, so
/// explicit views play without it.
#[derive(Debug, Clone, Default)]
pub struct Backend {
    library: Option<PathBuf>,
    options: SessionOptions,
    report: Arc<Mutex<Option<ProviderReport>>>,
}

impl Backend {
    /// A backend over the library at `library`, or the one that is found.
    pub fn new(library: Option<PathBuf>, options: SessionOptions) -> Self {
        Self { library, options, report: Arc::default() }
    }

    /// The function a player opens networks with.
    pub fn opener(&self) -> Arc<OpenNetwork> {
        let Self { library, options, report } = self.clone();
        Arc::new(move |header, network, batch| {
            let ort = OrtRuntime::find(library.as_deref())?;
            let networks = Networks::open(&ort, header, network, batch, &options)?;
            let mut last = report.lock().unwrap_or_else(PoisonError::into_inner);
            *last = Some(networks.report().clone());
            Ok(Box::new(networks))
        })
    }

    /// The ONNX Runtime library the networks run in.
    ///
    /// # Errors
    /// [`crate::Error::Backend`] when there is none.
    pub fn library(&self) -> Result<OrtRuntime> {
        OrtRuntime::find(self.library.as_deref())
    }

    /// What became of each provider, once a network is open.
    pub fn report(&self) -> Option<ProviderReport> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
