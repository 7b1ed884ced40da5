//! `iev-export lint`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use iev_exporter::Unfit;
use iev_exporter::lower::jetpack::JETPACKS;
use iev_exporter::lower::lint::{Offence, lint};
use iev_exporter::lower::onnx::ModelProto;
use prost::Message;
use serde_json::{Value, json};

use super::print;

/// What is typed.
#[derive(Debug, clap::Args)]
pub(crate) struct LintArgs {
    /// ONNX graphs
    #[arg(required = true)]
    graphs: Vec<PathBuf>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Prints a verdict per graph and JetPack; fails when one refuses a graph.
pub(crate) fn run(args: &LintArgs) -> Result<()> {
    let judged = args.graphs.iter().map(|path| Ok((path.as_path(), offences(path)?)));
    let judged = judged.collect::<Result<Vec<_>>>()?;
    if args.json {
        let graphs: Vec<Value> = judged.iter().map(|(path, found)| as_json(path, found)).collect();
        print(&format!("{:#}", json!(graphs)))?;
    } else {
        judged.iter().try_for_each(|(path, found)| print(&text(path, found)))?;
    }
    match judged.iter().filter(|(_, found)| !found.is_empty()).count() {
        0 => Ok(()),
        count => {
            let graphs = judged.len();
            bail!(Unfit(format!("{count} of {graphs} graphs do not fit every board")))
        }
    }
}

fn offences(path: &Path) -> Result<Vec<Offence>> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let model = ModelProto::decode(&bytes[..])
        .with_context(|| format!("{} is not an ONNX graph", path.display()))?;
    Ok(lint(&model))
}

fn text(path: &Path, found: &[Offence]) -> String {
    let mut lines = vec![path.display().to_string()];
    for jetpack in &JETPACKS {
        let refusing = found.iter().filter(|offence| offence.on(jetpack)).count();
        let verdict = match refusing {
            0 => "fits".to_owned(),
            count => format!("refused, {count} offence(s)"),
        };
        lines
            .push(format!("  JetPack {} (TensorRT {}): {verdict}", jetpack.name, jetpack.tensorrt));
    }
    lines.extend(found.iter().map(|offence| format!("  {offence}")));
    lines.join("\n")
}

fn as_json(path: &Path, found: &[Offence]) -> Value {
    let fits = JETPACKS.iter().map(|jetpack| {
        (jetpack.name.to_owned(), json!(!found.iter().any(|offence| offence.on(jetpack))))
    });
    let found = found.iter().map(|Offence { node, rule, until }| {
        json!({ "node": node, "rule": rule, "until_tensorrt": until.map(|v| v.to_string()) })
    });
    json!({
        "graph": path,
        "fits_jetpack": fits.collect::<serde_json::Map<_, _>>(),
        "offences": found.collect::<Vec<_>>(),
    })
}
