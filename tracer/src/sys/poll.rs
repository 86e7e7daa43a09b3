//! poll(2).

#![expect(unsafe_code, reason = "poll(2) takes a pointer")]

use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// Whether the file has an exceptional condition (`POLLPRI`). An open /proc/PID/mountinfo has one
/// when mounts came or went since the last time it was asked; see proc_pid_mountinfo(5).
pub(crate) fn is_exceptional(fd: BorrowedFd<'_>) -> bool {
    let mut entry = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLPRI, revents: 0 };
    // SAFETY: one entry, which lives across the call.
    let ready = unsafe { libc::poll(&mut entry, 1, 0) };
    ready != 0
}

/// Whether the file is ready to be read within this time. A pidfd is when its process has ended.
pub(crate) fn is_readable_within(fd: BorrowedFd<'_>, time: Duration) -> bool {
    let mut entry = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let milliseconds = i32::try_from(time.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: one entry, which lives across the call.
    let ready = unsafe { libc::poll(&mut entry, 1, milliseconds) };
    ready == 1 && entry.revents & libc::POLLIN != 0
}
