//! Whether this engine can be used here: tried on a child that is thrown away, because kernels,
//! containers and security modules may refuse any part of it.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use sentrace_bpf::{Section, Verdict, action, compile};

use crate::guardian::Board;
use crate::launch::{Instruction, Refusal};
use crate::sys::child::{self, try_filter};
use crate::sys::notify::{Answer, Listener, Mailbox};
use crate::sys::pidfd::{self, Scope};
use crate::sys::ptrace::{
    Resume, SyscallInfo, detach, interrupt, resume, seize_for_a_while, syscall_info,
};
use crate::sys::signals::Blocked;
use crate::sys::wait::{Patience, Report, Waiter};

/// How long the child may take for a step.
const LIMIT: Duration = Duration::from_secs(5);

/// Goes through what the engine does, once.
///
/// # Errors
/// What was refused.
pub(crate) fn check() -> Result<(), Refusal> {
    let filter = filter().ok_or(Refusal::Filter(Errno::EINVAL))?;
    let mailbox = Mailbox::new().map_err(Refusal::System)?;
    let blocked = Blocked::new();
    let child = try_filter(&filter, &mailbox);
    blocked.release();
    let child = child.map_err(Refusal::System)?;
    let outcome = child
        .listener(&mailbox)
        .map_err(Refusal::Filter)
        .and_then(|listener| supervise(child.pid, listener));
    if outcome.is_err() {
        child::abandon(child.pid);
    }
    outcome
}

/// The child waits in getppid(2): has it make the call again and stop before, as for a result,
/// and lets it go.
fn supervise(pid: i32, listener: OwnedFd) -> Result<(), Refusal> {
    pidfd::open(pid, Scope::Process).map_err(Refusal::Descriptor)?;
    let board = Board::new().map(Arc::new).map_err(Refusal::System)?;
    let mut listener = Listener::new(listener, board).map_err(Refusal::Receive)?;
    await_readable(&listener)?;
    let notification = listener.receive().map_err(Refusal::Receive)?;
    seize_for_a_while(pid).map_err(Refusal::Trace)?;
    interrupt(pid).map_err(Refusal::Trace)?;
    if !listener.answer(notification.id, Answer::Again) {
        return Err(Refusal::Answer(Errno::last()));
    }
    let mut waiter = Waiter::of(pid);
    stop(&mut waiter)?;
    resume(pid, Resume::Syscall, 0).map_err(Refusal::Trace)?;
    stop(&mut waiter)?;
    match syscall_info(pid).map_err(Refusal::Trace)? {
        SyscallInfo::Entry { .. } => detach(pid, 0).map_err(Refusal::Trace)?,
        _ => return Err(Refusal::Result),
    }
    await_readable(&listener)?;
    let notification = listener.receive().map_err(Refusal::Receive)?;
    if !listener.answer(notification.id, Answer::Continue) {
        return Err(Refusal::Answer(Errno::last()));
    }
    match report(&mut waiter)? {
        Report::Ended { how, .. } if how.code() == 0 => {
            waiter.reap(pid);
            Ok(())
        }
        _ => Err(Refusal::Result),
    }
}

/// The child stops.
fn stop(waiter: &mut Waiter) -> Result<(), Refusal> {
    match report(waiter)? {
        Report::Stopped { .. } => Ok(()),
        _ => Err(Refusal::Result),
    }
}

/// What the child does next.
fn report(waiter: &mut Waiter) -> Result<Report, Refusal> {
    let begin = Instant::now();
    while begin.elapsed() < LIMIT {
        match waiter.next(Patience::Poll) {
            Ok(Some(report)) => return Ok(report),
            Ok(None) | Err(Errno::EINTR) => std::thread::sleep(Duration::from_micros(20)),
            Err(errno) => return Err(Refusal::Trace(errno)),
        }
    }
    Err(Refusal::Trace(Errno::ETIMEDOUT))
}

/// Has getppid(2) wait for an answer.
fn filter() -> Option<Vec<Instruction>> {
    let (audit, _) = crate::arch::NATIVE_EXEC;
    let rules = vec![(libc::SYS_getppid as u32, Verdict::always(action::USER_NOTIF))];
    let section = Section { audit, number_flag: 0, rules };
    compile(&[section], action::ALLOW).ok().map(Vec::from)
}

fn await_readable(listener: &Listener) -> Result<(), Refusal> {
    let mut fds = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
    let timeout = PollTimeout::try_from(LIMIT).unwrap_or(PollTimeout::MAX);
    loop {
        match poll(&mut fds, timeout) {
            Ok(0) => return Err(Refusal::Receive(Errno::ETIMEDOUT)),
            Ok(_) => break,
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(Refusal::Receive(errno)),
        }
    }
    let ready = fds[0].revents().is_some_and(|events| events.contains(PollFlags::POLLIN));
    if ready { Ok(()) } else { Err(Refusal::Receive(Errno::ECHILD)) }
}
