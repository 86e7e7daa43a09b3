//! What /proc and the file system tell about a task and the files it names.
//!
//! Everything is seen as the task sees it: paths start at its root and working directory, in its
//! mount namespace, and its `/proc/self` is its own. Nothing here changes anything, and nothing a
//! task can set up (FIFOs, devices, leases, FUSE, endless links, huge files) makes a call wait or
//! grow: files are opened with `O_PATH`, and read only if they are regular, small and not on FUSE.
//! A lookup on a network file system may wait for its server, as the task's own lookup does.
//!
//! A task is named by its thread id in the tracer's pid namespace. Answers are about one moment;
//! they are certain while the task is stopped.

mod cgroup;
mod files;
mod links;
mod maps;
mod mounts;
mod names;
mod paths;
mod process;
mod script;
mod socket;
mod stat;
mod status;
mod view;
mod walk;
mod world;

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::sys::stat::Mode;

pub use cgroup::{CgroupFacts, container_id};
pub use files::FileFacts;
pub use paths::{Follow, Miss, Resolved, Start};
pub use process::{Credentials, Id, ProcessFacts};
pub use socket::SocketFacts;
pub use view::Place;

pub use crate::sys::socket::End;
pub use crate::sys::statx::Stat;

use crate::sys::statx;
use mounts::{Kind, Mount, Mounts};
use names::{NameCache, Names};

/// Why a [`Resolver`] cannot work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no usable procfs.
    #[error("cannot use /proc: {0}")]
    Proc(#[source] io::Error),
}

/// Answers questions about tasks and their files. One serves any number of threads; a process
/// made by fork needs its own.
#[derive(Debug)]
pub struct Resolver {
    /// /proc
    proc: OwnedFd,
    /// /proc/self/fd
    descriptors: OwnedFd,
    /// Our own root directory.
    root: Arc<Place>,
    mounts: Mounts,
    names: NameCache,
    /// Time of boot in ns since the epoch, as it was thought to be when we started.
    booted: i64,
    /// Linux 5.6, and a container run-time that allows it.
    has_openat2: bool,
    /// `RESOLVE_CACHED`: Linux 5.12.
    has_cached: bool,
}

/// `RESOLVE_CACHED` of linux/openat2.h (5.12): fail with EAGAIN rather than wait.
const RESOLVE_CACHED: ResolveFlag = ResolveFlag::from_bits_retain(0x20);

impl Resolver {
    /// Uses /proc, which must be of the tracer's pid namespace.
    pub fn new() -> Result<Self, Error> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let open = |path: &str| {
            nix::fcntl::open(path, flags, Mode::empty()).map_err(|errno| Error::Proc(errno.into()))
        };
        let own = File::open("/proc/self/mountinfo").ok();
        let root = open("/")?;
        let stat = statx::stat(root.as_fd()).map_err(|errno| Error::Proc(errno.into()))?;
        let proc = open("/proc")?;
        let how = OpenHow::new().flags(flags);
        let resolver = Self {
            has_openat2: openat2(&proc, ".", how).is_ok(),
            has_cached: openat2(&proc, ".", how.resolve(RESOLVE_CACHED)).is_ok(),
            proc,
            descriptors: open("/proc/self/fd")?,
            root: Arc::new(Place { fd: root, stat }),
            mounts: Mounts::new(own, &stat),
            names: NameCache::default(),
            booted: booted().map_err(Error::Proc)?,
        };
        let own = resolver.read_link(&resolver.proc, b"self").map_err(Error::Proc)?;
        if own != std::process::id().to_string().as_bytes() {
            return Err(Error::Proc(io::Error::other("it belongs to another pid namespace")));
        }
        Ok(resolver)
    }

    /// As [`Resolver::new`], but walks every path component by component, as it is done on
    /// kernels before 5.6.
    pub fn stepwise() -> Result<Self, Error> {
        Ok(Self { has_openat2: false, has_cached: false, ..Self::new()? })
    }

    /// When a process was made, in ns since the epoch, by the clock as it is now; the kernel counts
    /// in steps of 10 ms. None: there is none.
    pub(crate) fn started(&self, pid: i32) -> Option<u64> {
        let started = self.proc_stat(pid)?.started;
        u64::try_from(booted().ok()?.saturating_add(started)).ok()
    }

    /// Attributes of an open file.
    fn stat(&self, fd: BorrowedFd<'_>) -> Result<Stat, Errno> {
        let mut stat = statx::stat(fd)?;
        if stat.mount_id == 0 {
            stat.mount_id = self.mount_id_of_fdinfo(fd).unwrap_or_default();
        }
        Ok(stat)
    }

    /// The mount id where statx(2) does not tell it: before Linux 5.8.
    fn mount_id_of_fdinfo(&self, fd: BorrowedFd<'_>) -> Option<u64> {
        let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd())).ok()?;
        text.lines().find_map(|line| line.strip_prefix("mnt_id:")?.trim().parse().ok())
    }

    /// The mount of a file that the task can reach.
    fn mount(&self, tid: i32, fd: BorrowedFd<'_>, stat: &Stat) -> Option<Mount> {
        self.mounts.of(fd, stat, || self.open_proc(tid, "mountinfo").ok())
    }

    /// Opens /proc/TID/NAME for reading.
    fn open_proc(&self, tid: i32, name: &str) -> Result<File, Errno> {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        openat(&self.proc, format!("{tid}/{name}").as_str(), flags, Mode::empty()).map(File::from)
    }

    /// Up to `limit` bytes of /proc/TID/NAME. None: the task is gone, or we may not look.
    fn read_proc(&self, tid: i32, name: &str, limit: u64) -> Option<Vec<u8>> {
        read(self.open_proc(tid, name).ok()?, limit).ok()
    }

    /// Opens what the link /proc/TID/NAME stands for, without side effects.
    fn open_link(&self, tid: i32, name: &str) -> Result<OwnedFd, Errno> {
        let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
        openat(&self.proc, format!("{tid}/{name}").as_str(), flags, Mode::empty())
    }

    /// Opens a found file for reading. The caller has made sure that nobody can be waited for;
    /// `O_NONBLOCK` takes care of leases, `O_NOATIME` of our traces.
    fn reopen(&self, found: &Place) -> Result<File, Errno> {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let name = found.fd.as_raw_fd().to_string();
        let open = |flags| openat(&self.descriptors, name.as_str(), flags, Mode::empty());
        match open(flags | OFlag::O_NOATIME) {
            // The file is somebody else's.
            Err(Errno::EPERM) => open(flags),
            answer => answer,
        }
        .map(File::from)
    }

    /// The text of a symlink below a directory; an empty path means the link itself.
    fn read_link(&self, directory: &OwnedFd, path: &[u8]) -> io::Result<Vec<u8>> {
        use std::os::unix::ffi::OsStringExt;
        Ok(nix::fcntl::readlinkat(directory, path)?.into_vec())
    }

    /// The kernel's name of an open file: its path as seen from our root, or `pipe:[1]` and the
    /// like. Fails with ENAMETOOLONG for paths longer than a page.
    fn name(&self, fd: BorrowedFd<'_>) -> io::Result<Vec<u8>> {
        self.read_link(&self.descriptors, fd.as_raw_fd().to_string().as_bytes())
    }

    /// Looks `path` up below `directory`, with `O_PATH`, without ever asking a FUSE process.
    /// EOPNOTSUPP: the kernel cannot do that in one step, or only the walk can.
    fn lookup(
        &self,
        directory: &OwnedFd,
        path: &[u8],
        flags: OFlag,
        resolve: ResolveFlag,
        is_calm: impl FnOnce() -> bool,
    ) -> Result<OwnedFd, Errno> {
        if !self.has_openat2 {
            return Err(Errno::EOPNOTSUPP);
        }
        let how = OpenHow::new().flags(flags | OFlag::O_PATH | OFlag::O_CLOEXEC);
        if self.has_cached {
            match openat2(directory, path, how.resolve(resolve | RESOLVE_CACHED)) {
                Err(Errno::EAGAIN) => {}
                answer => return answer,
            }
        }
        if !is_calm() {
            return Err(Errno::EOPNOTSUPP);
        }
        openat2(directory, path, how.resolve(resolve))
    }
}

/// Up to `limit` bytes of a file; most are smaller than a page, and one read gets them.
fn read(file: File, limit: u64) -> io::Result<Vec<u8>> {
    let mut text = Vec::with_capacity(4096);
    file.take(limit).read_to_end(&mut text)?;
    Ok(text)
}

/// When the system was booted: now less /proc/uptime, in ns since the epoch.
fn booted() -> io::Result<i64> {
    let text = std::fs::read_to_string("/proc/uptime")?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
    let uptime = text.split(' ').next().and_then(|text| text.parse::<f64>().ok());
    let uptime = uptime.ok_or_else(|| io::Error::other("no time in /proc/uptime"))?;
    let uptime = std::time::Duration::try_from_secs_f64(uptime).map_err(io::Error::other)?;
    i64::try_from(now.saturating_sub(uptime).as_nanos()).map_err(io::Error::other)
}
