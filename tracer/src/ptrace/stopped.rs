//! A tracee in a ptrace-stop.

use nix::errno::Errno;

use super::step::Go;
use crate::arch::Registers;
use crate::sys::ptrace::{self, Resume, SyscallInfo};

/// The task is gone: any stopped task can be killed at any moment, and everything asked of it
/// afterwards fails. An outcome, not an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Died;

/// A task in a ptrace-stop. It does not run until it is resumed, which ends this.
#[derive(Debug)]
#[must_use = "a task that is not resumed never runs again"]
pub(crate) struct Stopped {
    tid: i32,
}

impl Stopped {
    /// The stop of `tid` that was reported.
    pub(crate) fn new(tid: i32) -> Self {
        Self { tid }
    }

    pub(super) fn tid(&self) -> i32 {
        self.tid
    }

    /// Goes on as said.
    pub(super) fn go(self, go: Go) {
        match go {
            Go::Run(how, signal) => self.resume(how, signal),
            Go::Listen => self.listen(),
        }
    }

    /// Goes on, and gets `signal` unless that is 0.
    pub(crate) fn resume(self, how: Resume, signal: i32) {
        // The only failure is the task's death, which its end will tell.
        let _ = ptrace::resume(self.tid, how, signal);
    }

    /// Goes on and is no tracee any more; gets `signal` unless that is 0.
    pub(crate) fn release(self, signal: i32) {
        // As above.
        let _ = ptrace::detach(self.tid, signal);
    }

    /// Stays stopped as its process is, and tells when that ends.
    pub(crate) fn listen(self) {
        let _ = ptrace::listen(self.tid);
    }

    pub(crate) fn event_message(&self) -> Result<u64, Died> {
        ptrace::event_message(self.tid).map_err(|_| Died)
    }

    /// The sender of the signal about to be delivered: `si_code` and `si_pid`.
    pub(crate) fn signal_sender(&self) -> Result<(i32, i32), Died> {
        ptrace::signal_sender(self.tid).map_err(|_| Died)
    }

    /// `Ok(None)` if the kernel does not tell syscalls (before 5.3).
    pub(crate) fn syscall_info(&self) -> Result<Option<SyscallInfo>, Died> {
        match ptrace::syscall_info(self.tid) {
            Ok(info) => Ok(Some(info)),
            Err(Errno::ESRCH) => Err(Died),
            Err(_) => Ok(None),
        }
    }

    pub(crate) fn registers(&self) -> Result<Registers, Died> {
        ptrace::registers(self.tid).map_err(|_| Died)
    }

    pub(crate) fn set_registers(&self, registers: &Registers) -> Result<(), Died> {
        ptrace::set_registers(self.tid, registers).map_err(|_| Died)
    }
}
