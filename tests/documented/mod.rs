//! Holds the keys of a JSON report against the page that documents them.

use std::collections::BTreeSet;

use serde_json::Value;

/// Checks that `section` of `page`, as a second-level heading starts it, documents every key of `report`, and nothing
/// that is not there. What is null, empty or left out as a whole stands for all keys below it.
///
/// # Panics
/// If a key is missing on either side.
pub fn check(page: &str, section: &str, report: &Value) {
    check_keys(&keys(page, section), section, report);
}

/// The same for keys that stand in several sections.
pub fn check_keys(documented: &BTreeSet<String>, section: &str, report: &Value) {
    let mut real = Vec::new();
    list(String::new(), report, &mut real);
    let covers = |key: &str, found: &Found| {
        matches(key, &found.path) || found.is_empty && is_below(key, &found.path)
    };
    for found in &real {
        let known = documented.iter().any(|key| covers(key, found));
        assert!(known, "{section}: {} is not documented", found.path);
    }
    for key in documented {
        let exists = real.iter().any(|found| covers(key, found));
        assert!(exists, "{section}: {key} is documented and is not there");
    }
}

/// The keys of one section: what stands in backticks in the first column of its table.
pub fn keys(page: &str, section: &str) -> BTreeSet<String> {
    let (_, rest) = page.split_once(&format!("## {section}\n")).expect("the section is there");
    let body = rest.split("\n## ").next().unwrap_or(rest);
    let cells = body.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    cells.flat_map(|cell| cell.split('`').step_by(2).map(str::to_owned)).collect()
}

/// A leaf of a report.
struct Found {
    path: String,
    /// Whether it is null or has nothing in it.
    is_empty: bool,
}

fn list(path: String, value: &Value, found: &mut Vec<Found>) {
    match value {
        Value::Object(object) if !object.is_empty() => {
            let dot = if path.is_empty() { "" } else { "." };
            object.iter().for_each(|(key, value)| list(format!("{path}{dot}{key}"), value, found));
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            items.iter().for_each(|item| list(format!("{path}[]"), item, found));
        }
        Value::Object(_) | Value::Null => found.push(Found { path, is_empty: true }),
        Value::Array(items) => found.push(Found { path, is_empty: items.is_empty() }),
        _ => found.push(Found { path, is_empty: false }),
    }
}

/// Whether the documented `key` is `path`; `<name>` stands for any name, dots in it included.
fn matches(key: &str, path: &str) -> bool {
    match key.split_once('<') {
        None => key == path,
        Some((before, rest)) => {
            let (_, after) = rest.split_once('>').expect("<name> has an end");
            let middle = path.strip_prefix(before).unwrap_or_default();
            (1..=middle.len()).any(|end| {
                middle.is_char_boundary(end) && !middle.is_empty() && matches(after, &middle[end..])
            })
        }
    }
}

/// Whether the documented `key` lies below `path`, which is empty.
fn is_below(key: &str, path: &str) -> bool {
    key.strip_prefix(path).is_some_and(|rest| rest.starts_with(['.', '[']))
}

#[test]
fn a_key_on_one_side_alone_is_noticed() {
    let page = "# x\n## r\n| key | what |\n| --- | --- |\n| `a.<n>.b`, `c` | it |\n| `d[].e` | it |\n## s\n| `z` | no |\n";
    let holds = |text: &str| {
        let report = serde_json::from_str(text).expect("it is JSON");
        std::panic::catch_unwind(|| check(page, "r", &report)).is_ok()
    };
    assert!(holds(r#"{"a": {"1": {"b": 1}, "p99.9": {"b": 2}}, "c": [1], "d": [{"e": 1}]}"#));
    assert!(holds(r#"{"a": {}, "c": null, "d": null}"#));
    assert!(!holds(r#"{"a": {"1": {"b": 1}}, "c": 1, "d": [{"e": 1, "f": 2}]}"#));
    assert!(!holds(r#"{"a": {"1": {"b": 1}}, "c": 1}"#));
    assert!(!holds(r#"{"a": {"1": {"x": 1}}, "c": 1, "d": []}"#));
}
