//! libtorch, which the exporter's `train` feature links.
//!
//! The wheel links against all of CUDA. A processor-only program gets by on its core libraries plus
//! two small ones its loader insists on, CUPTI and the CUDA runtime: 0.5 GB on disk instead of 5.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Error, Result, ensure};
use tempfile::Builder;

use crate::place::{Arch, Place, from_env};
use crate::shared_library;
use crate::wheel::{Use, Wheel};

/// The release that the `tch` crate is written for; every 2.11.x has its interface.
const VERSION: &str = "2.11.0";
const SERIES: &str = "2.11.";

/// What is fetched for one processor.
struct Pin {
    torch: Wheel,
    /// Libraries of the torch wheel that a processor-only program loads.
    libraries: &'static [&'static str],
    cupti: Wheel,
    cudart: Wheel,
    /// Wheels of what its CUDA half loads besides, a line for each: requirement, file, SHA-256.
    cuda: &'static str,
}

impl Pin {
    fn cuda(&self) -> impl Iterator<Item = Wheel> {
        self.cuda.lines().filter_map(|line| {
            let mut words = line.split(' ');
            let (requirement, file) = (words.next()?, words.next()?);
            Some(Wheel { requirement, file, sha256: words.next()? })
        })
    }
}

const X86_64: Pin = Pin {
    torch: Wheel {
        requirement: "torch==2.11.0",
        file: "torch-2.11.0-cp311-cp311-manylinux_2_28_x86_64.whl",
        sha256: "7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a",
    },
    libraries: &["libtorch_cpu.so", "libtorch.so", "libc10.so", "libgomp.so.1"],
    cupti: Wheel {
        requirement: "nvidia-cuda-cupti==13.0.85",
        file: "nvidia_cuda_cupti-13.0.85-py3-none-manylinux_2_25_x86_64.whl",
        sha256: "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8",
    },
    cudart: Wheel {
        requirement: "nvidia-cuda-runtime==13.0.96",
        file: "nvidia_cuda_runtime-13.0.96-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        sha256: "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
    },
    cuda: include_str!("cuda/x86_64.txt"),
};

const AARCH64: Pin = Pin {
    torch: Wheel {
        requirement: "torch==2.11.0",
        file: "torch-2.11.0-cp311-cp311-manylinux_2_28_aarch64.whl",
        sha256: "d91aac77f24082809d2c5a93f52a5f085032740a1ebc9252a7b052ef5a4fddc6",
    },
    libraries: &[
        "libtorch_cpu.so",
        "libtorch.so",
        "libc10.so",
        "libgomp.so.1",
        "libarm_compute.so",
        "libarm_compute_graph.so",
        "libnvpl_blas_core.so.0",
        "libnvpl_blas_lp64_gomp.so.0",
        "libnvpl_lapack_core.so.0",
        "libnvpl_lapack_lp64_gomp.so.0",
    ],
    cupti: Wheel {
        requirement: "nvidia-cuda-cupti==13.0.85",
        file: "nvidia_cuda_cupti-13.0.85-py3-none-manylinux_2_25_aarch64.whl",
        sha256: "796bd679890ee55fb14a94629b698b6db54bcfd833d391d5e94017dd9d7d3151",
    },
    cudart: Wheel {
        requirement: "nvidia-cuda-runtime==13.0.96",
        file: "nvidia_cuda_runtime-13.0.96-py3-none-manylinux2014_aarch64.manylinux_2_17_aarch64.whl",
        sha256: "ef9bcbe90493a2b9d810e43d249adb3d02e98dd30200d86607d8d02687c43f55",
    },
    cuda: include_str!("cuda/aarch64.txt"),
};

/// Loaded by the exporter on `--device cuda`.
const CUDA_LIBRARIES: &[&str] =
    &["libc10_cuda.so", "libtorch_cuda.so", "libtorch_cuda_linalg.so", "libtorch_nvshmem.so"];

/// Returns a folder fit for `LIBTORCH`: `IEV_TORCH`, else target/torch, else the PyTorch of
/// `python3`, else a fresh target/torch. `cuda` asks for target/torch with the CUDA libraries.
pub(crate) fn ready(place: &Place, cuda: bool) -> Result<PathBuf> {
    if let Some(own) = from_env("IEV_TORCH")? {
        check(&own).context("IEV_TORCH cannot be used")?;
        return Ok(own);
    }
    let ours = place.target.join("torch");
    if check(&ours).is_err() {
        if let Some(python) = python_torch().filter(|_| !cuda) {
            return Ok(python);
        }
        fetch(place, host_pin()?, &ours)?;
    }
    if cuda {
        add_cuda(place, host_pin()?, &ours)?;
    }
    Ok(ours)
}

fn host_pin() -> Result<&'static Pin> {
    Ok(match Arch::host()? {
        Arch::X86_64 => &X86_64,
        Arch::Aarch64 => &AARCH64,
    })
}

/// Accepts a PyTorch package or an unpacked libtorch of the right series.
fn check(folder: &Path) -> Result<()> {
    for needed in ["include/torch/csrc/api/include/torch/torch.h", "lib/libtorch_cpu.so"] {
        ensure!(folder.join(needed).exists(), "{} has no {needed}", folder.display());
    }
    for library in libraries(&folder.join("lib"))? {
        let remedy = format!("delete {}, or install it again", folder.display());
        shared_library::check(&library).map_err(Error::msg).context(remedy)?;
    }
    let version = version(folder).with_context(|| format!("no version in {}", folder.display()))?;
    ensure!(
        version.starts_with(SERIES),
        "{} is PyTorch {version}, but {SERIES}x is needed",
        folder.display()
    );
    Ok(())
}

/// Files that the loader may open from `folder`.
fn libraries(folder: &Path) -> Result<Vec<PathBuf>> {
    let files: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    let files = files.into_iter().filter(|file| file.file_name().to_string_lossy().contains(".so"));
    Ok(files.map(|file| file.path()).collect())
}

/// A libtorch states its version in `build-version`, a PyTorch in `version.py`.
fn version(folder: &Path) -> Option<String> {
    if let Ok(version) = fs::read_to_string(folder.join("build-version")) {
        return Some(version.trim().to_owned());
    }
    let module = fs::read_to_string(folder.join("version.py")).ok()?;
    let value = module.lines().find_map(|line| line.strip_prefix("__version__ = "))?;
    Some(value.trim_matches(['\'', '"']).to_owned())
}

/// The PyTorch that `python3` would import, without importing it: that takes seconds, and a GPU.
fn python_torch() -> Option<PathBuf> {
    const LOCATE: &str = "import importlib.util as u; s = u.find_spec('torch'); \
                          print(s.submodule_search_locations[0] if s else '')";
    let output = Command::new("python3").args(["-c", LOCATE]).output().ok()?;
    let folder = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    check(&folder).ok()?;
    Some(folder)
}

/// Makes `to` whole in a folder beside it, then renames, so that a half-made one is never seen.
fn fetch(place: &Place, pin: &Pin, to: &Path) -> Result<()> {
    fs::create_dir_all(&place.target)?;
    let mut torch = pin.torch.open(&place.wheels)?;
    let mut cupti = pin.cupti.open(&place.wheels)?;
    let mut cudart = pin.cudart.open(&place.wheels)?;

    eprintln!("unpacking libtorch {VERSION} into {}", to.display());
    let partial = Builder::new()
        .prefix(".torch-")
        .permissions(Permissions::from_mode(0o755))
        .tempdir_in(&place.target)?;
    torch.unpack_folder("torch/include/", &partial.path().join("include"))?;
    let lib = partial.path().join("lib");
    for name in pin.libraries {
        torch.unpack(&format!("torch/lib/{name}"), &lib.join(name), Use::Load)?;
    }
    cupti.unpack("nvidia/cu13/lib/libcupti.so.13", &lib.join("libcupti.so.13"), Use::Load)?;
    cudart.unpack("nvidia/cu13/lib/libcudart.so.13", &lib.join("libcudart.so.13"), Use::Load)?;
    fs::write(partial.path().join("build-version"), VERSION)?;

    // Only a folder that failed its check gets here: another release, or a damaged one.
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::rename(partial.path(), to)?;
    Ok(())
}

/// Adds the CUDA half of libtorch and all that it loads but the driver.
fn add_cuda(place: &Place, pin: &Pin, to: &Path) -> Result<()> {
    // Written last: where it is, everything is.
    let whole = to.join("cuda-version");
    if whole.exists() {
        return Ok(());
    }
    let lib = to.join("lib");
    let mut torch = pin.torch.open(&place.wheels)?;
    for name in CUDA_LIBRARIES {
        eprintln!("unpacking {name}");
        torch.unpack(&format!("torch/lib/{name}"), &lib.join(name), Use::Load)?;
    }
    for wheel in pin.cuda() {
        let mut archive = wheel.open(&place.wheels)?;
        eprintln!("unpacking {}", wheel.requirement);
        archive.unpack_libraries(&lib)?;
    }
    fs::write(whole, VERSION)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use tempfile::TempDir;

    /// A folder that looks like a PyTorch package of this version.
    fn package(version_file: &str, text: &str) -> TempDir {
        let folder = TempDir::new().unwrap();
        for file in ["include/torch/csrc/api/include/torch/torch.h", "lib/libtorch_cpu.so"] {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            // This program stands for a library: to the loader it is one.
            fs::copy(std::env::current_exe().unwrap(), path).unwrap();
        }
        fs::write(folder.path().join(version_file), text).unwrap();
        folder
    }

    #[test]
    fn pins_are_well_formed() {
        for (pin, arch) in [(X86_64, Arch::X86_64), (AARCH64, Arch::Aarch64)] {
            let lines = pin.cuda.lines().count();
            let cuda: Vec<_> = pin.cuda().collect();
            assert_eq!(cuda.len(), lines, "each line is a wheel");
            for wheel in [pin.torch, pin.cupti, pin.cudart].into_iter().chain(cuda) {
                wheel.assert_well_formed();
                assert!(wheel.file.contains(arch.name()));
            }
        }
    }

    #[test]
    fn both_layouts_of_the_right_series_are_accepted() {
        check(package("build-version", "2.11.0+cpu\n").path()).unwrap();
        check(package("version.py", "import x\n__version__ = '2.11.1+cu130'\n").path()).unwrap();
    }

    #[test]
    fn another_series_is_refused_with_both_versions() {
        let error = check(package("build-version", "2.10.0").path()).unwrap_err().to_string();
        assert!(error.contains("2.10.0") && error.contains("2.11."), "{error}");
    }

    #[test]
    fn a_library_that_is_cut_off_is_refused_with_what_to_do() {
        let folder = package("build-version", VERSION);
        let library = folder.path().join("lib/libtorch_cpu.so");
        File::options().write(true).open(&library).unwrap().set_len(4096).unwrap();
        let error = format!("{:#}", check(folder.path()).unwrap_err());
        assert!(
            error.contains("delete ") && error.contains("libtorch_cpu.so is cut off"),
            "{error}"
        );
    }

    #[test]
    fn a_folder_without_headers_is_refused() {
        let folder = package("build-version", VERSION);
        fs::remove_dir_all(folder.path().join("include")).unwrap();
        assert!(check(folder.path()).is_err());
    }
}
