//! A binary package of Debian, as `deb(5)` describes it.
//!
//! Why written here and not by cargo-deb or dpkg-deb: it is an `ar` of two tars, the tar archive
//! needs the same tars anyway, and what those tools write depends on their version.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Result, bail, ensure};
use md5::{Digest, Md5};

use super::VERSION;
use super::archive::{Content, tar_gz};
use crate::cross::BoardProgram;
use crate::place::Arch;
use crate::symbols::Needs;

/// Debian's name of a processor.
pub(crate) fn architecture(arch: Arch) -> &'static str {
    match arch {
        Arch::X86_64 => "amd64",
        Arch::Aarch64 => "arm64",
    }
}

/// After unpacking and after removal systemd must read its units again.
const RELOAD: &str = "#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
fi
";

/// Before removal, but not before an upgrade, nothing may play any more.
const STOP: &str = "#!/bin/sh
set -e
if [ \"$1\" = remove ] && [ -d /run/systemd/system ]; then
  systemctl stop 'iev@*.service'
fi
";

/// The package as a file.
pub(crate) fn build(built: &BoardProgram, contents: &[Content], time_s: u64) -> Result<Vec<u8>> {
    // What dpkg reads and runs.
    let script =
        |name: &str, text: &str| Content { mode: 0o755, ..Content::new(name.into(), text.into()) };
    let control = vec![
        Content::new("control".into(), control(built, contents)?.into()),
        Content::new("md5sums".into(), sums(contents).into()),
        script("postinst", RELOAD),
        script("postrm", RELOAD),
        script("prerm", STOP),
    ];
    // The members in the order that dpkg wants.
    let mut ar = ar::Builder::new(Vec::new());
    let members = [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar.gz", tar_gz(control, time_s)?),
        ("data.tar.gz", tar_gz(contents.to_vec(), time_s)?),
    ];
    for (name, bytes) in members {
        let mut header = ar::Header::new(name.into(), bytes.len() as u64);
        header.set_mode(0o100_644);
        header.set_mtime(time_s);
        ar.append(&header, &bytes[..])?;
    }
    Ok(ar.into_inner()?)
}

fn control(built: &BoardProgram, contents: &[Content]) -> Result<String> {
    let BoardProgram { title, glibc, .. } = built;
    let kib = contents.iter().map(|c| c.bytes.len().div_ceil(1024)).sum::<usize>();
    Ok(format!(
        "Package: iev\nVersion: {VERSION}\nArchitecture: {}\n\
         Maintainer: The IEV developers <iev-codec@users.noreply.github.com>\n\
         Installed-Size: {kib}\nDepends: {}\nSection: video\nPriority: optional\n\
         Homepage: https://github.com/iev-codec/iev\n\
         Description: player of multi-view video, for {title}\n \
         Decodes IEV streams: explicit views of H.264 or AV1, and a small network for the others.\n .\n \
         The program iev, and the library libiev with its header for C and pkg-config's iev.pc.\n .\n \
         Built for the board profile {}, glibc {glibc} and newer. ONNX Runtime 1.24 or newer\n \
         is loaded at run time and is not part of this package: iev doctor says what is missing.\n",
        architecture(built.arch),
        depends(&built.needs)?,
        built.board,
    ))
}

/// Packages that hold the libraries a program is linked to.
fn depends(needs: &Needs) -> Result<String> {
    let mut packages = BTreeSet::new();
    for library in &needs.libraries {
        packages.insert(match library.split(".so").next().unwrap_or_default() {
            "libc" | "libm" | "libdl" | "libpthread" | "librt" | "libutil" => {
                format!("libc6 (>= {})", needs.glibc)
            }
            "ld-linux-x86-64" | "ld-linux-aarch64" => format!("libc6 (>= {})", needs.glibc),
            "libgcc_s" => "libgcc-s1".into(),
            "libstdc++" => "libstdc++6".into(),
            _ => bail!("no Debian package is known for {library}, which the program needs"),
        });
    }
    Ok(Vec::from_iter(packages).join(", "))
}

/// As `md5sum` prints them.
fn sums(contents: &[Content]) -> String {
    contents.iter().filter(|content| content.link.is_none()).fold(
        String::new(),
        |mut text, content| {
            let sum = hex::encode(Md5::digest(&content.bytes));
            let _ = writeln!(text, "{sum}  {}", content.path.display());
            text
        },
    )
}

/// Opens the package at `path` again: it holds `contents`, each file under its name and mode.
pub(crate) fn read_back(path: &Path, contents: &[Content]) -> Result<()> {
    let mut ar = ar::Archive::new(File::open(path)?);
    let mut found = Vec::new();
    // Only the data: control is text of our own.
    while let Some(member) = ar.next_entry() {
        let member = member?;
        if member.header().identifier() != b"data.tar.gz" {
            continue;
        }
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(member));
        for entry in tar.entries()? {
            let mut entry = entry?;
            if !entry.header().entry_type().is_dir() {
                let path = entry.path()?.into_owned();
                let link = entry.link_name()?.map(Into::into);
                let mode = entry.header().mode()?;
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes)?;
                found.push(Content { path, mode, bytes, link });
            }
        }
    }
    // The same files, with modes and bytes.
    ensure!(found.len() == contents.len(), "{} lost files", path.display());
    for (found, packed) in found.iter().zip(contents) {
        let same =
            found.path == packed.path && found.mode == packed.mode && found.link == packed.link;
        ensure!(same && found.bytes == packed.bytes, "{} changed", packed.path.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_become_packages_and_an_unknown_one_is_refused() {
        let libraries = ["libc.so.6", "libm.so.6", "libgcc_s.so.1", "ld-linux-aarch64.so.1"];
        let mut needs = Needs {
            libraries: libraries.map(str::to_owned).into(),
            glibc: "2.31".into(),
            glibcxx: None,
            symbols: Vec::new(),
        };
        assert_eq!(depends(&needs).unwrap(), "libc6 (>= 2.31), libgcc-s1");
        needs.libraries.push("libcuda.so.1".into());
        assert!(depends(&needs).unwrap_err().to_string().contains("libcuda.so.1"));
    }

    #[test]
    fn sums_are_those_of_md5sum() {
        let file = Content::new("usr/a".into(), b"a".to_vec());
        assert_eq!(sums(&[file]), "0cc175b9c0f1b6a831c399e269772661  usr/a\n");
    }
}
