//! Promises: every row of SECURITY.md and of the kinds of trouble in tests/README.md names its test, and
//! every file and test that the pages name is there and is run.
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

use std::fs;
use std::path::Path;

/// Words in backquotes that name Rust files or tests, `a/{b,c}.rs` written out; `…` is the file before.
fn named(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for word in text.split('`').skip(1).step_by(2) {
        let file = names.last().map_or("", |name| name.split("::").next().unwrap());
        let word = word.replace('…', file);
        match (word.split_once('{'), word.split_once('}')) {
            (Some((before, _)), Some((inside, after))) => {
                let each = inside[before.len() + 1..].split(',');
                names.extend(each.map(|name| format!("{before}{name}{after}")));
            }
            _ if word.contains(".rs") => names.push(word),
            _ => {}
        }
    }
    names
}

/// What is wrong with `name`, a `file` or `file::test` below `root`.
fn fault(root: &Path, name: &str) -> Option<String> {
    let (file, test) =
        name.split_once("::").map_or((name, None), |(file, test)| (file, Some(test)));
    let Ok(text) = fs::read_to_string(root.join(file)) else {
        return Some(format!("there is no file {file}"));
    };
    let test = test?;
    let Some((before, _)) = text.split_once(&format!("fn {test}(")) else {
        return Some(format!("{file} has no test {test}"));
    };
    let lines = before.trim_end().lines().rev().map(str::trim);
    let attributes: Vec<_> = lines.take_while(|line| line.starts_with("#[")).collect();
    let is_run = attributes.contains(&"#[test]")
        && !attributes.iter().any(|line| line.starts_with("#[ignore"));
    (!is_run).then(|| format!("{name} is not run as a test"))
}

/// Checks the names on `page`, and that each row of `columns` below `heading` has one.
fn check(page: &str, heading: &str, columns: usize) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = fs::read_to_string(root.join(page)).unwrap();
    let faults: Vec<_> = named(&text).iter().filter_map(|name| fault(root, name)).collect();
    assert!(faults.is_empty(), "{page}: {faults:#?}");

    let below = text.split(heading).nth(1).unwrap().lines();
    let rows: Vec<_> = below.filter(|line| line.starts_with("| ")).skip(2).collect();
    assert!(rows.len() > 10, "the table of {page} is found");
    for row in rows.iter().take_while(|row| row.split('|').count() == columns + 2) {
        assert!(!named(row).is_empty(), "{page}: this row names no test: {row}");
    }
}

#[test]
fn every_promise_names_tests_that_exist() {
    check("SECURITY.md", "## Promises", 2);
}

#[test]
fn every_kind_of_trouble_names_tests_that_exist() {
    check("tests/README.md", "## What a user brings", 3);
}

#[test]
fn a_name_that_is_gone_is_told() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = "tests/promises.rs::a_name_that_is_gone_is_told";
    assert_eq!(named("`tests/{a,b}.rs`, `…::c` (`--flag`)")[2], "tests/b.rs::c");
    assert_eq!(fault(root, own), None);
    assert!(fault(root, "tests/gone.rs").unwrap().contains("no file"));
    assert!(fault(root, "tests/promises.rs::gone").unwrap().contains("no test"));
    assert!(fault(root, "tests/promises.rs::fault").unwrap().contains("not run"));
}
