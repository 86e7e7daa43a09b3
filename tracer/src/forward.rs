//! Forwards signals that the tracer gets to the application it stands in front of.
//!
//! Who signals the tracer means the application: a shell, a supervisor, the container's engine.
//! But a signal to the process group (a terminal's, `kill -- -PGID`, timeout(1)) reaches both
//! already, and must not reach the application twice. The kernel does not tell such signals
//! apart, so the forwarder looks whether the application, or where that is no tracee a witness in
//! the same group, is getting the same from the same sender. Nobody sees what an application takes by sigwait(3) or signalfd(2) at once: such a
//! signal to the group arrives twice.

use std::fs;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle, sleep};
use std::time::Duration;

use nix::unistd::{Pid, getpgid, getpgrp};

use crate::ptrace::Delivered;
use crate::sys::signals::{self, Caught, Received, Stop};

/// How long a signal to both may take to be seen at the application.
const SETTLE: Duration = Duration::from_millis(10);

/// How long ago the application may have got it.
const RECENT: u32 = 1000;

/// Who sees what signals the application gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// Its tracer.
    Tracer,
    /// A witness in this process's group, which gets what is sent to the group.
    Witness,
}

/// Forwards signals from another thread until it is dropped.
pub(crate) struct Forwarder {
    stop: Option<Stop>,
    thread: Option<JoinHandle<()>>,
}

impl Forwarder {
    /// Begins to forward what is `caught` to process `pid`. All signals must be blocked in the
    /// calling thread, so that none is handled in the new one. `None` if the system lacks a
    /// resource: signals are lost then.
    pub(crate) fn start(
        caught: &Caught,
        pid: i32,
        by: By,
        delivered: &Arc<Delivered>,
    ) -> Option<Self> {
        let (mut channel, stop) = caught.channel()?;
        let delivered = Arc::clone(delivered);
        let thread = Builder::new().name("forward".into()).spawn(move || {
            while let Some(received) = signals::receive(&mut channel) {
                if is_our_own(received) || received.sender == pid {
                    continue;
                }
                sleep(SETTLE);
                if is_meant_for(pid, received, by, &delivered) {
                    signals::send(pid, received.signal);
                }
            }
        });
        Some(Self { stop: Some(stop), thread: Some(thread.ok()?) })
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Whether the kernel sent the signal for a reason that is not the application's, too: terminals
/// send theirs to both. But an alarm(2) that was set before our program was executed is meant for
/// what was to run.
fn is_our_own(received: Received) -> bool {
    received.code > 0 && received.signal != libc::SIGALRM
}

/// Whether the application has not got the signal by itself.
fn is_meant_for(pid: i32, received: Received, by: By, delivered: &Delivered) -> bool {
    let got = delivered.take(received.signal, received.sender, RECENT)
        && (by == By::Tracer || is_in_group(pid));
    !got && !delivered.has_ended() && !is_pending(pid, received.signal)
}

/// Whether the application is in this process's group.
fn is_in_group(pid: i32) -> bool {
    getpgid(Some(Pid::from_raw(pid))) == Ok(getpgrp())
}

/// Whether `signal` waits in the process, which blocks it (proc_pid_status(5)).
fn is_pending(pid: i32, signal: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let pending = status.lines().find_map(|line| line.strip_prefix("ShdPnd:"));
    let mask = pending.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.unwrap_or_default() >> (signal - 1) & 1 == 1
}
