//! `iev` for a board as a Debian package and as a tar archive.
//!
//! The same input gives the same bytes: [`archive`] sorts, owns everything by root and stamps it
//! with the time of the commit, and the program holds no folder of the machine it was built on.

mod archive;
mod debian_package;
mod debian_root;
mod licences;
mod unit;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::cross::{self, BoardProgram};
use crate::place::Place;
use crate::task::{cargo_alone, run};
use archive::{Content, compressed, tar_gz};

/// Version of everything in this repository.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What programs in C find the library by (runtime/capi/build.rs).
const SONAME: &str =
    concat!("libiev.so.", env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));

/// Builds both archives of `board` in target/package; `check` tries the Debian package.
pub(crate) fn package(place: &Place, board: &str, check: bool) -> Result<()> {
    let built = cross::build(place, board)?;
    let pages = pages(place)?;
    let time_s = time_s(place)?;
    let folder = place.target.join("package");
    fs::create_dir_all(&folder)?;

    // The Debian package, under /usr.
    let contents = contents(place, &built, &pages, Path::new("usr"))?;
    let deb = debian_package::build(&built, &contents, time_s)?;
    let arch = debian_package::architecture(built.arch);
    let deb_path = folder.join(format!("iev_{VERSION}_{board}_{arch}.deb"));
    write(&deb_path, &deb)?;

    // The archive, for /usr/local or any other place.
    let top = PathBuf::from(format!("iev-{VERSION}-{board}"));
    let local = self::contents(place, &built, &pages, Path::new("usr/local"))?;
    let inside = |content: &Content| {
        let below = content.path.strip_prefix("usr/local")?;
        Ok(Content { path: top.join(below), ..content.clone() })
    };
    let local = local.iter().map(inside).collect::<Result<Vec<_>>>()?;
    write(&folder.join(format!("iev-{VERSION}-{board}.tar.gz")), &tar_gz(local, time_s)?)?;

    // What was written is what was meant.
    debian_package::read_back(&deb_path, &contents)?;
    if check { debian_root::check(place, &built, &deb_path) } else { Ok(()) }
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    println!("{}: {:.1} MB", path.display(), bytes.len() as f64 / 1e6);
    Ok(())
}

/// Seconds that every file is dated with: `SOURCE_DATE_EPOCH`, else the commit's.
fn time_s(place: &Place) -> Result<u64> {
    let told = env::var("SOURCE_DATE_EPOCH").ok();
    let text = told.or_else(|| {
        let mut git = Command::new("git");
        let git = git.args(["log", "-1", "--format=%ct"]).current_dir(&place.root).output().ok()?;
        git.status.success().then(|| String::from_utf8_lossy(&git.stdout).into_owned())
    });
    let text = text.context("no commit tells the time: set SOURCE_DATE_EPOCH, in seconds")?;
    text.trim().parse().with_context(|| format!("SOURCE_DATE_EPOCH is seconds, not {text:?}"))
}

/// Manual pages and completions by file name, generated from the command line.
fn pages(place: &Place) -> Result<Vec<(String, Vec<u8>)>> {
    let folder = place.target.join("package/pages");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let mut cargo = cargo_alone(place, "run");
    run(cargo.args(["-q", "-p", "iev-pages", "--"]).arg(&folder))?;
    files_of(&folder)
}

/// Names and bytes of a folder's files, sorted.
fn files_of(folder: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        files.push((name, fs::read(entry.path())?));
    }
    files.sort();
    Ok(files)
}

/// What `pkg-config iev` says.
fn pkg_config(prefix: &Path) -> Vec<u8> {
    let prefix = prefix.display();
    let text = format!(
        "prefix=/{prefix}\nincludedir=${{prefix}}/include\nlibdir=${{prefix}}/lib\n\n\
         Name: iev\nDescription: player of IEV multi-view video\nVersion: {VERSION}\n\
         Cflags: -I${{includedir}}\nLibs: -L${{libdir}} -liev\n"
    );
    text.into_bytes()
}

/// Every file below `prefix`.
fn contents(
    place: &Place,
    built: &BoardProgram,
    pages: &[(String, Vec<u8>)],
    prefix: &Path,
) -> Result<Vec<Content>> {
    let read = |path: &str| {
        let path = place.root.join(path);
        fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let (share, lib) = (prefix.join("share"), prefix.join("lib"));
    let (own, doc) = (share.join("iev"), share.join("doc/iev"));
    let profile = format!("boards/{}.toml", built.board);
    // The program, its board's profile, the sample and the documents.
    let mut contents = vec![
        Content { mode: 0o755, ..Content::new(prefix.join("bin/iev"), fs::read(&built.program)?) },
        Content { mode: 0o755, ..Content::new(lib.join(SONAME), fs::read(&built.library)?) },
        Content::link(lib.join("libiev.so"), SONAME),
        Content::new(prefix.join("include/iev.h"), read("runtime/capi/include/iev.h")?),
        Content::new(lib.join("pkgconfig/iev.pc"), pkg_config(prefix)),
        Content::new(share.join("iev").join(&profile), read(&profile)?),
        Content::new(own.join("sample.iev"), read("models/sample.iev")?),
        Content::new(own.join("sample.ref"), read("models/sample.ref")?),
        Content::new(lib.join("systemd/system/iev@.service"), unit::text(built, prefix)),
        Content::new(doc.join("README.md"), read("boards/README.md")?),
        Content::new(doc.join("changelog.gz"), compressed(&read("CHANGELOG.md")?)?),
        Content::new(doc.join("copyright"), licences::text(place, &built.triple)?),
    ];
    // Templates, for tools in other languages.
    for (name, bytes) in files_of(&place.root.join("models"))? {
        if name.ends_with(".onnx") || name == "manifest.json" {
            contents.push(Content::new(own.join("models").join(name), bytes));
        }
    }
    // Manual pages and completions.
    for (name, bytes) in pages {
        let (path, bytes) = match name.as_str() {
            "iev.bash" => ("bash-completion/completions/iev".into(), bytes.clone()),
            "_iev" => ("zsh/vendor-completions/_iev".into(), bytes.clone()),
            "iev.fish" => ("fish/vendor_completions.d/iev.fish".into(), bytes.clone()),
            page => (format!("man/man1/{page}.gz"), compressed(bytes)?),
        };
        contents.push(Content::new(share.join(path), bytes));
    }
    contents.sort_by(|a, b| a.path.cmp(&b.path));
    ensure!(contents.windows(2).all(|w| w[0].path != w[1].path), "each file is packed once");
    Ok(contents)
}
