//! The ptrace engine: a seccomp filter stops the tasks of an application at the calls of interest
//! (`RET_TRACE`), or all calls stop; this thread looks, tells an observer and resumes them.
//!
//! All tasks are tracees of one thread, which runs [`Engine::run`]; new tasks become tracees by
//! themselves. Every stop is named by [`stop`], and what follows from it is decided by [`step`]
//! without asking anybody; the stopped task is a value ([`stopped`]) that resuming consumes. What
//! can happen in any order does: stops of a task that nobody has announced, and the death of a
//! task in the middle of anything.

mod attach;
mod calls;
mod delivered;
mod memory;
mod spin;
mod step;
mod stop;
mod stopped;
mod tasks;

use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use nix::errno::Errno;
use sentrace_schema::ABIS;

use self::attach::Arrivals;
use self::calls::{Asking, Told};
use self::spin::Spin;
use self::step::{Go, Seen, Setting, Tell};
use self::tasks::Tasks;
use crate::arch;
use crate::engine::{Call, Ended, Fork, Observer, Task, Want};
use crate::launch::{CallStops, Until};
use crate::sys::signals;
use crate::sys::wait::{Patience, Report, Scope, Waiter};

pub(crate) use self::calls::visible;
pub(crate) use self::delivered::Delivered;
pub(crate) use self::memory::{TaskMemory, Way};
pub(crate) use self::stop::Stop;
pub(crate) use self::stopped::{Died, Stopped};
pub(crate) use self::tasks::ids;

/// Watches an application.
pub(crate) struct Engine<'o> {
    observer: Guarded<'o>,
    until: Until,
    /// The process that was launched, and how it ended.
    first: i32,
    ended: Option<Ended>,
    /// It has not executed its program: its calls are the launcher's.
    launching: bool,
    arrivals: Arrivals,
    tasks: Tasks,
    setting: Setting,
    asking: Asking,
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
    /// If every call is to stop, it has been interrupted.
    pub(crate) fn new(
        observer: &'o mut dyn Observer,
        stops: CallStops,
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
            arrivals: Arrivals::default(),
            tasks,
            setting: Setting::new(stops),
            asking: Asking::new(),
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
                if self.arrivals.call_one() {
                    return Err(Errno::EAGAIN);
                }
                if self.arrivals.are_due() {
                    self.look_for_more();
                    return Err(Errno::EAGAIN);
                }
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
            // A child that is no tracee is none of the application's.
            Report::Suspended { .. } => {}
            Report::Ended { tid, how } => self.ended(tid, how),
        }
    }

    fn stopped(&mut self, tid: i32, code: i32) {
        let Some(task) = self.tasks.task(tid) else {
            self.tasks.park(tid, code);
            return;
        };
        self.observer.tell(|observer| observer.stopped(task));
        let (stopped, stop) = (Stopped::new(tid), Stop::of(code));
        if self.arrivals.stopped(tid) && stop == Stop::Trap {
            // A task that died has no call to make again.
            let _: Result<(), Died> = self.arrived(&stopped);
        }
        match self.handle(task, &stopped, stop) {
            Ok(go) => stopped.go(go),
            // Nothing can be told of it; should it live, it goes on.
            Err(Died) => {
                let phase = self.tasks.phase(tid);
                stopped.go(self.setting.step(phase, stop, Seen::Unclear).go());
            }
        }
    }

    /// Tells of a stop and answers how the task goes on.
    fn handle(&mut self, task: Task, stopped: &Stopped, stop: Stop) -> Result<Go, Died> {
        let told = self.asking.ask(stopped, stop)?;
        if let (Stop::Exec, Told::Tid(former)) = (stop, &told) {
            self.tasks.exec(task.tgid, *former);
        }
        let mut step = self.setting.step(self.tasks.phase(task.tid), stop, told.seen());
        match (step.tell, &told) {
            (Tell::Entry, _) => step = step.wanting(self.entered(task, stopped, &told)?),
            (Tell::Exit, _) => self.returned(task, &told),
            (Tell::Fork(how), Told::Tid(child)) => self.forked(task, *child, how),
            (Tell::Exec, Told::Tid(former)) => self.executed(task, *former),
            (Tell::Signal(signal), _) => self.signaled(task, signal, stopped),
            (Tell::Group(signal), _) => {
                if task.tgid == self.first && stops_with_application(signal) {
                    self.suspend = Some(signal);
                }
            }
            (Tell::Nothing | Tell::Fork(_) | Tell::Exec, _) => {}
        }
        self.setting = step.setting;
        self.tasks.set_phase(task.tid, step.phase);
        Ok(step.go())
    }

    /// A task entered a call.
    fn entered(&mut self, task: Task, stopped: &Stopped, told: &Told) -> Result<Want, Died> {
        let memory = TaskMemory::new(task.tid, &self.way);
        let raw = told.call(&memory);
        if self.launching && task.tgid == self.first {
            let (audit, execs) = arch::NATIVE_EXEC;
            if !raw.is_some_and(|raw| raw.audit == audit && execs.contains(&raw.nr)) {
                return Ok(Want::Nothing);
            }
            self.launching = false;
        }
        let Some((raw, (abi, nr))) =
            raw.and_then(|raw| Some((raw, arch::abi_of(raw.audit, raw.nr, &ABIS)?)))
        else {
            self.observer.tell(|observer| observer.unknown(task));
            return Ok(Want::Nothing);
        };
        let call = Call { abi, nr, args: raw.args, ip: raw.ip, sp: raw.sp };
        let want = self.observer.tell(|observer| observer.entry(task, &call, &memory));
        calls::keep_traced(stopped, &raw, nr)?;
        Ok(want.unwrap_or(Want::Nothing))
    }

    /// The call that a task was inside has returned.
    fn returned(&mut self, task: Task, told: &Told) {
        let memory = TaskMemory::new(task.tid, &self.way);
        let result = told.result().unwrap_or_default();
        self.observer.tell(|observer| observer.exit(task, result, &memory));
    }

    /// `parent` made task `tid`.
    fn forked(&mut self, parent: Task, tid: i32, how: Fork) {
        let is_thread = how == Fork::Clone && signals::is_thread_of(parent.tgid, tid);
        let tgid = if is_thread { parent.tgid } else { tid };
        self.add(parent, Task { tid, tgid }, how);
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
    fn executed(&mut self, task: Task, former: i32) {
        self.launching &= task.tgid != self.first;
        self.adopt(Some(task.tgid));
        let memory = TaskMemory::new(task.tid, &self.way);
        self.observer.tell(|observer| observer.exec(task, former, &memory));
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
        self.arrivals.stopped(tid);
        match self.tasks.remove(tid) {
            // The launcher failed before it executed a program: there is no application.
            Some(task) if self.launching && task.tgid == self.first => {}
            Some(task) if task.is_leader() => {
                self.observer.tell(|observer| observer.exited(task, how));
            }
            Some(task) => {
                self.observer.tell(|observer| observer.thread_exit(task));
                self.left(task, how);
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
}

/// Calls an observer until it panics: the application must not end, or hang, by that.
pub(crate) struct Guarded<'o>(pub(crate) Option<&'o mut dyn Observer>);

impl Guarded<'_> {
    pub(crate) fn tell<T>(&mut self, tell: impl FnOnce(&mut dyn Observer) -> T) -> Option<T> {
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
pub(crate) fn scope() -> Scope {
    let pid = std::process::id() as i32;
    if pid == 1 && nix::unistd::gettid().as_raw() != pid { Scope::Process } else { Scope::Thread }
}

/// Whether this process should stop because the application stopped by `signal`: it stands in the
/// application's place for a shell with job control, which waits for it.
pub(crate) fn stops_with_application(signal: i32) -> bool {
    use nix::unistd::{getpgid, getpgrp, getppid, getsid};
    let parent = getppid();
    matches!(signal, libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU)
        && getsid(Some(parent)) == getsid(None)
        && getpgid(Some(parent)).is_ok_and(|group| group != getpgrp())
}
