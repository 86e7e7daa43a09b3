//! The tasks that an engine watches, and those that it cannot place yet.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;

use super::step::Phase;
use crate::engine::{Task, Want};

/// What is remembered of a tracee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tracee {
    /// Its process.
    tgid: i32,
    /// Where it is.
    phase: Phase,
}

/// All tracees by tid, and the stops of tasks whose parent's event has not come yet: the first
/// stop of a new task and its parent's event come in any order.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    tracees: HashMap<i32, Tracee>,
    /// Codes of their stops, by tid.
    parked: HashMap<i32, i32>,
}

impl Tasks {
    /// Where a task is.
    pub(super) fn phase(&self, tid: i32) -> Phase {
        self.tracees.get(&tid).map(|tracee| tracee.phase).unwrap_or_default()
    }

    /// Remembers where a task is.
    pub(super) fn set_phase(&mut self, tid: i32, phase: Phase) {
        if let Some(tracee) = self.tracees.get_mut(&tid) {
            tracee.phase = phase;
        }
    }

    /// Follows only those calls to their exit that are wanted.
    pub(super) fn forget_unwanted_calls(&mut self) {
        for tracee in self.tracees.values_mut() {
            if matches!(tracee.phase, Phase::Inside { want: Want::Nothing, .. }) {
                tracee.phase = Phase::Outside;
            }
        }
    }

    pub(super) fn task(&self, tid: i32) -> Option<Task> {
        self.tracees.get(&tid).map(|tracee| Task { tid, tgid: tracee.tgid })
    }

    /// Whether a task is known, be it by its stop alone.
    pub(super) fn contains(&self, tid: i32) -> bool {
        self.tracees.contains_key(&tid) || self.parked.contains_key(&tid)
    }

    /// Whether a thread of the process is a tracee.
    pub(super) fn has_process(&self, tgid: i32) -> bool {
        self.tracees.contains_key(&tgid) || self.tracees.values().any(|task| task.tgid == tgid)
    }

    /// The tasks whose stops are kept.
    pub(super) fn parked(&self) -> impl Iterator<Item = (i32, i32)> {
        self.parked.iter().map(|(tid, code)| (*tid, *code))
    }

    pub(super) fn len(&self) -> usize {
        self.tracees.len()
    }

    /// Adds a task and answers the code of its stop if that came before.
    pub(super) fn add(&mut self, task: Task) -> Option<i32> {
        self.tracees.insert(task.tid, Tracee { tgid: task.tgid, phase: Phase::Outside });
        self.parked.remove(&task.tid)
    }

    pub(super) fn remove(&mut self, tid: i32) -> Option<Task> {
        self.parked.remove(&tid);
        self.tracees.remove(&tid).map(|tracee| Task { tid, tgid: tracee.tgid })
    }

    /// Keeps the stop of a task that is not known.
    pub(super) fn park(&mut self, tid: i32, code: i32) {
        self.parked.insert(tid, code);
    }

    /// Thread `former` of process `tgid` executed a program: it is the leader and the only
    /// thread now.
    pub(super) fn exec(&mut self, tgid: i32, former: i32) {
        let phase = self.phase(former);
        self.tracees.retain(|_, tracee| tracee.tgid != tgid);
        self.tracees.insert(tgid, Tracee { tgid, phase });
    }

    /// Parked tasks whose parent's event cannot come any more, because their parent has ended or,
    /// as process `executed`, has lost the thread that made them. With the task that is their
    /// parent as far as `/proc` tells.
    pub(super) fn orphans(&self, executed: Option<i32>) -> Vec<(Task, Task)> {
        let place = |tid: &i32| {
            let (tgid, ppid) = ids(*tid)?;
            let parent = if tgid == *tid { ppid } else { tgid };
            let gone = Some(parent) == executed || !self.tracees.contains_key(&parent);
            gone.then_some((Task::leader(parent), Task { tid: *tid, tgid }))
        };
        self.parked.keys().filter_map(place).collect()
    }
}

/// Thread group and parent of a task, from `/proc/PID/status` (proc_pid_status(5)).
pub(crate) fn ids(tid: i32) -> Option<(i32, i32)> {
    // Both come before this; a name with other characters than text's is escaped.
    let mut status = [0; 512];
    let read = File::open(format!("/proc/{tid}/status")).ok()?.read(&mut status).ok()?;
    let status = str::from_utf8(&status[..read]).ok()?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().parse().ok()
    };
    Some((field("Tgid:")?, field("PPid:")?))
}

#[cfg(test)]
mod tests {
    use super::super::step::Gate;
    use super::*;

    #[test]
    fn exec_by_a_thread_leaves_one_task_that_is_inside_the_call() {
        let mut tasks = Tasks::default();
        for tid in [10, 11, 12] {
            tasks.add(Task { tid, tgid: 10 });
        }
        tasks.add(Task::leader(20));
        let inside = Phase::Inside { gate: Gate::Seccomp, want: Want::Exit };
        tasks.set_phase(12, inside);
        tasks.exec(10, 12);
        assert_eq!(tasks.len(), 2);
        assert_eq!(tasks.phase(10), inside);
        assert_eq!(tasks.task(12), None);
        assert_eq!(tasks.task(20), Some(Task::leader(20)));
    }

    #[test]
    fn a_stop_that_came_early_is_kept_for_the_parents_event() {
        let mut tasks = Tasks::default();
        tasks.park(31, 0x8005);
        assert_eq!(tasks.add(Task { tid: 31, tgid: 30 }), Some(0x8005));
        assert_eq!(tasks.add(Task { tid: 31, tgid: 30 }), None);
        // A task that ended while parked is forgotten: its tid may be another's next.
        tasks.park(32, 0x8005);
        tasks.remove(32);
        assert_eq!(tasks.add(Task { tid: 32, tgid: 30 }), None);
    }

    #[test]
    fn ids_come_from_proc() {
        let me = std::process::id() as i32;
        assert_eq!(ids(me).unwrap().0, me);
        assert_eq!(ids(i32::MAX), None);
    }
}
