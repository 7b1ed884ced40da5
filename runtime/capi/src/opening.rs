//! `iev_open_…` and `iev_close`.
#![allow(unsafe_code, reason = "functions of a C interface")]

use std::ffi::{OsStr, c_char, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use iev_runtime::board::threads::Threads;
use iev_runtime::network::engines::Engines;
use iev_runtime::network::opening::Precision;
use iev_runtime::network::session::OrtRuntime;
use iev_runtime::{Backend, Board, Options, Player, Result, Source};

use crate::abi::{self, OK, Status};
use crate::edge::{Place, edge, given, listed, text, usage};
use crate::playing::Handle;
use crate::source::Callbacks;

#[unsafe(no_mangle)]
pub extern "C" fn iev_version() -> u32 {
    let number = |part: &str| part.parse::<u32>().unwrap_or_default();
    let [major, minor, patch] = [
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR"),
        env!("CARGO_PKG_VERSION_PATCH"),
    ]
    .map(number);
    major << 16 | minor << 8 | patch
}

/// # Safety
/// As iev.h says: the program has one thread yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iev_refuse_telemetry() {
    // SAFETY: the caller keeps the rule.
    unsafe { OrtRuntime::refuse_telemetry() }
}

/// # Safety
/// As iev.h says: `path` and the strings of `options` end in a zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iev_open_file(
    path: *const c_char,
    options: *const abi::Options,
    player: *mut *mut Handle,
) -> Status {
    edge(|| {
        // SAFETY: the caller keeps the rule.
        let path = unsafe { text(path) }.ok_or_else(|| usage("path is NULL"))?;
        // SAFETY: as above.
        unsafe {
            open(|| Source::open(Path::new(OsStr::from_bytes(path.to_bytes()))), options, player)
        }
    })
}

/// # Safety
/// As iev.h says: there are `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iev_open_memory(
    bytes: *const c_void,
    size: usize,
    options: *const abi::Options,
    player: *mut *mut Handle,
) -> Status {
    edge(|| {
        // SAFETY: the caller keeps the rule.
        let bytes = unsafe { listed(bytes.cast::<u8>(), size, "bytes") }?;
        // SAFETY: as above.
        unsafe { open(|| Ok(Source::from(bytes.to_vec())), options, player) }
    })
}

/// # Safety
/// As iev.h says: the functions of `source` keep its rules.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iev_open_source(
    source: *const abi::Source,
    options: *const abi::Options,
    player: *mut *mut Handle,
) -> Status {
    edge(|| {
        // SAFETY: the caller keeps the rule.
        let callbacks = Callbacks::new(unsafe { given(source, "source") }?);
        if !callbacks.can_read() {
            return Err(usage("read_at of the source is NULL"));
        }
        // SAFETY: as above.
        unsafe { open(|| Ok(Source::custom(callbacks)), options, player) }
    })
}

/// # Safety
/// As iev.h says: `player` is of `iev_open_…`, and this is the last call on it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iev_close(player: *mut Handle) {
    edge(|| {
        if !player.is_null() {
            // SAFETY: made by `open`, and nobody has it any more.
            drop(unsafe { Box::from_raw(player) });
        }
        Ok(OK)
    });
}

/// # Safety
/// Those of the callers.
unsafe fn open(
    source: impl FnOnce() -> Result<Source>,
    options: *const abi::Options,
    player: *mut *mut Handle,
) -> Result<Status> {
    // SAFETY: the callers'.
    let place = unsafe { Place::of(player, "player") }?;
    // SAFETY: as above.
    let asked = unsafe { options.as_ref().map(|options| Asked::of(options)) };
    let options = asked.unwrap_or_default().options()?;
    let player = Player::over(source()?, options)?;
    place.put(Box::into_raw(Box::new(Handle::new(player))));
    Ok(OK)
}

/// The options, as Rust has them.
#[derive(Default)]
struct Asked<'a> {
    board: Option<&'a OsStr>,
    onnx_runtime: Option<&'a OsStr>,
    sandbox: Option<&'a OsStr>,
    threads: u32,
    precision: abi::Precision,
}

impl<'a> Asked<'a> {
    /// # Safety
    /// Strings are null or end in a zero.
    unsafe fn of(options: &'a abi::Options) -> Self {
        // SAFETY: the caller's.
        let name = |pointer| unsafe { text(pointer) }.map(|t| OsStr::from_bytes(t.to_bytes()));
        let abi::Options { board, onnx_runtime, sandbox, threads, precision } = *options;
        let [board, onnx_runtime, sandbox] = [board, onnx_runtime, sandbox].map(name);
        Self { board, onnx_runtime, sandbox, threads, precision }
    }

    fn options(self) -> Result<Options> {
        let board = self.board.map(|name| Board::find(&name.to_string_lossy())).transpose()?;
        let all = usize::try_from(self.threads).ok().filter(|threads| *threads > 0);
        let threads = Threads::spread(board.as_ref(), all, None);
        let mut session = board.as_ref().map(Board::session).unwrap_or_default();
        session.threads = threads.per_network();
        session.engines = Engines::of_user().map(|folder| Engines { folder, build: false });
        let backend = Backend::new(self.onnx_runtime.map(PathBuf::from), session);
        let mut options = Options::new(backend.opener());
        if let Some(board) = board {
            board.apply(&mut options);
        }
        options.painters = threads.painters;
        options.decoders = threads.all;
        options.precision = match self.precision {
            0 => options.precision,
            1 => Precision::F32,
            2 => Precision::F16,
            3 => Precision::Int8,
            other => return Err(usage(format!("no precision is {other}: see iev_precision"))),
        };
        if let Some(program) = self.sandbox {
            options.anchors = sandbox(program)?;
        }
        Ok(options)
    }
}

#[cfg(target_os = "linux")]
fn sandbox(program: &OsStr) -> Result<std::sync::Arc<iev_runtime::anchor::decoder::OpenAnchors>> {
    Ok(iev_runtime::anchor::sandbox::Sandbox::new(program.into()).opener())
}

#[cfg(not(target_os = "linux"))]
fn sandbox(_: &OsStr) -> Result<std::sync::Arc<iev_runtime::anchor::decoder::OpenAnchors>> {
    Err(iev_runtime::Error::Backend { what: "the sandbox is Linux's alone".into() })
}
