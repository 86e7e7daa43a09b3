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

mod check;
mod exits;
mod filter;
mod held;
mod instant;
mod life;
mod tasks;

use std::cell::Cell;
use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::time::{TimeSpec, TimeValLike};
use sentrace_schema::ABIS;

pub(crate) use self::check::check;
use self::exits::Exits;
pub(crate) use self::filter::Interest;
use self::held::{AllHeld, Held, Phase, Then};
use self::life::Life;
use self::tasks::{Image, Tasks};
use crate::arch;
use crate::engine::{Call, Ended, Fork, Observer, Task, Want};
use crate::guardian::Board;
use crate::launch::Until;
use crate::memory::Memory;
use crate::ptrace::{self, Delivered, Died, Guarded, Stop, Stopped, TaskMemory, Way};
use crate::sys::memory::is_shared;
use crate::sys::notify::{Answer, Listener, Notification};
use crate::sys::ptrace::{Resume, SyscallInfo, interrupt, seize_for_a_while};
use crate::sys::signals::{self, ChildSignal};
use crate::sys::wait::{Patience, Report, Waiter};

/// What a call returns that the kernel makes again after a signal (linux/errno.h): unless the
/// signal has a handler without `SA_RESTART`, or in any case.
const ERESTARTSYS: i64 = -512;
const ERESTARTNOINTR: i64 = -513;

/// Ancestors of a task that are looked for among the known processes.
const ANCESTORS: usize = 64;

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

    /// Tells of new orphans that wait for an answer, before the end of a process that may have made
    /// them is told.
    fn place_orphans(&mut self) {
        for at in 0..self.queue.len() {
            let tid = self.queue[at].tid;
            let is_orphan = |(_, parent)| !self.tasks.has_process(parent);
            if self.tasks.known(tid).is_none() && ptrace::ids(tid).is_some_and(is_orphan) {
                self.place(tid);
            }
        }
    }

    /// A task waits in a call for its answer.
    fn notified(&mut self, notification: &Notification) {
        self.board.look_at(notification.id);
        let answer = self.answer(notification);
        self.listener.answer(notification.id, answer);
    }

    fn answer(&mut self, notification: &Notification) -> Answer {
        let &Notification { id, tid, audit, nr, ip, args } = notification;
        let held = self.held.get(&tid).copied();
        if let Some(held @ Held { phase: Phase::Entered, .. }) = held {
            self.held.insert(tid, Held { phase: Phase::Inside, ..held });
            return Answer::Continue;
        }
        let Some(task) = self.place(tid) else { return Answer::Continue };
        self.last = task.tgid;
        self.observer.tell(|observer| observer.stopped(task));
        let life = life::of(audit, nr);
        if self.launching && task.tgid == self.first {
            if life != Some(Life::Exec) {
                return Answer::Continue;
            }
            self.launching = false;
            self.board.launch();
        }
        self.executed_before(task, id);
        let mut want = Want::Nothing;
        let mut is_instant = false;
        let abi = arch::abi_of(audit, nr.into(), &ABIS);
        if abi.is_none() {
            self.observer.tell(|observer| observer.unknown(task));
        }
        if let Some((abi, nr)) = abi
            && (life.is_none() || self.interest.has(notification))
        {
            let call = Call { abi, nr, args, ip, sp: 0 };
            let memory = TaskMemory::new(tid, &self.way);
            let memory = Waiting { memory, listener: &self.listener, id };
            let told = self.observer.tell(|observer| observer.entry(task, &call, &memory));
            want = told.unwrap_or(Want::Nothing);
            is_instant = arch::OF_ONE_LENGTH.contains(&audit) && instant::is_instant(abi, nr);
        }
        let phase = match (want, life) {
            (Want::Exit, _) if is_instant => Phase::Finishing,
            (Want::Exit, _) => Phase::Returning(Then::Call),
            (Want::Nothing, Some(Life::Exec)) => Phase::Running,
            (Want::Nothing, _) if held.is_some() => Phase::Returning(Then::Go),
            (Want::Nothing, _) => return Answer::Continue,
        };
        let held = Held { phase, call: *notification, wanted: want == Want::Exit };
        match (self.hold(task, held), phase) {
            (true, Phase::Returning(_)) => Answer::Again,
            (true, _) => Answer::Continue,
            (false, _) => {
                // Whether the program is executed is to be seen later.
                if let (Some(Life::Exec), Some(process)) = (life, self.tasks.process(task.tgid)) {
                    process.is_unsure = true;
                }
                Answer::Continue
            }
        }
    }

    /// Makes a task that waits for its answer a tracee, unless it is one, which stops as its phase
    /// has it. `false` if another has it.
    fn hold(&mut self, task: Task, held: Held) -> bool {
        self.board.hold(held.call.id);
        if !self.held.contains_key(&task.tid) && seize_for_a_while(task.tid).is_err() {
            return false;
        }
        self.held.insert(task.tid, held);
        held.phase == Phase::Running || interrupt(task.tid).is_ok()
    }

    /// A task that is held has stopped.
    fn stopped(&mut self, tid: i32, stop: Stop) {
        if let Some(task) = self.tasks.known(tid) {
            self.observer.tell(|observer| observer.stopped(task));
        }
        let stopped = Stopped::new(tid);
        let held = self.held.get(&tid).copied();
        // A task that died has nothing to resume.
        let _: Result<(), Died> = match (stop, held) {
            (Stop::Exec, _) => self.executed(tid, stopped),
            (Stop::Syscall, Some(held)) => self.syscall(tid, held, stopped),
            (Stop::Trap | Stop::Group(_), Some(held)) if held.phase == Phase::Finishing => {
                self.finished(tid, held, stop, stopped)
            }
            (Stop::Trap, Some(held)) if held.phase == Phase::Returning(Then::Call) => {
                self.held.insert(tid, Held { phase: Phase::Entering, ..held });
                stopped.resume(Resume::Syscall, 0);
                Ok(())
            }
            _ => {
                self.interrupted(tid, held, stop);
                stopped.release(if let Stop::Signal(signal) = stop { signal } else { 0 });
                Ok(())
            }
        };
    }

    /// A task that is held has stopped by a signal or with its process, or to be let go.
    fn interrupted(&mut self, tid: i32, held: Option<Held>, stop: Stop) {
        if held.is_some_and(|held| held.wanted && held.is_before_call()) {
            self.returned(tid, -(Errno::EINTR as i64));
        }
        self.held.remove(&tid);
        let is_first = self.tasks.known(tid).is_some_and(|task| task.tgid == self.first);
        if let Stop::Group(signal) = stop {
            self.suspend |= is_first && ptrace::stops_with_application(signal);
        }
    }

    /// A task that is held has stopped on its way back from its call.
    fn finished(&mut self, tid: i32, held: Held, stop: Stop, stopped: Stopped) -> Result<(), Died> {
        let registers = stopped.registers()?;
        let result = registers.result_of(held.call.ip);
        let is_interrupted = result.is_none_or(|result| result == -(Errno::EINTR as i64));
        // Unless a signal did, it was the stop that interrupted it.
        if is_interrupted && stop == Stop::Trap && !signals::is_pending(tid) {
            if result.is_some() {
                enter_again(&stopped, &held)?;
            }
            self.held.insert(tid, Held { phase: Phase::Entering, ..held });
            stopped.resume(Resume::Syscall, 0);
            return Ok(());
        }
        self.returned(tid, result.unwrap_or(-(Errno::EINTR as i64)));
        self.interrupted(tid, None, stop);
        stopped.release(0);
        Ok(())
    }

    /// A task that is held has stopped at the entry or exit of its call.
    fn syscall(&mut self, tid: i32, held: Held, stopped: Stopped) -> Result<(), Died> {
        let Some(SyscallInfo::Exit { result }) = stopped.syscall_info()? else {
            self.held.insert(tid, Held { phase: Phase::Entered, ..held });
            stopped.resume(Resume::Syscall, 0);
            return Ok(());
        };
        if held.phase == Phase::Entered && result == ERESTARTSYS {
            // A signal kept it from waiting for its answer: the call has not begun, and is to begin
            // after the signal, whatever its handler's flags.
            let mut registers = stopped.registers()?;
            registers.set_result(ERESTARTNOINTR);
            stopped.set_registers(&registers)?;
        } else if result == -(Errno::EINTR as i64) && !signals::is_pending(tid) {
            // A signal that is ignored interrupts none but a tracee.
            enter_again(&stopped, &held)?;
        }
        self.returned(tid, ptrace::visible(result));
        self.held.remove(&tid);
        stopped.release(0);
        Ok(())
    }

    fn returned(&mut self, tid: i32, result: i64) {
        let Some(task) = self.tasks.known(tid) else { return };
        let memory = TaskMemory::new(tid, &self.way);
        self.observer.tell(|observer| observer.exit(task, result, &memory));
    }

    /// The process `tgid` executes a program and has stopped.
    fn executed(&mut self, tgid: i32, stopped: Stopped) -> Result<(), Died> {
        let former = stopped.event_message()? as i32;
        let held = self.held.remove(&former);
        // The leader, if it was another, has gone without a word.
        self.held.remove(&tgid);
        self.tell_exec(tgid, former);
        if held.is_some_and(|held| held.wanted) {
            self.returned(tgid, 0);
        }
        stopped.release(0);
        Ok(())
    }

    /// Tells of a program that was executed while another traced the process of `task`, which
    /// waits for its answer.
    fn executed_before(&mut self, task: Task, id: u64) {
        let Some(process) = self.tasks.process(task.tgid) else { return };
        if !std::mem::take(&mut process.is_unsure) {
            return;
        }
        let before = process.image;
        let now = Image::of(task.tgid);
        if now.is_some() && now != before && self.listener.is_valid(id) {
            self.tell_exec(task.tgid, task.tid);
        }
    }

    fn tell_exec(&mut self, tgid: i32, former: i32) {
        self.threads_ended(tgid, Some(former));
        let image = Image::of(tgid);
        if let Some(process) = self.tasks.process(tgid) {
            process.image = image;
            self.board.note(tgid, image.map_or(0, Image::number));
        }
        let memory = TaskMemory::new(tgid, &self.way);
        self.observer.tell(|observer| observer.exec(Task::leader(tgid), former, &memory));
    }

    /// The task of an id, which waits for its answer. A task that is not known yet is told of.
    fn place(&mut self, tid: i32) -> Option<Task> {
        if let Some(task) = self.tasks.current(tid) {
            return Some(task);
        }
        // Most new tasks are threads of the process that was looked at last.
        let is_thread = self.tasks.has_process(self.last) && signals::is_thread_of(self.last, tid);
        let (tgid, parent) = if is_thread { (self.last, 0) } else { ptrace::ids(tid)? };
        if let Some(gone) = self.tasks.remove_thread(tid) {
            self.observer.tell(|observer| observer.thread_exit(gone));
        }
        self.discover(tgid, parent);
        let task = Task { tid, tgid };
        if !task.is_leader() {
            self.discover_thread(task);
        }
        Some(task)
    }

    /// Tells of a process that nobody has told of, and of those between it and one that is known.
    fn discover(&mut self, tgid: i32, mut parent: i32) {
        let mut line = Vec::new();
        let mut at = tgid;
        while !self.tasks.has_process(at) && line.len() < ANCESTORS {
            line.push((at, parent));
            at = parent;
            let Some((_, above)) = ptrace::ids(at) else { break };
            parent = above;
        }
        if !self.tasks.has_process(at) {
            // Orphans: those above are none of the application's.
            line.truncate(1);
        }
        for (child, parent) in line.into_iter().rev() {
            let (how, image) = if is_shared(parent, child) {
                (Fork::Vfork, self.tasks.process(parent).and_then(|process| process.image))
            } else {
                (Fork::Fork, Image::of(child))
            };
            let parent = Task::leader(self.maker(parent, image));
            self.add_process(child, image);
            self.exits.watch(child);
            self.observer.tell(|observer| observer.fork(parent, Task::leader(child), how));
        }
    }

    /// Who made a process that runs `image`: its `parent`, unless that runs another program and a
    /// process that runs the same is known.
    fn maker(&mut self, parent: i32, image: Option<Image>) -> i32 {
        let runs = self.tasks.process(parent).map(|process| process.image);
        match image {
            Some(image) if runs != Some(Some(image)) => self.tasks.running(image).unwrap_or(parent),
            _ => parent,
        }
    }

    fn discover_thread(&mut self, task: Task) {
        for gone in self.tasks.dead_threads() {
            self.observer.tell(|observer| observer.thread_exit(gone));
        }
        self.tasks.add_thread(task);
        self.observer.tell(|observer| observer.thread(Task::leader(task.tgid), task));
    }

    /// Task `tid` ended, which need not be one of the application's: orphans become the children
    /// of PID 1.
    fn ended(&mut self, tid: i32, how: Ended) {
        self.held.remove(&tid);
        if self.tasks.has_process(tid) {
            self.threads_ended(tid, None);
            self.tasks.remove_process(tid);
            self.board.forget(tid);
            self.exits.forget(tid);
            self.observer.tell(|observer| observer.exited(Task::leader(tid), how));
            self.board.tell(tid);
        } else if let Some(task) = self.tasks.remove_thread(tid) {
            self.observer.tell(|observer| observer.thread_exit(task));
        }
        if tid == self.first {
            self.ended = Some(how);
            self.delivered.end();
        }
    }

    /// The threads of a process besides its leader are gone, but for one that has become it.
    fn threads_ended(&mut self, tgid: i32, survivor: Option<i32>) {
        for task in self.tasks.remove_threads(tgid) {
            if Some(task.tid) != survivor {
                self.observer.tell(|observer| observer.thread_exit(task));
            }
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

/// Has a task that is behind its call make it again.
fn enter_again(stopped: &Stopped, held: &Held) -> Result<(), Died> {
    if arch::OF_ONE_LENGTH.contains(&held.call.audit) {
        let mut registers = stopped.registers()?;
        registers.enter_again(held.call.ip, held.call.nr.into(), held.call.args[0]);
        stopped.set_registers(&registers)?;
    }
    Ok(())
}
