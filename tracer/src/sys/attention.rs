//! Calling the thread of an engine out of its wait, and the signals that ask a tracer to leave.
#![expect(unsafe_code, reason = "sigaction(2), tgkill(2), and a handler that runs anywhere")]

use std::fs::File;
use std::io::Read;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, IntoRawFd};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI32, Ordering::SeqCst};
use std::time::Duration;

use libc::{c_int, c_void, pid_t, sigaction, siginfo_t};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{gettid, pipe2};

/// Signals that ask a tracer to leave.
const LEAVE: [c_int; 4] = [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM];

/// The signal that ends a wait: ignored by default, so that one that comes late does no harm.
const CALL: c_int = libc::SIGURG;

/// Where the handler writes to; -1: nowhere.
static WRITES: AtomicI32 = AtomicI32::new(-1);

/// Requests to leave, instead of this process's end, until it is dropped.
pub(crate) struct Requests {
    read: File,
    taken: Vec<c_int>,
}

impl Requests {
    /// Begins to take the signals. One that is ignored (nohup(1)) or that the embedding program
    /// handles stays as it is.
    ///
    /// # Errors
    /// The system lacks a resource.
    pub(crate) fn take() -> Result<Self, Errno> {
        let (read, write) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        let write = write.into_raw_fd();
        // The handler may be about to write to the one before, which is never closed.
        WRITES.store(write, SeqCst);
        handle(CALL, called as *const () as usize);
        let is_default = |signal: &c_int| disposition(*signal) == libc::SIG_DFL;
        let taken: Vec<_> = LEAVE.into_iter().filter(is_default).collect();
        for signal in &taken {
            handle(*signal, asked as *const () as usize);
        }
        Ok(Self { read: read.into(), taken })
    }

    /// Waits for a request; whether there was one.
    pub(crate) fn wait(&self, timeout: Duration) -> bool {
        let mut entry = [PollFd::new(self.read.as_fd(), PollFlags::POLLIN)];
        let timeout = PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX);
        let _ = poll(&mut entry, timeout);
        (&self.read).read(&mut [0; 16]).is_ok_and(|count| count > 0)
    }

    /// Makes [`Requests::wait`] answer.
    pub(crate) fn make() {
        write_one();
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        for signal in &self.taken {
            handle(*signal, libc::SIG_DFL);
        }
    }
}

/// A thread that can be called out of its wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listener(pid_t);

impl Listener {
    /// The calling thread.
    pub(crate) fn here() -> Self {
        Self(gettid().as_raw())
    }

    /// Whether it is the thread `tid`.
    pub(crate) fn is(self, tid: pid_t) -> bool {
        self.0 == tid
    }

    /// Ends the wait that the thread is in, if it is in one: a call that comes just before it is
    /// in vain, so whoever needs an answer calls again.
    pub(crate) fn call(self) {
        // SAFETY: a plain call.
        unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), self.0, CALL) };
    }
}

extern "C" fn called(_: c_int, _: *mut siginfo_t, _: *mut c_void) {}

extern "C" fn asked(_: c_int, _: *mut siginfo_t, _: *mut c_void) {
    let errno = Errno::last_raw();
    write_one();
    Errno::set_raw(errno);
}

fn write_one() {
    let fd = WRITES.load(SeqCst);
    // SAFETY: async-signal-safe; the descriptor is never closed, and a full pipe says enough.
    unsafe { libc::write(fd, [1_u8].as_ptr().cast(), 1) };
}

fn disposition(signal: c_int) -> usize {
    // SAFETY: asks only; the structure consists of integers and pointers.
    unsafe {
        let mut action: sigaction = MaybeUninit::zeroed().assume_init();
        libc::sigaction(signal, std::ptr::null(), &raw mut action);
        action.sa_sigaction
    }
}

/// Handles a signal; waits that it interrupts are not begun again.
fn handle(signal: c_int, handler: usize) {
    // SAFETY: `handler` is `SIG_DFL`, or a function of this file that calls async-signal-safe
    // functions only.
    unsafe {
        let mut action: sigaction = MaybeUninit::zeroed().assume_init();
        action.sa_sigaction = handler;
        action.sa_flags = libc::SA_SIGINFO;
        libc::sigaction(signal, &raw const action, null_mut());
    }
}
