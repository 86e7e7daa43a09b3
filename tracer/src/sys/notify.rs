//! The listener of a seccomp filter; see seccomp_unotify(2).
#![expect(unsafe_code, reason = "ioctl(2) and seccomp(2) take pointers")]

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};
use std::sync::atomic::{AtomicI32, Ordering::SeqCst};

use libc::{seccomp_notif, seccomp_notif_resp, seccomp_notif_sizes};
use nix::errno::Errno;

use crate::launch::Instruction;
use crate::sys::shared::Shared;

/// `SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP` (linux/seccomp.h).
const SYNC_WAKE_UP: libc::c_ulong = 1;

/// `ERESTARTNOINTR` (linux/errno.h): the kernel makes the call again, whatever signals come.
const RESTART: i32 = -513;

/// A task waits in a call for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Notification {
    /// Which; never used again for the same filter.
    pub(crate) id: u64,
    /// The task; 0 if this process's PID namespace does not have it.
    pub(crate) tid: i32,
    /// `AUDIT_ARCH_*` of the call.
    pub(crate) audit: u32,
    /// Number as the task gave it.
    pub(crate) nr: u32,
    /// Address of the instruction after the call.
    pub(crate) ip: u64,
    /// Argument registers.
    pub(crate) args: [u64; 6],
}

/// What a task is to do with its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Make it.
    Continue,
    /// Return to user mode and make it anew. Pending stops and signals come before.
    Again,
}

/// Where notifications are received and answered.
///
/// What has been received lies in one buffer, so that it can be moved to where another process
/// finds it.
#[derive(Debug)]
pub(crate) struct Listener {
    fd: OwnedFd,
    /// Room for the kernel's `struct seccomp_notif`, which may be longer than ours.
    request: Vec<u64>,
    /// Likewise for `struct seccomp_notif_resp`.
    response: Vec<u64>,
}

impl Listener {
    /// Receives from the listener `fd`.
    ///
    /// # Errors
    /// As seccomp(2) with `SECCOMP_GET_NOTIF_SIZES`.
    pub(crate) fn new(fd: OwnedFd) -> Result<Self, Errno> {
        let mut sizes =
            seccomp_notif_sizes { seccomp_notif: 0, seccomp_notif_resp: 0, seccomp_data: 0 };
        let operation = libc::SECCOMP_GET_NOTIF_SIZES;
        // SAFETY: the structure is the one that the operation fills.
        let result = unsafe { libc::syscall(libc::SYS_seccomp, operation, 0, &raw mut sizes) };
        Errno::result(result)?;
        let words = |kernels: u16, ours: usize| usize::from(kernels).max(ours).div_ceil(8);
        Ok(Self {
            fd,
            request: vec![0; words(sizes.seccomp_notif, size_of::<seccomp_notif>())],
            response: vec![0; words(sizes.seccomp_notif_resp, size_of::<seccomp_notif_resp>())],
        })
    }

    /// Has a task that waits and its supervisor take turns on one CPU (Linux 6.6).
    ///
    /// # Errors
    /// The kernel cannot.
    pub(crate) fn wake_on_same_cpu(&self) -> Result<(), Errno> {
        let fd = self.fd.as_raw_fd();
        // SAFETY: the request takes a number.
        let result = unsafe { libc::ioctl(fd, libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP) };
        Errno::result(result).map(drop)
    }

    /// Receives a notification. Waits if there is none.
    ///
    /// # Errors
    /// `ENOENT` if the task is gone meanwhile, `EINTR` when a signal was handled.
    pub(crate) fn receive(&mut self) -> Result<Notification, Errno> {
        self.request.fill(0);
        let (fd, request) = (self.fd.as_raw_fd(), self.request.as_mut_ptr());
        // SAFETY: the buffer is as large as the kernel's structure, and zeroed as it demands.
        let result = unsafe { libc::ioctl(fd, libc::SECCOMP_IOCTL_NOTIF_RECV, request) };
        Errno::result(result)?;
        // SAFETY: the buffer is at least as large as ours, aligned to 8, and of integers.
        let request = unsafe { &*request.cast::<seccomp_notif>() };
        Ok(Notification {
            id: request.id,
            tid: request.pid as i32,
            audit: request.data.arch,
            nr: request.data.nr as u32,
            ip: request.data.instruction_pointer,
            args: request.data.args,
        })
    }

    /// Whether the task still waits: what was read of it is its own.
    pub(crate) fn is_valid(&self, id: u64) -> bool {
        let fd = self.fd.as_raw_fd();
        // SAFETY: the request reads a number.
        unsafe { libc::ioctl(fd, libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &raw const id) == 0 }
    }

    /// Answers a notification. `false` if the task is gone.
    pub(crate) fn answer(&mut self, id: u64, answer: Answer) -> bool {
        self.response.fill(0);
        let (fd, response) = (self.fd.as_raw_fd(), self.response.as_mut_ptr());
        let (error, flags) = match answer {
            Answer::Continue => (0, libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32),
            Answer::Again => (RESTART, 0),
        };
        // SAFETY: the buffer is at least as large as our structure and the kernel's, aligned to
        // 8, and of integers.
        unsafe {
            *response.cast() = seccomp_notif_resp { id, val: 0, error, flags };
            libc::ioctl(fd, libc::SECCOMP_IOCTL_NOTIF_SEND, response) == 0
        }
    }

    /// Leaves the listener open until this process ends: calls wait then, which would fail with
    /// `ENOSYS` otherwise.
    pub(crate) fn leave_open(self) {
        let _ = self.fd.into_raw_fd();
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Installs a filter on the calling thread and answers the descriptor of its listener.
/// Async-signal-safe.
///
/// # Errors
/// `EBUSY` if a filter before has one, `EACCES` if the thread has neither `CAP_SYS_ADMIN` nor
/// `no_new_privs`, `EINVAL` on Linux before 5.19.
pub(super) fn install(filter: &[Instruction]) -> Result<i32, Errno> {
    let len = u16::try_from(filter.len()).map_err(|_| Errno::EINVAL)?;
    let program = libc::sock_fprog { len, filter: filter.as_ptr().cast_mut().cast() };
    let flags = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER
        | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
        | libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    let mode = libc::SECCOMP_SET_MODE_FILTER;
    // SAFETY: `Instruction` has the layout of `sock_filter`; the kernel only reads the program.
    let fd = unsafe { libc::syscall(libc::SYS_seccomp, mode, flags, &raw const program) };
    Errno::result(fd).map(|fd| fd as i32)
}

/// Where a child tells the number of a descriptor in the table that it shares with this process.
/// The child cannot send the listener of its own filter, because any call may be one that the
/// filter stops.
#[derive(Debug)]
pub(crate) struct Mailbox(Shared<AtomicI32>);

impl Mailbox {
    /// An empty mailbox.
    ///
    /// # Errors
    /// As mmap(2).
    pub(crate) fn new() -> Result<Self, Errno> {
        Shared::new().map(Self)
    }

    /// Tells the result of [`install`]. Async-signal-safe.
    pub(super) fn put(&self, result: Result<i32, Errno>) {
        let word = result.map_or_else(|errno| -(errno as i32), |fd| fd + 1);
        self.0.store(word, SeqCst);
    }

    /// What the child has told; `None` if nothing yet.
    pub(super) fn take(&self) -> Option<Result<OwnedFd, Errno>> {
        match self.0.swap(0, SeqCst) {
            0 => None,
            // SAFETY: the child has made this descriptor in the table that both use, and leaves
            // it to us.
            fd @ 1.. => Some(Ok(unsafe { OwnedFd::from_raw_fd(fd - 1) })),
            errno => Some(Err(Errno::from_raw(-errno))),
        }
    }
}
