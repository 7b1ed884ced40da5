//! `iev-export lint`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use iev_exporter::Error;
use iev_exporter::lower::jetpack::{JETPACKS, JetPack};
use iev_exporter::lower::lint::{Offence, lint};
use iev_exporter::lower::onnx::ModelProto;
use iev_runtime::foreign::FileKind;
use iev_runtime::outputs::Outputs;
use prost::Message;
use serde::Serialize;

use super::{print, print_json};

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

/// Prints a verdict per graph and JetPack; fails when one that a board's profile is for refuses a graph.
pub(crate) fn run(args: &LintArgs) -> Result<()> {
    let mut outputs = Outputs::default();
    args.graphs.iter().for_each(|graph| drop(outputs.reads(graph)));
    outputs.claim(Path::new("-"))?;
    let judged = args.graphs.iter().map(|path| Ok((path.as_path(), offences(path)?)));
    let judged = judged.collect::<Result<Vec<_>>>()?;
    if args.json {
        let graphs = judged.iter().map(|(path, found)| Verdict::of(path, found));
        print_json(&graphs.collect::<Vec<_>>())?;
    } else {
        judged.iter().try_for_each(|(path, found)| print(&text(path, found)))?;
    }
    match judged.iter().filter(|(_, found)| found.iter().any(Offence::on_boards)).count() {
        0 => Ok(()),
        count => {
            let graphs = judged.len();
            bail!(Error::Unfit {
                what: format!("{count} of {graphs} graphs do not fit every board")
            })
        }
    }
}

fn offences(path: &Path) -> Result<Vec<Offence>> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let seems = FileKind::of(&bytes)
        .map_or(String::new(), |kind| format!(", it seems to be {}", kind.name()));
    match ModelProto::decode(&bytes[..]) {
        Ok(model) if !bytes.is_empty() => Ok(lint(&model)),
        Ok(_) => bail!(Error::Unfit { what: format!("{} is empty", path.display()) }),
        Err(why) => bail!(Error::Unfit {
            what: format!("{} is no ONNX graph{seems}: {why}", path.display())
        }),
    }
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

/// What `--json` says of one graph.
#[derive(Serialize)]
struct Verdict<'a> {
    graph: String,
    /// By name of the release.
    fits_jetpack: BTreeMap<&'static str, bool>,
    offences: Vec<OffenceFacts<'a>>,
}

#[derive(Serialize)]
struct OffenceFacts<'a> {
    node: &'a str,
    rule: &'a str,
    /// The first that does not mind; null when there is no such version.
    until_tensorrt: Option<String>,
}

impl<'a> Verdict<'a> {
    fn of(path: &Path, found: &'a [Offence]) -> Self {
        let fits = |jetpack: &JetPack| !found.iter().any(|offence| offence.on(jetpack));
        let offences = found.iter().map(|Offence { node, rule, until }| OffenceFacts {
            node,
            rule,
            until_tensorrt: until.map(|version| version.to_string()),
        });
        Self {
            graph: path.display().to_string(),
            fits_jetpack: JETPACKS.iter().map(|jetpack| (jetpack.name, fits(jetpack))).collect(),
            offences: offences.collect(),
        }
    }
}
