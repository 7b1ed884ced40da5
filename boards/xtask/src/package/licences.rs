//! Whose code is in the program, and under which terms.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::place::Place;
use crate::task::cargo_alone;

/// What of `cargo metadata` matters here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    manifest_path: std::path::PathBuf,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

/// `kind` is null for a dependency whose code is linked in.
#[derive(Deserialize)]
struct Kind {
    kind: Option<String>,
}

/// Terms of `iev`, then of each crate in it, then every licence text once.
pub(crate) fn text(place: &Place, triple: &str) -> Result<Vec<u8>> {
    // The crates that the program links.
    let mut cargo = cargo_alone(place, "metadata");
    cargo.args(["--format-version", "1", "--locked", "--filter-platform", triple]);
    let output = cargo.output().context("cannot run cargo metadata")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    let Metadata { packages, resolve } = serde_json::from_slice(&output.stdout)?;
    let linked = linked(&packages, &resolve)?;

    let mut list = String::from(
        "IEV is licensed under either of MIT or Apache-2.0 at your option.\n\n\
         The program also contains Rust's standard library (MIT OR Apache-2.0), LLVM's libc++ and\n\
         libunwind (Apache-2.0 WITH LLVM-exception), OpenH264 (BSD-2-Clause), and these crates:\n\n",
    );
    // Every text once, with the crates that have it.
    let mut texts: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for package in packages.iter().filter(|package| linked.contains(package.id.as_str())) {
        let terms = package.license.as_deref().unwrap_or("see below");
        list += &format!("{} {}: {terms}\n", package.name, package.version);
        let folder = package.manifest_path.parent().context("a manifest lies in a folder")?;
        for text in
            licence_files(folder)?.into_iter().chain(licence_files(&folder.join("upstream"))?)
        {
            texts.entry(text).or_default().insert(&package.name);
        }
    }
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        let text = fs::read_to_string(place.root.join(licence))?;
        texts.entry(text.trim().to_owned()).or_default().insert("iev");
    }
    for (text, names) in &texts {
        let names = Vec::from_iter(names.iter().copied()).join(", ");
        list += &format!("\n{}\n{names}\n\n{text}\n", "-".repeat(80));
    }
    Ok(list.into_bytes())
}

/// Ids of all crates that the player links, itself left out.
fn linked<'a>(packages: &'a [Package], resolve: &'a Resolve) -> Result<BTreeSet<&'a str>> {
    let player = packages.iter().find(|package| package.name == "iev-runtime");
    let player = player.context("the player is in the workspace")?.id.as_str();
    let nodes: BTreeMap<&str, &Node> = resolve.nodes.iter().map(|n| (n.id.as_str(), n)).collect();
    let (mut found, mut open) = (BTreeSet::new(), vec![player]);
    while let Some(id) = open.pop() {
        let dependencies = nodes.get(id).map(|node| node.deps.as_slice()).unwrap_or_default();
        let linked = dependencies.iter().filter(|d| d.dep_kinds.iter().any(|k| k.kind.is_none()));
        open.extend(linked.map(|d| d.pkg.as_str()).filter(|id| found.insert(*id)));
    }
    Ok(found)
}

/// Texts of a folder's licence files; none where there is no such folder.
fn licence_files(folder: &Path) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        let is_licence = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"];
        if is_licence.iter().any(|start| name.starts_with(start)) && entry.path().is_file() {
            texts.push(String::from_utf8_lossy(&fs::read(entry.path())?).trim().to_owned());
        }
    }
    Ok(texts)
}
