//! The ONNX templates this build knows, found by the digest a stream names.
//!
//! A stream carries numbers only; the graphs they go into are among these, lowered by
//! `iev-export lower` from [`crate::profile`] and compiled into the program.

use std::ops::Deref;

use iev_models::{EDGE, Graphs, LEAN, RICH};

use crate::error::{Error, Result};

/// The cuts of one profile, as ONNX files, and the digest that streams know them by.
#[derive(Debug)]
pub struct Templates {
    graphs: Graphs,
    /// SHA-256 of a graph of the network as it was when streams began to name it. Why it stays: it names what is
    /// computed, which FORMAT.md §9 says, and not the graph that a player computes it by.
    sha256: [u8; 32],
}

/// Templates of every profile.
#[rustfmt::skip]
pub static TEMPLATES: [Templates; 3] = [
    Templates { graphs: LEAN, sha256: [
        0x21, 0x15, 0xf4, 0x73, 0x1c, 0x9a, 0xf3, 0x12, 0x8f, 0x7f, 0x29, 0x8e, 0xdf, 0xce, 0xeb, 0x6f,
        0x1a, 0x14, 0x94, 0xda, 0xe6, 0x40, 0x7f, 0x6e, 0x26, 0xe4, 0xfc, 0xef, 0xc9, 0xa2, 0xda, 0xff,
    ] },
    Templates { graphs: EDGE, sha256: [
        0x3d, 0x27, 0xe9, 0xbc, 0x95, 0x68, 0xe4, 0x6d, 0xfa, 0x2f, 0x92, 0x35, 0x46, 0xd2, 0x17, 0xed,
        0x08, 0xaa, 0x54, 0xeb, 0x2c, 0xf5, 0x2e, 0x74, 0xfc, 0x7e, 0x98, 0x80, 0x5a, 0x2b, 0x22, 0x4a,
    ] },
    Templates { graphs: RICH, sha256: [
        0x9d, 0x9b, 0xe8, 0xac, 0xcc, 0x78, 0xc4, 0x47, 0x85, 0xd7, 0xdb, 0x66, 0x1f, 0x91, 0x15, 0xe5,
        0x4a, 0xc4, 0xe6, 0x09, 0x4d, 0xc7, 0x1d, 0x08, 0x5e, 0xd8, 0xe9, 0x8d, 0x33, 0x43, 0x74, 0xa4,
    ] },
];

impl Deref for Templates {
    type Target = Graphs;

    fn deref(&self) -> &Graphs {
        &self.graphs
    }
}

impl Templates {
    /// What a stream's header names the network by.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// The templates of the profile called `name`.
    pub fn of(name: &str) -> Option<&'static Self> {
        TEMPLATES.iter().find(|t| t.profile == name)
    }

    /// The templates of the network that streams name `sha256`.
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
