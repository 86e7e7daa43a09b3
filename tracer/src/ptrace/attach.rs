//! Tasks that ran before they were watched.
//!
//! A task that makes another while it is being seized may make one that is no tracee and that
//! `/proc` does not show yet. So processes are looked through again when the tasks that were
//! seized have stopped once (what they make from then on is a tracee by itself), until there is
//! nothing new.

use std::collections::{HashMap, HashSet, VecDeque};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use sentrace_schema::ABIS;

use super::memory::TaskMemory;
use super::stop::Stop;
use super::stopped::{Died, Stopped};
use super::{Delivered, Engine};
use crate::arch::{DECIDES_RESTART_LATE, abi_of};
use crate::attach::{AttachError, Orders, Refusal, processes};
use crate::decode;
use crate::engine::{Ended, Observer, Task};
use crate::launch::{CallStops, Until};
use crate::sys::attention::Listener;
use crate::sys::ptrace;
use crate::sys::wait::Patience;

/// Tasks that were seized a moment ago.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    /// Those that have not stopped since, with their processes.
    fresh: HashMap<i32, i32>,
    /// Those among them that have not been told to stop.
    waiting: VecDeque<i32>,
    /// Processes that may have made tasks that nobody has seen.
    unsettled: HashSet<i32>,
    /// Some of the fresh ones have stopped, or ended, since the last look.
    are_due: bool,
    /// Stops since then.
    stops: usize,
}

/// Stops after which to look again, while there is always something else to do and a fresh task
/// cannot stop (it waits for a disk, or for the end of a vfork).
const PATIENCE: usize = 1024;

/// How long to wait for stops before leaving: until there is none for so long.
const QUIET: Duration = Duration::from_millis(5);
/// The longest wait.
const WITHDRAWAL: Duration = Duration::from_secs(1);
/// How often to look for stops meanwhile.
const PAUSE: Duration = Duration::from_micros(200);

/// How many tasks are on their way to their first stop together: the more, the longer each waits.
const TOGETHER: usize = 16;

/// Calls that a stop makes fail with `EINTR`, and that have done nothing then.
const NOT_RESTARTED: [&str; 13] = [
    "accept",
    "accept4",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "io_getevents",
    "io_pgetevents",
    "recvfrom",
    "recvmsg",
    "rt_sigtimedwait",
    "rt_sigtimedwait_time64",
    "semop",
    "semtimedop",
];

/// `-ERESTARTNOHAND` of linux/errno.h: `EINTR` if a signal is handled, else the call again.
const RESTART_NO_HANDLER: i64 = -514;

impl Arrivals {
    /// Tells tasks to stop that have not been told.
    pub(super) fn call_in(&mut self) {
        while self.fresh.len().saturating_sub(self.waiting.len()) < TOGETHER && self.call_one() {}
    }

    /// Tells one more; whether there was one.
    pub(super) fn call_one(&mut self) -> bool {
        let Some(tid) = self.waiting.pop_front() else { return false };
        if self.fresh.contains_key(&tid) {
            // The only failure is the task's death, which its end will tell.
            let _ = ptrace::interrupt(tid);
        }
        true
    }

    /// Whether it is time to look again, when there is nothing else to do.
    pub(super) fn are_due(&self) -> bool {
        self.are_due
    }

    /// Whether it is time to look again, whatever else there is to do.
    fn have_settled(&self) -> bool {
        self.are_due && (self.fresh.is_empty() || self.stops > PATIENCE)
    }

    /// A task stopped, or ended; whether it is the first time.
    pub(super) fn stopped(&mut self, tid: i32) -> bool {
        let is_first = !self.fresh.is_empty() && self.fresh.remove(&tid).is_some();
        self.are_due |= is_first;
        self.stops += usize::from(self.are_due);
        if is_first {
            self.call_in();
        }
        is_first
    }
}

impl<'o> Engine<'o> {
    /// Watches nothing yet.
    ///
    /// # Errors
    /// As mmap(2).
    pub(crate) fn attached(observer: &'o mut dyn Observer) -> Result<Self, Errno> {
        let nobody = Delivered::new()?;
        let mut engine = Self::new(observer, CallStops::Every, Until::AllEnd, 0, nobody.into());
        engine.tasks.remove(0);
        engine.launching = false;
        Ok(engine)
    }

    /// Watches the targets that it is told to until they and all that they made have ended, or
    /// until it is told to leave. What is still watched then goes on by itself when the calling
    /// thread ends: the kernel lets tracees go without waking them.
    ///
    /// # Errors
    /// The observer failed, or tasks cannot be waited for.
    pub(crate) fn attend(mut self, orders: &Orders) -> Result<(), AttachError> {
        let ended = self.watch(orders);
        if ended.is_ok() {
            self.withdraw();
        }
        self.let_go();
        ended
    }

    fn watch(&mut self, orders: &Orders) -> Result<(), AttachError> {
        let listener = Listener::here();
        loop {
            let is_idle = self.tasks.len() == 0;
            let Some(targets) = orders.take(listener, is_idle) else { return Ok(()) };
            for (target, refusal) in self.attach(&targets) {
                orders.refuse(target, refusal);
            }
            if self.arrivals.have_settled() {
                self.look_for_more();
            }
            if self.tasks.len() == 0 {
                continue;
            }
            match self.next() {
                Ok((tid, code)) => self.stopped(tid, code),
                Err(Errno::EINTR | Errno::EAGAIN) => {}
                Err(errno) => return Err(AttachError::System(errno)),
            }
            if self.observer.0.is_none() {
                return Err(AttachError::Failed);
            }
        }
    }

    /// Begins to watch the targets that are not watched yet, and answers which cannot be.
    fn attach(&mut self, targets: &[i32]) -> Vec<(i32, Refusal)> {
        let mut refused = Vec::new();
        for target in targets {
            if !self.tasks.has_process(*target)
                && let Err(refusal) = self.seize(*target)
            {
                refused.push((*target, refusal));
            }
        }
        if !targets.is_empty() {
            self.look_for_more();
        }
        refused
    }

    /// Seizes what processes that have not settled may have made.
    pub(super) fn look_for_more(&mut self) {
        (self.arrivals.are_due, self.arrivals.stops) = (false, 0);
        let mut known = std::mem::take(&mut self.arrivals.unsettled);
        if known.is_empty() {
            return;
        }
        for child in processes::descendants(&known) {
            known.insert(child);
        }
        for process in known {
            let was_known = self.tasks.has_process(process);
            match self.seize(process) {
                Ok(()) | Err(Refusal::Gone | Refusal::Zombie) => {}
                Err(_) if was_known => {}
                Err(refusal) => tracing::warn!("process {process} is not watched: {refusal}"),
            }
        }
        self.arrivals.unsettled.extend(self.arrivals.fresh.values());
    }

    /// Seizes all threads of a process that are not tracees, tells of the process and stops them.
    fn seize(&mut self, process: i32) -> Result<(), Refusal> {
        let own = std::process::id() as i32;
        if process == own {
            return Err(Refusal::Oneself);
        }
        if processes::ancestors(own).contains(&process) {
            return Err(Refusal::Ancestor);
        }
        let mut seized = Vec::new();
        let mut refusal = None;
        loop {
            let before = seized.len();
            for tid in processes::threads(process) {
                if self.tasks.contains(tid) {
                    continue;
                }
                match ptrace::seize(tid, CallStops::Every) {
                    Ok(()) => {
                        self.tasks.add(Task { tid, tgid: process });
                        seized.push(tid);
                    }
                    // A tracee whose maker has not told of it yet, or one that has ended.
                    Err(_) if processes::is_ours(tid) => {}
                    Err(errno) => refusal = Some(errno),
                }
            }
            if seized.len() == before {
                break;
            }
        }
        if seized.is_empty() {
            let is_watched = self.tasks.has_process(process);
            let errno = refusal.unwrap_or(Errno::ESRCH);
            return if is_watched { Ok(()) } else { Err(Refusal::of(process, errno)) };
        }
        self.observer.tell(|observer| observer.found(Task::leader(process)));
        for tid in seized {
            self.arrivals.fresh.insert(tid, process);
            self.arrivals.waiting.push_back(tid);
        }
        self.arrivals.call_in();
        self.arrivals.unsettled.insert(process);
        Ok(())
    }

    /// A task has stopped to be watched. Some calls fail by that, as they do by `SIGSTOP`
    /// (signal(7)): those are made again unless there is a signal to handle. Their timeouts begin
    /// anew.
    pub(super) fn arrived(&self, stopped: &Stopped) -> Result<(), Died> {
        if !DECIDES_RESTART_LATE {
            return Ok(());
        }
        let mut registers = stopped.registers()?;
        if registers.result() != Some(-(Errno::EINTR as i64)) {
            return Ok(());
        }
        let memory = TaskMemory::new(stopped.tid(), &self.way);
        let call = registers.call(&memory);
        let call = call.and_then(|call| abi_of(call.audit, call.nr, &ABIS));
        let call = call.and_then(|(abi, nr)| decode::numbered(abi, nr));
        if call.is_some_and(|call| NOT_RESTARTED.contains(&call.name)) {
            registers.set_result(RESTART_NO_HANDLER);
            stopped.set_registers(&registers)?;
        }
        Ok(())
    }

    /// A thread ended: if its leader had ended before it was watched, its process may have.
    pub(super) fn left(&mut self, thread: Task, how: Ended) {
        if self.first == 0 && !self.tasks.has_process(thread.tgid) {
            self.observer.tell(|observer| observer.exited(Task::leader(thread.tgid), how));
        }
    }

    /// Handles the stops that are on their way, and asks for no more: a task that the kernel lets
    /// go from a stop finds a signal pending, by which some calls fail.
    fn withdraw(&mut self) {
        // No call stops by a filter here.
        self.setting.stops = CallStops::Filtered;
        self.tasks.forget_unwanted_calls();
        self.arrivals.unsettled.clear();
        for tid in std::mem::take(&mut self.arrivals.waiting) {
            self.arrivals.fresh.remove(&tid);
        }
        let begin = Instant::now();
        let mut quiet = begin;
        let is_over = |engine: &Self, quiet: Instant| {
            (engine.arrivals.fresh.is_empty() && quiet.elapsed() > QUIET)
                || begin.elapsed() > WITHDRAWAL
        };
        while !is_over(self, quiet) {
            match self.waiter.next(Patience::Poll) {
                Ok(Some(report)) => self.take(report),
                Ok(None) if self.queue.is_empty() => sleep(PAUSE),
                Ok(None) => {}
                Err(_) => break,
            }
            while let Some((tid, code)) = self.queue.pop_front() {
                self.stopped(tid, code);
                quiet = Instant::now();
            }
        }
    }

    /// Lets those go whose stops have been taken, with the signals that they were to get. The
    /// kernel does the same for stops that were not taken.
    fn let_go(&mut self) {
        let stops = self.queue.drain(..).chain(self.tasks.parked());
        for (tid, code) in stops.collect::<Vec<_>>() {
            let signal = match Stop::of(code) {
                Stop::Signal(signal) => signal,
                _ => 0,
            };
            Stopped::new(tid).release(signal);
        }
    }
}
