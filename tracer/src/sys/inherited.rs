//! What this process got from its parent and the Rust runtime changes before `main`: the
//! disposition of SIGPIPE (ignored) and closed standard descriptors (opened on /dev/null). An
//! application that is launched gets what its launcher's parent gave.
#![expect(unsafe_code, reason = "a constructor that runs before the runtime, and raw sigaction")]

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};

static SIGPIPE_IGNORED: AtomicBool = AtomicBool::new(false);
static CLOSED: AtomicU8 = AtomicU8::new(0);

/// Runs before the runtime, as part of the program's own initialization.
// SAFETY: the linker puts functions of this type into the section's array, which the C library
// calls once, on the only thread; the function calls async-signal-safe functions only.
#[unsafe(link_section = ".init_array")]
#[used]
static RECORD: extern "C" fn() = record;

extern "C" fn record() {
    // SAFETY: both calls only ask; a null new action is allowed.
    unsafe {
        let mut action = std::mem::zeroed::<libc::sigaction>();
        libc::sigaction(libc::SIGPIPE, std::ptr::null(), &raw mut action);
        SIGPIPE_IGNORED.store(action.sa_sigaction == libc::SIG_IGN, Relaxed);
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

/// The standard descriptors that were closed when this process began.
pub(crate) fn closed() -> impl Iterator<Item = i32> {
    let closed = CLOSED.load(Relaxed);
    (0..3).filter(move |fd| closed & 1 << fd != 0)
}
