//! Finds and loads ONNX Runtime, once per process.
//!
//! Why so careful: `ort` panics when it has to look for the library itself and finds none, and it
//! keeps the first library it loaded for good.
//!
//! Published libraries for Linux report to their maker unless `ORT_DISABLE_TELEMETRY=1` is in the
//! environment before they are loaded. [`OrtRuntime::refuse_telemetry`] does that, for our programs and yours.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;

use super::providers::Provider;
use super::shared_library;
use crate::error::{Error, Result};
use crate::machine;

/// File name of the library.
const LIBRARY: &str = "libonnxruntime.so";
/// Variable that names the library where no flag does.
pub const ORT_VARIABLE: &str = "ORT_DYLIB_PATH";
/// What to do when there is no library.
const FETCH: &str = "put a libonnxruntime.so of version 1.24 or later beside iev or into ../lib/iev, \
                     or name it with --ort or ORT_DYLIB_PATH; in a checkout `cargo xtask ort` \
                     fetches one for the CPU";

/// Why ONNX Runtime is not even tried on Arm without a list of processors (onnxruntime#10038).
const NO_PROCESSORS: &str = "neither /sys/devices/system/cpu/possible nor …/present can be read here, \
                             and ONNX Runtime ends any program on Arm that lacks both: mount sysfs \
                             (in a container, /sys read-only)";

/// ONNX Runtime, loaded.
#[derive(Debug, Clone)]
pub struct OrtRuntime {
    environment: Environment,
    path: PathBuf,
}

static LOADED: Mutex<Option<OrtRuntime>> = Mutex::new(None);

impl OrtRuntime {
    /// Loads ONNX Runtime, or returns the one already loaded.
    ///
    /// Looks at `flag`, then `ORT_DYLIB_PATH`, then beside the executable and in `lib/iev` beside its
    /// folder, then in `target/ort/<arch>` of every folder above the executable, then asks the
    /// system's loader. A place that the user named and that does not load is an error;
    /// the others are passed over.
    ///
    /// # Errors
    /// [`Error::Backend`] saying what was tried and which command fetches the library.
    pub fn find(flag: Option<&Path>) -> Result<Self> {
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = loaded.as_ref() {
            return Ok(runtime.clone());
        }
        let runtime = Self::load(&Candidates::new(flag))?;
        *loaded = Some(runtime.clone());
        Ok(runtime)
    }

    /// Where the library was found.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What keeps the library of `provider` beside this one from being loaded, if anything.
    ///
    /// ONNX Runtime loads it by itself, from its own folder, when the provider is registered.
    pub(crate) fn broken_library(&self, provider: Provider) -> Option<String> {
        let own = match provider {
            Provider::TensorRt => "libonnxruntime_providers_tensorrt.so",
            Provider::Cuda => "libonnxruntime_providers_cuda.so",
            Provider::Cpu => return None,
        };
        let folder = self.path.parent()?;
        let files = ["libonnxruntime_providers_shared.so", own].map(|name| folder.join(name));
        files.iter().filter(|file| file.exists()).find_map(|f| shared_library::check(f).err())
    }

    /// Version and build flags, as the library states them.
    pub fn build_info(&self) -> &'static str {
        ort::info()
    }

    /// Where sessions are opened, for programs that run graphs of their own.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Keeps ONNX Runtime from writing an identifier into the home folder and reporting to its maker.
    ///
    /// Its published libraries do both as soon as an environment exists, which is before the API's own switch can be
    /// reached; only a variable stops them.
    ///
    /// # Safety
    /// As [`std::env::set_var`]: the program has one thread yet.
    #[allow(unsafe_code, reason = "the library reads the environment, and nothing else reaches it")]
    pub unsafe fn refuse_telemetry() {
        // SAFETY: the caller keeps the rule of `set_var`.
        unsafe { std::env::set_var("ORT_DISABLE_TELEMETRY", "1") }
    }

    fn load(candidates: &Candidates) -> Result<Self> {
        let mut refusals = Vec::new();
        for path in &candidates.paths {
            match Self::start(path) {
                Ok(runtime) => return Ok(runtime),
                Err(reason) => refusals.push(reason),
            }
        }
        if refusals.is_empty() {
            refusals.push("none was found".to_owned());
        }
        let what = format!("ONNX Runtime did not load ({}); {FETCH}", refusals.join("; "));
        Err(Error::Backend { what })
    }

    /// `init_from` is the probe: on a file that is no ONNX Runtime, or too old a one, it fails
    /// without keeping it, and the next candidate can be tried.
    fn start(path: &Path) -> Result<Self, String> {
        if !machine::lists_processors(Path::new("/")) {
            return Err(NO_PROCESSORS.into());
        }
        // `ort` takes any path for good once a library is loaded.
        if path.is_absolute() && !path.exists() {
            return Err(format!("{}: no such file", path.display()));
        }
        for file in files_to_load(path) {
            shared_library::check(&file)?;
        }
        let builder = ort::init_from(path).map_err(|e| reason(&e))?;
        let environment = builder.with_name("iev").with_telemetry(false).build();
        let environment = environment.map_err(|e| e.message().to_owned())?;
        // What it warns of, a provider that is not there, is in the provider report.
        environment.set_log_level(LogLevel::Error);
        Ok(Self { environment, path: path.into() })
    }
}

/// What loading `path` will open: of a bare name, those on the way that the system's loader goes.
///
/// Why only `LD_LIBRARY_PATH`: the folders behind it belong to the system's packages, which do not
/// install half a file.
fn files_to_load(path: &Path) -> Vec<PathBuf> {
    if path.is_absolute() {
        return vec![path.into()];
    }
    let folders = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let files = std::env::split_paths(&folders).map(|folder| folder.join(path));
    files.filter(|file| file.exists()).collect()
}

/// The loader's own words where there are any: it knows which library is missing.
fn reason(error: &ort::LoadDynamicError) -> String {
    let loader = match error {
        ort::LoadDynamicError::Dlopen { error, .. } => std::error::Error::source(error),
        _ => None,
    };
    loader.map_or_else(|| error.to_string(), ToString::to_string)
}

/// Paths to try, in order.
struct Candidates {
    paths: Vec<PathBuf>,
}

impl Candidates {
    fn new(flag: Option<&Path>) -> Self {
        let variable = std::env::var_os(ORT_VARIABLE).filter(|v| !v.is_empty());
        if let Some(path) = flag.map(PathBuf::from).or(variable.map(PathBuf::from)) {
            return Self { paths: vec![absolute(&path)] };
        }
        let executable = std::env::current_exe().ok();
        let above = |path: &Path| path.ancestors().skip(1).map(PathBuf::from).collect::<Vec<_>>();
        let above = executable.as_deref().map(above).unwrap_or_default();
        let fetched = Path::new("ort").join(std::env::consts::ARCH).join(LIBRARY);
        let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);

        let mut paths: Vec<PathBuf> = above.first().map(|d| d.join(LIBRARY)).into_iter().collect();
        paths.extend(above.get(1).map(|prefix| prefix.join("lib/iev").join(LIBRARY)));
        // Never below the current folder: the owner of that one would choose what is loaded.
        paths.extend(target.map(|root| absolute(&root.join(&fetched))));
        paths
            .extend(above.iter().flat_map(|d| [d.join(&fetched), d.join("target").join(&fetched)]));
        paths.retain(|path| path.exists());
        // Given a bare name, `ort` asks for the executable's folder and panics without one.
        if executable.is_some() {
            paths.push(LIBRARY.into());
        }
        Self { paths }
    }
}

/// `ort` would take a relative path as relative to the executable.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_found_and_stays_the_same() {
        let first = OrtRuntime::find(None).unwrap();
        let again = OrtRuntime::find(Some(Path::new("/nowhere/libonnxruntime.so"))).unwrap();
        assert_eq!(first.path(), again.path());
        assert!(first.build_info().contains("ORT"), "{}", first.build_info());
    }

    #[test]
    fn a_library_that_is_none_is_refused_with_the_command_that_fetches_one() {
        let absent = Candidates { paths: vec!["/nowhere/libonnxruntime.so".into()] };
        let error = OrtRuntime::load(&absent).unwrap_err().to_string();
        assert!(
            error.contains("/nowhere/")
                && error.contains("--ort")
                && error.contains("cargo xtask ort"),
            "{error}"
        );
        let none = OrtRuntime::load(&Candidates { paths: Vec::new() }).unwrap_err().to_string();
        assert!(none.contains("did not load (none was found)"), "{none}");
    }
}
