//! The machine a figure was measured on.

use std::path::Path;

use iev_runtime::machine::{cpu_model, usable_cpus};
use serde::{Deserialize, Serialize};

/// Processor and its cores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineFacts {
    /// Model of the processor, as the system names it.
    pub cpu: String,
    /// Cores this process may use.
    pub cores: usize,
}

impl MachineFacts {
    /// This machine.
    pub fn this() -> Self {
        let unknown = || format!("unknown {}", std::env::consts::ARCH);
        Self { cpu: cpu_model(Path::new("/")).unwrap_or_else(unknown), cores: usable_cpus() }
    }
}
