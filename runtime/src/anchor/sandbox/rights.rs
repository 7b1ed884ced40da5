//! What the child may still do: read requests, write answers, use memory, end.

use std::collections::BTreeMap;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Width, SeccompCmpOp as Compare,
    SeccompCondition, SeccompFilter, SeccompRule,
};

use crate::error::BoxError;

/// Gives up everything else, for the whole process as far as limits go and for this thread as far as
/// system calls go; there is no way back.
///
/// # Errors
/// The kernel's, where it has no such filter.
pub(super) fn give_up(memory_bytes: u64) -> Result<(), BoxError> {
    let limits = [(Resource::Nofile, 0), (Resource::Core, 0), (Resource::Data, memory_bytes)];
    for (resource, most) in limits {
        let most = getrlimit(resource).maximum.map_or(most, |had| had.min(most));
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    refuse_calls()
}

/// System calls of an allocator, of locks, of the clock and of a thread's end, by a crash too: Rust's handler of one
/// sets the signal back before it happens again, and would else be called for ever.
const HARMLESS: [i64; 14] = [
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getrandom,
    libc::SYS_madvise,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
];

/// Refuses this thread all system calls but those of decoding: the others fail as not permitted.
fn refuse_calls() -> Result<(), BoxError> {
    let mut calls: BTreeMap<i64, Vec<SeccompRule>> =
        HARMLESS.iter().map(|call| (*call, Vec::new())).collect();
    let rule = |argument, compare, value| -> Result<SeccompRule, BoxError> {
        let condition = SeccompCondition::new(argument, Width::Dword, compare, value)?;
        Ok(SeccompRule::new(vec![condition])?)
    };
    calls.insert(libc::SYS_read, vec![rule(0, Compare::Eq, 0)?]);
    calls.insert(libc::SYS_write, vec![rule(0, Compare::Eq, 1)?]);
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        let no_code = Compare::MaskedEq(libc::PROT_EXEC as u64);
        calls.insert(call, vec![rule(2, no_code, 0)?]);
    }
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    let machine = std::env::consts::ARCH.try_into()?;
    let filter = SeccompFilter::new(calls, refused, SeccompAction::Allow, machine)?;
    let program: BpfProgram = filter.try_into()?;
    // Also tells the kernel that the process never gains rights again.
    Ok(seccompiler::apply_filter(&program)?)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::ErrorKind::PermissionDenied;
    use std::net::UdpSocket;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_thread_without_rights_can_compute_and_do_nothing_else() {
        let parent = rustix::process::getppid().unwrap();
        let attempts = move || {
            [
                File::open("/proc/self/status").map(drop),
                File::create("/tmp/planted").map(drop),
                UdpSocket::bind("127.0.0.1:0").map(drop),
                Command::new("/bin/true").status().map(drop),
                rustix::process::test_kill_process(parent).map_err(Into::into),
                rustix::io::write(std::io::stderr(), &[]).map(drop).map_err(Into::into),
            ]
        };
        let allowed = std::thread::spawn(attempts).join().unwrap();
        assert!(allowed.iter().all(Result::is_ok), "{allowed:?}");
        let confined = std::thread::spawn(move || {
            refuse_calls().map_err(|e| e.to_string())?;
            let memory = vec![7u8; 64 << 20];
            Ok::<_, String>((attempts(), memory.iter().map(|b| usize::from(*b)).sum::<usize>()))
        });
        let (refused, sum) = confined.join().unwrap().unwrap();
        assert_eq!(sum, 7 * (64 << 20));
        for attempt in refused {
            assert!(attempt.as_ref().is_err_and(|e| e.kind() == PermissionDenied), "{attempt:?}");
        }
    }
}
