//! Process descriptors; see pidfd_open(2), pidfd_getfd(2) and pidfd_send_signal(2).

#![expect(unsafe_code, reason = "nix has no pidfd calls")]

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::signal::Signal;

/// What a process descriptor stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// A process, named by its thread group leader (Linux 5.3).
    Process,
    /// Any thread (Linux 6.9, EINVAL before).
    Thread,
}

/// Opens a descriptor for a task. ESRCH: there is none of that id, or it is no leader.
pub(crate) fn open(pid: i32, scope: Scope) -> Result<OwnedFd, Errno> {
    let flags = match scope {
        Scope::Process => 0,
        // PIDFD_THREAD of linux/pidfd.h
        Scope::Thread => libc::O_EXCL,
    };
    // SAFETY: the call takes integers only.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, flags) };
    owned(result)
}

/// Duplicates descriptor `fd` of the task (Linux 5.6). EPERM: we may not trace it; EBADF: it has no
/// such descriptor. The file stays open until the result is dropped.
pub(crate) fn duplicate(pidfd: BorrowedFd<'_>, fd: RawFd) -> Result<OwnedFd, Errno> {
    // SAFETY: the call takes integers only.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_getfd, pidfd.as_raw_fd(), fd, 0) };
    owned(result)
}

/// How the process ended, as a status of wait(2) (Linux 6.15). `None` before it has been reaped.
pub(crate) fn exit_status(pidfd: BorrowedFd<'_>) -> Option<i32> {
    let mut info = MaybeUninit::<libc::pidfd_info>::zeroed();
    // SAFETY: the structure has the size that the request's number says; all of it is integers.
    let info = unsafe {
        (*info.as_mut_ptr()).mask = libc::PIDFD_INFO_EXIT.into();
        let fd = pidfd.as_raw_fd();
        Errno::result(libc::ioctl(fd, libc::PIDFD_GET_INFO, info.as_mut_ptr())).ok()?;
        info.assume_init()
    };
    (info.mask & u64::from(libc::PIDFD_INFO_EXIT) != 0).then_some(info.exit_code)
}

/// Sends a signal to the process (Linux 5.1). ESRCH: it has ended.
pub(crate) fn send_signal(pidfd: BorrowedFd<'_>, signal: Signal) -> Result<(), Errno> {
    let none = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: without a siginfo the kernel makes one as for kill(2).
    let result = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_raw_fd(),
            signal as libc::c_int,
            none,
            0,
        )
    };
    Errno::result(result).map(drop)
}

fn owned(result: libc::c_long) -> Result<OwnedFd, Errno> {
    let fd = Errno::result(result)?;
    let fd = RawFd::try_from(fd).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
