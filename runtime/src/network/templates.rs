//! The ONNX templates this build knows, found by the digest a stream names.
//!
//! A stream carries numbers only; the graph they go into is one of these, lowered by
//! `iev-export lower` from [`crate::profile`] and compiled into the program.

use std::ops::Deref;
use std::sync::OnceLock;

use iev_models::Graphs;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// The cuts of one profile, as ONNX files, and the digest that streams know them by.
#[derive(Debug)]
pub struct Templates {
    graphs: Graphs,
    sha256: OnceLock<[u8; 32]>,
}

/// Templates of every profile.
pub static TEMPLATES: [Templates; 3] = [
    Templates::new(iev_models::LEAN),
    Templates::new(iev_models::EDGE),
    Templates::new(iev_models::RICH),
];

impl Deref for Templates {
    type Target = Graphs;

    fn deref(&self) -> &Graphs {
        &self.graphs
    }
}

impl Templates {
    const fn new(graphs: Graphs) -> Self {
        Self { graphs, sha256: OnceLock::new() }
    }

    /// SHA-256 of the `full` template: what a stream's header names. The other cuts are lowered
    /// from the same layers, so one digest stands for all.
    pub fn sha256(&self) -> [u8; 32] {
        *self.sha256.get_or_init(|| Sha256::digest(self.full).into())
    }

    /// The templates of the profile called `name`.
    pub fn of(name: &str) -> Option<&'static Self> {
        TEMPLATES.iter().find(|t| t.profile == name)
    }

    /// The templates whose `full` cut has the digest `sha256`.
    ///
    /// # Errors
    /// [`Error::Template`] naming the digest when this build has no such template.
    pub fn by_digest(sha256: &[u8; 32]) -> Result<&'static Self> {
        let found = TEMPLATES.iter().find(|t| t.sha256() == *sha256);
        found.ok_or_else(|| Error::Template { digest: hex::encode(sha256) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::PROFILES;

    #[test]
    fn every_profile_has_templates_and_every_digest_finds_them() {
        assert_eq!(TEMPLATES.len(), PROFILES.len());
        for profile in &PROFILES {
            let templates = Templates::of(profile.name).unwrap();
            assert_eq!(Templates::by_digest(&templates.sha256()).unwrap().profile, profile.name);
        }
    }

    #[test]
    fn an_unknown_digest_is_named() {
        let error = Templates::by_digest(&[0xab; 32]).unwrap_err();
        assert!(error.to_string().contains(&"ab".repeat(32)), "{error}");
    }
}
