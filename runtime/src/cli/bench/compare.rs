//! Ratios of two measurements, if they are of the same thing.

use std::path::Path;

use serde_json::Value;

use super::super::Failure;
use iev_runtime::Error;

/// Reads a report.
pub(super) fn read(path: &Path) -> Result<Value, Failure> {
    let error = |source| Error::File { path: path.to_owned(), source };
    let file = std::fs::read(path).map_err(error)?;
    serde_json::from_slice(&file)
        .map_err(|e| Failure::Usage(format!("{}: no report of iev bench: {e}", path.display())))
}

/// A line per figure that both have: its name, both values, and the second over the first.
///
/// # Errors
/// [`Failure::Usage`] naming every condition in which the two differ.
pub(super) fn compare(a: &Value, b: &Value) -> Result<String, Failure> {
    // By value and not by type: reports of other versions may be compared too.
    let conditions = |report: &Value| report["conditions"].as_object().cloned();
    let (Some(of_a), Some(of_b)) = (conditions(a), conditions(b)) else {
        return Err(Failure::Usage(
            "a report of iev bench has its conditions, one of these has none".into(),
        ));
    };
    let differing: Vec<String> = of_a
        .keys()
        .chain(of_b.keys().filter(|k| !of_a.contains_key(*k)))
        .filter(|k| of_a.get(*k) != of_b.get(*k))
        .map(|k| {
            let side = |of: &serde_json::Map<_, _>| of.get(k).unwrap_or(&Value::Null).to_string();
            format!("{k} {} and {}", side(&of_a), side(&of_b))
        })
        .collect();
    if !differing.is_empty() {
        let differing = differing.join("; ");
        return Err(Failure::Usage(format!("unlike conditions cannot be compared: {differing}")));
    }
    // Whatever number both have.
    let mut lines = vec![format!("{:<40}{:>14}{:>14}{:>9}", "", "first", "second", "ratio")];
    let figures = a.as_object().into_iter().flatten().filter(|(name, _)| *name != "conditions");
    for (name, value) in figures {
        ratios(name, value, &b[name], &mut lines);
    }
    Ok(lines.join("\n"))
}

fn ratios(name: &str, a: &Value, b: &Value, lines: &mut Vec<String>) {
    if let (Some(x), Some(y)) = (a.as_f64(), b.as_f64()) {
        let ratio = if x == 0.0 { "-".to_owned() } else { format!("{:.3}", y / x) };
        lines.push(format!("{name:<40}{x:>14.3}{y:>14.3}{ratio:>9}"));
    }
    for (part, value) in a.as_object().into_iter().flatten() {
        ratios(&format!("{name}.{part}"), value, &b[part], lines);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn report(p50: u64) -> Value {
        json!({
            "conditions": { "stream_sha256": "ab", "views": [1, 2], "provider": "cpu" },
            "stages": { "fuse_us": { "p50": p50 } },
            "start": { "seek_us": null },
        })
    }

    #[test]
    fn ratios_are_second_over_first() {
        let text = compare(&report(200), &report(100)).unwrap_or_default();
        let line = text.lines().find(|l| l.starts_with("stages.fuse_us.p50")).unwrap_or_default();
        assert!(line.ends_with("0.500"), "{text}");
        assert_eq!(text.lines().count(), 2, "{text}");
    }

    #[test]
    fn unlike_conditions_are_refused_by_name() {
        for (key, other) in
            [("stream_sha256", json!("cd")), ("views", json!([1])), ("provider", json!(null))]
        {
            let mut unlike = report(100);
            unlike["conditions"][key] = other;
            let refusal = compare(&report(100), &unlike).err();
            assert!(matches!(&refusal, Some(Failure::Usage(text)) if text.contains(key)), "{key}");
        }
        let mut more = report(100);
        more["conditions"]["machine"] = json!("other");
        assert!(compare(&report(100), &more).is_err());
        assert!(compare(&json!({}), &report(1)).is_err());
    }
}
