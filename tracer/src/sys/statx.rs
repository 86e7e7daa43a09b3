//! statx(2) of an open file, without asking a server for fresher attributes.

#![expect(unsafe_code, reason = "nix has no statx(2)")]

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;

/// `STATX_MNT_ID_UNIQUE` of linux/stat.h (6.8): a mount id that is never used twice.
const MNT_ID_UNIQUE: u32 = 0x4000;

/// Attributes of an inode, as statx(2) gives them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stat {
    /// Type and permission bits.
    pub mode: u32,
    /// Owner, as the tracer's user namespace sees it.
    pub uid: u32,
    /// Group, as the tracer's user namespace sees it.
    pub gid: u32,
    /// Number of hard links.
    pub links: u32,
    /// Length in bytes.
    pub size: u64,
    /// Inode number.
    pub inode: u64,
    /// Device of the file system, as `MAJOR << 32 | MINOR`.
    pub device: u64,
    /// Last change of the inode, in ns since the epoch.
    pub change_time: i64,
    /// Last change of the content, in ns since the epoch.
    pub modification_time: i64,
    /// Id of the mount, as in /proc/PID/mountinfo; 0 before Linux 5.8.
    pub mount_id: u64,
}

impl Stat {
    /// Whether this is the same place in the file system: the same file seen through the same
    /// mount.
    pub fn is_same_place(&self, other: &Self) -> bool {
        self.is_same_inode(other) && self.mount_id == other.mount_id
    }

    /// Whether this is the same inode.
    pub fn is_same_inode(&self, other: &Self) -> bool {
        self.inode == other.inode && self.device == other.device
    }

    /// The type bits of the mode are `kind` (`S_IFREG`, `S_IFDIR`, …).
    pub fn is(&self, kind: libc::mode_t) -> bool {
        self.mode & libc::S_IFMT == kind
    }
}

/// Attributes of the file behind `fd`, which may be an `O_PATH` descriptor.
///
/// Attributes that a file system server or a FUSE process holds are taken from the kernel's cache
/// (`AT_STATX_DONT_SYNC`). Kernels before 4.11 are asked with fstatat(2).
pub(crate) fn stat(fd: BorrowedFd<'_>) -> Result<Stat, Errno> {
    match raw(fd, c"", libc::STATX_BASIC_STATS | libc::STATX_MNT_ID) {
        Ok(stx) => Ok(from_statx(&stx)),
        Err(Errno::ENOSYS | Errno::EPERM) => from_fstatat(fd),
        Err(errno) => Err(errno),
    }
}

/// Attributes of the file that `path` leads to from `directory`, symlinks followed. Linux 4.11.
pub(crate) fn stat_at(directory: BorrowedFd<'_>, path: &CStr) -> Result<Stat, Errno> {
    raw(directory, path, libc::STATX_BASIC_STATS | libc::STATX_MNT_ID).map(|stx| from_statx(&stx))
}

/// The mount's id that is unique until the next boot (Linux 6.8 and later).
pub(crate) fn unique_mount_id(fd: BorrowedFd<'_>) -> Option<u64> {
    let stx = raw(fd, c"", MNT_ID_UNIQUE).ok()?;
    (stx.stx_mask & MNT_ID_UNIQUE != 0).then_some(stx.stx_mnt_id)
}

fn raw(fd: BorrowedFd<'_>, path: &CStr, mask: u32) -> Result<libc::statx, Errno> {
    let mut buffer = MaybeUninit::<libc::statx>::zeroed();
    let flags = libc::AT_EMPTY_PATH | libc::AT_STATX_DONT_SYNC;
    // SAFETY: the path is terminated, the buffer has the size of the kernel's structure.
    let result = unsafe {
        libc::syscall(
            libc::SYS_statx,
            fd.as_raw_fd(),
            path.as_ptr(),
            flags,
            mask,
            buffer.as_mut_ptr(),
        )
    };
    Errno::result(result)?;
    // SAFETY: every bit pattern is valid for the plain integers of the structure.
    Ok(unsafe { buffer.assume_init() })
}

fn from_statx(stx: &libc::statx) -> Stat {
    let known = |bit: u32| stx.stx_mask & bit != 0;
    Stat {
        mode: u32::from(stx.stx_mode),
        uid: stx.stx_uid,
        gid: stx.stx_gid,
        links: stx.stx_nlink,
        size: stx.stx_size,
        inode: stx.stx_ino,
        device: u64::from(stx.stx_dev_major) << 32 | u64::from(stx.stx_dev_minor),
        change_time: nanoseconds(stx.stx_ctime.tv_sec, i64::from(stx.stx_ctime.tv_nsec)),
        modification_time: nanoseconds(stx.stx_mtime.tv_sec, i64::from(stx.stx_mtime.tv_nsec)),
        mount_id: if known(libc::STATX_MNT_ID) { stx.stx_mnt_id } else { 0 },
    }
}

fn from_fstatat(fd: BorrowedFd<'_>) -> Result<Stat, Errno> {
    let st = nix::sys::stat::fstatat(fd, c"", nix::fcntl::AtFlags::AT_EMPTY_PATH)?;
    Ok(Stat {
        mode: st.st_mode,
        uid: st.st_uid,
        gid: st.st_gid,
        links: u32::try_from(st.st_nlink).unwrap_or(u32::MAX),
        size: u64::try_from(st.st_size).unwrap_or_default(),
        inode: st.st_ino,
        device: u64::from(libc::major(st.st_dev)) << 32 | u64::from(libc::minor(st.st_dev)),
        change_time: nanoseconds(st.st_ctime, st.st_ctime_nsec),
        modification_time: nanoseconds(st.st_mtime, st.st_mtime_nsec),
        mount_id: 0,
    })
}

/// A file system may hold any time, so the sum saturates.
fn nanoseconds(seconds: i64, nanoseconds: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}
