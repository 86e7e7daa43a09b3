//! Signals of the tracer itself while it stands in front of an application: caught, to be told to
//! the forwarder, and kept from the child between fork and exec.
#![expect(unsafe_code, reason = "sigaction(2), and a handler that runs anywhere")]

use std::fs::File;
use std::io::{Read, Write};
use std::mem::{MaybeUninit, zeroed};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::{null, null_mut};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::SeqCst};

use libc::{c_int, c_void, pid_t, sigaction, siginfo_t, sigset_t};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::unistd::pipe2;

use crate::sys::inherited;

/// Signals are numbered from 1 to 64.
pub(crate) const SIGNALS: usize = 65;

/// A signal that this process got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Received {
    /// Its number.
    pub(crate) signal: c_int,
    /// `si_code`: positive when the kernel made it (a terminal's), else a process.
    pub(crate) code: c_int,
    /// The sending process.
    pub(crate) sender: pid_t,
}

/// How a signal is treated while an application is in front.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Treatment {
    /// Caught and told to the forwarder.
    Catch,
    /// Ignored: so that a background tracer may write to its terminal.
    Ignore,
    /// Default: so that children stay to be waited for.
    Default,
    /// Left as it is: the tracer's own faults, and what cannot be caught.
    Leave,
}

fn treatment(signal: c_int) -> Treatment {
    match signal {
        libc::SIGTTIN | libc::SIGTTOU => Treatment::Ignore,
        libc::SIGCHLD => Treatment::Default,
        libc::SIGKILL
        | libc::SIGSTOP
        | libc::SIGPIPE
        | libc::SIGSEGV
        | libc::SIGBUS
        | libc::SIGFPE
        | libc::SIGILL
        | libc::SIGTRAP
        | libc::SIGSYS
        | libc::SIGABRT => Treatment::Leave,
        // The C library's own.
        32 | 33 => Treatment::Leave,
        _ => Treatment::Catch,
    }
}

/// All signals are blocked in this thread, and the dispositions before are remembered.
pub(crate) struct Blocked {
    mask: sigset_t,
    actions: [sigaction; SIGNALS],
}

impl Blocked {
    /// Blocks all signals in the calling thread.
    pub(crate) fn new() -> Self {
        // SAFETY: the structures consist of integers and pointers that are only handed back.
        unsafe {
            let (mut all, mut mask) = (zeroed(), zeroed());
            libc::sigfillset(&raw mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut mask);
            let mut actions = [zeroed(); SIGNALS];
            for (signal, action) in (1..).zip(&mut actions[1..]) {
                libc::sigaction(signal, null(), &raw mut *action);
            }
            Self { mask, actions }
        }
    }

    /// Restores the thread's mask.
    pub(crate) fn release(&self) {
        // SAFETY: the mask is one that the kernel gave.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.mask, null_mut()) };
    }

    /// Whether the embedding program handles the signal itself.
    fn is_handled(&self, signal: c_int) -> bool {
        is_handler(&self.actions[signal as usize])
    }
}

fn is_handler(action: &sigaction) -> bool {
    action.sa_sigaction != libc::SIG_DFL && action.sa_sigaction != libc::SIG_IGN
}

/// Gives the child the dispositions and the mask that this process got from its parent. What
/// execve(2) would reset (handlers) is reset here, so that no handler of ours runs in the child.
///
/// # Safety
/// To be called in a forked child only.
pub(crate) unsafe fn restore_in_child(blocked: &Blocked) {
    // SAFETY: async-signal-safe calls with dispositions and a mask that the kernel gave.
    unsafe {
        for (signal, before) in (1..).zip(&blocked.actions[1..]) {
            let mut action = *before;
            if blocked.is_handled(signal)
                || (signal == libc::SIGPIPE && !inherited::sigpipe_ignored())
            {
                action = zeroed();
                action.sa_sigaction = libc::SIG_DFL;
            }
            libc::sigaction(signal, &raw const action, null_mut());
        }
        libc::sigprocmask(libc::SIG_SETMASK, &raw const blocked.mask, null_mut());
    }
}

static IN_USE: AtomicBool = AtomicBool::new(false);
static HANDLER_WRITES: AtomicI32 = AtomicI32::new(-1);
/// Made once and never closed, because a handler may be about to write to it at any time.
static PIPE: OnceLock<Option<(OwnedFd, OwnedFd)>> = OnceLock::new();

/// Signals are caught; dropping it restores the dispositions before.
pub(crate) struct Caught {
    before: [sigaction; SIGNALS],
}

impl Caught {
    /// Catches signals that the embedding program has not set handlers for. `None` while another
    /// application is in front of this process.
    pub(crate) fn new(blocked: &Blocked) -> Option<Self> {
        if IN_USE.swap(true, SeqCst) {
            return None;
        }
        let pipe = PIPE.get_or_init(|| {
            let (read, write) = pipe2(OFlag::O_CLOEXEC).ok()?;
            fcntl(&write, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).ok()?;
            Some((read, write))
        });
        let Some((_, write)) = pipe else {
            IN_USE.store(false, SeqCst);
            return None;
        };
        HANDLER_WRITES.store(write.as_raw_fd(), SeqCst);
        for signal in 1..SIGNALS as c_int {
            let handler = match treatment(signal) {
                Treatment::Catch => handle as *const () as usize,
                Treatment::Ignore => libc::SIG_IGN,
                Treatment::Default => libc::SIG_DFL,
                Treatment::Leave => continue,
            };
            if !blocked.is_handled(signal) {
                set(signal, handler);
            }
        }
        Some(Self { before: blocked.actions })
    }

    /// What to read caught signals from, and end reading by.
    pub(crate) fn channel(&self) -> Option<(File, Stop)> {
        let (read, write) = PIPE.get()?.as_ref()?;
        Some((read.try_clone().ok()?.into(), Stop(write.try_clone().ok()?.into())))
    }
}

impl Drop for Caught {
    fn drop(&mut self) {
        for (signal, before) in (1..).zip(&self.before[1..]) {
            if treatment(signal) != Treatment::Leave && !is_handler(before) {
                // SAFETY: a disposition that the kernel gave.
                unsafe { libc::sigaction(signal, &raw const *before, null_mut()) };
            }
        }
        HANDLER_WRITES.store(-1, SeqCst);
        IN_USE.store(false, SeqCst);
    }
}

static WAKES: AtomicI32 = AtomicI32::new(-1);
/// Made once and never closed, as [`PIPE`].
static EVENT: OnceLock<Option<EventFd>> = OnceLock::new();

/// A descriptor that is readable when a child or tracee may have something to be waited for;
/// dropping it restores the disposition of SIGCHLD before.
pub(crate) struct ChildSignal {
    before: sigaction,
}

impl ChildSignal {
    /// Catches SIGCHLD. `None` if the embedding program does, or another application is in front
    /// of this process.
    pub(crate) fn catch(blocked: &Blocked) -> Option<Self> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let event = EVENT.get_or_init(|| EventFd::from_value_and_flags(0, flags).ok());
        let fd = event.as_ref()?.as_fd().as_raw_fd();
        if blocked.is_handled(libc::SIGCHLD) || WAKES.swap(fd, SeqCst) >= 0 {
            return None;
        }
        let before = blocked.actions[libc::SIGCHLD as usize];
        set(libc::SIGCHLD, wake as *const () as usize);
        Some(Self { before })
    }

    /// In a forked child: the same, for the child's own.
    pub(crate) fn inherited() -> Option<Self> {
        let is_caught = WAKES.load(SeqCst) >= 0;
        // SAFETY: a structure of integers, of which zeros say the default.
        is_caught.then(|| Self { before: unsafe { zeroed() } })
    }

    /// What to poll.
    pub(crate) fn event(&self) -> Option<BorrowedFd<'static>> {
        Some(EVENT.get()?.as_ref()?.as_fd())
    }

    /// Makes the descriptor unreadable until the next signal.
    pub(crate) fn take(&self) {
        if let Some(Some(event)) = EVENT.get() {
            let _ = event.read();
        }
    }
}

impl Drop for ChildSignal {
    fn drop(&mut self) {
        // SAFETY: a disposition that the kernel gave.
        unsafe { libc::sigaction(libc::SIGCHLD, &raw const self.before, null_mut()) };
        WAKES.store(-1, SeqCst);
    }
}

extern "C" fn wake(_: c_int, _: *mut siginfo_t, _: *mut c_void) {
    let errno = Errno::last_raw();
    let one = 1_u64;
    // SAFETY: async-signal-safe; the descriptor is never closed.
    unsafe { libc::write(WAKES.load(SeqCst), (&raw const one).cast(), size_of::<u64>()) };
    Errno::set_raw(errno);
}

/// Makes a forked child of this process one that no signal reaches but those that cannot be caught,
/// its own faults, and SIGCHLD, which it is told of by itself and not with its parent.
///
/// # Errors
/// The system lacks a resource.
pub(crate) fn serve() -> Result<(), Errno> {
    for signal in 1..SIGNALS as c_int {
        if treatment(signal) == Treatment::Catch {
            set(signal, libc::SIG_IGN);
        }
    }
    if let Some(Some(event)) = EVENT.get() {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let own = EventFd::from_value_and_flags(0, flags)?;
        let (own, event) = (own.as_fd().as_raw_fd(), event.as_fd().as_raw_fd());
        // SAFETY: both descriptors are ours, and the second stays one of an eventfd.
        Errno::result(unsafe { libc::dup3(own, event, libc::O_CLOEXEC) })?;
    }
    Ok(())
}

/// Ends the reading of [`receive`].
pub(crate) struct Stop(File);

impl Drop for Stop {
    fn drop(&mut self) {
        // A full pipe is emptied by its reader in no time.
        while let Err(error) = self.0.write_all(&[0; MESSAGE]) {
            if error.kind() != std::io::ErrorKind::WouldBlock {
                break;
            }
            std::thread::yield_now();
        }
    }
}

/// The next signal that was caught; `None` when [`Stop`] was dropped.
pub(crate) fn receive(channel: &mut File) -> Option<Received> {
    let mut message = [0; MESSAGE];
    channel.read_exact(&mut message).ok()?;
    let [signal, code, sender] = [0, 4, 8].map(|at| {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&message[at..at + 4]);
        i32::from_ne_bytes(bytes)
    });
    (signal != 0).then_some(Received { signal, code, sender })
}

/// Sends `signal` to process `pid`; one that is gone is no matter.
pub(crate) fn send(pid: pid_t, signal: c_int) {
    // SAFETY: a plain call.
    unsafe { libc::kill(pid, signal) };
}

/// Whether thread `tid` belongs to process `tgid`.
pub(crate) fn is_thread_of(tgid: pid_t, tid: pid_t) -> bool {
    // SAFETY: signal 0 only asks. EPERM says that the thread is there.
    let result = unsafe { libc::syscall(libc::SYS_tgkill, tgid, tid, 0) };
    !matches!(Errno::result(result), Err(Errno::ESRCH | Errno::EINVAL))
}

/// Whether a signal waits for thread `tid` that interrupts its calls: one that the thread neither
/// blocks nor ignores (proc_pid_status(5)).
pub(crate) fn is_pending(tid: pid_t) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{tid}/status")).unwrap_or_default();
    let mask = |name: &str| {
        let mask = status.lines().find_map(|line| line.strip_prefix(name));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
    };
    let bit = |signal: c_int| 1_u64 << (signal - 1);
    let by_default = [libc::SIGCHLD, libc::SIGURG, libc::SIGWINCH, libc::SIGCONT].map(bit);
    let by_default = by_default.into_iter().fold(0, |all, bit| all | bit);
    let ignored = mask("SigIgn:") | by_default & !mask("SigCgt:");
    (mask("SigPnd:") | mask("ShdPnd:")) & !mask("SigBlk:") & !ignored != 0
}

/// Three numbers: small enough that a pipe takes all or nothing (pipe(7)).
const MESSAGE: usize = 12;

extern "C" fn handle(signal: c_int, info: *mut siginfo_t, _: *mut c_void) {
    let errno = Errno::last_raw();
    // SAFETY: the kernel passes the signal's information; `si_pid` reads an integer of it.
    let (code, sender) = unsafe { ((*info).si_code, (*info).si_pid()) };
    let mut message = [0; MESSAGE];
    for (at, number) in [signal, code, sender].into_iter().enumerate() {
        message[at * 4..][..4].copy_from_slice(&number.to_ne_bytes());
    }
    let fd = HANDLER_WRITES.load(SeqCst);
    // SAFETY: async-signal-safe; the descriptor is never closed.
    unsafe { libc::write(fd, message.as_ptr().cast(), MESSAGE) };
    Errno::set_raw(errno);
}

fn set(signal: c_int, handler: usize) {
    // SAFETY: `handler` is `handle`, or a constant of sigaction(2).
    unsafe {
        let mut action: sigaction = MaybeUninit::zeroed().assume_init();
        action.sa_sigaction = handler;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
        libc::sigaction(signal, &raw const action, null_mut());
    }
}
