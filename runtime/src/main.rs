//! `iev`: decodes, describes and demonstrates IEV streams.

use std::process::ExitCode;

fn main() -> ExitCode {
    refuse_telemetry();
    iev_runtime::cli::run()
}

/// Keeps ONNX Runtime from writing an identifier into the home folder and reporting to its maker.
///
/// Its published libraries do both as soon as an environment exists, which is before the API's own
/// switch can be reached; only this variable stops them.
#[allow(unsafe_code, reason = "the library reads the environment, and nothing else reaches it")]
fn refuse_telemetry() {
    // SAFETY: the program has one thread yet, so nothing reads the environment meanwhile.
    unsafe { std::env::set_var("ORT_DISABLE_TELEMETRY", "1") }
}
