//! Reading calls and results from stopped tasks, on every kernel.

use nix::errno::Errno;

use super::stopped::{Died, Stopped};
use super::tasks::Inside;
use crate::arch::{self, RawCall};
use crate::memory::Memory;
use crate::sys::ptrace::SyscallInfo;

/// How this kernel tells calls; learnt from the stops.
#[derive(Debug)]
pub(super) struct Calls {
    /// `PTRACE_GET_SYSCALL_INFO` works (5.3).
    has_info: bool,
    /// Whether a syscall-entry stop follows the seccomp stop (before 4.8); `None`: not seen yet.
    entry_follows: Option<bool>,
}

impl Calls {
    pub(super) fn new() -> Self {
        Self { has_info: true, entry_follows: None }
    }

    /// Whether the first call should be followed to its exit, to learn what follows what.
    pub(super) fn wants_to_learn(&self) -> bool {
        !self.has_info && self.entry_follows.is_none()
    }

    /// The call of a task in a seccomp stop; `None` if its registers make no sense.
    pub(super) fn entered(
        &mut self,
        stopped: &Stopped,
        memory: &dyn Memory,
    ) -> Result<Option<RawCall>, Died> {
        if self.has_info {
            match stopped.syscall_info()? {
                Some(SyscallInfo::Entry { audit, nr, args, ip, sp }) => {
                    return Ok(Some(RawCall { audit, nr, args, ip, sp }));
                }
                Some(_) => return Ok(None),
                None => self.has_info = false,
            }
        }
        Ok(stopped.registers()?.call(memory))
    }

    /// The result of the call that a task in a syscall stop has been `inside`; `None` in an entry
    /// stop.
    pub(super) fn returned(
        &mut self,
        stopped: &Stopped,
        inside: Inside,
    ) -> Result<Option<i64>, Died> {
        if self.has_info {
            match stopped.syscall_info()? {
                Some(SyscallInfo::Exit { result }) => return Ok(Some(visible(result))),
                Some(_) => return Ok(None),
                None => self.has_info = false,
            }
        }
        let registers = stopped.registers()?;
        let result = registers.result().unwrap_or_default();
        let at_exit = registers.at_exit().unwrap_or_else(|| {
            inside.entry_stopped || !self.entry_follows(result == -(Errno::ENOSYS as i64))
        });
        Ok(at_exit.then_some(visible(result)))
    }

    /// A program was executed by a task `inside` the call.
    pub(super) fn executed(&mut self, inside: Inside) {
        if !inside.entry_stopped {
            self.entry_follows.get_or_insert(false);
        }
    }

    /// Whether the first syscall stop after a seccomp stop is an entry stop: the kernel puts
    /// ENOSYS in the result's place there. Learnt at the first executed program, whose result is
    /// never that.
    fn entry_follows(&mut self, looks_like_entry: bool) -> bool {
        *self.entry_follows.get_or_insert(looks_like_entry)
    }
}

/// The result as the application may see it: the kernel's own codes for an interrupted call that
/// it may restart (linux/errno.h: ERESTARTSYS and others) are `-EINTR`.
pub(crate) fn visible(result: i64) -> i64 {
    match result {
        -514..=-512 | -516 => -(Errno::EINTR as i64),
        other => other,
    }
}

/// Takes `CLONE_UNTRACED` from a call of clone(2), so that the child stays a tracee: without a
/// tracer its calls would fail by the filter that it inherits. clone3(2) has its flags in memory.
pub(super) fn keep_traced(stopped: &Stopped, raw: &RawCall, nr: u32) -> Result<(), Died> {
    let untraced = libc::CLONE_UNTRACED as u64;
    if arch::clone_number(raw.audit) != Some(nr) || raw.args[0] & untraced == 0 {
        return Ok(());
    }
    let mut registers = stopped.registers()?;
    registers.set_first_argument(raw.args[0] & !untraced);
    stopped.set_registers(&registers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restart_codes_are_interruptions() {
        let check = |result, expect| assert_eq!(visible(result), expect);
        check(-512, -4);
        check(-513, -4);
        check(-514, -4);
        check(-515, -515);
        check(-516, -4);
        check(-2, -2);
        check(7, 7);
    }

    #[test]
    fn the_order_of_stops_is_learnt_once() {
        let inside = Inside { entry_stopped: false, wanted: true };
        let mut modern = Calls::new();
        modern.executed(inside);
        // A call that this kernel does not have returns ENOSYS, too.
        assert!(!modern.entry_follows(true));
        let mut old = Calls::new();
        assert!(old.entry_follows(true));
        old.executed(Inside { entry_stopped: true, ..inside });
        assert!(old.entry_follows(true));
    }
}
