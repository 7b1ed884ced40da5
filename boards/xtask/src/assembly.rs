//! Assembly of the explicit decoders: on x86 it takes nasm, without which all works, only slowly.

use std::ffi::OsString;
use std::process::Command;
use std::sync::{LazyLock, Once};

use crate::place::{Arch, Place};

/// What rav1d's assembly is written for.
const AV1_NEEDS: (u32, u32) = (2, 14);

/// Version of the nasm on `PATH`.
static INSTALLED: LazyLock<Option<(u32, u32)>> = LazyLock::new(|| {
    let output = Command::new("nasm").arg("-v").output().ok()?;
    version(&String::from_utf8_lossy(&output.stdout))
});

/// The first two numbers of `NASM version 2.16.01 compiled on …`.
fn version(printed: &str) -> Option<(u32, u32)> {
    let numbers = printed.strip_prefix("NASM version ")?;
    let mut numbers = numbers.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// Arguments of cargo that give a player for `arch` the assembly of its AV1 decoder, where it can be built: for x86 by
/// nasm, for Arm by the compiler for boards, which has the header that the crate lacks. Why a feature, which openh264
/// goes without: rav1d's build fails where nasm is missing or old.
pub(crate) fn features(arch: Arch) -> &'static [&'static str] {
    let can = match arch {
        Arch::X86_64 => *INSTALLED >= Some(AV1_NEEDS),
        Arch::Aarch64 => true,
    };
    if can { &["--features", "iev-runtime/assembly"] } else { &[] }
}

/// [`features`] for this machine. An Arm's own compiler goes without: that of JetPack 5 is too old.
pub(crate) fn host_features() -> &'static [&'static str] {
    match Arch::host() {
        Ok(Arch::X86_64) => features(Arch::X86_64),
        _ => &[],
    }
}

/// Flags of C for Arm by which rav1d's assembly finds its missing header.
pub(crate) fn arm_flags(place: &Place) -> OsString {
    let mut flags = OsString::from("-I");
    flags.push(place.root.join("boards/xtask/rav1d"));
    flags
}

/// Says once what a build for x86 lacks here.
pub(crate) fn warn() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if let Some(lack) = lack(*INSTALLED).filter(|_| cfg!(target_arch = "x86_64")) {
            eprintln!("warning: {lack}");
        }
    });
}

fn lack(installed: Option<(u32, u32)>) -> Option<String> {
    let (major, minor) = AV1_NEEDS;
    match installed {
        None => Some(format!(
            "no nasm, so H.264 decodes at half speed and AV1 without its assembly too: install nasm {major}.{minor} \
             or newer, as by apt-get install nasm"
        )),
        Some(old) if old < AV1_NEEDS => Some(format!(
            "AV1 decodes without its assembly, slowly: that takes nasm {major}.{minor} or newer, and this is {}.{}",
            old.0, old.1
        )),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_version_is_read_from_what_nasm_prints() {
        assert_eq!(version("NASM version 2.16.01 compiled on Jan  1 2024\n"), Some((2, 16)));
        assert_eq!(version("NASM version 3.0rc1"), Some((3, 0)));
        assert_eq!(version("yasm 1.3.0"), None);
        assert_eq!(version("NASM version "), None);
    }

    #[test]
    fn what_is_lost_without_nasm_or_with_an_old_one_is_said() {
        assert!(lack(None).unwrap().contains("H.264 decodes at half speed and AV1"));
        let old = lack(Some((2, 13))).unwrap();
        assert!(
            !old.contains("H.264") && old.ends_with("2.14 or newer, and this is 2.13"),
            "{old}"
        );
        assert_eq!(lack(Some((2, 14))), None);
        assert_eq!(lack(Some((3, 0))), None);
    }

    #[test]
    fn the_missing_header_lies_where_rav1d_looks() {
        let place = Place::find().unwrap();
        let flags = arm_flags(&place).into_string().unwrap();
        let folder = flags.strip_prefix("-I").unwrap();
        assert!(Path::new(folder).join("src/arm/asm-offsets.h").is_file(), "{flags}");
    }
}
