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
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::time::{TimeSpec, TimeValLike};

pub(crate) use self::check::check;
use self::exits::Exits;
pub(crate) use self::filter::Interest;
use self::held::AllHeld;
use self::tasks::{Image, Tasks};
use crate::engine::{Ended, Observer, Task};
use crate::guardian::Board;
use crate::launch::Until;
use crate::ptrace::{self, Delivered, Guarded, Stop, Way};
use crate::sys::notify::{Listener, Notification};
use crate::sys::signals::{self, ChildSignal};
use crate::sys::wait::{Patience, Report, Waiter};

/// How often an engine that a guardian watches says that it lives, in ms.
const PULSE: i64 = 250;

/// Who waits for the application's first process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parent {
    /// This thread.
    Engine,
    /// The guardian, which watches this engine.
    Guardian,
}

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
    parent: Parent,
    board: Arc<Board>,
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
    /// This process is to stop with the application before it sleeps.
    suspend: bool,
}

/// What there is to do.
#[derive(Default)]
struct Ready {
    notification: bool,
    report: bool,
    exit: bool,
}

impl<'o> Engine<'o> {
    /// Watches process `first`, a child of `parent` whose filter has `listener`, from where `board`
    /// says that another has left off. `wakes` tells of the calling thread's children and tracees.
    ///
    /// # Errors
    /// The system lacks a resource.
    pub(crate) fn new(
        observer: &'o mut dyn Observer,
        until: Until,
        (first, parent): (i32, Parent),
        (interest, listener, board): (Interest, OwnedFd, Arc<Board>),
        (wakes, delivered): (Option<ChildSignal>, Arc<Delivered>),
    ) -> Result<Self, Errno> {
        let listener = Listener::new(listener, Arc::clone(&board))?;
        // Without, most calls wait for another CPU to wake.
        let _ = listener.wake_on_same_cpu();
        let queue = listener.waiting().collect();
        let mut engine = Self {
            observer: Guarded(Some(observer)),
            until,
            first,
            ended: None,
            launching: !board.has_launched(),
            interest,
            parent,
            board,
            listener,
            is_over: false,
            tasks: Tasks::default(),
            held: AllHeld::new(),
            last: first,
            exits: Exits::new()?,
            waiter: Waiter::new(ptrace::scope()),
            wakes,
            way: Cell::new(Way::Call),
            queue,
            delivered,
            suspend: false,
        };
        engine.take_over();
        Ok(engine)
    }

    /// Learns of the processes that another watched before, or of the first one.
    fn take_over(&mut self) {
        let mut processes = self.board.processes();
        if processes.is_empty() {
            processes.push((self.first, 0));
        }
        for (tgid, before) in processes {
            let image = Image::of(tgid);
            self.add_process(tgid, image);
            if tgid != self.first || self.parent == Parent::Guardian {
                self.exits.watch(tgid);
            }
            if self.board.has_launched() {
                self.observer.tell(|observer| observer.found(Task::leader(tgid)));
                if image.is_some_and(|image| image.number() != before) {
                    self.tell_exec(tgid, tgid);
                }
            }
            self.tasks.add_threads(tgid);
        }
    }

    fn add_process(&mut self, tgid: i32, image: Option<Image>) {
        self.tasks.add_process(tgid, image);
        self.board.note(tgid, image.map_or(0, Image::number));
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
        self.board.beat();
        let timeout = if self.queue.is_empty() { self.patience() } else { Some(0) };
        if timeout != Some(0) && std::mem::take(&mut self.suspend) {
            signals::send(std::process::id() as i32, libc::SIGSTOP);
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
        match (&self.wakes, self.parent) {
            (None, _) if !self.held.is_empty() => Some(1),
            (None, _) => Some(20),
            (Some(_), _) if self.exits.has_unwatched() => Some(100),
            (Some(_), Parent::Guardian) => Some(PULSE),
            (Some(_), Parent::Engine) => None,
        }
    }

    /// Receives all notifications that there are.
    fn receive(&mut self) {
        loop {
            // A task that is gone waits for nothing.
            match self.listener.receive() {
                Ok(notification) => self.queue.push_back(notification),
                Err(Errno::ENOBUFS) => break,
                Err(_) => {}
            }
            if !self.tasks.are_many() || !self.listener.is_readable() {
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
                    self.suspend |= pid == self.first && ptrace::stops_with_application(signal);
                }
                Err(Errno::EINTR) => {}
                Err(Errno::ECHILD) if self.ended.is_none() && self.parent == Parent::Engine => {
                    return Err(Errno::ECHILD);
                }
                Ok(None) | Err(_) => return Ok(()),
            }
        }
    }

    /// Handles the ends of processes that are others' children.
    fn exits(&mut self) {
        self.place_orphans();
        for tgid in self.exits.ended() {
            self.ended(tgid, self.exits.how(tgid, &self.board));
        }
    }
}
