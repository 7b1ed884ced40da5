//! Files of Debian packages, for what rustup or the machine does not bring.
//!
//! apt runs on lists and folders of its own below the target folder, so nothing is installed, the
//! machine's configuration is not read, and it needs no root. Signatures are checked as ever.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::place::Place;

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Unpacks `packages` (`name`, `name=version` or `name:arch`) of `suite` into `to`.
pub(crate) fn unpack(place: &Place, suite: &str, packages: &[&str], to: &Path) -> Result<()> {
    ensure!(
        Path::new(KEYRING).exists(),
        "{} comes from Debian's packages, and {KEYRING} is not here: apt-get install \
         debian-archive-keyring",
        packages.join(", ")
    );
    // Only what is asked for: what an earlier call fetched lies in the same folder.
    let apt = Apt::new(place, suite)?;
    eprintln!("fetching {} of Debian {suite}", packages.join(", "));
    apt.run(&["update"])?;
    let download = apt.folder.join("download");
    if download.exists() {
        fs::remove_dir_all(&download)?;
    }
    fs::create_dir_all(&download)?;
    apt.run(&[&["download"], packages].concat())?;
    fs::create_dir_all(to)?;
    // Unpacked without being installed, and so without root.
    for package in fs::read_dir(&download)? {
        let package = package?.path();
        let status = Command::new("dpkg-deb").arg("-x").arg(&package).arg(to).status();
        let unpacked = status.context("cannot run dpkg-deb")?.success();
        ensure!(unpacked, "cannot unpack {}", package.display());
    }
    Ok(())
}

/// An apt that knows one suite.
struct Apt {
    folder: PathBuf,
    configuration: PathBuf,
}

impl Apt {
    fn new(place: &Place, suite: &str) -> Result<Self> {
        let folder = place.target.join("debian").join(suite);
        // An apt of its own, which neither reads nor changes the system's lists.
        for part in ["state/lists/partial", "cache/archives/partial", "none"] {
            fs::create_dir_all(folder.join(part))?;
        }
        fs::write(folder.join("state/status"), "")?;
        let source = format!(
            "deb [arch=amd64,arm64 signed-by={KEYRING}] http://deb.debian.org/debian {suite} main\n"
        );
        fs::write(folder.join("sources.list"), source)?;
        let path = |part: &str| folder.join(part).display().to_string();
        let text = format!(
            "Dir::State {:?};\nDir::State::status {:?};\nDir::Cache {:?};\n\
             Dir::Etc::sourcelist {:?};\nDir::Etc::sourceparts {none:?};\n\
             Dir::Etc::preferences \"/dev/null\";\nDir::Etc::preferencesparts {none:?};\n\
             APT::Architecture \"amd64\";\nAPT::Architectures {{\"amd64\"; \"arm64\";}};\n\
             APT::Sandbox::User \"root\";\nAcquire::Languages \"none\";\n",
            path("state"),
            path("state/status"),
            path("cache"),
            path("sources.list"),
            none = path("none"),
        );
        let configuration = folder.join("apt.conf");
        fs::write(&configuration, text)?;
        Ok(Self { folder, configuration })
    }

    fn run(&self, arguments: &[&str]) -> Result<()> {
        let folder = self.folder.join("download");
        let mut apt = Command::new("apt-get");
        apt.arg("-qq").args(arguments).env("APT_CONFIG", &self.configuration);
        apt.current_dir(if folder.exists() { &folder } else { &self.folder });
        let status = apt.stdout(std::io::stderr()).status().context("cannot run apt-get")?;
        ensure!(status.success(), "apt-get {} failed", arguments.join(" "));
        Ok(())
    }
}
