//! The survey as a page of Markdown.

use serde_json::Value;

use super::SurveyReport;
use super::rung::Trial;

/// Columns and how numbers stand in them.
const HEAD: &str = "\
| provider-path-precision | paints by | frames/s | network ms | latency ms, p50 | p99 | first picture ms | MB moved per frame | levels from the CPU, mean | most | PSNR dB |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |";

/// The device's name, the table, and what is not in it.
pub(super) fn of(SurveyReport { dry_run, doctor, rungs }: &SurveyReport) -> String {
    let bench = rungs.iter().find_map(|trial| trial.bench.as_ref()).unwrap_or(&Value::Null);
    let facts = [
        ("processor", &bench["conditions"]["machine"]["cpu"]),
        ("cores", &bench["conditions"]["machine"]["cores"]),
        ("L4T", &doctor["l4t"]),
        ("power mode", &doctor["power_mode"]),
        ("CUDA", &doctor["cuda"]["version"]),
        ("TensorRT", &doctor["tensorrt"]["version"]),
        ("ONNX Runtime", &doctor["onnxruntime"]["build"]),
        ("iev", &bench["versions"]["iev"]),
        ("commit", &bench["versions"]["commit"]),
        ("profile", &doctor["board"]),
        ("stream", &bench["conditions"]["stream_sha256"]),
        ("views", &bench["conditions"]["views"]),
        ("batch", &bench["conditions"]["batch"]),
    ];
    let known = facts.into_iter().filter(|(_, fact)| !fact.is_null());
    let facts: Vec<String> = known.map(|(name, fact)| format!("{name} {}", plain(fact))).collect();
    let mut lines = vec![format!("# IEV on {}", device(doctor, bench)), facts.join("; ")];
    if *dry_run {
        lines.push(
            "**A dry run**: what lacks a GPU here is refused, and nothing is said of a device."
                .into(),
        );
    }
    let rows = rungs.iter().map(row);
    lines.push(std::iter::once(HEAD.to_owned()).chain(rows).collect::<Vec<_>>().join("\n"));
    let refused =
        rungs.iter().filter_map(|t| Some(format!("* {}: {}", t.rung.name(), t.refusal.as_ref()?)));
    let refused: Vec<String> = refused.collect();
    if !refused.is_empty() {
        lines.push(format!("Refused:\n\n{}", refused.join("\n")));
    }
    format!("{}\n", lines.join("\n\n"))
}

/// The board's name, or else the processor's.
fn device(doctor: &Value, bench: &Value) -> String {
    let names = [&doctor["model"], &bench["conditions"]["machine"]["cpu"]];
    let name = names.into_iter().find(|name| !name.is_null());
    name.map_or("an unknown machine".into(), plain)
}

/// Without a string's quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn row(trial: &Trial) -> String {
    let Some(bench) = &trial.bench else {
        return format!("| {} | refused |{}", trial.rung.name(), " |".repeat(9));
    };
    let ms = |us: &Value| us.as_f64().map_or("-".into(), |us| format!("{:.2}", us / 1000.0));
    let number = |value: &Value, scale: f64| {
        value.as_f64().map_or("-".into(), |v| format!("{:.2}", v / scale))
    };
    let used = ["provider", "path", "precision"].map(|what| plain(&bench["conditions"][what]));
    let levels = match trial.likeness {
        None => ["-".into(), "-".into(), "-".into()],
        Some(likeness) => [
            format!("{:.3}", likeness.mean_levels),
            likeness.largest_levels.to_string(),
            likeness.psnr_db.map_or("equal".into(), |db| format!("{db:.2}")),
        ],
    };
    let cells = [
        trial.rung.name(),
        used.join("-"),
        number(&bench["times_per_second"], 1.0),
        ms(&bench["us"]["network_us"]["p50"]),
        ms(&bench["us"]["latency_us"]["p50"]),
        ms(&bench["us"]["latency_us"]["p99"]),
        ms(&bench["start"]["first_picture_us"]),
        number(&bench["cost"]["moved_bytes_per_time"], 1e6),
    ];
    format!("| {} |", cells.into_iter().chain(levels).collect::<Vec<_>>().join(" | "))
}
