//! Finds CUDA without being linked to it.
//!
//! The program links libtorch's CPU half only, so that it starts where there is no GPU; libtorch registers
//! CUDA when its other half is loaded.
#![allow(unsafe_code, reason = "loading a library runs its initialisers")]

use tch::Device;

use crate::error::{Context, Result, ensure};

/// The first CUDA device.
///
/// # Errors
/// When libtorch's CUDA half is not on the library path, or finds no GPU.
pub fn device() -> Result<Device> {
    let name = libloading::library_filename("torch_cuda");
    // SAFETY: libtorch's own library; its initialisers register kernels and are meant to run on load.
    let library = unsafe { libloading::Library::new(&name) }.with_context(|| {
        let name = name.to_string_lossy();
        format!("{name} does not load: run `cargo xtask torch --cuda`, or name a PyTorch 2.11 with CUDA by IEV_TORCH")
    })?;
    // Registered kernels point into it for as long as the program runs.
    std::mem::forget(library);
    ensure!(tch::Cuda::is_available(), "libtorch finds no CUDA device");
    Ok(Device::Cuda(0))
}
