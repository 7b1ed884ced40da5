//! Outputs never eat inputs or each other, and are there whole or not at all.
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::{OutputFile, Outputs, folded, write_whole};
use crate::error::Error;

/// A folder with an input, other names of it, and a folder of pictures.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        std::fs::write(desk.path("input"), "precious").unwrap();
        std::fs::hard_link(desk.path("input"), desk.path("hard")).unwrap();
        symlink("input", desk.path("soft")).unwrap();
        std::fs::create_dir(desk.path("pictures")).unwrap();
        std::fs::write(desk.path("pictures/1.png"), "picture").unwrap();
        std::fs::hard_link(desk.path("pictures/1.png"), desk.path("picture")).unwrap();
        symlink("not-there-yet", desk.path("dangling")).unwrap();
        symlink(".", desk.path("here")).unwrap();
        std::fs::write(desk.path("older"), "older").unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn listing(&self) -> Vec<OsString> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    }

    /// What is said to these outputs, of which the last must be refused.
    fn refusal(&self, names: &[&str]) -> String {
        let mut outputs = Outputs::default();
        outputs.reads(&self.path("input"));
        outputs.reads(&self.path("pictures"));
        let (last, first) = names.split_last().unwrap();
        for name in first {
            outputs.claim(&self.path(name)).unwrap();
        }
        let refused = outputs.claim(&self.path(last)).unwrap_err();
        assert!(matches!(refused, Error::Usage { .. } | Error::File { .. }), "{refused:?}");
        refused.to_string()
    }
}

#[test]
fn an_output_is_no_input_and_no_other_output_by_whatever_name() {
    let desk = Desk::new();
    let before = desk.listing();
    let rows: [(&[&str], &str); 16] = [
        (&["input"], "is the input"),
        (&["hard"], "is the input"),
        (&["soft"], "is the input"),
        (&["here/input"], "is the input"),
        (&["pictures/../input"], "is the input"),
        (&["pictures/1.png"], "is the input"),
        (&["picture"], "is the input"),
        (&["pictures/2.png"], "lies in the input folder"),
        (&["pictures"], "is a folder"),
        (&["new/"], "is a folder"),
        (&["older", "here/older"], "are one file"),
        (&["new", "new"], "two outputs go to"),
        (&["new", "here/new"], "are one file"),
        (&["new", "pictures/../new"], "are one file"),
        (&["dangling", "not-there-yet"], "are one file"),
        (&["no/such"], "there is no folder"),
    ];
    for (names, part) in rows {
        let said = desk.refusal(names);
        assert!(said.contains(part), "{names:?}: {said}");
    }
    assert_eq!(desk.listing(), before, "asking leaves nothing behind");
}

#[test]
fn folders_are_checked_before_they_are_made() {
    let desk = Desk::new();
    let claim = |name: &str| {
        let mut outputs = Outputs::default();
        outputs.reads(&desk.path("pictures"));
        outputs.claim_folder(&desk.path(name)).map_err(|e| e.to_string())
    };
    let before = desk.listing();
    claim("new/deep/folder").unwrap();
    claim("here").unwrap();
    assert!(claim("pictures").unwrap_err().contains("is the input"));
    assert!(claim("pictures/work").unwrap_err().contains("lies in the input folder"));
    assert!(claim("older/folder").unwrap_err().contains("older/folder: "));
    assert!(claim("older").unwrap_err().contains("older is no folder"));
    let mut outputs = Outputs::default();
    outputs.claim_folder(&desk.path("new")).unwrap();
    assert!(outputs.claim(&desk.path("here/new")).is_err(), "a file and a folder of one name");
    outputs.claim_in_new_folder(&desk.path("new/a")).unwrap();
    assert!(outputs.claim_in_new_folder(&desk.path("here/new/a")).is_err());
    assert_eq!(desk.listing(), before);
}

#[test]
fn devices_take_several_outputs_and_pipes_one() {
    let mut outputs = Outputs::default();
    for _ in 0..2 {
        outputs.claim(Path::new("/dev/null")).unwrap();
    }
    outputs.claim(Path::new("-")).unwrap();
    assert!(outputs.claim(Path::new("/dev/stdout")).is_err());
    write_whole(Path::new("/dev/null"), "text").unwrap();
    assert!(!Path::new("/dev/null").is_file());
}

#[test]
fn names_that_differ_by_case_are_one_where_the_folder_says_so() {
    let names = ["Straße".into(), "B.Y4M".into()];
    assert_eq!(folded(&names, true), ["straße", "b.y4m"]);
    assert_eq!(folded(&names, false), names);
}

#[test]
fn an_unfinished_output_leaves_the_older_file_and_nothing_else() {
    let desk = Desk::new();
    let before = desk.listing();
    for name in ["older", "new"] {
        let mut output = OutputFile::create(&desk.path(name)).unwrap();
        output.write_all(b"half").unwrap();
        drop(output);
    }
    assert_eq!(desk.listing(), before);
    assert_eq!(std::fs::read_to_string(desk.path("older")).unwrap(), "older");
}

#[test]
fn a_file_is_replaced_whole_with_the_rights_it_had() {
    let desk = Desk::new();
    let mode = |name: &str| std::fs::metadata(desk.path(name)).unwrap().permissions().mode();
    std::fs::set_permissions(desk.path("older"), PermissionsExt::from_mode(0o640)).unwrap();
    symlink("older", desk.path("link")).unwrap();
    let before = desk.listing();
    write_whole(&desk.path("link"), "newer").unwrap();
    assert_eq!(std::fs::read_to_string(desk.path("older")).unwrap(), "newer");
    assert_eq!(mode("older") & 0o777, 0o640);
    assert_eq!(desk.listing(), before, "the link is still one");
    write_whole(&desk.path("new"), "text").unwrap();
    std::fs::write(desk.path("ordinary"), "").unwrap();
    assert_eq!(mode("new"), mode("ordinary"));
}

#[test]
fn an_input_that_comes_twice_is_known_by_its_first_name() {
    let desk = Desk::new();
    let mut outputs = Outputs::default();
    assert_eq!(outputs.reads(&desk.path("input")), None);
    assert_eq!(outputs.reads(&desk.path("hard")), Some(desk.path("input")));
}

#[test]
fn what_cannot_be_written_is_named_with_the_reason() {
    let error = write_whole(Path::new("/nowhere/at/all.json"), "").unwrap_err().to_string();
    assert!(error.starts_with("/nowhere/at/all.json: "), "{error}");
}
