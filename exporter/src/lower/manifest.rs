//! `models/manifest.json`: what the templates are, for people and for tools in other languages.

use std::collections::BTreeMap;

use iev_runtime::profile::{PROFILES, Profile};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::builder::{Dim, OPSET, Port};
use super::graphs::{Template, TemplateCut};
use crate::error::Result;

/// Name of a template file.
pub fn file_name(profile: &str, cut: TemplateCut) -> String {
    format!("{profile}.{}.onnx", cut.name())
}

/// One profile.
#[derive(Debug, Clone, Serialize)]
pub struct ProfileEntry {
    name: &'static str,
    mac_per_px: f64,
    /// Weights and biases.
    parameters: usize,
    templates: Vec<TemplateEntry>,
}

/// One template.
#[derive(Debug, Clone, Serialize)]
struct TemplateEntry {
    cut: &'static str,
    file: String,
    sha256: String,
    bytes: usize,
    inputs: BTreeMap<String, Vec<PortSize>>,
    outputs: BTreeMap<String, Vec<PortSize>>,
}

/// A dimension: a number or the name of one.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
enum PortSize {
    Fixed(usize),
    Named(&'static str),
}

#[derive(Serialize)]
struct ModelsManifest<'a> {
    written_by: &'static str,
    opset: i64,
    profiles: &'a [ProfileEntry],
}

impl ProfileEntry {
    /// `profile`, without templates yet.
    pub fn new(profile: &'static Profile) -> Self {
        let layers = profile.layers();
        Self {
            name: profile.name,
            mac_per_px: profile.mac_per_px(),
            parameters: layers.iter().map(|l| l.weights() + l.outputs).sum(),
            templates: Vec::new(),
        }
    }

    /// Adds a template.
    pub fn add(&mut self, cut: TemplateCut, template: &Template, bytes: &[u8]) {
        let digest = Sha256::digest(bytes);
        self.templates.push(TemplateEntry {
            cut: cut.name(),
            file: file_name(self.name, cut),
            sha256: hex::encode(digest),
            bytes: bytes.len(),
            inputs: ports(&template.inputs),
            outputs: ports(&template.outputs),
        });
    }
}

fn ports(ports: &[Port]) -> BTreeMap<String, Vec<PortSize>> {
    let size = |dim: &Dim| match dim {
        Dim::Fixed(size) => PortSize::Fixed(*size),
        Dim::Named(name) => PortSize::Named(name),
    };
    ports.iter().map(|p| (p.name.clone(), p.shape.iter().map(size).collect())).collect()
}

/// The manifest as committed.
///
/// # Errors
/// When serialisation fails, which it does not for these types.
pub fn to_json(profiles: &[ProfileEntry]) -> Result<Vec<u8>> {
    debug_assert_eq!(profiles.len(), PROFILES.len(), "the manifest lists every profile");
    let manifest = ModelsManifest { written_by: "iev-export lower", opset: OPSET, profiles };
    let mut json = serde_json::to_vec_pretty(&manifest)?;
    json.push(b'\n');
    Ok(json)
}
