//! The machine a figure was measured on.

use iev_runtime::board::machine::{field, usable_cpus};
use serde::{Deserialize, Serialize};

/// Processor and its cores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Model of the processor, as the system names it.
    pub cpu: String,
    /// Cores this process may use.
    pub cores: usize,
}

impl Machine {
    /// This machine.
    pub fn this() -> Self {
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let cores = usable_cpus();
        Self { cpu: cpu_model(&cpuinfo), cores }
    }
}

/// The processor's name; Arm kernels give the board's instead, on the line `Model`.
fn cpu_model(cpuinfo: &str) -> String {
    let line = |name| field(cpuinfo, name).map(str::to_owned);
    let unknown = || format!("unknown {}", std::env::consts::ARCH);
    line("model name").or_else(|| line("Model")).unwrap_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_found_on_x86_and_on_arm_boards() {
        assert_eq!(
            cpu_model("processor\t: 0\nmodel name\t: Fast CPU @ 3 GHz\n"),
            "Fast CPU @ 3 GHz"
        );
        assert_eq!(cpu_model("processor : 0\n\nModel : Small Board\n"), "Small Board");
        assert!(cpu_model("").starts_with("unknown "));
    }
}
