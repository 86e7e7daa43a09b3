//! /proc/TID/status, and which ids a task has on another procfs; see proc_pid_status(5).

use std::os::fd::AsFd;

use super::view::Place;
use super::{Resolver, read};

/// Bytes of a status file that are read: about 1.5 KiB, plus what supplementary groups need
/// (65,536 of up to 11 bytes each), which come before the fields we look for.
const STATUS_MAX: u64 = 1 << 20;

/// The fields of /proc/TID/status that we need. A missing field has its zero value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) tgid: i32,
    pub(super) ppid: i32,
    /// Real, effective, saved, file system.
    pub(super) uids: [u32; 4],
    /// Real, effective, saved, file system.
    pub(super) gids: [u32; 4],
    pub(super) cap_permitted: u64,
    pub(super) cap_effective: u64,
    /// Thread group id in each pid namespace, from ours inwards (Linux 4.1).
    pub(super) ns_tgid: Vec<i32>,
    /// Thread id, likewise.
    pub(super) ns_tid: Vec<i32>,
}

impl Status {
    /// The kernel escapes newlines in the task's name, so a name cannot pretend to be a field.
    fn parse(text: &[u8]) -> Self {
        let mut status = Self::default();
        for line in text.split(|&byte| byte == b'\n') {
            let Some(colon) = line.iter().position(|&byte| byte == b':') else { continue };
            let value = String::from_utf8_lossy(&line[colon + 1..]);
            let value = value.trim();
            match &line[..colon] {
                b"Tgid" => status.tgid = value.parse().unwrap_or_default(),
                b"PPid" => status.ppid = value.parse().unwrap_or_default(),
                b"Uid" => status.uids = four(value),
                b"Gid" => status.gids = four(value),
                b"CapPrm" => status.cap_permitted = hex(value),
                b"CapEff" => status.cap_effective = hex(value),
                b"NStgid" => status.ns_tgid = list(value),
                b"NSpid" => status.ns_tid = list(value),
                _ => {}
            }
        }
        status
    }
}

impl Resolver {
    /// Reads the status of a task. None: it is gone.
    pub(super) fn status(&self, tid: i32) -> Option<Status> {
        self.read_proc(tid, "status", STATUS_MAX).map(|text| Status::parse(&text))
    }

    /// The thread group id and thread id of a task in the pid namespace of a procfs, given the
    /// root directory of that procfs. None: the task is not in that namespace, or the kernel is
    /// older than 4.1 and the procfs is not ours.
    pub(super) fn ids_on(&self, tid: i32, procfs: &Place) -> Option<(i32, i32)> {
        let status = self.status(tid)?;
        let ours = self.stat(self.proc.as_fd()).ok()?;
        if procfs.stat.device == ours.device {
            return Some((status.tgid, tid));
        }
        // Same innermost pid namespace and same id in it: the same task.
        let namespace = self.read_link(&self.proc, format!("{tid}/ns/pid").as_bytes()).ok()?;
        let ids = status.ns_tgid.iter().zip(&status.ns_tid).rev();
        ids.map(|(&tgid, &tid)| (tgid, tid)).find(|(tgid, tid)| {
            let task = format!("{tgid}/task/{tid}");
            let link = self.read_link(&procfs.fd, format!("{task}/ns/pid").as_bytes());
            link.is_ok_and(|link| link == namespace)
                && self.last_id(procfs, &task) == status.ns_tid.last().copied()
        })
    }

    /// The id of a task of another procfs in its innermost namespace.
    fn last_id(&self, procfs: &Place, task: &str) -> Option<i32> {
        let path = format!("{task}/status");
        let flags = nix::fcntl::OFlag::O_RDONLY | nix::fcntl::OFlag::O_CLOEXEC;
        let mode = nix::sys::stat::Mode::empty();
        let file = nix::fcntl::openat(&procfs.fd, path.as_str(), flags, mode).ok()?;
        let text = read(file.into(), STATUS_MAX).ok()?;
        Status::parse(&text).ns_tid.last().copied()
    }
}

fn list(value: &str) -> Vec<i32> {
    value.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

fn four(value: &str) -> [u32; 4] {
    let mut ids = [0; 4];
    for (id, text) in ids.iter_mut().zip(value.split_whitespace()) {
        *id = text.parse().unwrap_or_default();
    }
    ids
}

fn hex(value: &str) -> u64 {
    u64::from_str_radix(value, 16).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_status() {
        let text = b"Name:\tx\\nUid:\t1\nTgid:\t12\nPPid:\t1\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\n\
            NStgid:\t12\t2\nNSpid:\t13\t3\nCapPrm:\t000001ffffffffff\nCapEff:\t0000000000000001\n\
            broken\nCapBnd:\tzz\n";
        let expect = Status {
            tgid: 12,
            ppid: 1,
            uids: [1, 2, 3, 4],
            gids: [5, 6, 7, 8],
            cap_permitted: 0x1ff_ffff_ffff,
            cap_effective: 1,
            ns_tgid: vec![12, 2],
            ns_tid: vec![13, 3],
        };
        assert_eq!(Status::parse(text), expect);
        assert_eq!(Status::parse(b"Uid:\t-1\tx\n\xff\xff:\nTgid:\n"), Status::default());
    }
}
