//! The listener of a seccomp filter; see seccomp_unotify(2).
#![expect(unsafe_code, reason = "ioctl(2) and seccomp(2) take pointers")]

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering::SeqCst};

use libc::{seccomp_notif_resp, seccomp_notif_sizes};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::guardian::{Board, SLOT, Slot};
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
/// What has been received lies on a board, where another process finds it, until it is answered:
/// in the order in which it was received.
#[derive(Debug)]
pub(crate) struct Listener {
    fd: OwnedFd,
    board: Arc<Board>,
    /// Room for the kernel's `struct seccomp_notif_resp`, which may be longer than ours.
    response: Vec<u64>,
}

impl Listener {
    /// Receives from the listener `fd` on `board`.
    ///
    /// # Errors
    /// As seccomp(2) with `SECCOMP_GET_NOTIF_SIZES`; `E2BIG` if a notification does not fit on a
    /// board.
    pub(crate) fn new(fd: OwnedFd, board: Arc<Board>) -> Result<Self, Errno> {
        let mut sizes =
            seccomp_notif_sizes { seccomp_notif: 0, seccomp_notif_resp: 0, seccomp_data: 0 };
        let operation = libc::SECCOMP_GET_NOTIF_SIZES;
        // SAFETY: the structure is the one that the operation fills.
        let result = unsafe { libc::syscall(libc::SYS_seccomp, operation, 0, &raw mut sizes) };
        Errno::result(result)?;
        if usize::from(sizes.seccomp_notif) > SLOT * size_of::<u64>() {
            return Err(Errno::E2BIG);
        }
        let response = usize::from(sizes.seccomp_notif_resp).max(size_of::<seccomp_notif_resp>());
        Ok(Self { fd, board, response: vec![0; response.div_ceil(8)] })
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
    /// `ENOENT` if the task is gone meanwhile, `EINTR` when a signal was handled, `ENOBUFS` while
    /// the board is full.
    pub(crate) fn receive(&mut self) -> Result<Notification, Errno> {
        let slot = self.board.free().ok_or(Errno::ENOBUFS)?;
        let fd = self.fd.as_raw_fd();
        // SAFETY: the slot is as large as the kernel's structure, zeroed as it demands, and of
        // atomic integers, which may be written through a shared reference.
        let result =
            unsafe { libc::ioctl(fd, libc::SECCOMP_IOCTL_NOTIF_RECV, slot.as_ptr().cast_mut()) };
        Errno::result(result)?;
        self.board.receive();
        Ok(notification(slot))
    }

    /// What was received and waits for its answer, oldest first.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = Notification> {
        self.board.waiting().map(notification)
    }

    /// Whether the task still waits: what was read of it is its own.
    pub(crate) fn is_valid(&self, id: u64) -> bool {
        let fd = self.fd.as_raw_fd();
        // SAFETY: the request reads a number.
        unsafe { libc::ioctl(fd, libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &raw const id) == 0 }
    }

    /// Answers the oldest notification that waits. `false` if the task is gone.
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
            let is_sent = libc::ioctl(fd, libc::SECCOMP_IOCTL_NOTIF_SEND, response) == 0;
            self.board.answer(id);
            is_sent
        }
    }

    /// Whether a notification can be received.
    pub(crate) fn is_readable(&self) -> bool {
        self.poll().contains(PollFlags::POLLIN)
    }

    /// Whether no task has the filter any more.
    pub(crate) fn is_over(&self) -> bool {
        self.poll().contains(PollFlags::POLLHUP)
    }

    fn poll(&self) -> PollFlags {
        let mut fds = [PollFd::new(self.as_fd(), PollFlags::POLLIN)];
        let _ = poll(&mut fds, PollTimeout::ZERO);
        fds[0].revents().unwrap_or(PollFlags::empty())
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

/// What a slot has been filled with: `struct seccomp_notif`, which is id, pid and flags, number and
/// arch, instruction pointer, arguments.
fn notification(slot: &Slot) -> Notification {
    let word = |at: usize| slot.get(at).map_or(0, |word| word.load(SeqCst));
    let ([pid, _], [nr, audit]) = (halves(word(1)), halves(word(2)));
    let args = [4, 5, 6, 7, 8, 9].map(word);
    Notification { id: word(0), tid: pid as i32, audit, nr, ip: word(3), args }
}

/// The two numbers in a word, in memory's order.
fn halves(word: u64) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = word.to_ne_bytes();
    [[a, b, c, d], [e, f, g, h]].map(u32::from_ne_bytes)
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
