//! Who is whose: tasks become known, and end.

use super::Engine;
use super::tasks::Image;
use crate::engine::{Ended, Fork, Task};
use crate::ptrace;
use crate::sys::memory::is_shared;
use crate::sys::signals;

/// Ancestors of a task that are looked for among the known processes.
const ANCESTORS: usize = 64;

impl Engine<'_> {
    /// The task of an id, which waits for its answer. A task that is not known yet is told of.
    pub(super) fn place(&mut self, tid: i32) -> Option<Task> {
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
    pub(super) fn ended(&mut self, tid: i32, how: Ended) {
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
    pub(super) fn threads_ended(&mut self, tgid: i32, survivor: Option<i32>) {
        for task in self.tasks.remove_threads(tgid) {
            if Some(task.tid) != survivor {
                self.observer.tell(|observer| observer.thread_exit(task));
            }
        }
    }

    /// Tells of new orphans that wait for an answer, before the end of a process that may have made
    /// them is told.
    pub(super) fn place_orphans(&mut self) {
        for at in 0..self.queue.len() {
            let tid = self.queue[at].tid;
            let is_orphan = |(_, parent)| !self.tasks.has_process(parent);
            if self.tasks.known(tid).is_none() && ptrace::ids(tid).is_some_and(is_orphan) {
                self.place(tid);
            }
        }
    }
}
