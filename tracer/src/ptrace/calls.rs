//! Asking the kernel what a stop is about: by `PTRACE_GET_SYSCALL_INFO`, else from the registers.

use nix::errno::Errno;

use super::step::{Place, Seen};
use super::stop::Stop;
use super::stopped::{Died, Stopped};
use crate::arch::{self, RawCall, Registers};
use crate::memory::Memory;
use crate::sys::ptrace::SyscallInfo;

/// How this kernel tells calls.
#[derive(Debug)]
pub(super) struct Asking {
    /// `PTRACE_GET_SYSCALL_INFO` works (5.3), as far as it has been tried.
    has_info: bool,
}

/// What the kernel tells of a stop.
#[derive(Debug)]
pub(super) enum Told {
    /// Of a seccomp or syscall stop, by `PTRACE_GET_SYSCALL_INFO`.
    Info(SyscallInfo),
    /// Of a seccomp or syscall stop.
    Registers(Registers),
    /// Of a fork or exec event: a tid.
    Tid(i32),
    /// It has not been asked.
    Nothing,
}

impl Asking {
    pub(super) fn new() -> Self {
        Self { has_info: true }
    }

    /// Asks what there is to know of a stop.
    pub(super) fn ask(&mut self, stopped: &Stopped, stop: Stop) -> Result<Told, Died> {
        match stop {
            Stop::Seccomp | Stop::Syscall => self.ask_call(stopped),
            Stop::Fork(_) | Stop::Exec => Ok(Told::Tid(stopped.event_message()? as i32)),
            Stop::Signal(_) | Stop::Group(_) | Stop::Trap | Stop::Other => Ok(Told::Nothing),
        }
    }

    fn ask_call(&mut self, stopped: &Stopped) -> Result<Told, Died> {
        if self.has_info {
            match stopped.syscall_info()? {
                Some(SyscallInfo::None) => {}
                Some(info) => return Ok(Told::Info(info)),
                None => self.has_info = false,
            }
        }
        Ok(Told::Registers(stopped.registers()?))
    }
}

impl Told {
    /// Where in a call the task is.
    pub(super) fn seen(&self) -> Seen {
        match self {
            Self::Info(SyscallInfo::Entry { .. }) => Seen::Told(Place::Entry),
            Self::Info(SyscallInfo::Exit { .. }) => Seen::Told(Place::Exit),
            Self::Registers(registers) => shown(registers),
            Self::Info(SyscallInfo::None) | Self::Tid(_) | Self::Nothing => Seen::Unclear,
        }
    }

    /// The call that the task entered; `None` if its registers make no sense.
    pub(super) fn call(&self, memory: &dyn Memory) -> Option<RawCall> {
        match *self {
            Self::Info(SyscallInfo::Entry { audit, nr, args, ip, sp }) => {
                Some(RawCall { audit, nr, args, ip, sp })
            }
            Self::Registers(ref registers) => registers.call(memory),
            _ => None,
        }
    }

    /// What the call returned, as the application may see it.
    pub(super) fn result(&self) -> Option<i64> {
        match self {
            Self::Info(SyscallInfo::Exit { result }) => Some(visible(*result)),
            Self::Registers(registers) => registers.result().map(visible),
            _ => None,
        }
    }
}

fn shown(registers: &Registers) -> Seen {
    match (registers.at_exit(), registers.result()) {
        (Some(true), _) => Seen::Shown(Place::Exit),
        (Some(false), _) => Seen::Shown(Place::Entry),
        (None, Some(result)) if result != -(Errno::ENOSYS as i64) => Seen::Shown(Place::Exit),
        (None, _) => Seen::Unclear,
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
    fn registers_that_make_no_sense_say_nothing() {
        let told = Told::Registers(Registers { len: 3, ..Registers::new() });
        assert_eq!(told.seen(), Seen::Unclear);
        assert_eq!(told.result(), None);
    }
}
