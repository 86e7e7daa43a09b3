//! Why a process cannot be watched, and what would change that.

use std::fs;

use nix::errno::Errno;

use super::processes;

/// Why a process cannot be watched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is gone.
    #[error("there is no such process")]
    Gone,
    /// It has ended and waits for its parent.
    #[error("it has ended, but its parent has not waited for it")]
    Zombie,
    /// It is a thread of the kernel, which makes no calls.
    #[error("it is a thread of the kernel, which makes no system calls")]
    KernelThread,
    /// It is the tracer.
    #[error("it is the tracer itself")]
    Oneself,
    /// The tracer descends from it, and would wait for itself.
    #[error("the tracer descends from it: start the tracer elsewhere, e.g. from another terminal")]
    Ancestor,
    /// A task has one tracer.
    #[error("process {} ({}) traces it already, and has to end or detach first", .0, .1.escape_ascii())]
    Traced(i32, Vec<u8>),
    /// Yama (kernel.yama.ptrace_scope), at this level.
    #[error("{}", yama(*.0))]
    Yama(i32),
    /// The tracer lacks a capability.
    #[error(
        "not permitted without CAP_SYS_PTRACE: run as root, in a container with `--cap-add SYS_PTRACE`"
    )]
    Capability,
    /// The tracer has the capability, and is refused nevertheless.
    #[error(
        "not permitted in spite of CAP_SYS_PTRACE: a security module (AppArmor, SELinux) or \
             seccomp profile forbids it, or the process has a user namespace that is not below ours"
    )]
    Forbidden,
    /// Another error.
    #[error("{}", .0.desc())]
    System(Errno),
}

/// `CAP_SYS_PTRACE` of linux/capability.h.
const CAP_SYS_PTRACE: u32 = 19;

impl Refusal {
    /// Why a process cannot be seized, for which the kernel answered `errno`.
    pub(crate) fn of(pid: i32, errno: Errno) -> Self {
        let Some(stat) = processes::stat(pid) else { return Self::Gone };
        let tracer = processes::tracer(pid).unwrap_or_default();
        match errno {
            Errno::ESRCH => Self::Gone,
            Errno::EPERM if stat.is_kernel_thread => Self::KernelThread,
            Errno::EPERM if tracer != 0 => Self::Traced(tracer, processes::name(tracer)),
            Errno::EPERM if stat.state == b'Z' => Self::Zombie,
            Errno::EPERM => Self::of_permission(yama_level(), has_capability()),
            errno => Self::System(errno),
        }
    }

    fn of_permission(yama: i32, has_capability: bool) -> Self {
        match (yama, has_capability) {
            (3, _) | (1 | 2, false) => Self::Yama(yama),
            (_, false) => Self::Capability,
            (_, true) => Self::Forbidden,
        }
    }
}

fn yama(level: i32) -> &'static str {
    match level {
        1 => {
            "Yama lets only ancestors of a process trace it (kernel.yama.ptrace_scope is 1): give \
             the tracer CAP_SYS_PTRACE, or set that to 0"
        }
        2 => {
            "Yama lets only processes with CAP_SYS_PTRACE trace others (kernel.yama.ptrace_scope \
             is 2): give the tracer that capability, or set it to 0"
        }
        _ => {
            "Yama forbids tracing until the next boot (kernel.yama.ptrace_scope is 3): launch the \
             application with `run` under the notify engine instead"
        }
    }
}

fn yama_level() -> i32 {
    let level = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    level.trim().parse().unwrap_or_default()
}

/// Whether this process has `CAP_SYS_PTRACE`.
fn has_capability() -> bool {
    let own = std::process::id() as i32;
    let effective = processes::status(own, "CapEff").unwrap_or_default();
    u64::from_str_radix(&effective, 16).is_ok_and(|bits| bits >> CAP_SYS_PTRACE & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_change_it_is_said() {
        let check = |yama, has_capability, expect: &str| {
            let text = Refusal::of_permission(yama, has_capability).to_string();
            assert!(text.contains(expect), "{text}");
        };
        check(0, false, "without CAP_SYS_PTRACE");
        check(0, true, "in spite of");
        check(1, false, "ptrace_scope is 1");
        check(1, true, "in spite of");
        check(2, false, "ptrace_scope is 2");
        check(3, true, "until the next boot");
    }
}
