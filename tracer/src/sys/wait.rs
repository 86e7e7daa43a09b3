//! Waiting for tracees: waitid(2), which can look before it takes.
#![expect(unsafe_code, reason = "waitid(2) and wait4(2) fill structures by pointer")]

use std::mem::MaybeUninit;

use libc::{c_int, pid_t};
use nix::errno::Errno;

use crate::engine::Ended;

/// What happened to a tracee or child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Report {
    /// Task `tid` is in a ptrace-stop: the signal, and the ptrace event in the bits above 8.
    Stopped { tid: pid_t, code: c_int },
    /// Child `pid`, which is no tracee, was stopped by `signal` (Linux 4.7; on older kernels as
    /// if it were a tracee).
    Suspended { pid: pid_t, signal: c_int },
    /// Task `tid` ended, and is a zombie until it is reaped.
    Ended { tid: pid_t, how: Ended },
}

/// Whether to wait for something to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Sleep until a report.
    Wait,
    /// Answer at once.
    Poll,
}

/// Whose children are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Those of the calling thread, and its tracees.
    Thread,
    /// Those of all threads: orphans that become children of another thread of the process.
    Process,
}

/// Waits for the calling thread's tracees.
#[derive(Debug)]
pub(crate) struct Waiter {
    /// `idtype` and `id` of waitid(2).
    whom: (libc::idtype_t, libc::id_t),
    scope: c_int,
    /// The kernel's waitid(2) knows `__WALL` (4.7).
    can_look: bool,
}

impl Waiter {
    /// Waits for the tasks in `scope`.
    pub(crate) fn new(scope: Scope) -> Self {
        let scope = match scope {
            Scope::Thread => libc::__WNOTHREAD,
            Scope::Process => 0,
        };
        Self { whom: (libc::P_ALL, 0), scope, can_look: true }
    }

    /// Waits for one task (Linux 4.7).
    pub(crate) fn of(tid: pid_t) -> Self {
        Self { whom: (libc::P_PID, tid as libc::id_t), ..Self::new(Scope::Thread) }
    }

    /// The next report, if any. A stop is taken by it; an end stays until [`Waiter::reap`].
    ///
    /// # Errors
    /// `ECHILD` when there is nothing left to wait for, `EINTR` when a signal was handled.
    pub(crate) fn next(&mut self, patience: Patience) -> Result<Option<Report>, Errno> {
        let hang = if patience == Patience::Wait { 0 } else { libc::WNOHANG };
        let flags = self.scope | libc::__WALL | hang;
        if self.can_look {
            match look(self.whom, flags) {
                Err(Errno::EINVAL) => self.can_look = false,
                Ok(Some(report)) => {
                    if let Report::Stopped { tid, .. } | Report::Suspended { pid: tid, .. } = report
                    {
                        take(tid, libc::WSTOPPED);
                    }
                    return Ok(Some(report));
                }
                other => return other,
            }
        }
        wait(flags)
    }

    /// Reaps a task that ended.
    pub(crate) fn reap(&self, tid: pid_t) {
        if self.can_look {
            take(tid, libc::WEXITED);
        }
    }
}

/// What happened, without taking it.
fn look((kind, id): (libc::idtype_t, libc::id_t), flags: c_int) -> Result<Option<Report>, Errno> {
    let flags = flags | libc::WEXITED | libc::WSTOPPED | libc::WNOWAIT;
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: `info` is a `siginfo_t` to be filled.
    let result = unsafe { libc::waitid(kind, id, info.as_mut_ptr(), flags) };
    Errno::result(result)?;
    // SAFETY: zeroed, then filled by the kernel as for SIGCHLD; the members read are integers.
    let (tid, code, status) = unsafe {
        let info = info.assume_init();
        (info.si_pid(), info.si_code, info.si_status())
    };
    if tid == 0 {
        return Ok(None);
    }
    Ok(Some(match code {
        libc::CLD_EXITED => Report::Ended { tid, how: Ended::Exited { status: status & 0xff } },
        libc::CLD_KILLED | libc::CLD_DUMPED => {
            let core_dumped = code == libc::CLD_DUMPED;
            Report::Ended { tid, how: Ended::Signaled { signal: status, core_dumped } }
        }
        libc::CLD_STOPPED => Report::Suspended { pid: tid, signal: status },
        _ => Report::Stopped { tid, code: status },
    }))
}

/// Takes the stop or end of a task that was seen.
fn take(tid: pid_t, what: c_int) {
    let flags = what | libc::__WALL | libc::WNOHANG;
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: `info` is a `siginfo_t` to be filled. A task that is gone is an error to ignore.
    unsafe { libc::waitid(libc::P_PID, tid as libc::id_t, info.as_mut_ptr(), flags) };
}

/// The next report, taken: for kernels on which waitid(2) cannot wait for tracees.
fn wait(flags: c_int) -> Result<Option<Report>, Errno> {
    let mut status = 0;
    // SAFETY: `status` is an integer to be filled; resource usage is not asked for.
    let result = unsafe { libc::wait4(-1, &raw mut status, flags, std::ptr::null_mut()) };
    let tid = Errno::result(result)?;
    if tid == 0 {
        return Ok(None);
    }
    Ok(Some(if libc::WIFEXITED(status) {
        Report::Ended { tid, how: Ended::Exited { status: libc::WEXITSTATUS(status) } }
    } else if libc::WIFSIGNALED(status) {
        let core_dumped = libc::WCOREDUMP(status);
        let signal = libc::WTERMSIG(status);
        Report::Ended { tid, how: Ended::Signaled { signal, core_dumped } }
    } else {
        Report::Stopped { tid, code: status >> 8 }
    }))
}
