//! Records of processes for the events of their life, which an engine tells and no call is.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;

use sentrace_schema::groups;

use crate::engine::Task;
use crate::memory::{self, Memory, TEXT_MAX};
use crate::resolve::Resolver;

/// What was known of each process when it last executed a program or was made; its record when it
/// ends, at which `/proc` tells little. Children share their parent's until then.
#[derive(Debug, Default)]
pub(super) struct Processes(HashMap<i32, Arc<groups::Process>>);

impl Processes {
    /// A process was there before.
    pub(super) fn find(&mut self, task: Task, resolver: &Resolver) {
        let known = snapshot(task.tid, resolver).unwrap_or_else(|| unknown(task));
        self.0.insert(task.tgid, Arc::new(known));
    }

    /// `parent` made the process `child`.
    pub(super) fn fork(&mut self, parent: Task, child: Task, resolver: &Resolver) {
        let known = self.0.get(&parent.tgid).cloned();
        let known = known.or_else(|| snapshot(child.tid, resolver).map(Arc::new));
        if let Some(known) = known {
            self.0.insert(child.tgid, known);
        }
    }

    /// A process executed a program: its record. `None` when it has been killed meanwhile.
    pub(super) fn execute(&mut self, task: Task, resolver: &Resolver) -> Option<groups::Process> {
        let process = snapshot(task.tid, resolver);
        let known = process.clone().unwrap_or_else(|| unknown(task));
        self.0.insert(task.tgid, Arc::new(known));
        process
    }

    /// A process ended: its last record. Who it is comes from `/proc`, which still has the
    /// numbers; what it ran is known from before. `None`: a child that could not become the
    /// application, and never was one of its processes.
    pub(super) fn end(&mut self, tgid: i32, resolver: &Resolver) -> Option<groups::Process> {
        let known = self.0.remove(&tgid)?;
        let mut process = groups::Process::clone(&known);
        process.pid = tgid.into();
        process.tid = tgid.into();
        if let Some(now) = snapshot(tgid, resolver) {
            process.ppid = now.ppid;
            process.nspid = now.nspid;
            process.sid = now.sid;
            process.comm = now.comm;
            process.created_at = now.created_at;
            process.is_thread = now.is_thread;
            process.is_exec = now.is_exec;
        }
        Some(process)
    }
}

/// The path that the program of a task was executed by, as it was given: the kernel's own copy,
/// which the auxiliary vector points to (`AT_EXECFN`, getauxval(3)). The task must not have run
/// since.
pub(super) fn asked_path(tid: i32, memory: &dyn Memory) -> Option<Vec<u8>> {
    let auxv = fs::read(format!("/proc/{tid}/auxv")).ok()?;
    let addr = auxiliary(&auxv, libc::AT_EXECFN)?;
    let path = memory::text(memory, addr, TEXT_MAX);
    path.is_whole().then_some(path.value)
}

/// A process of which nothing but its ids is known.
pub(super) fn unknown(task: Task) -> groups::Process {
    groups::Process { pid: task.tgid.into(), tid: task.tid.into(), ..groups::Process::default() }
}

/// A process as `/proc` shows it now.
fn snapshot(tid: i32, resolver: &Resolver) -> Option<groups::Process> {
    resolver.process(tid).map(groups::Process::from)
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
}
