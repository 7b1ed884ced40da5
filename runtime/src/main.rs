//! `iev`: decodes, describes and demonstrates IEV streams.

use std::process::ExitCode;

use iev_runtime::network::session::OrtRuntime;

#[allow(unsafe_code, reason = "ONNX Runtime is told by the environment alone")]
fn main() -> ExitCode {
    // SAFETY: the program has one thread yet.
    unsafe { OrtRuntime::refuse_telemetry() };
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    keep_freed_memory();
    iev_runtime::cli::run()
}

/// Has the C library keep what is freed, up to a GiB of each thread.
///
/// Why: a decoder lives as long as a section, and the memory of the last one, given back, would come as pages to be cleared
/// for the next: a tenth of the time of short GOPs of large pictures, and threads wait for one another meanwhile. What is
/// in use at most is the same.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "the C library is told by a call alone")]
fn keep_freed_memory() {
    // The first is the most that older versions take; setting it keeps the second as it is set.
    for (what, bytes) in [(libc::M_MMAP_THRESHOLD, 32 << 20), (libc::M_TRIM_THRESHOLD, 1 << 30)] {
        // SAFETY: the numbers are read, and the program has one thread yet. Where they are refused, nothing changes.
        let _ = unsafe { libc::mallopt(what, bytes) };
    }
}
