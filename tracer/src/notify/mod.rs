//! The notify engine: a seccomp filter has the tasks of an application wait at the calls of
//! interest for an answer of this thread (`RET_USER_NOTIF`, seccomp_unotify(2)), which looks,
//! tells an observer and answers that they go on. Linux 5.19.
//!
//! Tasks are no tracees: they get their signals, stop and continue, and are traced by debuggers
//! as if nobody watched. A task is held by ptrace only where no notification tells what the
//! observer is to know, for one call, beginning while it waits for its answer ([`held`]):
//!
//! - *Making a process, executing a program*: it stops at the event, and is let go. So is the new
//!   process, at its first stop and before its parent runs on.
//! - *A result*: the answer is to make the call again (`ERESTARTNOINTR`), and the task is stopped
//!   on its way back to user mode. From there it goes through the call under `PTRACE_SYSCALL`, and
//!   is let go at the exit. The call itself is never disturbed: it may block, and
//!   a signal interrupts it as ever.
//!
//! Where the ptrace engine knows more:
//!
//! - A thread is told of when it first makes a call of interest, and its end when it is found
//!   out, at the latest with the end of its process.
//! - A task that another traces (strace, gdb inside the application) cannot be held: results of
//!   its calls are left out, processes that it makes are told of at their first call of interest
//!   (with the parent that `/proc` tells), programs that it executes at its next.
//! - A process may have been waited for by its parent when its end is told: its `/proc/PID` may be
//!   gone. Before Linux 6.15 the status may then be the one that it gave to exit_group(2), and
//!   a signal that ended it is taken to be `SIGKILL`.
//! - The stack pointer of a call is not known (0).
//! - `CLONE_UNTRACED` keeps the child from being told of by its parent's call: it is told of at its
//!   first call of interest.
//!
//! What an application notices:
//!
//! - The kernel lets a signal interrupt the wait until this thread has received the notification.
//!   So all notifications are received before any is looked at. In the µs that are left, a handler
//!   without `SA_RESTART` makes the call fail with `EINTR`.
//! - A filter of its own cannot have a listener (`EBUSY`).
//! - A task whose call to execute a program or to make a process failed stays a tracee until its
//!   next call of interest or signal.

mod check;
mod exits;
mod filter;
mod held;
mod life;
mod tasks;

use std::cell::Cell;
use std::collections::{HashSet, VecDeque};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::time::{TimeSpec, TimeValLike};
use sentrace_schema::ABIS;

pub(crate) use self::check::{Abilities, check};
use self::exits::Exits;
pub(crate) use self::filter::Interest;
use self::held::{AllHeld, Held, Phase, Then};
use self::life::Life;
use self::tasks::{Image, Tasks};
use crate::arch;
use crate::engine::{Call, Ended, Fork, Observer, Task, Want};
use crate::launch::Until;
use crate::memory::Memory;
use crate::ptrace::{self, Delivered, Died, Guarded, Stop, Stopped, TaskMemory, Way};
use crate::sys::notify::{Answer, Listener, Notification};
use crate::sys::ptrace::{Resume, SyscallInfo, interrupt, seize_for_a_while};
use crate::sys::signals::{self, ChildSignal};
use crate::sys::wait::{Patience, Report, Waiter};

/// Ancestors of a task that are looked for among the known processes.
const ANCESTORS: usize = 64;

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
    /// New tasks that have stopped, and whose parent's event has not come.
    parked: HashSet<i32>,
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

/// What is ready.
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
        tasks.add_process(first);
        let listener = Listener::new(listener)?;
        // Without, every call waits for another CPU to wake.
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
            parked: HashSet::new(),
            exits: Exits::new()?,
            waiter: Waiter::new(ptrace::scope()),
            wakes,
            way: Cell::new(Way::Call),
            queue: VecDeque::new(),
            delivered,
            suspend: false,
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
            if ready.report {
                self.reports()?;
            }
            if ready.exit {
                self.exits();
            }
            if ready.notification {
                self.receive();
            }
            if let Some(notification) = self.queue.pop_front() {
                self.notified(&notification);
            }
        }
        self.ended.ok_or(Errno::ECHILD)
    }

    fn is_done(&self) -> bool {
        match self.until {
            Until::AllEnd => self.is_over && self.tasks.len() == 0,
            Until::FirstEnds => self.ended.is_some(),
        }
    }

    /// Waits for something to do. What happened before a notification is ready when that is:
    /// the listener is looked at first.
    fn wait(&mut self, mask: &SigSet) -> Result<Ready, Errno> {
        let timeout = if self.queue.is_empty() { self.patience() } else { Some(0) };
        if timeout != Some(0) && std::mem::take(&mut self.suspend) {
            signals::send(std::process::id() as i32, libc::SIGSTOP);
        }
        let timeout = timeout.map(TimeSpec::milliseconds);
        let event = self.wakes.as_ref().and_then(ChildSignal::event);
        // A listener that is over is ready for ever.
        let listener = if self.is_over { self.exits.as_fd() } else { self.listener.as_fd() };
        let mut fds = [
            PollFd::new(listener, PollFlags::POLLIN),
            PollFd::new(self.exits.as_fd(), PollFlags::POLLIN),
            PollFd::new(event.unwrap_or(self.exits.as_fd()), PollFlags::POLLIN),
        ];
        match ppoll(&mut fds, timeout, Some(*mask)) {
            Ok(_) => {}
            Err(Errno::EINTR) => {
                return Ok(Ready { notification: false, report: true, exit: false });
            }
            Err(errno) => return Err(errno),
        }
        let [listener, exit, report] = fds.map(|fd| fd.revents().unwrap_or(PollFlags::empty()));
        self.is_over |= listener.contains(PollFlags::POLLHUP);
        let exit = !exit.is_empty() || self.exits.has_unwatched();
        let report = self.wakes.is_none() || !report.is_empty();
        Ok(Ready { notification: listener.contains(PollFlags::POLLIN) && !self.is_over, report, exit })
    }

    /// How many ms to wait at most, where nothing may announce what happens.
    fn patience(&self) -> Option<i64> {
        match &self.wakes {
            None if !self.held.is_empty() => Some(1),
            None => Some(20),
            Some(_) => self.exits.has_unwatched().then_some(100),
        }
    }

    /// Handles the stops of tracees, and the ends of tracees and children.
    fn reports(&mut self) -> Result<(), Errno> {
        if let Some(wakes) = &self.wakes {
            wakes.take();
        }
        loop {
            match self.waiter.next(Patience::Poll) {
                Ok(Some(Report::Stopped { tid, code })) => self.stopped(tid, code),
                Ok(Some(Report::Ended { tid, how })) => {
                    self.ended(tid, how);
                    self.waiter.reap(tid);
                }
                Ok(Some(Report::Suspended { pid, signal })) => {
                    self.suspend |= pid == self.first && ptrace::stops_with_application(signal);
                }
                Err(Errno::EINTR) => {}
                Err(Errno::ECHILD) if self.ended.is_none() => return Err(Errno::ECHILD),
                Ok(None) | Err(_) => return Ok(()),
            }
        }
    }

    /// Handles the ends of processes that are others' children.
    fn exits(&mut self) {
        for tgid in self.exits.ended() {
            if tgid == self.first {
                continue;
            }
            let word = self.tasks.process(tgid).and_then(|process| process.last_word);
            let killed = Ended::Signaled { signal: libc::SIGKILL, core_dumped: false };
            let how = self.exits.how(tgid).or(word).unwrap_or(killed);
            self.ended(tgid, how);
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

    /// A task waits in a call for its answer.
    fn notified(&mut self, notification: &Notification) {
        let &Notification { id, tid, audit, nr, ip, args } = notification;
        let held = self.held.get(&tid).copied();
        if held.is_some_and(|held| held.phase == Phase::Inside) {
            self.listener.answer(id, Answer::Continue);
            return;
        }
        let life = life::of(audit, nr);
        let Some(task) = self.place(tid) else {
            self.listener.answer(id, Answer::Continue);
            return;
        };
        if self.launching && task.tgid == self.first {
            if life != Some(Life::Exec) {
                self.listener.answer(id, Answer::Continue);
                return;
            }
            self.launching = false;
        }
        self.executed_before(task, id);
        if life == Some(Life::Exit)
            && let Some(process) = self.tasks.process(task.tgid)
        {
            process.last_word = Some(Ended::Exited { status: args[0] as i32 & 0xff });
        }
        let memory = Waiting { memory: TaskMemory::new(tid, &self.way), listener: &self.listener, id };
        let forks = match life {
            Some(Life::Exec | Life::Fork) => true,
            Some(Life::Clone3) => !makes_thread(args[0], &memory),
            Some(Life::Exit) | None => false,
        };
        let mut want = Want::Nothing;
        if (life.is_none() || self.interest.has(notification))
            && let Some((abi, nr)) = arch::abi_of(audit, nr.into(), &ABIS)
        {
            let call = Call { abi, nr, args, ip, sp: 0 };
            let told = self.observer.tell(|observer| observer.entry(task, &call, &memory));
            want = told.unwrap_or(Want::Nothing);
        }
        let then = if want == Want::Exit { Then::Call } else { Then::Go };
        let answer = if want == Want::Exit || !forks && held.is_some() {
            self.send_back(tid, then)
        } else {
            if forks {
                self.hold_for_event(task, life);
            }
            Answer::Continue
        };
        self.listener.answer(id, answer);
    }

    /// Has a task that waits for its answer stop on its way back to user mode, if it can be held.
    fn send_back(&mut self, tid: i32, then: Then) -> Answer {
        if !self.hold(tid) || interrupt(tid).is_err() {
            return Answer::Continue;
        }
        self.held.insert(tid, Held { phase: Phase::Returning(then), wanted: then == Then::Call });
        Answer::Again
    }

    /// Has a task that waits for its answer stop when its call makes a process or executes a
    /// program, if it can be held.
    fn hold_for_event(&mut self, task: Task, life: Option<Life>) {
        if self.hold(task.tid) {
            self.held.insert(task.tid, Held { phase: Phase::Running, wanted: false });
        } else if life == Some(Life::Exec)
            && let Some(process) = self.tasks.process(task.tgid)
        {
            process.before = Image::of(task.tgid);
        }
    }

    /// Makes a task a tracee, unless it is one. `false` if another has it.
    fn hold(&self, tid: i32) -> bool {
        self.held.contains_key(&tid) || seize_for_a_while(tid).is_ok()
    }

    /// A task that is held has stopped.
    fn stopped(&mut self, tid: i32, code: i32) {
        let stopped = Stopped::new(tid);
        let stop = Stop::of(code);
        let held = self.held.get(&tid).copied();
        // A task that died has nothing to resume.
        let _: Result<(), Died> = match (stop, held) {
            (Stop::Exec, _) => self.executed(tid, stopped),
            (Stop::Fork(how), Some(held)) => self.forked(tid, held, how, stopped),
            (Stop::Syscall, Some(held)) => self.syscall(tid, held, stopped),
            (Stop::Trap, Some(Held { phase: Phase::Returning(Then::Call), wanted })) => {
                self.held.insert(tid, Held { phase: Phase::Entering, wanted });
                stopped.resume(Resume::Syscall, 0);
                Ok(())
            }
            (_, Some(held)) => {
                self.interrupted(tid, held, stop, stopped);
                Ok(())
            }
            (Stop::Trap | Stop::Group, None) => {
                // It is stopped until its parent's event comes.
                self.parked.insert(tid);
                Ok(())
            }
            (_, None) => {
                stopped.release(signal_of(stop));
                Ok(())
            }
        };
    }

    /// A task that is held has stopped by a signal, or as was asked for to let it go.
    fn interrupted(&mut self, tid: i32, held: Held, stop: Stop, stopped: Stopped) {
        if stop == Stop::Group && self.tasks.known(tid).is_some_and(|task| task.tgid == self.first) {
            self.suspend |= ptrace::stops_with_application(libc::SIGTSTP);
        }
        if held.wanted && held.is_before_call() {
            self.returned(tid, -(Errno::EINTR as i64));
        }
        self.held.remove(&tid);
        stopped.release(signal_of(stop));
        if let Phase::Born { parent } = held.phase {
            self.proceed(parent, tid);
        }
    }

    /// A task that is held has stopped at the entry or exit of its call.
    fn syscall(&mut self, tid: i32, held: Held, stopped: Stopped) -> Result<(), Died> {
        match stopped.syscall_info()? {
            Some(SyscallInfo::Exit { result }) => {
                if held.wanted {
                    self.returned(tid, ptrace::visible(result));
                }
                self.held.remove(&tid);
                stopped.release(0);
            }
            _ => {
                self.held.insert(tid, Held { phase: Phase::Inside, ..held });
                stopped.resume(Resume::Syscall, 0);
            }
        }
        Ok(())
    }

    fn returned(&mut self, tid: i32, result: i64) {
        let Some(task) = self.tasks.known(tid) else { return };
        let memory = TaskMemory::new(tid, &self.way);
        self.observer.tell(|observer| observer.exit(task, result, &memory));
    }

    /// A task made another and has stopped.
    fn forked(&mut self, tid: i32, held: Held, how: Fork, stopped: Stopped) -> Result<(), Died> {
        let child = stopped.event_message()? as i32;
        // Who had the id before has ended.
        self.exits();
        let has_stopped = self.parked.remove(&child);
        let is_known = self.tasks.current(child).is_some();
        if let (false, Some(parent)) = (is_known, self.tasks.known(tid)) {
            let is_thread = signals::is_thread_of(parent.tgid, child);
            let tgid = if is_thread { parent.tgid } else { child };
            self.add(parent, Task { tid: child, tgid }, how);
        }
        self.held.insert(tid, Held { phase: Phase::Parent { child }, ..held });
        if has_stopped {
            Stopped::new(child).release(0);
        } else if !is_known {
            self.held.insert(child, Held { phase: Phase::Born { parent: tid }, wanted: false });
            return Ok(());
        }
        self.proceed(tid, child);
        Ok(())
    }

    /// Lets the task that made `child` run on: `child` has been let go, or is gone.
    fn proceed(&mut self, tid: i32, child: i32) {
        let Some(held) = self.held.get(&tid).copied() else { return };
        if held.phase != (Phase::Parent { child }) {
            return;
        }
        let stopped = Stopped::new(tid);
        if held.wanted {
            self.held.insert(tid, Held { phase: Phase::Inside, ..held });
            stopped.resume(Resume::Syscall, 0);
        } else {
            self.held.remove(&tid);
            stopped.release(0);
        }
    }

    /// The process `tgid` executes a program and has stopped.
    fn executed(&mut self, tgid: i32, stopped: Stopped) -> Result<(), Died> {
        let former = stopped.event_message()? as i32;
        let wanted = self.held.remove(&former).is_some_and(|held| held.wanted);
        // The leader, if it was another, has gone without a word.
        self.held.remove(&tgid);
        self.threads_ended(tgid, Some(former));
        self.adopt();
        self.tell_exec(Task::leader(tgid), former);
        if wanted {
            self.returned(tgid, 0);
        }
        stopped.release(0);
        Ok(())
    }

    fn tell_exec(&mut self, task: Task, former: i32) {
        let memory = TaskMemory::new(task.tid, &self.way);
        self.observer.tell(|observer| observer.exec(task, former, &memory));
    }

    /// Tells of a program that was executed while another traced the process of `task`, which
    /// waits for its answer.
    fn executed_before(&mut self, task: Task, id: u64) {
        let Some(process) = self.tasks.process(task.tgid) else { return };
        let Some(before) = process.before.take() else { return };
        match Image::of(task.tgid) {
            Some(now) if now != before && self.listener.is_valid(id) => {
                self.threads_ended(task.tgid, Some(task.tid));
                self.tell_exec(Task::leader(task.tgid), task.tgid);
            }
            _ => {}
        }
    }

    /// The task of an id, which waits for its answer. A task that is not known yet is told of.
    fn place(&mut self, tid: i32) -> Option<Task> {
        if let Some(task) = self.tasks.current(tid) {
            return Some(task);
        }
        let (tgid, _) = ptrace::ids(tid)?;
        if let Some(gone) = self.tasks.remove_thread(tid) {
            self.observer.tell(|observer| observer.thread_exit(gone));
        }
        self.discover(tgid);
        let task = Task { tid, tgid };
        if !task.is_leader() {
            self.add(Task::leader(tgid), task, Fork::Clone);
        }
        Some(task)
    }

    /// Tells of a process that nobody has announced, and of those between it and one that is
    /// known.
    fn discover(&mut self, tgid: i32) {
        let mut line = Vec::new();
        let mut at = tgid;
        while !self.tasks.has_process(at) && line.len() < ANCESTORS {
            let Some((_, parent)) = ptrace::ids(at) else { break };
            line.push((at, parent));
            at = parent;
        }
        if !self.tasks.has_process(at) {
            // Orphans: those above are none of the application's.
            line.truncate(1);
        }
        for (child, parent) in line.into_iter().rev() {
            self.add(Task::leader(parent), Task::leader(child), Fork::Fork);
        }
    }

    /// Learns of a new task.
    fn add(&mut self, parent: Task, child: Task, how: Fork) {
        if child.is_leader() {
            self.tasks.add_process(child.tgid);
            self.exits.watch(child.tgid);
            self.observer.tell(|observer| observer.fork(parent, child, how));
        } else {
            for gone in self.tasks.dead_threads() {
                self.observer.tell(|observer| observer.thread_exit(gone));
            }
            self.tasks.add_thread(child);
            self.observer.tell(|observer| observer.thread(parent, child));
        }
    }

    /// Task `tid` ended, which need not be one of the application's: orphans become the children
    /// of PID 1.
    fn ended(&mut self, tid: i32, how: Ended) {
        self.parked.remove(&tid);
        if let Some(Held { phase: Phase::Born { parent }, .. }) = self.held.remove(&tid) {
            self.proceed(parent, tid);
        }
        if self.tasks.has_process(tid) {
            self.threads_ended(tid, None);
            self.tasks.remove_process(tid);
            self.exits.forget(tid);
            self.observer.tell(|observer| observer.exited(Task::leader(tid), how));
        } else if let Some(task) = self.tasks.remove_thread(tid) {
            self.observer.tell(|observer| observer.thread_exit(task));
        }
        if tid == self.first {
            self.ended = Some(how);
            self.delivered.end();
        }
        self.adopt();
    }

    /// The threads of a process besides its leader are gone, but for one that has become it.
    fn threads_ended(&mut self, tgid: i32, survivor: Option<i32>) {
        for task in self.tasks.remove_threads(tgid) {
            if Some(task.tid) != survivor {
                self.observer.tell(|observer| observer.thread_exit(task));
            }
        }
    }

    /// Takes in new tasks that have stopped and whose parent cannot announce them any more.
    fn adopt(&mut self) {
        if self.parked.is_empty() {
            return;
        }
        let may_fork = |pid: i32| {
            let mut held = self.held.iter().filter(|(_, held)| held.may_fork());
            held.any(|(tid, _)| self.tasks.known(*tid).is_some_and(|task| task.tgid == pid))
        };
        let is_orphan = |tid: &&i32| {
            let parent = |(tgid, ppid)| if tgid == **tid { ppid } else { tgid };
            ptrace::ids(**tid).map(parent).is_some_and(|parent| !may_fork(parent))
        };
        let orphans: Vec<i32> = self.parked.iter().filter(is_orphan).copied().collect();
        for tid in orphans {
            self.parked.remove(&tid);
            self.place(tid);
            Stopped::new(tid).release(0);
        }
    }
}

/// The memory of a task that waits for its answer. What is read is its own, not that of another
/// that has got its id.
struct Waiting<'a> {
    memory: TaskMemory<'a>,
    listener: &'a Listener,
    id: u64,
}

impl Memory for Waiting<'_> {
    fn read(&self, addr: u64, buf: &mut [u8]) -> usize {
        let read = self.memory.read(addr, buf);
        if self.listener.is_valid(self.id) { read } else { 0 }
    }
}

/// Whether clone3(2) is to make a thread: the flags are the first member of its structure.
fn makes_thread(addr: u64, memory: &dyn Memory) -> bool {
    let mut flags = [0; 8];
    let read = memory.read(addr, &mut flags);
    read == flags.len() && u64::from_ne_bytes(flags) & libc::CLONE_THREAD as u64 != 0
}

/// The signal that a task in a signal-delivery stop is to get.
fn signal_of(stop: Stop) -> i32 {
    if let Stop::Signal(signal) = stop { signal } else { 0 }
}

fn is_readable(listener: &Listener) -> bool {
    let mut fds = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
    nix::poll::poll(&mut fds, nix::poll::PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
        && fds[0].revents().is_some_and(|events| events.contains(PollFlags::POLLIN))
}
