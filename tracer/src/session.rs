//! Turns what an engine tells into events.
//!
//! The life cycle of processes is reported from `/proc` while they are stopped. Calls are let run
//! on: decoding them is not joined here yet.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use sentrace_schema::wire::{Event, Header, NO_SYSCALL, UNREADABLE};
use sentrace_schema::{Payload, events, groups};

use crate::engine::{Call, Ended, Fork, Observer, Task, Want};
use crate::memory::Memory;
use crate::resolve::Resolver;

/// Takes events. It is called while the task concerned is stopped, so it must not wait.
pub trait Sink {
    /// Something happened.
    fn event(&mut self, event: Event);
}

/// Values of the set `exit_cause`.
mod cause {
    pub(super) const EXITED: i64 = 0;
    pub(super) const COREDUMPED: i64 = 1;
    pub(super) const SIGNALED: i64 = 2;
}

/// Longest path that is kept (`PATH_MAX`).
const PATH_MAX: usize = 4096;

/// An observer that reports events to a sink.
pub struct Session<'s> {
    resolver: Resolver,
    sink: &'s mut dyn Sink,
    /// Number of the last event.
    sequence: u64,
    /// What was known of each process when it last executed a program or was made; its record
    /// when it ends, at which `/proc` tells little. Children share their parent's until then.
    processes: HashMap<i32, Arc<groups::Process>>,
}

impl<'s> Session<'s> {
    /// Reports to `sink`, with what `resolver` finds out. Events are numbered from 1.
    pub fn new(resolver: Resolver, sink: &'s mut dyn Sink) -> Self {
        Self { resolver, sink, sequence: 0, processes: HashMap::new() }
    }

    /// Reports a fact of the life cycle.
    fn report(&mut self, task: Task, marks: u32, payload: Payload) {
        self.sequence += 1;
        let header = Header {
            sequence: self.sequence,
            timestamp: now(),
            pid: task.tgid,
            tid: task.tid,
            marks,
            nr: NO_SYSCALL,
            ..Header::default()
        };
        self.sink.event(Event { header, payload });
    }

    /// A process as `/proc` shows it now.
    fn snapshot(&self, tid: i32) -> Option<groups::Process> {
        self.resolver.process(tid).map(groups::Process::from)
    }

    /// The record of a process that has ended: who it is comes from `/proc`, which still has the
    /// numbers; what it ran comes from `known`.
    fn last_record(&self, tgid: i32, known: &groups::Process) -> groups::Process {
        let mut process = known.clone();
        process.pid = tgid.into();
        process.tid = tgid.into();
        if let Some(now) = self.snapshot(tgid) {
            process.ppid = now.ppid;
            process.nspid = now.nspid;
            process.sid = now.sid;
            process.comm = now.comm;
            process.created_at = now.created_at;
            process.is_thread = now.is_thread;
            process.is_exec = now.is_exec;
        }
        process
    }
}

impl Observer for Session<'_> {
    fn entry(&mut self, _: Task, _: &Call, _: &dyn Memory) -> Want {
        Want::Nothing
    }

    fn fork(&mut self, parent: Task, child: Task, how: Fork) {
        let known = self.processes.get(&parent.tgid).cloned();
        let known = known.or_else(|| self.snapshot(child.tid).map(Arc::new));
        if let Some(known) = known {
            self.processes.insert(child.tgid, known);
        }
        let flags = match how {
            Fork::Fork => libc::SIGCHLD,
            Fork::Vfork => libc::CLONE_VFORK | libc::CLONE_VM | libc::SIGCHLD,
            Fork::Clone => 0,
        };
        let fork = events::Fork { child: child.tgid.into(), flags: flags.into() };
        self.report(parent, 0, Payload::Fork(fork.into()));
    }

    fn exec(&mut self, task: Task, _: i32, memory: &dyn Memory) {
        let (pid, tid) = (task.tgid.into(), task.tid.into());
        let unknown = || groups::Process { pid, tid, ..groups::Process::default() };
        let snapshot = self.snapshot(task.tid);
        let path = asked_path(task.tid, memory);
        // It has been killed meanwhile, or may not be looked at.
        let marks = if snapshot.is_none() || path.is_none() { UNREADABLE } else { 0 };
        let process = snapshot.unwrap_or_else(unknown);
        self.processes.insert(task.tgid, Arc::new(process.clone()));
        let syscall_path = path.unwrap_or_default();
        self.report(task, marks, Payload::Exec(events::Exec { process, syscall_path }.into()));
    }

    fn exited(&mut self, task: Task, how: Ended) {
        // A child that could not become the application was never one of its processes.
        let Some(known) = self.processes.remove(&task.tgid) else { return };
        let process = self.last_record(task.tgid, &known);
        let (cause, code) = match how {
            Ended::Exited { status } => (cause::EXITED, status),
            Ended::Unknown => (cause::EXITED, 0),
            Ended::Signaled { signal, core_dumped: true } => (cause::COREDUMPED, signal),
            Ended::Signaled { signal, core_dumped: false } => (cause::SIGNALED, signal),
        };
        let exit = events::Exit { process, cause, code: code.into() };
        let marks = if how == Ended::Unknown { UNREADABLE } else { 0 };
        self.report(task, marks, Payload::Exit(exit.into()));
    }
}

/// The path that the program of a task was executed by, as it was given: the kernel's own copy,
/// which the auxiliary vector points to (`AT_EXECFN`, getauxval(3)). The task must not have run
/// since.
fn asked_path(tid: i32, memory: &dyn Memory) -> Option<Vec<u8>> {
    let auxv = fs::read(format!("/proc/{tid}/auxv")).ok()?;
    let addr = auxiliary(&auxv, libc::AT_EXECFN)?;
    let mut path = vec![0; PATH_MAX];
    let read = memory.read(addr, &mut path);
    let end = path[..read].iter().position(|byte| *byte == 0)?;
    path.truncate(end);
    Some(path)
}

/// The value of an entry of an auxiliary vector, of a 64-bit or a 32-bit program: pairs of words,
/// the last with the key 0. Keys are small, so that a pair of a 32-bit program is no key.
fn auxiliary(auxv: &[u8], key: u64) -> Option<u64> {
    let is_wide = auxv.chunks_exact(16).all(|pair| word(&pair[..8]) < Some(1 << 16));
    let size = if is_wide { 8 } else { 4 };
    let pair = auxv.chunks_exact(2 * size).find(|pair| word(&pair[..size]) == Some(key))?;
    word(&pair[size..])
}

/// A word of 8 or 4 bytes.
fn word(bytes: &[u8]) -> Option<u64> {
    let narrow = || bytes.try_into().map(u32::from_ne_bytes).map(u64::from);
    bytes.try_into().map(u64::from_ne_bytes).or_else(|_| narrow()).ok()
}

/// Nanoseconds since the epoch.
fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auxiliary_vectors_of_both_widths() {
        let wide = [33_u64, 0x7fff_0000, 31, 0x7ffe_1234, 0, 0].map(u64::to_ne_bytes).concat();
        assert_eq!(auxiliary(&wide, libc::AT_EXECFN), Some(0x7ffe_1234));
        assert_eq!(auxiliary(&wide, libc::AT_SECURE), None);
        let narrow = [33_u32, 0xf7f0_0000, 31, 0xffff_dfea, 0, 0].map(u32::to_ne_bytes).concat();
        assert_eq!(auxiliary(&narrow, libc::AT_EXECFN), Some(0xffff_dfea));
        for cut in 0..wide.len() {
            auxiliary(&wide[..cut], libc::AT_EXECFN);
        }
    }

    #[test]
    fn causes_are_those_of_the_rules() {
        use sentrace_schema::constant;
        let causes = [("EXITED", cause::EXITED), ("COREDUMPED", cause::COREDUMPED)];
        for (name, value) in causes.into_iter().chain([("SIGNALED", cause::SIGNALED)]) {
            assert!(constant(name, 0).is_none_or(|constant| constant == value), "{name}");
        }
    }
}
