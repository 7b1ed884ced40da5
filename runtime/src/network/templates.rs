//! The ONNX templates this build knows, found by the digest a stream names.
//!
//! A stream carries numbers only; the graph they go into is one of these, lowered by
//! `iev-export lower` from [`crate::profile`] and compiled into the program.

use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// The cuts of one profile, as ONNX files.
#[derive(Debug)]
pub struct Templates {
    /// Name of the profile.
    pub profile: &'static str,
    /// Latents → flow and features.
    pub motion: &'static [u8],
    /// Features and warped sources → packed picture and masks.
    pub refine: &'static [u8],
    /// Latents and source planes → fused packed picture.
    pub full: &'static [u8],
    /// Latents → flow, and features in 8 bits.
    pub motion8: &'static [u8],
    /// Features and warped sources in 8 bits → packed picture and mask logits in 8 bits.
    pub refine8: &'static [u8],
    sha256: OnceLock<[u8; 32]>,
}

macro_rules! templates {
    ($name:literal) => {
        Templates {
            profile: $name,
            motion: include_bytes!(concat!("../../../models/", $name, ".motion.onnx")),
            refine: include_bytes!(concat!("../../../models/", $name, ".refine.onnx")),
            full: include_bytes!(concat!("../../../models/", $name, ".full.onnx")),
            motion8: include_bytes!(concat!("../../../models/", $name, ".motion8.onnx")),
            refine8: include_bytes!(concat!("../../../models/", $name, ".refine8.onnx")),
            sha256: OnceLock::new(),
        }
    };
}

/// Templates of every profile.
pub static TEMPLATES: [Templates; 3] = [templates!("lean"), templates!("edge"), templates!("rich")];

impl Templates {
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
        TEMPLATES.iter().find(|t| t.sha256() == *sha256).ok_or_else(|| {
            let digest: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
            Error::Template { digest }
        })
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
