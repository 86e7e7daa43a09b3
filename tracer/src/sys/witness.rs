//! A process that gets the signals which are sent to this process's group, and nothing else.
#![expect(unsafe_code, reason = "fork, and raw calls in the child")]

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::null_mut;

use libc::{pid_t, sigset_t};
use nix::errno::Errno;

use super::child::die_with;
use super::pidfd::{self, Scope};
use super::signals::Blocked;

/// The process; it ends when this is dropped, or with this process.
#[derive(Debug)]
pub(crate) struct Witness {
    pid: pid_t,
    pidfd: OwnedFd,
}

impl Witness {
    /// Starts a witness that tells `seen` of each signal that a process sent it, and the sender.
    /// `seen` runs in the child, so it may make async-signal-safe calls only.
    ///
    /// # Errors
    /// As fork(2) and pidfd_open(2).
    pub(crate) fn start(_: &Blocked, seen: &dyn Fn(i32, pid_t)) -> Result<Self, Errno> {
        let me = std::process::id() as pid_t;
        // SAFETY: the child only makes async-signal-safe calls.
        let pid = Errno::result(unsafe { libc::fork() })?;
        if pid == 0 {
            // SAFETY: this is the child, in which all signals are blocked.
            unsafe {
                die_with(me);
                libc::syscall(libc::SYS_close_range, 0, libc::c_uint::MAX, 0);
                watch(seen)
            }
        }
        match pidfd::open(pid, Scope::Process) {
            Ok(pidfd) => Ok(Self { pid, pidfd }),
            Err(errno) => {
                super::child::abandon(pid);
                Err(errno)
            }
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let (call, fd) = (libc::SYS_pidfd_send_signal, self.pidfd.as_raw_fd());
        // SAFETY: plain calls. Somebody else may have waited for it.
        unsafe {
            libc::syscall(call, fd, libc::SIGKILL, null_mut::<libc::siginfo_t>(), 0);
            libc::waitpid(self.pid, null_mut(), 0);
        }
    }
}

/// # Safety
/// To be called in a forked child in which all signals are blocked.
unsafe fn watch(seen: &dyn Fn(i32, pid_t)) -> ! {
    // SAFETY: the structures consist of integers; `si_pid` reads one of them.
    unsafe {
        let mut all = MaybeUninit::<sigset_t>::zeroed();
        libc::sigfillset(all.as_mut_ptr());
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
        loop {
            let signal = libc::sigwaitinfo(all.as_ptr(), info.as_mut_ptr());
            let info = info.assume_init_ref();
            if signal > 0 && info.si_code <= 0 {
                seen(signal, info.si_pid());
            }
        }
    }
}
