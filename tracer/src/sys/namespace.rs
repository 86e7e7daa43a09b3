//! Requests to namespace descriptors; see ioctl_nsfs(2).

#![expect(unsafe_code, reason = "ioctl(2) takes anything")]

use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;

/// `NS_GET_TGID_FROM_PIDNS` of linux/nsfs.h: `_IOR(0xb7, 7, int)`.
const GET_TGID_FROM_PIDNS: libc::Ioctl = 0x8004_b707_u32 as libc::Ioctl;

/// The pid in our own pid namespace of the process that has `pid` in the given one (Linux 6.11,
/// ENOTTY before). ESRCH: there is no such process, or we do not see it.
pub(crate) fn tgid_from(namespace: BorrowedFd<'_>, pid: i32) -> Result<i32, Errno> {
    // SAFETY: the request takes the pid itself, no pointer.
    let result = unsafe { libc::ioctl(namespace.as_raw_fd(), GET_TGID_FROM_PIDNS, pid) };
    Errno::result(result)
}
