//! The processes of one tracer, and who made whom.
//!
//! An [`Entry`] is one image of a process: fork makes one as a copy of the parent's, exec makes a
//! new one in its place. A child keeps the entry that its maker had at the time, so ancestors are
//! what they were: neither the maker's later exec nor its death (re-parenting) changes them.
//! Changes within an image (ids, capabilities, name, directory) are made in its entry.
//!
//! Events come from outside: whatever they say, the tree stays within its bounds and without
//! cycles.

mod entry;
mod process;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sentrace_schema::wire::{Event, FOUND, Header};
use sentrace_schema::{Payload, events, groups};

pub use entry::{ANCESTORS_MAX, Ancestors, Entry};
pub use process::Process;

/// Processes that are kept, the ended ones included.
pub const ENTRIES_MAX: usize = 200_000;
/// Ended processes that are kept for events that come late.
const ENDED_MAX: usize = 4096;
/// By how much events of a process can come late or early, in ns: an event of a pid that ended
/// longer ago is of another process, whose fork was not seen.
const LATE_MAX: u64 = 1_000_000_000;
/// `PR_SET_NAME` of linux/prctl.h.
const PR_SET_NAME: i64 = 15;
/// Bytes of a thread's name (`TASK_COMM_LEN` less the NUL).
const COMM_MAX: usize = 15;
/// `CLONE_PARENT` of linux/sched.h.
const CLONE_PARENT: i64 = 0x8000;

/// The process tree of one tracer.
#[derive(Debug, Default)]
pub struct Tree {
    entries: HashMap<i32, Arc<Entry>>,
    /// Ended ones, oldest first; some of them have been replaced since.
    ended: VecDeque<(i32, Arc<Entry>)>,
    /// When each container was first seen, by id, in ns since the epoch.
    containers: HashMap<Vec<u8>, i64>,
    /// Counts the entries, also those that only a descendant or an event still holds.
    census: Arc<Census>,
}

/// Held by all entries of a tree.
#[derive(Debug)]
struct Census {
    /// Number of the tree.
    tree: u64,
}

impl Default for Census {
    fn default() -> Self {
        static TREES: AtomicU64 = AtomicU64::new(0);
        Self { tree: TREES.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Tree {
    /// Takes an event in, and returns the entry of the process that it is about: after an exec the
    /// new image, for a fork the parent. A process that nobody has announced gets an entry that
    /// knows nothing but its pid.
    pub fn apply(&mut self, event: &Event) -> Arc<Entry> {
        let header = &event.header;
        match &event.payload {
            Payload::Fork(fork) => self.fork(header, fork),
            Payload::Exec(exec) if header.marks & FOUND != 0 => self.found(header, exec),
            Payload::Exec(exec) => self.exec(header, exec),
            Payload::Exit(_) => self.exit(header),
            payload => {
                let entry = self.entry(header);
                if header.retval >= 0 {
                    change(&entry, header, payload);
                }
                entry
            }
        }
    }

    /// The entry of a process that has not ended.
    pub fn get(&self, pid: i32) -> Option<&Arc<Entry>> {
        self.entries.get(&pid).filter(|entry| entry.ended().is_none())
    }

    /// The processes that have not ended.
    pub fn living(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.entries.values().filter(|entry| entry.ended().is_none())
    }

    /// Processes that are kept, the recently ended ones included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing has been seen yet.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes in processes that ran before, as /proc shows them now. Those that are known already
    /// keep what they have.
    pub fn scan(&mut self, processes: Vec<groups::Process>) {
        let mut added = Vec::new();
        for process in processes {
            let Ok(pid) = i32::try_from(process.pid) else { continue };
            if pid > 0 && self.get(pid).is_none() {
                let process = self.complete(process, None);
                added.push(self.insert(pid, Process::new(process), None));
            }
        }
        for entry in added {
            let parent = i32::try_from(entry.process().rest().ppid).ok();
            if let Some(parent) = parent.and_then(|parent| self.get(parent)) {
                entry.adopt(parent);
            }
        }
    }

    /// The entry of the process of an event.
    fn entry(&mut self, header: &Header) -> Arc<Entry> {
        if let Some(entry) = self.entries.get(&header.pid)
            && entry.ended().is_none_or(|ended| header.timestamp <= ended.saturating_add(LATE_MAX))
        {
            entry.touch(header.timestamp);
            return entry.clone();
        }
        let process = groups::Process {
            pid: header.pid.into(),
            tid: header.pid.into(),
            created_at: header.timestamp.cast_signed(),
            ..groups::Process::default()
        };
        let entry = Entry::guessed(Process::new(process), &self.census);
        self.keep(header.pid, entry)
    }

    fn fork(&mut self, header: &Header, fork: &events::Fork) -> Arc<Entry> {
        let parent = self.entry(header);
        let Ok(pid) = i32::try_from(fork.child) else { return parent };
        if pid <= 0 || pid == header.pid {
            return parent;
        }
        let mut process = parent.process();
        let is_sibling = fork.flags & CLONE_PARENT != 0;
        let rest = process.rest_mut();
        rest.ppid = if is_sibling { rest.ppid } else { header.pid.into() };
        (rest.pid, rest.tid, rest.nspid) = (fork.child, fork.child, 0);
        (rest.is_thread, rest.is_exec) = (true, false);
        rest.created_at = header.timestamp.cast_signed();
        match self.get(pid).filter(|child| child.is_overtaker(header.timestamp, LATE_MAX)) {
            Some(child) => {
                child.reveal(process);
                child.adopt(&parent);
            }
            None => {
                self.insert(pid, process, Some(&parent));
            }
        }
        parent
    }

    fn exec(&mut self, header: &Header, exec: &events::Exec) -> Arc<Entry> {
        let before = self.get(header.pid).cloned();
        let old = before.as_ref().map(|entry| entry.process());
        let old = old.as_ref().map(Process::rest);
        let mut process = exec.process.clone();
        process.pid = header.pid.into();
        process.tid = header.pid.into();
        process.is_thread = false;
        process.is_exec = true;
        if let Some(old) = old {
            // A tracer that could not look into /proc says nothing about these.
            if exec.process.created_at == 0 {
                inherit(&mut process, old);
            }
            if process.ppid == 0 {
                process.ppid = old.ppid;
            }
        }
        process.created_at = header.timestamp.cast_signed();
        let parent = match before {
            Some(before) => before.parent(),
            // Its fork was not seen: whose child it is now will do.
            None => i32::try_from(process.ppid).ok().and_then(|pid| self.get(pid)).cloned(),
        };
        let process = Process::new(self.complete(process, old));
        self.insert(header.pid, process, parent.as_ref())
    }

    /// A process that ran before. One that is known already keeps what it has.
    fn found(&mut self, header: &Header, exec: &events::Exec) -> Arc<Entry> {
        if let Some(known) = self.get(header.pid)
            && known.process().rest().created_at == exec.process.created_at
        {
            return known.clone();
        }
        let mut process = exec.process.clone();
        (process.pid, process.tid) = (header.pid.into(), header.pid.into());
        let parent = i32::try_from(process.ppid).ok().and_then(|pid| self.get(pid)).cloned();
        let process = Process::new(self.complete(process, None));
        self.insert(header.pid, process, parent.as_ref())
    }

    fn exit(&mut self, header: &Header) -> Arc<Entry> {
        let entry = self.entry(header);
        if entry.end(header.timestamp) {
            self.ended.push_back((header.pid, entry.clone()));
            if self.ended.len() > ENDED_MAX {
                self.forget();
            }
        }
        entry
    }

    /// Containers and control groups get the time when they were first seen.
    fn complete(
        &mut self,
        mut process: groups::Process,
        old: Option<&groups::Process>,
    ) -> groups::Process {
        if let Some(old) = old {
            if process.container.id.is_empty() {
                process.container = old.container.clone();
            }
            if process.cgroup.id == old.cgroup.id {
                process.cgroup.created_at = old.cgroup.created_at;
            }
        }
        if process.cgroup.created_at == 0 && !process.cgroup.id.is_empty() {
            process.cgroup.created_at = process.created_at;
        }
        if process.container.created_at == 0 && !process.container.id.is_empty() {
            if self.containers.len() >= ENDED_MAX {
                self.containers.clear();
            }
            let seen = self.containers.entry(process.container.id.clone());
            process.container.created_at = *seen.or_insert(process.created_at);
        }
        process
    }

    fn insert(&mut self, pid: i32, process: Process, parent: Option<&Arc<Entry>>) -> Arc<Entry> {
        let entry = Entry::new(process, &self.census);
        if let Some(parent) = parent {
            entry.descend(parent);
        }
        self.keep(pid, entry)
    }

    fn keep(&mut self, pid: i32, entry: Entry) -> Arc<Entry> {
        if self.entries.len() >= ENTRIES_MAX && !self.entries.contains_key(&pid) {
            self.make_room();
        }
        let entry = Arc::new(entry);
        self.entries.insert(pid, entry.clone());
        entry
    }

    /// Forgets ended processes; if there are none, those of which nothing was heard for longest, a
    /// sixteenth of all.
    fn make_room(&mut self) {
        while self.entries.len() >= ENTRIES_MAX && !self.ended.is_empty() {
            self.forget();
        }
        if self.entries.len() < ENTRIES_MAX {
            return;
        }
        let mut ages: Vec<(u64, i32)> =
            self.entries.iter().map(|(&pid, entry)| (entry.touched(), pid)).collect();
        let (oldest, ..) = ages.select_nth_unstable(ENTRIES_MAX / 16);
        for (_, pid) in oldest {
            self.entries.remove(pid);
        }
    }

    /// Forgets the process that ended first, unless its pid belongs to another by now.
    fn forget(&mut self) {
        let Some((pid, entry)) = self.ended.pop_front() else { return };
        if self.entries.get(&pid).is_some_and(|now| Arc::ptr_eq(now, &entry)) {
            self.entries.remove(&pid);
        }
        entry.shrink();
    }
}

/// Changes that a successful call makes to the image.
fn change(entry: &Entry, header: &Header, payload: &Payload) {
    match payload {
        Payload::Setuid(event) => entry.change(|process| set_user_ids(process, &event.user_ids)),
        Payload::Setgid(event) => entry.change(|process| set_group_ids(process, &event.group_ids)),
        Payload::Capset(event) => entry.change(|process| {
            process.cap_effective = event.capability_sets.cap_effective;
            process.cap_permitted = event.capability_sets.cap_permitted;
        }),
        Payload::Chdir(event) if !event.file.path.is_empty() => {
            entry.change(|process| process.cwd = event.file.path.clone());
        }
        // Other threads have names of their own.
        Payload::Prctl(event) if event.option == PR_SET_NAME && header.tid == header.pid => {
            entry.change(|process| {
                process.comm = event.new_name.clone();
                process.comm.truncate(COMM_MAX);
            });
        }
        _ => {}
    }
}

/// A process that gives up being root loses its capabilities, and regains the effective ones as
/// root; see "Effect of user ID changes on capabilities" in capabilities(7).
fn set_user_ids(process: &mut groups::Process, ids: &groups::UserIds) {
    let was_root = process.uid == 0 || process.euid == 0;
    match (process.euid, ids.euid) {
        (0, 1..) => process.cap_effective = 0,
        (1.., 0) => process.cap_effective = process.cap_permitted,
        _ => {}
    }
    if was_root && ids.uid != 0 && ids.euid != 0 {
        process.cap_permitted = 0;
    }
    let ids = ids.clone();
    (process.uid, process.user) = (ids.uid, ids.user);
    (process.euid, process.euser) = (ids.euid, ids.euser);
    (process.fsuid, process.fsuser) = (ids.fsuid, ids.fsuser);
}

fn set_group_ids(process: &mut groups::Process, ids: &groups::GroupIds) {
    let ids = ids.clone();
    (process.gid, process.group) = (ids.gid, ids.group);
    (process.egid, process.egroup) = (ids.egid, ids.egroup);
    (process.fsgid, process.fsgroup) = (ids.fsgid, ids.fsgroup);
}

/// What exec does not change, except for set-user-ID programs.
fn inherit(process: &mut groups::Process, old: &groups::Process) {
    let old = old.clone();
    (process.uid, process.user) = (old.uid, old.user);
    (process.gid, process.group) = (old.gid, old.group);
    (process.euid, process.euser) = (old.euid, old.euser);
    (process.egid, process.egroup) = (old.egid, old.egroup);
    (process.fsuid, process.fsuser) = (old.fsuid, old.fsuser);
    (process.fsgid, process.fsgroup) = (old.fsgid, old.fsgroup);
    (process.cap_effective, process.cap_permitted) = (old.cap_effective, old.cap_permitted);
    (process.auid, process.sid, process.nspid) = (old.auid, old.sid, old.nspid);
    (process.netns, process.mntns) = (old.netns, old.mntns);
    (process.cwd, process.tty_name) = (old.cwd, old.tty_name);
    (process.container, process.cgroup) = (old.container, old.cgroup);
}
