//! What a program asks of the C library it will meet.

use anyhow::{Context, Result, bail, ensure};
use object::elf::FileHeader64;
use object::read::elf::{FileHeader, SectionHeader, Sym};
use object::{Endianness, elf};

/// A version such as 2.35, compared by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(u16, u16, u16);

impl Version {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut numbers = text.split('.').map(str::parse);
        let mut next = || numbers.next().unwrap_or(Ok(0));
        let version = (|| Ok(Self(next()?, next()?, next()?)))();
        version.map_err(|_: std::num::ParseIntError| anyhow::anyhow!("{text} is not a version"))
    }
}

/// What a program needs of its libraries.
#[derive(Debug)]
pub(crate) struct Needs {
    /// Libraries by name.
    pub libraries: Vec<String>,
    /// Newest GLIBC version, as text.
    pub glibc: String,
    /// Newest GLIBCXX version; none when libstdc++ is not used.
    pub glibcxx: Option<String>,
    /// Undefined symbols by name.
    pub symbols: Vec<String>,
}

impl Needs {
    /// Reads the dynamic section of a 64-bit little-endian ELF program.
    pub(crate) fn of(program: &[u8]) -> Result<Self> {
        let header = FileHeader64::<Endianness>::parse(program).context("not an ELF program")?;
        let endian = header.endian()?;
        let sections = header.sections(endian, program)?;
        // Versions that are needed of each library.
        let mut versions = Vec::new();
        for section in sections.iter() {
            let Some((mut needed, strings)) = section.gnu_verneed(endian, program)? else {
                continue;
            };
            let strings = sections.strings(endian, program, strings)?;
            while let Some((_, mut entries)) = needed.next()? {
                while let Some(entry) = entries.next()? {
                    let name = entry.name(endian, strings)?;
                    versions.push(String::from_utf8_lossy(name).into_owned());
                }
            }
        }
        // Names that the program expects of others.
        let table = sections.symbols(endian, program, elf::SHT_DYNSYM)?;
        let undefined = table.iter().filter(|symbol| symbol.is_undefined(endian));
        let names = undefined.filter_map(|symbol| table.symbol_name(endian, symbol).ok());
        let symbols = names.map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        Ok(Self {
            libraries: libraries(program)?,
            glibc: newest(&versions, "GLIBC_").context("the program is linked to no glibc")?,
            glibcxx: newest(&versions, "GLIBCXX_"),
            symbols,
        })
    }

    /// Fails unless the program runs with glibc `floor`.
    pub(crate) fn check(&self, floor: &str) -> Result<()> {
        let foreign = self.symbols.iter().find(|name| name.starts_with("__isoc23_"));
        if let Some(name) = foreign {
            bail!("the program needs {name}, which no glibc before 2.38 has");
        }
        ensure!(
            Version::parse(&self.glibc)? <= Version::parse(floor)?,
            "the program needs glibc {}, the board profile allows {floor}",
            self.glibc
        );
        Ok(())
    }
}

fn libraries(program: &[u8]) -> Result<Vec<String>> {
    let file = object::read::elf::ElfFile64::<Endianness>::parse(program)?;
    let endian = file.endian();
    let sections = file.elf_section_table();
    let Some((entries, strings)) = sections.dynamic(endian, program)? else {
        return Ok(Vec::new());
    };
    let strings = sections.strings(endian, program, strings)?;
    use object::read::elf::Dyn;
    let needed = entries.iter().filter(|entry| entry.tag32(endian) == Some(elf::DT_NEEDED));
    let names = needed.map(|entry| entry.string(endian, strings));
    names.map(|name| Ok(String::from_utf8_lossy(name?).into_owned())).collect()
}

/// The newest of the versions that start with `prefix`.
fn newest(versions: &[String], prefix: &str) -> Option<String> {
    let of_prefix = versions.iter().filter_map(|version| version.strip_prefix(prefix));
    let numbered = of_prefix.filter_map(|text| Some((Version::parse(text).ok()?, text)));
    numbered.max_by_key(|(version, _)| *version).map(|(_, text)| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        let versions = ["GLIBC_2.4", "GLIBC_2.17", "GLIBC_PRIVATE", "GLIBCXX_3.4.30"];
        let versions = versions.map(str::to_owned);
        assert_eq!(newest(&versions, "GLIBC_").as_deref(), Some("2.17"));
        assert_eq!(newest(&versions, "GLIBCXX_").as_deref(), Some("3.4.30"));
        assert_eq!(newest(&versions, "CXXABI_"), None);
    }

    #[test]
    fn this_program_needs_a_glibc_and_no_older_one_will_do() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let mut needs = Needs::of(&own).unwrap();
        assert!(needs.libraries.iter().any(|name| name == "libc.so.6"), "{needs:?}");
        needs.check(&needs.glibc).unwrap();
        let error = needs.check("2.1").unwrap_err().to_string();
        assert!(error.contains("the board profile allows 2.1"), "{error}");
        needs.symbols.push("__isoc23_strtol".into());
        assert!(needs.check("2.99").unwrap_err().to_string().contains("__isoc23_strtol"));
    }
}
