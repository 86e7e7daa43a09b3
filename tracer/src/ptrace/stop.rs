//! What a ptrace-stop is about (ptrace(2), "Stopped states").

use std::ffi::c_int;

use crate::engine::Fork;

/// A ptrace-stop of a seized task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The seccomp filter answered `RET_TRACE`: the task entered a call.
    Seccomp,
    /// Syscall-entry or syscall-exit stop.
    Syscall,
    /// The task made another; the event message is its tid.
    Fork(Fork),
    /// The task executed a program; the event message is its former tid.
    Exec,
    /// Group stop: a stopping signal has stopped the whole process.
    Group(c_int),
    /// First stop of a new task, the end of a group stop, or `PTRACE_INTERRUPT`.
    Trap,
    /// Signal-delivery stop: the task is about to get the signal.
    Signal(c_int),
    /// An event that was not asked for.
    Other,
}

impl Stop {
    /// Classifies a stop by its code: the signal, and the ptrace event in the bits above 8.
    pub(crate) fn of(code: c_int) -> Self {
        let (signal, event) = (code & 0xff, code >> 8);
        match event {
            0 if signal == libc::SIGTRAP | 0x80 => Self::Syscall,
            0 => Self::Signal(signal),
            libc::PTRACE_EVENT_SECCOMP => Self::Seccomp,
            libc::PTRACE_EVENT_FORK => Self::Fork(Fork::Fork),
            libc::PTRACE_EVENT_VFORK => Self::Fork(Fork::Vfork),
            libc::PTRACE_EVENT_CLONE => Self::Fork(Fork::Clone),
            libc::PTRACE_EVENT_EXEC => Self::Exec,
            EVENT_STOP if signal == libc::SIGTRAP => Self::Trap,
            EVENT_STOP => Self::Group(signal),
            _ => Self::Other,
        }
    }
}

/// `PTRACE_EVENT_STOP` (linux/ptrace.h).
const EVENT_STOP: c_int = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_are_told_apart() {
        let trap = libc::SIGTRAP;
        let check = |code, expect| assert_eq!(Stop::of(code), expect, "{code:#x}");
        check(trap | libc::PTRACE_EVENT_SECCOMP << 8, Stop::Seccomp);
        check(trap | 0x80, Stop::Syscall);
        check(trap | libc::PTRACE_EVENT_FORK << 8, Stop::Fork(Fork::Fork));
        check(trap | libc::PTRACE_EVENT_VFORK << 8, Stop::Fork(Fork::Vfork));
        check(trap | libc::PTRACE_EVENT_CLONE << 8, Stop::Fork(Fork::Clone));
        check(trap | libc::PTRACE_EVENT_EXEC << 8, Stop::Exec);
        check(trap | 128 << 8, Stop::Trap);
        for signal in [libc::SIGSTOP, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU] {
            check(signal | 128 << 8, Stop::Group(signal));
            // The same signal without the event is about to be delivered.
            check(signal, Stop::Signal(signal));
        }
        // A breakpoint of the application's own.
        check(trap, Stop::Signal(trap));
        check(trap | libc::PTRACE_EVENT_EXIT << 8, Stop::Other);
        check(trap | libc::PTRACE_EVENT_VFORK_DONE << 8, Stop::Other);
    }
}
