//! `iev`: decodes, describes and demonstrates IEV streams.

use std::process::ExitCode;

use iev_runtime::network::session::OrtRuntime;

#[allow(unsafe_code, reason = "ONNX Runtime is told by the environment alone")]
fn main() -> ExitCode {
    // SAFETY: the program has one thread yet.
    unsafe { OrtRuntime::refuse_telemetry() };
    iev_runtime::cli::run()
}
