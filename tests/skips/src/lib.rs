//! What a check needs of the machine it runs on, and how it says that it did not run.
//!
//! A test that returns early counts as passed, and what it prints nobody sees. So every test that cannot run
//! everywhere asks here for what it needs. Where that is missing, a SKIPPED line goes to standard error, past the
//! harness that keeps what tests print, and to the file that [`LIST`] names, which `cargo xtask test` and `.ci/run`
//! count and repeat at their end.
//!
//! Two kinds of need: what can be [`fetched`] may be missing only on a developer's machine, and is a failure where
//! [`MUST_RUN`] is set, as `.ci/run` does. What the [`processor`] lacks no script can fetch: those are skipped
//! everywhere, named and counted.

use std::env;
use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::thread;

/// Variable that names the file which lists skipped checks, one a line.
pub const LIST: &str = "IEV_SKIPPED";

/// Variable that, set to anything, turns a test that lacks what can be fetched into a failure.
pub const MUST_RUN: &str = "IEV_TESTS_MUST_RUN";

/// What was `found` of something that `cargo xtask test` fetches; without it the calling test is to return.
///
/// # Panics
/// If nothing was found and [`MUST_RUN`] is set.
pub fn fetched<T, E: Display>(what: &str, found: Result<T, E>) -> Option<T> {
    let must_run = env::var_os(MUST_RUN).is_some_and(|value| !value.is_empty());
    found.map_err(|why| without(what, &why, must_run)).ok()
}

fn without(what: &str, why: &dyn Display, must_run: bool) {
    assert!(!must_run, "{MUST_RUN} is set, but there is no {what}: {why}");
    record(&format!("{} for want of {what}: {why}", test()));
}

/// Whether this processor has `what`, as `has` says; otherwise the part of the calling test that needs it is skipped.
pub fn processor(what: &str, has: bool) -> bool {
    if !has {
        record(&format!("{} in part or whole: this processor has no {what}", test()));
    }
    has
}

/// Says that a check was skipped.
pub fn record(what: &str) {
    // Written directly: the harness keeps only what goes through `eprintln!`. A terminal that is gone takes no words.
    let _ = writeln!(io::stderr(), "SKIPPED {what}");
    if let Some(list) = env::var_os(LIST).filter(|list| !list.is_empty()) {
        let written = append(Path::new(&list), what);
        assert!(written.is_ok(), "{LIST} names {}: {written:?}", list.display());
    }
}

/// One write of one line, so that those of other tests do not come between.
fn append(list: &Path, what: &str) -> io::Result<()> {
    let line = format!("{}\n", what.replace('\n', " "));
    OpenOptions::new().append(true).create(true).open(list)?.write_all(line.as_bytes())
}

/// Name of the running test, which the harness gives to its thread.
fn test() -> String {
    thread::current().name().unwrap_or("a test").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_handed_on_and_skips_nothing() {
        assert_eq!(fetched("a number", Ok::<_, &str>(7)), Some(7));
        assert!(processor("registers", true));
    }

    #[test]
    fn the_list_has_one_line_for_each_skip() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("skipped");
        append(&list, "first").unwrap();
        append(&list, "second,\nof two lines").unwrap();
        let text = std::fs::read_to_string(&list).unwrap();
        assert_eq!(text, "first\nsecond, of two lines\n");
    }

    #[test]
    #[should_panic(expected = "there is no ffmpeg: not on PATH")]
    fn what_must_run_fails_for_want_of_what_can_be_fetched() {
        without("ffmpeg", &"not on PATH", true);
    }
}
