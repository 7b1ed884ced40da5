//! Facts about the machine, read from /proc, /sys, /etc and the library folders.
//!
//! Every reader takes the folder that stands for `/`, so that a test can plant another machine;
//! what cannot be known is `None`. Why not the crate procfs: most of this is not under /proc, and of what is we want
//! a handful of fields, each one call of [`field`].

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// First line of a file, without padding.
pub fn line(path: PathBuf) -> Option<String> {
    let bytes = fs::read(path).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let first = text.trim_matches(['\0', '\n', ' ']).lines().next()?.trim().to_owned();
    Some(first).filter(|text| !text.is_empty())
}

/// Names of the entries of a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The device tree's model, or DMI's product name.
pub fn model(root: &Path) -> Option<String> {
    let paths = ["proc/device-tree/model", "sys/class/dmi/id/product_name"];
    paths.iter().find_map(|path| line(root.join(path)))
}

/// L4T release such as 36.4.3, from `# R36 (release), REVISION: 4.3, …`.
pub fn l4t(root: &Path) -> Option<String> {
    let text = line(root.join("etc/nv_tegra_release"))?;
    let major = text.split_once('R')?.1.split(' ').next()?;
    let minor = text.split_once("REVISION: ")?.1.split(',').next()?;
    Some(format!("{major}.{}", minor.trim()))
}

/// The first field called `name` of a text of `name: value` lines.
pub fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(key, _)| key.trim_end() == name).map(|(_, value)| value.trim())
}

/// The processor's name; Arm kernels give the board's instead, on the line `Model`.
pub fn cpu_model(root: &Path) -> Option<String> {
    let text = fs::read_to_string(root.join("proc/cpuinfo")).ok()?;
    field(&text, "model name").or_else(|| field(&text, "Model")).map(str::to_owned)
}

/// JetPack's version, where its package is installed.
pub fn jetpack(root: &Path) -> Option<String> {
    let packages = fs::read_to_string(root.join("var/lib/dpkg/status")).ok()?;
    let package = packages.split("\n\n").find(|p| field(p, "Package") == Some("nvidia-jetpack"))?;
    field(package, "Version").map(str::to_owned)
}

/// All memory that this process may have and the available part, in MiB: the machine's, or less where a control
/// group (a container, a batch job, a service) has a limit.
pub fn memory_mib(root: &Path) -> Option<(u64, u64)> {
    let text = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let mib = |name| {
        let kib = field(&text, name)?.strip_suffix(" kB")?.parse::<u64>().ok()?;
        Some(kib / 1024)
    };
    let machine = mib("MemTotal").zip(mib("MemAvailable"))?;
    let less = |(all, left): (u64, u64), (limit, rest)| (all.min(limit), left.min(rest));
    Some(group_limits(root).into_iter().fold(machine, less))
}

/// Most memory that this process has had so far, in KiB.
pub fn peak_memory_kib(root: &Path) -> Option<u64> {
    let status = fs::read_to_string(root.join("proc/self/status")).ok()?;
    field(&status, "VmHWM")?.strip_suffix(" kB")?.parse().ok()
}

/// The limit of each control group that this process is in, and what is left of it, in MiB.
fn group_limits(root: &Path) -> Vec<(u64, u64)> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let Some(memory) = groups.lines().find_map(MemoryGroup::of) else { return Vec::new() };
    // From its own group to the root of all; inside a container the path may be one of the host's.
    let path = Path::new(memory.path.trim_start_matches('/'));
    let folders = path.ancestors().map(|folder| root.join(memory.hierarchy).join(folder));
    folders.filter_map(|folder| memory.limit(&folder)).collect()
}

/// Where a control group's memory is accounted for, in the files' names of its version.
struct MemoryGroup<'a> {
    path: &'a str,
    hierarchy: &'static str,
    limit: &'static str,
    used: &'static str,
    /// What the kernel gives back first, of `memory.stat`.
    cache: &'static str,
}

impl<'a> MemoryGroup<'a> {
    /// Reads a line `ID:CONTROLLERS:PATH`, without controllers in version 2.
    fn of(line: &'a str) -> Option<Self> {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        match controllers {
            "" => Some(Self {
                path,
                hierarchy: "sys/fs/cgroup",
                limit: "memory.max",
                used: "memory.current",
                cache: "inactive_file ",
            }),
            _ if controllers.split(',').any(|name| name == "memory") => Some(Self {
                path,
                hierarchy: "sys/fs/cgroup/memory",
                limit: "memory.limit_in_bytes",
                used: "memory.usage_in_bytes",
                cache: "total_inactive_file ",
            }),
            _ => None,
        }
    }

    /// The limit of the group at `folder` and what is left of it, in MiB; none where it says `max`.
    fn limit(&self, folder: &Path) -> Option<(u64, u64)> {
        let bytes = |name| line(folder.join(name))?.parse::<u64>().ok();
        let (limit, used) = (bytes(self.limit)?, bytes(self.used)?);
        let statistics = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
        let cache = statistics.lines().find_map(|line| line.strip_prefix(self.cache));
        let cache = cache.and_then(|bytes| bytes.parse().ok()).unwrap_or(0);
        let left = limit.saturating_sub(used.saturating_sub(cache));
        Some((limit >> 20, left >> 20))
    }
}

/// A mode of nvpmodel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PowerMode {
    /// Number for `nvpmodel -m`.
    pub id: u32,
    /// Name.
    pub name: String,
}

/// Modes in /etc/nvpmodel.conf: lines `< POWER_MODEL ID=1 NAME=25W >`.
pub fn power_modes(root: &Path) -> Vec<PowerMode> {
    let text = fs::read_to_string(root.join("etc/nvpmodel.conf")).unwrap_or_default();
    let modes = text.lines().filter(|line| line.starts_with("< POWER_MODEL "));
    let mode = |line: &str| {
        let value = |key| line.split_whitespace().find_map(|word| word.strip_prefix(key));
        Some(PowerMode { id: value("ID=")?.parse().ok()?, name: value("NAME=")?.to_owned() })
    };
    modes.filter_map(mode).collect()
}

/// The mode in force, from `pmode:0001`.
pub fn power_mode(root: &Path) -> Option<PowerMode> {
    let status = line(root.join("var/lib/nvpmodel/status"))?;
    let id: u32 = status.strip_prefix("pmode:")?.split_whitespace().next()?.parse().ok()?;
    power_modes(root).into_iter().find(|mode| mode.id == id)
}

/// The frequency policy and the clock now, in MHz, of every CPU that states them.
pub fn cpu_clocks(root: &Path) -> Vec<(String, u64)> {
    let folder = root.join("sys/devices/system/cpu");
    let cpus = names(&folder).into_iter().map(|name| folder.join(name).join("cpufreq"));
    let clock = |policy: PathBuf| {
        let khz: u64 = line(policy.join("scaling_cur_freq"))?.parse().ok()?;
        Some((line(policy.join("scaling_governor"))?, khz / 1000))
    };
    cpus.filter_map(clock).collect()
}

/// Whether ONNX Runtime finds the list of processors that it ends the program without, on Arm.
pub fn lists_processors(root: &Path) -> bool {
    let folder = root.join("sys/devices/system/cpu");
    let lists = ["possible", "present"].map(|name| line(folder.join(name)));
    cfg!(not(target_arch = "aarch64")) || lists.iter().any(Option::is_some)
}

/// Processors that this process may keep busy: of its affinity mask, within the quota of its control
/// groups, and no more than Slurm granted the task (`SLURM_CPUS_PER_TASK`).
pub fn usable_cpus() -> usize {
    // Reads mask and quota, of both versions of control groups.
    let system = std::thread::available_parallelism().map_or(1, usize::from);
    within_task(system, std::env::var("SLURM_CPUS_PER_TASK").ok().as_deref())
}

/// No more of `cpus` than Slurm's variable says, where it says a number.
fn within_task(cpus: usize, granted: Option<&str>) -> usize {
    let granted = granted.and_then(|text| text.trim().parse::<usize>().ok());
    granted.map_or(cpus, |granted| cpus.min(granted)).max(1)
}

/// Degrees Celsius per thermal zone.
pub fn temperatures(root: &Path) -> BTreeMap<String, f64> {
    let folder = root.join("sys/class/thermal");
    let zones = names(&folder).into_iter().filter(|name| name.starts_with("thermal_zone"));
    let zone = |name: String| {
        let zone = folder.join(&name);
        let milli: f64 = line(zone.join("temp"))?.parse().ok()?;
        Some((line(zone.join("type")).unwrap_or(name), milli / 1000.0))
    };
    zones.filter_map(zone).collect()
}

/// The GPU driver's version: NVIDIA's own statement, or the L4T release it comes with.
pub fn gpu_driver(root: &Path) -> Option<String> {
    line(root.join("proc/driver/nvidia/version")).or_else(|| l4t(root))
}

/// The model of the first GPU that NVIDIA's driver states; on a Jetson the board's, which has one.
pub fn gpu_model(root: &Path) -> Option<String> {
    let folder = root.join("proc/driver/nvidia/gpus");
    let information = |name: String| {
        let text = fs::read_to_string(folder.join(name).join("information")).ok()?;
        field(&text, "Model").map(str::to_owned)
    };
    let first = names(&folder).into_iter().find_map(information);
    first.or_else(|| l4t(root).and_then(|_| model(root)))
}

/// A shared library, by the version its file name or the one it links to ends in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// Where it is.
    pub path: PathBuf,
    /// Version, as long as the file names tell it.
    pub version: String,
}

/// The newest `stem`.so.VERSION of the system's library folders.
pub fn library(root: &Path, stem: &str) -> Option<Library> {
    let arch = std::env::consts::ARCH;
    let multiarch = format!("usr/lib/{arch}-linux-gnu");
    let tegra = format!("{multiarch}/nvidia");
    let old_tegra = format!("{multiarch}/tegra");
    // Where distributions, CUDA and L4T put libraries.
    let folders = [
        multiarch.as_str(),
        tegra.as_str(),
        old_tegra.as_str(),
        "usr/local/cuda/lib64",
        "usr/local/lib",
        "usr/lib64",
        "usr/lib",
    ];
    let prefix = format!("{stem}.so.");
    let found = folders.iter().flat_map(|folder| {
        let folder = root.join(folder);
        let files = names(&folder).into_iter().filter_map(|name| {
            let version = name.strip_prefix(&prefix)?.to_owned();
            Some(Library { path: folder.join(&name), version })
        });
        files.collect::<Vec<_>>()
    });
    // The newest wins: 12.10 is newer than 12.9.
    let number =
        |version: &str| version.split('.').map(|n| n.parse().unwrap_or(0)).collect::<Vec<u32>>();
    found.max_by_key(|library| number(&library.version))
}

/// Version of the C library this program runs with.
pub fn glibc(root: &Path) -> Option<String> {
    let arch = std::env::consts::ARCH;
    let folders = [format!("usr/lib/{arch}-linux-gnu"), "usr/lib64".into(), "usr/lib".into()];
    folders.iter().find_map(|folder| {
        let library = fs::read(root.join(folder).join("libc.so.6")).ok()?;
        let mark = b"GNU C Library ";
        let at = library.windows(mark.len()).position(|window| window == mark)?;
        let banner = library[at..].split(|byte| matches!(byte, b'\n' | 0)).next()?;
        let banner = String::from_utf8_lossy(banner);
        let version = banner.split_once("version ")?.1;
        Some(version.trim_end_matches('.').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plant(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn the_processor_is_found_on_x86_and_on_arm_boards() {
        let rows = [
            ("processor\t: 0\nmodel name\t: Fast CPU @ 3 GHz\n", Some("Fast CPU @ 3 GHz")),
            ("processor : 0\n\nModel : Small Board\n", Some("Small Board")),
            ("processor : 0\n", None),
        ];
        for (text, name) in rows {
            let root = plant(&[("proc/cpuinfo", text)]);
            assert_eq!(cpu_model(root.path()).as_deref(), name);
        }
    }

    #[test]
    fn a_planted_jetson_is_read() {
        let arch = std::env::consts::ARCH;
        let nvinfer = format!("usr/lib/{arch}-linux-gnu/libnvinfer.so");
        let root = plant(&[
            ("proc/device-tree/model", "NVIDIA Jetson Orin Nano Developer Kit Super\0"),
            ("etc/nv_tegra_release", "# R36 (release), REVISION: 4.3, GCID: 1, BOARD: generic\n"),
            (
                "var/lib/dpkg/status",
                "Package: a\nVersion: 1\n\nPackage: nvidia-jetpack\nVersion: 6.2+b77\n",
            ),
            ("proc/meminfo", "MemTotal: 7802880 kB\nMemFree: 1 kB\nMemAvailable:   4194304 kB\n"),
            (
                "etc/nvpmodel.conf",
                "# x\n< POWER_MODEL ID=0 NAME=15W >\n< POWER_MODEL ID=1 NAME=25W >\n",
            ),
            ("var/lib/nvpmodel/status", "pmode:0001 fmode:quiet\n"),
            ("proc/self/status", "Name:\tiev\nVmHWM:\t   71234 kB\n"),
            ("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "1344000\n"),
            ("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "schedutil\n"),
            ("sys/class/thermal/thermal_zone0/temp", "48250\n"),
            ("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n"),
            (&format!("{nvinfer}.10"), ""),
            (&format!("{nvinfer}.10.3.0"), ""),
            (&format!("{nvinfer}.8.6.2"), ""),
            (
                &format!("usr/lib/{arch}-linux-gnu/libc.so.6"),
                "\0GNU C Library (Ubuntu GLIBC 2.35-0) stable release version 2.35.\n",
            ),
        ]);
        let root = root.path();
        assert_eq!(model(root).unwrap(), "NVIDIA Jetson Orin Nano Developer Kit Super");
        assert_eq!(l4t(root).unwrap(), "36.4.3");
        assert_eq!(jetpack(root).unwrap(), "6.2+b77");
        assert_eq!(memory_mib(root), Some((7620, 4096)));
        assert_eq!(peak_memory_kib(root), Some(71_234));
        assert_eq!(power_mode(root), Some(PowerMode { id: 1, name: "25W".into() }));
        assert_eq!(power_modes(root).len(), 2);
        assert_eq!(cpu_clocks(root), [("schedutil".to_owned(), 1344)]);
        assert_eq!(temperatures(root)["cpu-thermal"], 48.25);
        assert_eq!(library(root, "libnvinfer").unwrap().version, "10.3.0");
        assert_eq!(glibc(root).unwrap(), "2.35");
        assert_eq!(gpu_driver(root), l4t(root));
        assert_eq!(gpu_model(root), model(root));
    }

    #[test]
    fn memory_is_what_control_groups_leave_of_it() {
        let meminfo = ("proc/meminfo", "MemTotal: 8388608 kB\nMemAvailable: 4194304 kB\n");
        let cache = ("sys/fs/cgroup/a/b/memory.stat", "anon 1\ninactive_file 209715200\n");
        let second = [
            meminfo,
            ("proc/self/cgroup", "0::/a/b\n"),
            ("sys/fs/cgroup/a/memory.max", "3221225472\n"),
            ("sys/fs/cgroup/a/memory.current", "1073741824\n"),
            ("sys/fs/cgroup/a/b/memory.max", "max\n"),
            ("sys/fs/cgroup/a/b/memory.current", "1073741824\n"),
            cache,
        ];
        assert_eq!(memory_mib(plant(&second).path()), Some((3072, 2048)));

        let inner = [("sys/fs/cgroup/a/b/memory.max", "1073741824\n")];
        let both = [&second[..5], &second[5..], &inner].concat();
        assert_eq!(memory_mib(plant(&both).path()), Some((1024, 200)), "a cache can be dropped");

        let first = [
            meminfo,
            ("proc/self/cgroup", "7:cpu:/x\n4:memory:/job\n0::/y\n"),
            ("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "1073741824\n"),
            ("sys/fs/cgroup/memory/job/memory.usage_in_bytes", "524288000\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "524288000\n"),
        ];
        assert_eq!(memory_mib(plant(&first).path()), Some((1024, 524)));
        assert_eq!(memory_mib(plant(&[meminfo]).path()), Some((8192, 4096)));
    }

    #[test]
    fn a_planted_gpu_is_read() {
        let root = plant(&[
            ("proc/driver/nvidia/version", "NVRM version: 580.65.06 Release\nGCC version: 12\n"),
            ("proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: \t NVIDIA RTX A2000\n"),
        ]);
        assert_eq!(gpu_driver(root.path()).unwrap(), "NVRM version: 580.65.06 Release");
        assert_eq!(gpu_model(root.path()).unwrap(), "NVIDIA RTX A2000");
    }

    #[test]
    fn slurm_grants_no_more_than_there_is_and_nonsense_grants_all() {
        for (granted, cpus) in [
            (None, 8),
            (Some("2"), 2),
            (Some(" 3\n"), 3),
            (Some("64"), 8),
            (Some("0"), 1),
            (Some(""), 8),
            (Some("all"), 8),
        ] {
            assert_eq!(within_task(8, granted), cpus, "{granted:?}");
        }
        assert!(usable_cpus() >= 1);
    }

    /// Arm boards without sysfs, as some containers are.
    #[test]
    fn either_list_of_processors_will_do() {
        let either = ["possible", "present"].map(|name| {
            let path = format!("sys/devices/system/cpu/{name}");
            plant(&[(&path, "0-3\n")])
        });
        assert!(either.iter().all(|root| lists_processors(root.path())));
        let without = tempfile::tempdir().unwrap();
        assert_eq!(lists_processors(without.path()), cfg!(not(target_arch = "aarch64")));
    }

    #[test]
    fn an_empty_machine_is_unknown() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        assert!(model(root).is_none() && l4t(root).is_none() && jetpack(root).is_none());
        assert!(memory_mib(root).is_none() && power_mode(root).is_none() && glibc(root).is_none());
        assert!(cpu_clocks(root).is_empty() && temperatures(root).is_empty());
        assert!(library(root, "libcudart").is_none());
        assert!(gpu_driver(root).is_none() && gpu_model(root).is_none());
    }
}
