//! How many threads training has, and how they wait, before libtorch is loaded.
//!
//! Threads of OpenMP that wait by spinning take the processor from those they wait for as soon as anything
//! else runs on it: ten steps took seven minutes instead of half of one. And OpenMP counts processors
//! without the quota of a control group or of a Slurm task.
//!
//! Why the program starts itself anew: libgomp reads its variables when the loader brings it in with
//! libtorch, before the first line of ours, and has no call for the first of them. What the user has set
//! stays as it is.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use iev_runtime::machine::usable_cpus;

/// Becomes the same program with the variables that are not set yet; returns where all of them are, or
/// where it cannot be started anew, which costs speed only.
pub(crate) fn settle() {
    let missing = missing(|name| std::env::var_os(name), usable_cpus());
    if missing.is_empty() {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let mut arguments = std::env::args_os();
    let mut again = Command::new(&program);
    again.arg0(arguments.next().unwrap_or_else(|| program.into_os_string()));
    let _ = again.args(arguments).envs(missing).exec();
}

/// Variables and values for `cpus` processors, without those that are `set`.
fn missing(set: impl Fn(&str) -> Option<OsString>, cpus: usize) -> Vec<(&'static str, String)> {
    let wanted = [
        ("OMP_WAIT_POLICY", "passive".to_owned()),
        ("OMP_NUM_THREADS", cpus.to_string()),
        // The threads of our own kernels.
        ("RAYON_NUM_THREADS", cpus.to_string()),
    ];
    wanted.into_iter().filter(|(name, _)| set(name).is_none()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_user_has_set_stays() {
        let none = missing(|_| None, 3);
        let names = none.iter().map(|(name, value)| format!("{name}={value}"));
        let expected = ["OMP_WAIT_POLICY=passive", "OMP_NUM_THREADS=3", "RAYON_NUM_THREADS=3"];
        assert_eq!(names.collect::<Vec<_>>(), expected);
        let threads = missing(|name| (name == "OMP_WAIT_POLICY").then(|| "active".into()), 3);
        assert!(threads.len() == 2 && threads.iter().all(|(name, _)| *name != "OMP_WAIT_POLICY"));
        assert!(missing(|_| Some("".into()), 3).is_empty(), "so it starts anew once at most");
    }
}
