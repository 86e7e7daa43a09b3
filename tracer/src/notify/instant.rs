//! Calls that do not wait for anything but disks and locks.
//!
//! Their results can be had with a stop pending during the call, which is as if a signal were:
//! cheaper than to make the call again, but a call that waits is interrupted by it. Those that do
//! so after all (a FIFO is opened, a FUSE server asked) are made again from where they stopped.

use crate::decode;
use crate::engine::AbiId;

/// Whether the call is one of them.
pub(super) fn is_instant(abi: AbiId, nr: u32) -> bool {
    let call = decode::numbered(abi, nr);
    call.is_some_and(|call| INSTANT.binary_search(&call.name).is_ok())
}

/// Sorted. None makes or ends a task, executes a program, or returns `EINTR` by its nature.
const INSTANT: &[&str] = &[
    "capset",
    "chdir",
    "chmod",
    "chown",
    "chown32",
    "chroot",
    "creat",
    "fchdir",
    "fchmod",
    "fchmodat",
    "fchmodat2",
    "fchown",
    "fchown32",
    "fchownat",
    "fremovexattr",
    "fsetxattr",
    "ftruncate",
    "ftruncate64",
    "futimesat",
    "lchown",
    "lchown32",
    "link",
    "linkat",
    "listen",
    "lremovexattr",
    "lsetxattr",
    "memfd_create",
    "mkdir",
    "mkdirat",
    "mknod",
    "mknodat",
    "open",
    "openat",
    "openat2",
    "removexattr",
    "removexattrat",
    "rename",
    "renameat",
    "renameat2",
    "rmdir",
    "setfsgid",
    "setfsgid32",
    "setfsuid",
    "setfsuid32",
    "setgid",
    "setgid32",
    "setgroups",
    "setgroups32",
    "setregid",
    "setregid32",
    "setresgid",
    "setresgid32",
    "setresuid",
    "setresuid32",
    "setreuid",
    "setreuid32",
    "setuid",
    "setuid32",
    "setxattr",
    "setxattrat",
    "socket",
    "symlink",
    "symlinkat",
    "truncate",
    "truncate64",
    "unlink",
    "unlinkat",
    "utime",
    "utimensat",
    "utimensat_time64",
    "utimes",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_found() {
        assert!(INSTANT.is_sorted());
        let abi = sentrace_schema::ABIS.iter().find(|abi| abi.machine == std::env::consts::ARCH);
        let abi = AbiId(abi.expect("an ABI").id);
        assert!(is_instant(abi, libc::SYS_openat as u32));
        assert!(!is_instant(abi, libc::SYS_execve as u32));
    }
}
