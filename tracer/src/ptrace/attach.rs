//! Tasks that ran before they were watched.
//!
//! A task that makes another while it is being seized may make one that is no tracee and that
//! `/proc` does not show yet. So processes are looked through again when the tasks that were
//! seized have stopped once (what they make from then on is a tracee by itself), until there is
//! nothing new.

use std::collections::{HashMap, HashSet};

use nix::errno::Errno;

use super::stop::Stop;
use super::stopped::Stopped;
use super::{Catch, Delivered, Engine};
use crate::attach::{Orders, Refusal, processes};
use crate::engine::{Ended, Observer, Task};
use crate::launch::Until;
use crate::sys::attention::Listener;
use crate::sys::ptrace;

/// Tasks that were seized a moment ago.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    /// Those that have not stopped since, with their processes.
    fresh: HashMap<i32, i32>,
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

impl Arrivals {
    /// Whether it is time to look again, when there is nothing else to do.
    pub(super) fn are_due(&self) -> bool {
        self.are_due
    }

    /// Whether it is time to look again, whatever else there is to do.
    fn have_settled(&self) -> bool {
        self.are_due && (self.fresh.is_empty() || self.stops > PATIENCE)
    }

    /// A task stopped, or ended.
    pub(super) fn stopped(&mut self, tid: i32) {
        self.are_due |= !self.fresh.is_empty() && self.fresh.remove(&tid).is_some();
        self.stops += usize::from(self.are_due);
    }
}

impl<'o> Engine<'o> {
    /// Watches nothing yet.
    pub(crate) fn attached(observer: &'o mut dyn Observer) -> Self {
        let nobody = Delivered::new();
        let mut engine = Self::new(observer, Until::AllEnd, 0, nobody.into());
        engine.tasks.remove(0);
        engine.launching = false;
        engine.catch = Catch::Every;
        engine
    }

    /// Watches the targets that it is told to until they and all that they made have ended, or
    /// until it is told to leave. What is still watched then goes on by itself when the calling
    /// thread ends: the kernel lets tracees go without waking them.
    pub(crate) fn attend(mut self, orders: &Orders) {
        let listener = Listener::here();
        loop {
            let is_idle = self.tasks.len() == 0;
            let Some(targets) = orders.take(listener, is_idle) else { break };
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
                Err(errno) => {
                    tracing::error!("cannot wait for tasks: {}", errno.desc());
                    break;
                }
            }
            if self.observer.0.is_none() {
                break;
            }
        }
        self.let_go();
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
            if let Err(refusal) = self.seize(process)
                && !was_known
            {
                tracing::warn!("process {process} is not watched: {refusal}");
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
                match ptrace::seize_running(tid) {
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
            // The only failure is the task's death, which its end will tell.
            let _ = ptrace::interrupt(tid);
        }
        self.arrivals.unsettled.insert(process);
        Ok(())
    }

    /// A thread ended: if its leader had ended before it was watched, its process may have.
    pub(super) fn left(&mut self, thread: Task, how: Ended) {
        if self.catch == Catch::Every && !self.tasks.has_process(thread.tgid) {
            self.observer.tell(|observer| observer.exited(Task::leader(thread.tgid), how));
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
