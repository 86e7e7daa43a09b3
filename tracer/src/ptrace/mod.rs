//! The ptrace engine: a seccomp filter stops the tasks of an application at the calls of interest
//! (`RET_TRACE`), this thread looks, tells an observer and resumes them.
//!
//! All tasks are tracees of one thread, which runs [`Engine::run`]; new tasks become tracees by
//! themselves. Every stop is classified by [`stop`]; the stopped task is a value ([`stopped`])
//! that resuming consumes. What can happen in any order does: stops of a task that nobody has
//! announced, and the death of a task in the middle of anything.

mod calls;
mod delivered;
mod memory;
mod spin;
mod stop;
mod stopped;
mod tasks;

use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use nix::errno::Errno;
use sentrace_schema::ABIS;

use self::calls::Calls;
use self::memory::{TaskMemory, Way};
use self::spin::Spin;
use self::stop::Stop;
use self::stopped::{Died, Stopped};
use self::tasks::{Inside, Tasks};
use crate::arch;
use crate::engine::{Call, Ended, Fork, Observer, Task, Want};
use crate::launch::Until;
use crate::sys::ptrace::Resume;
use crate::sys::signals;
use crate::sys::wait::{Patience, Report, Scope, Waiter};

pub(crate) use self::delivered::Delivered;

/// Watches an application.
pub(crate) struct Engine<'o> {
    observer: Guarded<'o>,
    until: Until,
    /// The process that was launched, and how it ended.
    first: i32,
    ended: Option<Ended>,
    /// It has not executed its program: its calls are the launcher's.
    launching: bool,
    tasks: Tasks,
    calls: Calls,
    way: Cell<Way>,
    waiter: Waiter,
    spin: Spin,
    /// Stops that were taken and not handled.
    queue: VecDeque<(i32, i32)>,
    delivered: Arc<Delivered>,
    /// This process is to stop with the application, by the same signal, before it sleeps.
    suspend: Option<i32>,
}

impl<'o> Engine<'o> {
    /// Watches process `first`, a tracee of the calling thread that has not executed its program.
    pub(crate) fn new(
        observer: &'o mut dyn Observer,
        until: Until,
        first: i32,
        delivered: Arc<Delivered>,
    ) -> Self {
        let mut tasks = Tasks::default();
        tasks.add(Task::leader(first));
        Self {
            observer: Guarded(Some(observer)),
            until,
            first,
            ended: None,
            launching: true,
            tasks,
            calls: Calls::new(),
            way: Cell::new(Way::Call),
            waiter: Waiter::new(scope()),
            spin: Spin::new(std::thread::available_parallelism().map_or(1, usize::from)),
            queue: VecDeque::new(),
            delivered,
            suspend: None,
        }
    }

    /// Watches until the application, or its first process, ends; answers how that process ended.
    ///
    /// # Errors
    /// `ECHILD` if somebody else has waited for it.
    pub(crate) fn run(mut self) -> Result<Ended, Errno> {
        while !self.is_done() {
            match self.next() {
                Ok((tid, code)) => self.stopped(tid, code),
                Err(Errno::EINTR | Errno::EAGAIN) => {}
                Err(errno) => return self.ended.ok_or(errno),
            }
        }
        self.ended.ok_or(Errno::ECHILD)
    }

    fn is_done(&self) -> bool {
        match self.until {
            Until::AllEnd => self.tasks.len() == 0,
            Until::FirstEnds => self.ended.is_some(),
        }
    }

    /// The next stop. Ends are handled on the way; `EAGAIN` says that there were some.
    ///
    /// All stops that there are, are taken before any is handled: the kernel looks for them in
    /// the same order each time, and a few busy tasks would keep the others waiting.
    fn next(&mut self) -> Result<(i32, i32), Errno> {
        if let Some(stop) = self.queue.pop_front() {
            return Ok(stop);
        }
        let waiter = &mut self.waiter;
        let polled = self.spin.poll(|| waiter.next(Patience::Poll).transpose());
        let report = match polled {
            Some(report) => Some(report?),
            None => {
                if let Some(signal) = self.suspend.take() {
                    signals::stop_by(signal);
                }
                self.waiter.next(Patience::Wait)?
            }
        };
        self.take(report.ok_or(Errno::EAGAIN)?);
        while self.tasks.len() > 2 {
            let Some(report) = self.waiter.next(Patience::Poll)? else { break };
            self.take(report);
        }
        self.queue.pop_front().ok_or(Errno::EAGAIN)
    }

    fn take(&mut self, report: Report) {
        match report {
            Report::Stopped { tid, code } => self.queue.push_back((tid, code)),
            Report::Ended { tid, how } => self.ended(tid, how),
        }
    }

    fn stopped(&mut self, tid: i32, code: i32) {
        let Some(task) = self.tasks.task(tid) else {
            self.tasks.park(tid, code);
            return;
        };
        self.observer.tell(|observer| observer.stopped(task));
        let stopped = Stopped::new(tid);
        let stop = Stop::of(code);
        // A task that died has nothing to resume.
        let _: Result<(), Died> = match stop {
            Stop::Seccomp => self.entered(task, stopped),
            Stop::Syscall => self.returned(task, stopped),
            Stop::Fork(how) => self.forked(task, how, stopped),
            Stop::Exec => self.executed(task, stopped),
            Stop::Signal(signal) => {
                self.signaled(task, signal, &stopped);
                self.resume(stopped, signal);
                Ok(())
            }
            Stop::Group => {
                let signal = code & 0xff;
                if task.tgid == self.first && stops_with_application(signal) {
                    self.suspend = Some(signal);
                }
                stopped.listen();
                Ok(())
            }
            Stop::Trap | Stop::Other => {
                self.resume(stopped, 0);
                Ok(())
            }
        };
    }

    /// A task entered a call of interest.
    fn entered(&mut self, task: Task, stopped: Stopped) -> Result<(), Died> {
        let memory = TaskMemory::new(task.tid, &self.way);
        let Some(raw) = self.calls.entered(&stopped, &memory)? else {
            stopped.resume(Resume::Continue, 0);
            return Ok(());
        };
        let mut learn = false;
        if self.launching && task.tgid == self.first {
            let (audit, execs) = arch::NATIVE_EXEC;
            if raw.audit != audit || !execs.contains(&raw.nr) {
                stopped.resume(Resume::Continue, 0);
                return Ok(());
            }
            self.launching = false;
            learn = self.calls.wants_to_learn();
        }
        let mut want = Want::Nothing;
        if let Some((abi, nr)) = arch::abi_of(raw.audit, raw.nr, &ABIS) {
            let call = Call { abi, nr, args: raw.args, ip: raw.ip, sp: raw.sp };
            let told = self.observer.tell(|observer| observer.entry(task, &call, &memory));
            want = told.unwrap_or(Want::Nothing);
            calls::keep_traced(&stopped, &raw, nr)?;
        } else {
            self.observer.tell(|observer| observer.unknown(task));
        }
        let wanted = want == Want::Exit;
        if let Some(tracee) = self.tasks.get(task.tid) {
            tracee.inside = (wanted || learn).then_some(Inside { entry_stopped: false, wanted });
        }
        self.resume(stopped, 0);
        Ok(())
    }

    /// A task is in a syscall stop, inside a call whose exit is awaited.
    fn returned(&mut self, task: Task, stopped: Stopped) -> Result<(), Died> {
        let Some(tracee) = self.tasks.get(task.tid) else { return Ok(()) };
        if let Some(inside) = &mut tracee.inside {
            match self.calls.returned(&stopped, *inside)? {
                None => inside.entry_stopped = true,
                Some(result) => {
                    let wanted = inside.wanted;
                    tracee.inside = None;
                    if wanted {
                        let memory = TaskMemory::new(task.tid, &self.way);
                        self.observer.tell(|observer| observer.exit(task, result, &memory));
                    }
                }
            }
        }
        self.resume(stopped, 0);
        Ok(())
    }

    /// `parent` made a task.
    fn forked(&mut self, parent: Task, how: Fork, stopped: Stopped) -> Result<(), Died> {
        let tid = stopped.event_message()? as i32;
        let is_thread = how == Fork::Clone && signals::is_thread_of(parent.tgid, tid);
        let tgid = if is_thread { parent.tgid } else { tid };
        self.add(parent, Task { tid, tgid }, how);
        self.resume(stopped, 0);
        Ok(())
    }

    /// Learns of a new task, and lets it go on if it has stopped already.
    fn add(&mut self, parent: Task, child: Task, how: Fork) {
        if self.tasks.task(child.tid).is_some() {
            return;
        }
        let parked = self.tasks.add(child);
        self.observer.tell(|observer| {
            if child.tgid == parent.tgid {
                observer.thread(parent, child);
            } else {
                observer.fork(parent, child, how);
            }
        });
        if let Some(code) = parked {
            self.queue.push_back((child.tid, code));
        }
    }

    /// The process of `task`, its leader, executes a program.
    fn executed(&mut self, task: Task, stopped: Stopped) -> Result<(), Died> {
        let former = stopped.event_message()? as i32;
        self.launching &= task.tgid != self.first;
        self.tasks.exec(task.tgid, former);
        if let Some(inside) = self.tasks.get(task.tid).and_then(|tracee| tracee.inside) {
            self.calls.executed(inside);
        }
        self.adopt(Some(task.tgid));
        let memory = TaskMemory::new(task.tid, &self.way);
        self.observer.tell(|observer| observer.exec(task, former, &memory));
        self.resume(stopped, 0);
        Ok(())
    }

    fn signaled(&self, task: Task, signal: i32, stopped: &Stopped) {
        if task.tgid == self.first
            && signal != libc::SIGCHLD
            && let Ok((code, sender)) = stopped.signal_sender()
            && code <= 0
        {
            self.delivered.record(signal, sender);
        }
    }

    /// Task `tid` ended, which need not be a tracee: orphans become the children of PID 1.
    fn ended(&mut self, tid: i32, how: Ended) {
        match self.tasks.remove(tid) {
            Some(task) if task.is_leader() => {
                self.observer.tell(|observer| observer.exited(task, how));
            }
            Some(task) => {
                self.observer.tell(|observer| observer.thread_exit(task));
            }
            None => {}
        }
        if tid == self.first {
            self.ended = Some(how);
            self.delivered.end();
        }
        self.adopt(None);
        self.waiter.reap(tid);
    }

    /// Takes in tasks that have stopped and whose parent cannot announce them any more.
    fn adopt(&mut self, executed: Option<i32>) {
        for (parent, child) in self.tasks.orphans(executed) {
            self.add(parent, child, Fork::Clone);
        }
    }

    /// Lets a task go on to its next stop of interest.
    fn resume(&mut self, stopped: Stopped, signal: i32) {
        let inside = self.tasks.get(stopped.tid()).and_then(|tracee| tracee.inside);
        let how = if inside.is_some() { Resume::Syscall } else { Resume::Continue };
        stopped.resume(how, signal);
    }
}

/// Calls an observer until it panics: the application must not end, or hang, by that.
struct Guarded<'o>(Option<&'o mut dyn Observer>);

impl Guarded<'_> {
    fn tell<T>(&mut self, tell: impl FnOnce(&mut dyn Observer) -> T) -> Option<T> {
        let observer = self.0.as_deref_mut()?;
        match catch_unwind(AssertUnwindSafe(|| tell(observer))) {
            Ok(told) => Some(told),
            Err(_) => {
                tracing::error!("the observer failed: the application runs on unobserved");
                self.0 = None;
                None
            }
        }
    }
}

/// Orphans become children of the first thread of PID 1, which may not be this one.
fn scope() -> Scope {
    let pid = std::process::id() as i32;
    if pid == 1 && nix::unistd::gettid().as_raw() != pid { Scope::Process } else { Scope::Thread }
}

/// Whether this process should stop because the application stopped by `signal`: it stands in the
/// application's place for a shell with job control, which waits for it.
fn stops_with_application(signal: i32) -> bool {
    use nix::unistd::{getpgid, getpgrp, getppid, getsid};
    let parent = getppid();
    matches!(signal, libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU)
        && getsid(Some(parent)) == getsid(None)
        && getpgid(Some(parent)).is_ok_and(|group| group != getpgrp())
}
