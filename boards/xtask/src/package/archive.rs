//! Archives whose bytes depend on nothing but their contents and one time.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use flate2::{Compression, GzBuilder};
use tar::{EntryType, Header};

/// One file of an archive.
#[derive(Clone)]
pub(crate) struct Content {
    /// From the archive's root.
    pub path: PathBuf,
    pub mode: u32,
    pub bytes: Vec<u8>,
    /// What it stands for, where it is a symbolic link.
    pub link: Option<PathBuf>,
}

impl Content {
    /// A file that everyone may read.
    pub(crate) fn new(path: PathBuf, bytes: Vec<u8>) -> Self {
        Self { path, mode: 0o644, bytes, link: None }
    }

    /// A link beside the file called `target`.
    pub(crate) fn link(path: PathBuf, target: &str) -> Self {
        Self { path, mode: 0o777, bytes: Vec::new(), link: Some(target.into()) }
    }
}

/// gzip without a name or a time.
pub(crate) fn compressed(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    gzip.write_all(bytes)?;
    Ok(gzip.finish()?)
}

/// A compressed tar of `contents` and the folders they lie in, owned by root, sorted by path.
pub(crate) fn tar_gz(mut contents: Vec<Content>, time_s: u64) -> Result<Vec<u8>> {
    contents.sort_by(|a, b| a.path.cmp(&b.path));
    let above = contents.iter().flat_map(|content| content.path.ancestors().skip(1));
    let folders: BTreeSet<&Path> = above.filter(|folder| !folder.as_os_str().is_empty()).collect();
    let mut tar = tar::Builder::new(Vec::new());
    for folder in folders {
        let mut header = header(EntryType::Directory, 0o755, time_s);
        tar.append_data(&mut header, folder.join(""), &[][..])?;
    }
    for content in &contents {
        if let Some(target) = &content.link {
            let mut header = header(EntryType::Symlink, content.mode, time_s);
            tar.append_link(&mut header, &content.path, target)?;
            continue;
        }
        let mut header = header(EntryType::Regular, content.mode, time_s);
        header.set_size(content.bytes.len() as u64);
        tar.append_data(&mut header, &content.path, &content.bytes[..])?;
    }
    compressed(&tar.into_inner()?)
}

fn header(entry_type: EntryType, mode: u32, time_s: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(entry_type);
    header.set_mode(mode);
    header.set_mtime(time_s);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    // Names, because some readers trust them before the numbers.
    let _ = header.set_username("root").and_then(|()| header.set_groupname("root"));
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_matter_and_root_owns_everything() {
        let file = |path: &str| Content::new(path.into(), path.as_bytes().into());
        let link = || Content::link("b/d".into(), "c");
        let one = tar_gz(vec![link(), file("b/c"), file("a")], 7).unwrap();
        assert_eq!(one, tar_gz(vec![file("a"), file("b/c"), link()], 7).unwrap());
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(&one[..]));
        let mut names = Vec::new();
        for entry in tar.entries().unwrap() {
            let entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.uid().unwrap(), header.mtime().unwrap()), (0, 7));
            let to = entry.link_name().unwrap();
            let to = to.map_or(String::new(), |to| format!(" -> {}", to.display()));
            names.push(format!("{}{to}", entry.path().unwrap().display()));
        }
        assert_eq!(names, ["b/", "a", "b/c", "b/d -> c"]);
    }
}
