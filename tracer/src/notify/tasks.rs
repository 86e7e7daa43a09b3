//! The processes and threads that the engine knows.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use crate::engine::{Ended, Task};
use crate::sys::signals;

/// Dead threads are looked for when there are this many more than twice those that were left.
const SLACK: usize = 256;

/// What is remembered of a process.
#[derive(Debug, Default)]
pub(super) struct Process {
    /// Threads besides the leader.
    threads: usize,
    /// How it said that it would end.
    pub(super) last_word: Option<Ended>,
    /// It tried to execute a program while its tracer was another: what it ran then.
    pub(super) before: Option<Image>,
}

/// What a process runs, as far as a change of it shows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Image {
    exe: PathBuf,
    /// Addresses of the program and its data, which differ from run to run.
    auxv: Vec<u8>,
}

impl Image {
    /// What process `tgid` runs.
    pub(super) fn of(tgid: i32) -> Option<Self> {
        let exe = fs::read_link(format!("/proc/{tgid}/exe")).ok()?;
        let auxv = fs::read(format!("/proc/{tgid}/auxv")).ok()?;
        Some(Self { exe, auxv })
    }
}

/// Processes by id, and the process of each thread that is no leader.
///
/// A thread that ends says nothing: that it is gone is found out when its id means something
/// else, when its process ends or executes a program, and by [`Tasks::dead_threads`].
#[derive(Debug, Default)]
pub(super) struct Tasks {
    processes: HashMap<i32, Process>,
    threads: HashMap<i32, i32>,
    /// Threads that were left when dead ones were looked for.
    left: usize,
}

impl Tasks {
    pub(super) fn process(&mut self, tgid: i32) -> Option<&mut Process> {
        self.processes.get_mut(&tgid)
    }

    pub(super) fn has_process(&self, tgid: i32) -> bool {
        self.processes.contains_key(&tgid)
    }

    /// Number of processes.
    pub(super) fn len(&self) -> usize {
        self.processes.len()
    }

    /// Whether there may be another task than the one that is looked at.
    pub(super) fn are_many(&self) -> bool {
        self.processes.len() > 1 || !self.threads.is_empty()
    }

    /// The task of this id as it was known; it may have ended meanwhile.
    pub(super) fn known(&self, tid: i32) -> Option<Task> {
        if self.has_process(tid) {
            return Some(Task::leader(tid));
        }
        self.threads.get(&tid).map(|tgid| Task { tid, tgid: *tgid })
    }

    /// As [`Tasks::known`], if that is what the id means now.
    pub(super) fn current(&self, tid: i32) -> Option<Task> {
        let known = self.known(tid)?;
        (known.is_leader() || signals::is_thread_of(known.tgid, tid)).then_some(known)
    }

    pub(super) fn add_process(&mut self, tgid: i32) {
        self.processes.insert(tgid, Process::default());
    }

    pub(super) fn add_thread(&mut self, task: Task) {
        if let Some(process) = self.processes.get_mut(&task.tgid) {
            process.threads += 1;
            self.threads.insert(task.tid, task.tgid);
        }
    }

    pub(super) fn remove_thread(&mut self, tid: i32) -> Option<Task> {
        let tgid = self.threads.remove(&tid)?;
        if let Some(process) = self.processes.get_mut(&tgid) {
            process.threads -= 1;
        }
        Some(Task { tid, tgid })
    }

    /// Forgets the threads of a process besides its leader, and answers them.
    pub(super) fn remove_threads(&mut self, tgid: i32) -> Vec<Task> {
        if self.processes.get(&tgid).is_none_or(|process| process.threads == 0) {
            return Vec::new();
        }
        let of = self.threads.iter().filter(|(_, of)| **of == tgid);
        let tids: Vec<i32> = of.map(|(tid, _)| *tid).collect();
        tids.into_iter().filter_map(|tid| self.remove_thread(tid)).collect()
    }

    pub(super) fn remove_process(&mut self, tgid: i32) -> Option<Process> {
        self.processes.remove(&tgid)
    }

    /// Forgets threads that have ended, and answers them; not each time, because all have to be
    /// looked at.
    pub(super) fn dead_threads(&mut self) -> Vec<Task> {
        if self.threads.len() <= 2 * self.left + SLACK {
            return Vec::new();
        }
        let dead = |(tid, tgid): &(&i32, &i32)| !signals::is_thread_of(**tgid, **tid);
        let dead: Vec<i32> = self.threads.iter().filter(dead).map(|(tid, _)| *tid).collect();
        self.left = self.threads.len() - dead.len();
        dead.into_iter().filter_map(|tid| self.remove_thread(tid)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_go_with_their_process() {
        let mut tasks = Tasks::default();
        tasks.add_process(10);
        tasks.add_process(20);
        for (tid, tgid) in [(11, 10), (12, 10), (21, 20), (31, 30)] {
            tasks.add_thread(Task { tid, tgid });
        }
        assert_eq!(tasks.known(12), Some(Task { tid: 12, tgid: 10 }));
        assert_eq!(tasks.known(10), Some(Task::leader(10)));
        assert_eq!(tasks.known(31), None);
        let mut gone = tasks.remove_threads(10);
        gone.sort();
        assert_eq!(gone, [11, 12].map(|tid| Task { tid, tgid: 10 }));
        assert_eq!(tasks.known(12), None);
        assert!(tasks.known(21).is_some());
    }

    #[test]
    fn the_dead_are_found_in_time() {
        let me = std::process::id() as i32;
        let mut tasks = Tasks::default();
        tasks.add_process(me);
        for tid in 0..=SLACK as i32 {
            tasks.add_thread(Task { tid: i32::MAX - tid, tgid: me });
        }
        assert_eq!(tasks.current(i32::MAX), None);
        assert_eq!(tasks.dead_threads().len(), SLACK + 1);
        assert!(!tasks.are_many());
        assert_eq!(tasks.dead_threads(), []);
    }
}
