//! The notify engine: a seccomp filter has the tasks of an application wait at the calls of
//! interest for an answer of this thread (`RET_USER_NOTIF`, seccomp_unotify(2)), which looks,
//! tells an observer and answers that they go on. Linux 5.19.
//!
//! Tasks are no tracees: they get their signals, stop and continue, and are traced by debuggers
//! as if nobody watched. What no notification tells is found out so:
//!
//! - *New processes and threads* make themselves known by the first call that their C library
//!   makes ([`life`]). Who made a process is its parent in `/proc`, if that runs the same program;
//!   if it has ended meanwhile, it is the newest process that does ([`tasks::Image`]).
//! - *Programs that are executed and results* need ptrace, for the time of one call, beginning
//!   while the task waits for its answer ([`held`]). For a program the task stops at the event.
//!   For a result the answer is to make the call again (`ERESTARTNOINTR`), and the task is stopped
//!   on its way back to user mode; from there it goes through the call under `PTRACE_SYSCALL`, and
//!   is let go at the exit. The call itself is never disturbed: it may block, and a signal
//!   interrupts it as ever. Calls that do not wait are made at once, with that stop pending
//!   ([`instant`]).
//! - *Ends* are told by process descriptors ([`exits`]).
//!
//! Where the ptrace engine knows more:
//!
//! - A process that neither uses a C library's fork(3) nor makes a call of interest is not told
//!   of. A thread's end is told when it is found out, at the latest with that of its process.
//! - Calls that make or end a task are never of interest.
//! - A task that another traces (strace or gdb inside the application) cannot be held: results of
//!   its calls are left out, and a program that it executes is told of at its next call.
//! - A process may have been waited for by its parent when its end is told: its `/proc/PID` may be
//!   gone, and before Linux 6.15 how it ended may not be known.
//! - The stack pointer of a call is not known (0).
//!
//! What an application may notice:
//!
//! - The kernel lets a signal interrupt the wait until this thread has received the notification.
//!   So all notifications are received before any is looked at. In the time that is left, a
//!   handler without `SA_RESTART` makes the call fail with `EINTR`.
//! - A filter of its own cannot have a listener (`EBUSY`).
//! - A task that failed to execute a program is a tracee until its next call of interest or signal.

mod calls;
mod check;
mod exits;
mod filter;
mod held;
mod instant;
mod life;
mod lineage;
mod tasks;

use std::cell::Cell;
use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll, ppoll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::time::{TimeSpec, TimeValLike};

pub(crate) use self::check::check;
use self::exits::Exits;
pub(crate) use self::filter::Interest;
use self::held::AllHeld;
use self::tasks::Tasks;
use crate::engine::{Ended, Observer};
use crate::launch::Until;
use crate::ptrace::{self, Delivered, Guarded, Stop, Way};
use crate::sys::notify::{Listener, Notification};
use crate::sys::signals::{self, ChildSignal};
use crate::sys::wait::{Patience, Report, Waiter};

/// Watches an application.
pub(crate) struct Engine<'o> {
    observer: Guarded<'o>,
    until: Until,
    /// The process that was launched, and how it ended.
    first: i32,
    ended: Option<Ended>,
    /// It has not executed its program: its calls are the launcher's.
    launching: bool,
    interest: Interest,
    listener: Listener,
    /// No task has the filter any more.
    is_over: bool,
    tasks: Tasks,
    held: AllHeld,
    /// The process of the call that was looked at last.
    last: i32,
    exits: Exits,
    waiter: Waiter,
    wakes: Option<ChildSignal>,
    way: Cell<Way>,
    /// Notifications that were received and not handled.
    queue: VecDeque<Notification>,
    delivered: Arc<Delivered>,
    /// This process is to stop with the application, by the same signal, before it sleeps.
    suspend: Option<i32>,
}

/// What there is to do.
#[derive(Default)]
struct Ready {
    notification: bool,
    report: bool,
    exit: bool,
}

impl<'o> Engine<'o> {
    /// Watches process `first`, a child of the calling thread whose filter has `listener` and
    /// which has not executed its program. `wakes` tells of its children and tracees.
    ///
    /// # Errors
    /// The system lacks a resource.
    pub(crate) fn new(
        observer: &'o mut dyn Observer,
        until: Until,
        first: i32,
        (interest, listener): (Interest, OwnedFd),
        (wakes, delivered): (Option<ChildSignal>, Arc<Delivered>),
    ) -> Result<Self, Errno> {
        let mut tasks = Tasks::default();
        tasks.add_process(first, None);
        let listener = Listener::new(listener)?;
        // Without, most calls wait for another CPU to wake.
        let _ = listener.wake_on_same_cpu();
        Ok(Self {
            observer: Guarded(Some(observer)),
            until,
            first,
            ended: None,
            launching: true,
            interest,
            listener,
            is_over: false,
            tasks,
            held: AllHeld::new(),
            last: first,
            exits: Exits::new()?,
            waiter: Waiter::new(ptrace::scope()),
            wakes,
            way: Cell::new(Way::Call),
            queue: VecDeque::new(),
            delivered,
            suspend: None,
        })
    }

    /// Watches until the application, or its first process, ends; answers how that process ended.
    ///
    /// # Errors
    /// `ECHILD` if somebody else has waited for it.
    pub(crate) fn run(mut self) -> Result<Ended, Errno> {
        let mut mask = SigSet::thread_get_mask()?;
        mask.remove(Signal::SIGCHLD);
        while !self.is_done() {
            let ready = self.wait(&mask)?;
            if ready.notification {
                self.receive();
            }
            if ready.report {
                self.reports()?;
            }
            if ready.exit {
                self.exits();
            }
            if let Some(notification) = self.queue.pop_front() {
                self.notified(&notification);
            }
        }
        if !self.is_over {
            // Calls of what is left are to wait, not to fail, until this process has ended.
            self.listener.leave_open();
        }
        self.ended.ok_or(Errno::ECHILD)
    }

    fn is_done(&self) -> bool {
        match self.until {
            Until::AllEnd => self.is_over && self.tasks.len() == 0,
            Until::FirstEnds => self.ended.is_some(),
        }
    }

    /// Waits for something to do. The listener is looked at first, so that what happened before a
    /// notification is seen with it.
    fn wait(&mut self, mask: &SigSet) -> Result<Ready, Errno> {
        let timeout = if self.queue.is_empty() { self.patience() } else { Some(0) };
        if timeout != Some(0)
            && let Some(signal) = self.suspend.take()
        {
            signals::stop_by(signal);
        }
        let event = self.wakes.as_ref().and_then(ChildSignal::event);
        // A listener that is over is ready for ever.
        let listener = if self.is_over { self.exits.as_fd() } else { self.listener.as_fd() };
        let mut fds = [listener, self.exits.as_fd(), event.unwrap_or(self.exits.as_fd())]
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        match ppoll(&mut fds, timeout.map(TimeSpec::milliseconds), Some(*mask)) {
            Ok(_) => {}
            Err(Errno::EINTR) => return Ok(Ready { report: true, ..Ready::default() }),
            Err(errno) => return Err(errno),
        }
        let [listener, exit, report] = fds.map(|fd| fd.revents().unwrap_or(PollFlags::empty()));
        self.is_over |= listener.contains(PollFlags::POLLHUP);
        Ok(Ready {
            notification: !self.is_over && listener.contains(PollFlags::POLLIN),
            report: self.wakes.is_none() || !report.is_empty(),
            exit: !exit.is_empty() || self.exits.has_unwatched(),
        })
    }

    /// How many ms to wait at most, where nothing may announce what happens.
    fn patience(&self) -> Option<i64> {
        match &self.wakes {
            None if !self.held.is_empty() => Some(1),
            None => Some(20),
            Some(_) => self.exits.has_unwatched().then_some(100),
        }
    }

    /// Receives all notifications that there are.
    fn receive(&mut self) {
        loop {
            // A task that is gone waits for nothing.
            if let Ok(notification) = self.listener.receive() {
                self.queue.push_back(notification);
            }
            if !self.tasks.are_many() || !is_readable(&self.listener) {
                break;
            }
        }
    }

    /// Handles the stops of tracees, and the ends of tracees and children.
    fn reports(&mut self) -> Result<(), Errno> {
        if let Some(wakes) = &self.wakes {
            wakes.take();
        }
        loop {
            match self.waiter.next(Patience::Poll) {
                Ok(Some(Report::Stopped { tid, code })) => self.stopped(tid, Stop::of(code)),
                Ok(Some(Report::Ended { tid, how })) => {
                    // Its children may have ended before.
                    self.exits();
                    self.ended(tid, how);
                    self.waiter.reap(tid);
                }
                Ok(Some(Report::Suspended { pid, signal })) => {
                    if pid == self.first && ptrace::stops_with_application(signal) {
                        self.suspend = Some(signal);
                    }
                }
                Err(Errno::EINTR) => {}
                Err(Errno::ECHILD) if self.ended.is_none() => return Err(Errno::ECHILD),
                Ok(None) | Err(_) => return Ok(()),
            }
        }
    }

    /// Handles the ends of processes that are others' children.
    fn exits(&mut self) {
        self.place_orphans();
        for tgid in self.exits.ended() {
            self.ended(tgid, self.exits.how(tgid));
        }
    }
}

fn is_readable(listener: &Listener) -> bool {
    let mut fds = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
        && fds[0].revents().is_some_and(|events| events.contains(PollFlags::POLLIN))
}
