//! What runs without an operating system: the format core, and a firmware over it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use object::{Object, ObjectSection, ObjectSymbol};

use crate::place::Place;
use crate::task::run;
use crate::toolchain::Toolchain;

/// A microcontroller with hardware floats; the firmware is for one of these.
const CORTEX_M4F: &str = "thumbv7em-none-eabihf";

/// Targets that the format core is built for.
const TARGETS: [&str; 2] = [CORTEX_M4F, "aarch64-unknown-none"];

/// Fetches everything that [`build`] needs.
pub(crate) fn fetch(place: &Place) -> Result<()> {
    TARGETS.iter().try_for_each(|triple| Toolchain::rust(place, triple, "core").map(drop))
}

/// Builds the core and the firmware, each with and without trace points, and looks at the firmware.
pub(crate) fn build(place: &Place) -> Result<()> {
    for triple in TARGETS {
        let toolchain = Toolchain::rust(place, triple, "core")?;
        let build = |arguments: &[&str]| {
            let mut cargo = toolchain.cargo(place, "build");
            // defmt compiles in what is at least this important.
            run(cargo.arg("--release").args(arguments).env("DEFMT_LOG", "trace"))
        };
        for features in [&[][..], &["--features", "defmt"]] {
            let core = ["--lib", "-p", "iev-runtime", "--no-default-features"];
            build(&[&core[..], features].concat())?;
            if triple == CORTEX_M4F {
                build(&[&["-p", "iev-flash-index"], features].concat())?;
                let file = toolchain.folder.join(triple).join("release/iev-flash-index");
                look_at(&file, !features.is_empty())?;
            }
        }
    }
    Ok(())
}

/// Prints the firmware's static memory, which its linker script has bounded, and finds its trace
/// points.
fn look_at(firmware: &Path, traced: bool) -> Result<()> {
    let bytes = fs::read(firmware).with_context(|| format!("no {}", firmware.display()))?;
    let file = object::File::parse(&bytes[..])?;
    let size = |name: &str| file.section_by_name(name).map_or(0, |section| section.size());
    let (memory, code) = (size(".data") + size(".bss"), size(".text") + size(".rodata"));
    println!(
        "{}: {memory} bytes of static memory, {code} of code and constants",
        firmware.display()
    );
    let mut names = file.symbols().filter_map(|symbol| symbol.name().ok());
    let found = names.any(|name| name.contains("defmt_trace") && name.contains("stream opened"));
    ensure!(found == traced, "trace points are in the firmware exactly with the feature");
    Ok(())
}
