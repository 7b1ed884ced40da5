//! Lowers decoder profiles to weightless ONNX templates.
//!
//! [`graphs`] turns a [`Profile`] into one graph per [`TemplateCut`] with [`builder`] over the messages in
//! [`onnx`]; [`mod@lint`] refuses what does not run on every [`jetpack`]; [`manifest`] describes the files in `models/`.
//! Everything is a function of the profile alone, so the bytes are the same on every machine.

pub mod builder;
pub mod graphs;
pub mod jetpack;
pub mod lint;
#[cfg(test)]
mod lint_tests;
pub mod manifest;
pub mod onnx;

use std::path::{Path, PathBuf};

use iev_runtime::outputs::write_whole;
use iev_runtime::profile::{PROFILES, Profile};
use prost::Message;

use crate::error::{Context, Error, Result};
pub use graphs::{Template, TemplateCut, lower};
pub use lint::{Offence, lint};
use onnx::ModelProto;

/// `iev-export lower`: writes the templates and their manifest.
#[derive(Debug, Clone, clap::Args)]
pub struct LowerArgs {
    /// Folder of the templates.
    #[arg(long, default_value = "models")]
    pub models: PathBuf,
    /// Write nothing; fail if the files there differ from what the profiles lower to.
    #[arg(long)]
    pub check: bool,
}

/// Bytes of a template file.
///
/// # Panics
/// If the graph breaks a rule of [`lint()`] on a board: a bug of the lowering, never of its caller.
pub fn template_bytes(profile: &Profile, cut: TemplateCut) -> (Template, Vec<u8>) {
    let template = lower(profile, cut);
    let bytes = if cut.for_cpu() {
        template.model.encode_to_vec()
    } else {
        portable_bytes(&template.model)
    };
    (template, bytes)
}

fn portable_bytes(model: &ModelProto) -> Vec<u8> {
    let offences: Vec<_> = lint(model).into_iter().filter(Offence::on_boards).collect();
    assert!(offences.is_empty(), "lowering writes what runs on every board: {offences:?}");
    model.encode_to_vec()
}

/// Every file of `models/` that lowering owns, by name.
///
/// # Errors
/// When the manifest cannot be written as JSON.
pub fn files() -> Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    let mut profiles = Vec::new();
    for profile in &PROFILES {
        let mut entry = manifest::ProfileEntry::new(profile);
        for cut in TemplateCut::ALL {
            let (template, bytes) = template_bytes(profile, cut);
            entry.add(cut, &template, &bytes);
            files.push((manifest::file_name(profile.name, cut), bytes));
        }
        profiles.push(entry);
    }
    files.push(("manifest.json".into(), manifest::to_json(&profiles)?));
    Ok(files)
}

/// Runs `iev-export lower`.
///
/// # Errors
/// When a file cannot be written, or with `--check` when one differs.
pub fn run_lower(args: &LowerArgs) -> Result<()> {
    let files = files()?;
    if args.check {
        return check(&args.models, &files);
    }
    std::fs::create_dir_all(&args.models)
        .with_context(|| format!("{}: cannot be created", args.models.display()))?;
    for (name, bytes) in files {
        let path = args.models.join(name);
        write_whole(&path, bytes)?;
    }
    Ok(())
}

fn check(models: &Path, files: &[(String, Vec<u8>)]) -> Result<()> {
    let differs = |(name, bytes): &&(String, Vec<u8>)| {
        std::fs::read(models.join(name)).ok().as_ref() != Some(bytes)
    };
    let stale: Vec<&str> = files.iter().filter(differs).map(|(name, _)| name.as_str()).collect();
    if !stale.is_empty() {
        let stale = stale.join(", ");
        let what = format!("out of date: {stale}; run `iev-export lower` and commit models/");
        return Err(Error::Unfit { what });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_templates_and_manifest_are_what_the_profiles_lower_to() {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
        run_lower(&LowerArgs { models, check: true }).unwrap();
    }

    #[test]
    #[should_panic(expected = "is not in the portable set")]
    fn lowering_refuses_a_graph_outside_the_portable_set() {
        let mut model = lower(&PROFILES[0], TemplateCut::Motion).model;
        model.graph.as_mut().unwrap().node[0].op_type = Some("Gelu".into());
        portable_bytes(&model);
    }

    #[test]
    fn every_convolution_but_the_flows_is_in_f16_where_that_is_asked() {
        for profile in &PROFILES {
            let graph = lower(profile, TemplateCut::Full16).model.graph.unwrap();
            let of = |op: &'static str| {
                graph.node.iter().filter(move |n| n.op_type.as_deref() == Some(op))
            };
            let halves: Vec<_> = of("Conv").map(|conv| conv.input[0].ends_with(".f16")).collect();
            let flow = of("Conv").position(|conv| conv.output[0] == "flow").unwrap();
            let others = halves.iter().enumerate().filter(|(at, _)| *at != flow);
            assert!(!halves[flow] && others.clone().all(|(_, half)| *half), "{halves:?}");
            // Input, weights, bias and output of each; four planes in, two out.
            assert_eq!(of("Cast").count(), 4 * others.count() + 6);
        }
    }

    #[test]
    fn templates_hold_no_weights() {
        for profile in &PROFILES {
            for cut in TemplateCut::ALL {
                let (_, bytes) = template_bytes(profile, cut);
                assert!(bytes.len() < 20 << 10, "{} {}", profile.name, cut.name());
            }
        }
    }
}
