//! What `/proc` tells about processes that are no tracees.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

/// Some fields of `/proc/PID/stat` (proc_pid_stat(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) state: u8,
    pub(crate) parent: i32,
    pub(crate) is_kernel_thread: bool,
}

/// A thread of the kernel (`PF_KTHREAD`, linux/sched.h).
const KERNEL_THREAD: u32 = 0x20_0000;

/// A process; `None`: it is gone.
pub(crate) fn stat(pid: i32) -> Option<Stat> {
    parse(&fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// The name in parentheses may hold anything, so fields count from its end.
fn parse(text: &[u8]) -> Option<Stat> {
    let end = text.iter().rposition(|byte| *byte == b')')?;
    let mut fields = str::from_utf8(&text[end + 1..]).ok()?.split_whitespace();
    let state = *fields.next()?.as_bytes().first()?;
    let parent = fields.next()?.parse().ok()?;
    let flags: u32 = fields.nth(4)?.parse().ok()?;
    Some(Stat { state, parent, is_kernel_thread: flags & KERNEL_THREAD != 0 })
}

/// A field of `/proc/PID/status` (proc_pid_status(5)); `None`: it is gone.
pub(crate) fn status(pid: i32, field: &str) -> Option<String> {
    let status = fs::read(format!("/proc/{pid}/status")).ok()?;
    let status = String::from_utf8_lossy(&status);
    let mut lines = status.lines();
    let value = lines.find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    Some(value.trim().to_owned())
}

/// The kernel's name of a process.
pub(crate) fn name(pid: i32) -> Vec<u8> {
    let mut name = fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.pop_if(|byte| *byte == b'\n');
    name
}

/// The thread that traces a task, in our PID namespace; 0: none.
pub(crate) fn tracer(tid: i32) -> Option<i32> {
    status(tid, "TracerPid")?.parse().ok()
}

/// Whether the calling thread traces a task, or it is gone.
pub(crate) fn is_ours(tid: i32) -> bool {
    tracer(tid).is_none_or(|tracer| tracer == nix::unistd::gettid().as_raw())
}

/// All processes.
pub(crate) fn all() -> impl Iterator<Item = i32> {
    numbers("/proc")
}

/// The threads of a process.
pub(crate) fn threads(pid: i32) -> impl Iterator<Item = i32> {
    numbers(format!("/proc/{pid}/task"))
}

fn numbers(directory: impl AsRef<Path>) -> impl Iterator<Item = i32> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The descendants of processes.
pub(crate) fn descendants(of: &HashSet<i32>) -> Vec<i32> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for pid in all() {
        if let Some(stat) = stat(pid) {
            children.entry(stat.parent).or_default().push(pid);
        }
    }
    let mut found = Vec::new();
    let mut parents: Vec<i32> = of.iter().copied().collect();
    while let Some(parent) = parents.pop() {
        for child in children.remove(&parent).unwrap_or_default() {
            found.push(child);
            parents.push(child);
        }
    }
    found
}

/// The processes that a process descends from, its parent first.
pub(crate) fn ancestors(pid: i32) -> Vec<i32> {
    let mut ancestors = Vec::new();
    let mut at = pid;
    while let Some(parent) = stat(at).map(|stat| stat.parent).filter(|parent| *parent > 0) {
        // Parents that end meanwhile may lead in circles.
        if ancestors.contains(&parent) {
            break;
        }
        ancestors.push(parent);
        at = parent;
    }
    ancestors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_file_with_a_hostile_name() {
        let kernel = Stat { state: b'S', parent: 2, is_kernel_thread: true };
        let text = b"9 (x) R 1 1) S 2 0 0 0 -1 2129984 0 0";
        assert_eq!(parse(text), Some(kernel));
        for cut in 0..text.len() {
            parse(&text[..cut]);
        }
    }

    #[test]
    fn we_descend_from_our_ancestors() {
        let own = std::process::id() as i32;
        for ancestor in ancestors(own) {
            assert!(descendants(&HashSet::from([ancestor])).contains(&own), "{ancestor}");
        }
        assert!(!descendants(&HashSet::from([own])).contains(&own));
        assert!(threads(own).any(|tid| tid == own));
        assert_eq!(tracer(own).map(|tracer| tracer >= 0), Some(true));
        assert_eq!((stat(-1), tracer(-1)), (None, None));
    }
}
