//! What matching has found, kept in the work folder: an export that goes on does not search again.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use iev_runtime::outputs::OutputFile;

use crate::error::{Context, Result};
use crate::matching::FlowField;

/// Name of the file in a work folder.
const FILE: &str = "matching.bin";

/// SHA-256 of all that decides the fields.
pub type Digest = [u8; 32];

/// The fields in `folder`, if those with this `digest` are there, as many as `like` has and as large.
///
/// # Errors
/// The disk's.
pub fn load(
    folder: &Path,
    digest: Digest,
    like: &FlowField,
    count: usize,
) -> Result<Option<Vec<FlowField>>> {
    let path = folder.join(FILE);
    let failed = || format!("reading {}", path.display());
    if !path.try_exists().with_context(failed)? {
        return Ok(None);
    }
    // 1. The file is whole and of these pictures, or as good as none.
    let file = File::open(&path).with_context(failed)?;
    let cells = like.dx.len();
    let whole = digest.len() + count * 3 * cells * size_of::<f32>();
    if file.metadata().with_context(failed)?.len() != whole as u64 {
        return Ok(None);
    }
    let mut file = BufReader::new(file);
    let mut found = Digest::default();
    file.read_exact(&mut found).with_context(failed)?;
    if found != digest {
        return Ok(None);
    }
    // 2. Three planes for each field.
    let mut bytes = vec![0; cells * size_of::<f32>()];
    let mut values = || -> Result<Vec<f32>> {
        file.read_exact(&mut bytes).with_context(failed)?;
        let (numbers, _) = bytes.as_chunks();
        Ok(numbers.iter().map(|number| f32::from_le_bytes(*number)).collect())
    };
    let mut field = || -> Result<FlowField> {
        Ok(FlowField { dx: values()?, dy: values()?, confidence: values()?, ..*like })
    };
    (0..count).map(|_| field()).collect::<Result<_>>().map(Some)
}

/// Keeps `fields` in `folder`, whole or not at all.
///
/// # Errors
/// The disk's.
pub fn save(folder: &Path, digest: Digest, fields: &[FlowField]) -> Result<()> {
    let path = folder.join(FILE);
    let failed = || format!("writing {}", path.display());
    let mut file = BufWriter::new(OutputFile::create(&path)?);
    file.write_all(&digest).with_context(failed)?;
    for values in fields.iter().flat_map(|field| [&field.dx, &field.dy, &field.confidence]) {
        for value in values {
            file.write_all(&value.to_le_bytes()).with_context(failed)?;
        }
    }
    let file =
        file.into_inner().map_err(std::io::IntoInnerError::into_error).with_context(failed)?;
    Ok(file.finish_synced()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_again_by_their_digest_alone() {
        let desk = tempfile::tempdir().unwrap();
        let like = FlowField::zero(40, 24);
        let load = |digest, count| load(desk.path(), digest, &like, count).unwrap();
        assert!(load([1; 32], 2).is_none(), "there is none yet");
        let other = FlowField { dx: vec![0.1; like.dx.len()], ..like.clone() };
        save(desk.path(), [1; 32], &[other.clone(), like.clone()]).unwrap();
        assert_eq!(load([1; 32], 2), Some(vec![other, like.clone()]));
        assert!(load([2; 32], 2).is_none() && load([1; 32], 3).is_none());
        save(desk.path(), [2; 32], std::slice::from_ref(&like)).unwrap();
        assert!(load([1; 32], 2).is_none() && load([2; 32], 1).is_some());
    }
}
