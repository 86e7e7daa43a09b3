//! What this process got from its parent and nobody can ask for later. The Rust runtime changes
//! the disposition of SIGPIPE (ignored) and closed standard descriptors (opened on /dev/null)
//! before `main`, the C library handles signals of its own from the first thread on, and does not
//! tell of them. An application that is launched gets what its launcher's parent gave.
#![expect(unsafe_code, reason = "a constructor that runs before the runtime, and raw sigaction")]

use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};

use libc::c_int;

static SIGPIPE_IGNORED: AtomicBool = AtomicBool::new(false);
/// By bit, which of the C library's own signals were ignored, as after posix_spawn(3).
static IGNORED: AtomicU8 = AtomicU8::new(0);
static CLOSED: AtomicU8 = AtomicU8::new(0);

/// Runs before the runtime, as part of the program's own initialization.
// SAFETY: the linker puts functions of this type into the section's array, which the C library
// calls once, on the only thread; the function calls async-signal-safe functions only.
#[unsafe(link_section = ".init_array")]
#[used]
static RECORD: extern "C" fn() = record;

extern "C" fn record() {
    // SAFETY: all calls only ask; a null new action is allowed.
    unsafe {
        let mut action = std::mem::zeroed::<libc::sigaction>();
        libc::sigaction(libc::SIGPIPE, null(), &raw mut action);
        SIGPIPE_IGNORED.store(action.sa_sigaction == libc::SIG_IGN, Relaxed);
        for (bit, signal) in OWN.enumerate() {
            let mut action = KernelAction::default();
            rt_sigaction(signal, null(), &raw mut action);
            if action[0] == libc::SIG_IGN {
                IGNORED.fetch_or(1 << bit, Relaxed);
            }
        }
        for fd in 0..3 {
            if libc::fcntl(fd, libc::F_GETFD) < 0 {
                CLOSED.fetch_or(1 << fd, Relaxed);
            }
        }
    }
}

/// Whether SIGPIPE was ignored when this process began.
pub(crate) fn sigpipe_ignored() -> bool {
    SIGPIPE_IGNORED.load(Relaxed)
}

/// Signals of the C library's own (nptl(7)), which its sigaction(3) refuses: two, or musl's three.
const OWN: std::ops::RangeInclusive<c_int> = 32..=34;

/// The kernel's `struct sigaction`: the handler, flags, and a mask of 8 bytes at the latest then.
type KernelAction = [usize; 4];

/// Ignores the C library's own signals if this process did when it began.
///
/// # Safety
/// To be called in a forked child that is about to execute a program.
pub(crate) unsafe fn ignore_again() {
    let ignored = IGNORED.load(Relaxed);
    for (_, signal) in OWN.enumerate().filter(|(bit, _)| ignored & 1 << bit != 0) {
        let action: KernelAction = [libc::SIG_IGN, 0, 0, 0];
        // SAFETY: the action is a whole one, of a disposition that runs no code.
        unsafe { rt_sigaction(signal, &raw const action, null_mut()) };
    }
}

/// rt_sigaction(2), of any signal.
///
/// # Safety
/// As for the call: pointers are null or point to whole structures.
unsafe fn rt_sigaction(signal: c_int, new: *const KernelAction, old: *mut KernelAction) {
    // SAFETY: as the caller's; the mask of the kernel has 8 bytes.
    unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, new, old, 8) };
}

/// The standard descriptors that were closed when this process began.
pub(crate) fn closed() -> impl Iterator<Item = i32> {
    let closed = CLOSED.load(Relaxed);
    (0..3).filter(move |fd| closed & 1 << fd != 0)
}
