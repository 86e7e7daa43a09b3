//! The processes and threads that the engine knows.

use std::collections::HashMap;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;

use crate::engine::Task;
use crate::sys::signals;

/// Dead threads are looked for when there are this many more than twice those that were left.
const SLACK: usize = 256;

/// What is remembered of a process.
#[derive(Debug)]
pub(super) struct Process {
    /// What it runs, if it could be asked for.
    pub(super) image: Option<Image>,
    /// It tried to execute a program while it was another's tracee: whether it did is to be seen
    /// at its image.
    pub(super) is_unsure: bool,
    /// Threads besides the leader.
    threads: usize,
    /// Number of processes that came before.
    serial: u64,
}

/// A program as one process executed it, and that process's children that execute none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Image(u64);

impl Image {
    /// What process `tgid` runs, by the addresses of the program and its data, which differ from
    /// run to run (proc_pid_auxv(5)).
    pub(super) fn of(tgid: i32) -> Option<Self> {
        let mut auxv = [0; 1024];
        let read = File::open(format!("/proc/{tgid}/auxv")).ok()?.read(&mut auxv).ok()?;
        let mut hasher = DefaultHasher::new();
        auxv[..read].hash(&mut hasher);
        (read > 0).then(|| Self(hasher.finish()))
    }

    /// A number for it.
    pub(super) fn number(self) -> u64 {
        self.0
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
    /// Number of processes that there have been.
    count: u64,
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

    pub(super) fn add_process(&mut self, tgid: i32, image: Option<Image>) {
        let process = Process { image, is_unsure: false, threads: 0, serial: self.count };
        self.count += 1;
        self.processes.insert(tgid, process);
    }

    /// The newest process that runs `image`.
    pub(super) fn running(&self, image: Image) -> Option<i32> {
        let runs = |(_, process): &(&i32, &Process)| process.image == Some(image);
        let running = self.processes.iter().filter(runs);
        running.max_by_key(|(_, process)| process.serial).map(|(tgid, _)| *tgid)
    }

    pub(super) fn add_thread(&mut self, task: Task) {
        if let Some(process) = self.processes.get_mut(&task.tgid) {
            process.threads += 1;
            self.threads.insert(task.tid, task.tgid);
        }
    }

    /// Adds the threads that a process has now.
    pub(super) fn add_threads(&mut self, tgid: i32) {
        let threads = fs::read_dir(format!("/proc/{tgid}/task")).into_iter().flatten().flatten();
        let tids = threads.filter_map(|thread| thread.file_name().to_str()?.parse().ok());
        for tid in tids.filter(|tid| *tid != tgid) {
            self.add_thread(Task { tid, tgid });
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

    pub(super) fn remove_process(&mut self, tgid: i32) {
        self.processes.remove(&tgid);
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
        tasks.add_process(10, None);
        tasks.add_process(20, None);
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
    fn an_image_is_its_processs_and_its_childrens() {
        let me = std::process::id() as i32;
        let image = Image::of(me).expect("a program");
        let mut child = std::process::Command::new("sleep").arg("10").spawn().expect("a process");
        let other = Image::of(child.id() as i32).expect("a program");
        child.kill().and_then(|()| child.wait()).expect("its end");
        assert_ne!(image, other);
        assert_eq!(Image::of(i32::MAX), None);
        let mut tasks = Tasks::default();
        for (tgid, image) in [(10, image), (20, other), (30, image), (40, other)] {
            tasks.add_process(tgid, Some(image));
        }
        assert_eq!(tasks.running(image), Some(30));
        tasks.remove_process(40);
        assert_eq!(tasks.running(other), Some(20));
    }

    #[test]
    fn the_dead_are_found_in_time() {
        let me = std::process::id() as i32;
        let mut tasks = Tasks::default();
        tasks.add_process(me, Image::of(me));
        for tid in 0..=SLACK as i32 {
            tasks.add_thread(Task { tid: i32::MAX - tid, tgid: me });
        }
        assert_eq!(tasks.current(i32::MAX), None);
        assert_eq!(tasks.dead_threads().len(), SLACK + 1);
        assert!(!tasks.are_many());
        assert_eq!(tasks.dead_threads(), []);
    }
}
