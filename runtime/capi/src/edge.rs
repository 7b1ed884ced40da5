//! The edge between C and Rust: arguments are checked on the way in, errors and panics stay in.
#![allow(unsafe_code, reason = "what C hands over is pointers")]

use std::any::Any;
use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

use iev_runtime::format::views::ViewSet;
use iev_runtime::{Error, Result, ViewId};

use crate::abi::{ERROR_BACKEND, ERROR_BUG, ERROR_SOURCE, ERROR_STREAM, ERROR_USAGE, Status};

thread_local! {
    /// Why the last call in this thread that failed did.
    static LAST: RefCell<CString> = RefCell::default();
}

/// Does the `work` of one function. Unwind safety: what a panic left half done is taken out of the player before the
/// work begins (`playing`).
pub(crate) fn edge(work: impl FnOnce() -> Result<Status>) -> Status {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(status)) => status,
        Ok(Err(error)) => {
            keep(error.with_causes());
            status_of(&error)
        }
        Err(panic) => {
            keep(format!("a rule of the library is broken: {}", words(&*panic)));
            ERROR_BUG
        }
    }
}

fn status_of(error: &Error) -> Status {
    match error {
        Error::Storage { .. } | Error::File { .. } => ERROR_SOURCE,
        _ => match error.exit_code() {
            1 => ERROR_STREAM,
            2 => ERROR_USAGE,
            _ => ERROR_BACKEND,
        },
    }
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref().copied()).unwrap_or("it does not say which")
}

fn keep(text: String) {
    let text = CString::new(text.replace('\0', " ")).unwrap_or_default();
    // A thread that ends has nobody to tell.
    let _ = LAST.try_with(|last| last.replace(text));
}

#[unsafe(no_mangle)]
pub extern "C" fn iev_error() -> *const c_char {
    LAST.try_with(|last| last.borrow().as_ptr()).unwrap_or(c"".as_ptr())
}

pub(crate) fn usage(what: impl Into<String>) -> Error {
    Error::Usage { what: what.into() }
}

fn null(name: &str) -> Error {
    usage(format!("{name} is NULL"))
}

/// What `pointer` points at.
///
/// # Safety
/// It is null, or points at a `T` that stays as it is while the answer is used.
pub(crate) unsafe fn given<'a, T>(pointer: *const T, name: &str) -> Result<&'a T> {
    // SAFETY: the caller's.
    unsafe { pointer.as_ref() }.ok_or_else(|| null(name))
}

/// The `count` items at `pointer`.
///
/// # Safety
/// It is null, or points at as many, which stay as they are while the answer is used.
pub(crate) unsafe fn listed<'a, T>(pointer: *const T, count: usize, name: &str) -> Result<&'a [T]> {
    if pointer.is_null() {
        return Err(null(name));
    }
    if count.checked_mul(size_of::<T>()).is_none_or(|bytes| bytes > isize::MAX as usize) {
        return Err(usage(format!("{name} has room for fewer than {count}")));
    }
    // SAFETY: not null, no larger than memory can be, and the caller's.
    Ok(unsafe { std::slice::from_raw_parts(pointer, count) })
}

/// A text of the caller's; none for null.
///
/// # Safety
/// It is null, or points at a text that ends in a zero and stays as it is while the answer is used.
pub(crate) unsafe fn text<'a>(pointer: *const c_char) -> Option<&'a CStr> {
    // SAFETY: not null, and the caller's.
    (!pointer.is_null()).then(|| unsafe { CStr::from_ptr(pointer) })
}

/// A place of the caller's for an answer, which may hold anything yet.
pub(crate) struct Place<T>(*mut T);

impl<T> Place<T> {
    /// # Safety
    /// `pointer` is null, or a `T` may be written there.
    pub(crate) unsafe fn of(pointer: *mut T, name: &str) -> Result<Self> {
        if pointer.is_null() { Err(null(name)) } else { Ok(Self(pointer)) }
    }

    pub(crate) fn put(self, answer: T) {
        // SAFETY: not null, and a `T` may be written there (`of`).
        unsafe { self.0.write(answer) }
    }
}

/// The views of a set in C.
pub(crate) fn views(bits: u32) -> ViewSet {
    (0..u32::BITS as u8).filter(|view| bits >> view & 1 == 1).map(ViewId).collect()
}

/// The set in C of views.
pub(crate) fn bits(views: impl IntoIterator<Item = ViewId>) -> u32 {
    views.into_iter().fold(0, |bits, view| bits | 1 << view.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::OK;

    /// What the last call in this thread that failed said.
    fn said() -> String {
        // SAFETY: a text of this thread's, copied before another call.
        unsafe { CStr::from_ptr(iev_error()) }.to_string_lossy().into_owned()
    }

    #[test]
    fn a_panic_is_an_error_with_its_words() {
        assert_eq!(edge(|| Ok(OK)), OK);
        assert_eq!(edge(|| panic!("three is {}", 4)), ERROR_BUG);
        assert_eq!(said(), "a rule of the library is broken: three is 4");
        assert_eq!(edge(|| panic!("plain")), ERROR_BUG);
        assert_eq!(said(), "a rule of the library is broken: plain");
    }

    #[test]
    fn errors_are_sorted_by_who_must_act_and_kept_per_thread() {
        assert_eq!(edge(|| Err(Error::Empty)), ERROR_STREAM);
        assert_eq!(edge(|| Err(usage("a\0b"))), ERROR_USAGE);
        assert_eq!(said(), "a b", "C ends a text at a zero");
        assert_eq!(edge(|| Err(Error::Backend { what: "x".into() })), ERROR_BACKEND);
        let (path, source) = ("f".into(), std::io::Error::other("y"));
        assert_eq!(edge(|| Err(Error::File { path, source })), ERROR_SOURCE);
        assert_eq!(said(), "f: y");
        std::thread::spawn(|| assert_eq!(said(), "")).join().unwrap();
    }

    #[test]
    fn sets_are_the_same_in_both_languages() {
        for set in [0, 1, 0b1010, u32::MAX] {
            assert_eq!(bits(views(set).iter()), set);
        }
    }
}
