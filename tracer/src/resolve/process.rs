//! What /proc tells about a process.

use std::sync::Arc;

use super::cgroup::CgroupFacts;
use super::status::Status;
use super::view::View;
use super::{FileFacts, Names, Resolved, Resolver};

/// Bytes of an argument vector or environment that are kept, without the terminating NULs.
const VECTOR_MAX: usize = 128 << 10;
/// Entries of such a vector that are kept.
const ENTRIES_MAX: usize = 1024;
/// Bytes of other files, which hold a number or a name.
const SMALL_MAX: u64 = 4096;
/// A login user id that was never set.
const UNSET: u32 = u32::MAX;

/// A process, as far as /proc tells. What is not to be known is zero or empty: the executable of a
/// kernel thread, everything but names and numbers of a zombie, or of a process that we may not
/// trace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProcessFacts {
    /// Thread group id in the tracer's pid namespace.
    pub pid: i32,
    /// Thread id, likewise.
    pub tid: i32,
    /// Parent, likewise; 0 when it is outside of that namespace.
    pub ppid: i32,
    /// Thread group id in the innermost pid namespace.
    pub nspid: i32,
    /// Session id.
    pub sid: i32,
    /// The kernel's name of the thread.
    pub comm: Vec<u8>,
    /// Arguments, the first included, as the process shows them now.
    pub argv: Vec<Vec<u8>>,
    /// Whether arguments are missing or cut.
    pub args_truncated: bool,
    /// Environment at the time of exec.
    pub envp: Vec<Vec<u8>>,
    /// Whether variables are missing or cut.
    pub envs_truncated: bool,
    /// The executable, or the script that it interprets.
    pub file: FileFacts,
    /// The executable of a process that interprets a script.
    pub interpreter: Option<FileFacts>,
    /// Working directory.
    pub cwd: Vec<u8>,
    /// Controlling terminal: `pts3`, `tty1`, …
    pub tty_name: String,
    /// Who it is.
    pub credentials: Credentials,
    /// Login user id; `u32::MAX` when unset or unknown.
    pub auid: u32,
    /// When the process was made, in ns since the epoch, in steps of 10 ms.
    pub created_at: i64,
    /// Whether it runs the image that it was forked with.
    pub is_thread: bool,
    /// Whether it is a kernel thread.
    pub is_kworker: bool,
    /// Inode of the network namespace.
    pub netns: u64,
    /// Inode of the mount namespace.
    pub mntns: u64,
    /// Control group and container.
    pub cgroup: CgroupFacts,
}

/// The ids and capabilities of a task, as the tracer's user namespace sees them, with the names
/// that the task's root gives to the ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// Real user.
    pub user: Id,
    /// Real group.
    pub group: Id,
    /// Effective user.
    pub euser: Id,
    /// Effective group.
    pub egroup: Id,
    /// User for file access.
    pub fsuser: Id,
    /// Group for file access.
    pub fsgroup: Id,
    /// Effective capabilities, one bit each.
    pub cap_effective: u64,
    /// Permitted capabilities, one bit each.
    pub cap_permitted: u64,
}

/// A user or group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Id {
    /// Number.
    pub number: u32,
    /// Name; may be empty.
    pub name: Vec<u8>,
}

impl Resolver {
    /// A snapshot of a task. None: there is no such task. For a task that is not stopped the parts
    /// are of slightly different moments, but of one process.
    pub fn process(&self, tid: i32) -> Option<ProcessFacts> {
        let status = self.status(tid)?;
        let stat = self.proc_stat(tid)?;
        // A zombie has none.
        let view = self.view(tid).ok();
        let facts = ProcessFacts {
            pid: status.tgid,
            tid,
            ppid: status.ppid,
            nspid: status.ns_tgid.last().copied().unwrap_or(status.tgid),
            sid: stat.sid,
            comm: self.comm(tid),
            tty_name: stat.tty_name.clone(),
            credentials: self.credentials_in(view.as_ref(), &status),
            auid: self.auid(tid),
            created_at: self.booted.saturating_add(stat.started),
            is_thread: stat.is_thread,
            is_kworker: stat.is_kernel_thread,
            netns: self.namespace(tid, "net"),
            mntns: self.namespace(tid, "mnt"),
            cgroup: self.cgroup(tid),
            ..self.image(tid, view.as_ref())
        };
        match self.proc_stat(tid) {
            Some(again) if again.started != stat.started => None,
            _ => Some(facts),
        }
    }

    /// What exec sets and the process may change: arguments, environment, files.
    fn image(&self, tid: i32, view: Option<&View>) -> ProcessFacts {
        let (argv, args_truncated) = self.vector(tid, "cmdline");
        let (envp, envs_truncated) = self.vector(tid, "environ");
        let mut facts =
            ProcessFacts { argv, args_truncated, envp, envs_truncated, ..ProcessFacts::default() };
        let Some(view) = view else { return facts };
        facts.cwd = self.link(view, "cwd").map(|resolved| resolved.path).unwrap_or_default();
        facts.file = self.exe_in(view);
        if let Some(script) = self.script(view, &facts.file, &facts.argv) {
            facts.interpreter = Some(std::mem::replace(&mut facts.file, script));
        }
        facts
    }

    /// The program that a task runs: for a script, its interpreter.
    pub fn exe(&self, tid: i32) -> FileFacts {
        self.view(tid).map(|view| self.exe_in(&view)).unwrap_or_default()
    }

    fn exe_in(&self, view: &View) -> FileFacts {
        let exe = self.link(view, "exe");
        exe.map(|resolved| self.facts(view, resolved)).unwrap_or_default()
    }

    /// The kernel's name of a thread, at most 15 bytes (63 for kernel threads).
    pub fn comm(&self, tid: i32) -> Vec<u8> {
        let mut comm = self.read_proc(tid, "comm", SMALL_MAX).unwrap_or_default();
        comm.pop_if(|byte| *byte == b'\n');
        comm
    }

    /// Where one of the links of /proc/TID leads.
    fn link(&self, view: &View, name: &str) -> Option<Resolved> {
        let place = self.place(self.open_link(view.tid, name).ok()?).ok()?;
        let path = self.path(view, &place).unwrap_or_default();
        Some(Resolved { path, found: Ok(Arc::new(place)) })
    }

    /// The ids and capabilities of a task, and nothing else of it. None: there is no such task.
    pub fn credentials(&self, tid: i32) -> Option<Credentials> {
        let status = self.status(tid)?;
        Some(self.credentials_in(self.view(tid).ok().as_ref(), &status))
    }

    fn credentials_in(&self, view: Option<&View>, status: &Status) -> Credentials {
        let id = |names: Names, number: u32| Id {
            number,
            name: view.map(|view| self.name_in(view, names, number)).unwrap_or_default(),
        };
        let [uid, euid, _, fsuid] = status.uids;
        let [gid, egid, _, fsgid] = status.gids;
        Credentials {
            user: id(Names::Users, uid),
            group: id(Names::Groups, gid),
            euser: id(Names::Users, euid),
            egroup: id(Names::Groups, egid),
            fsuser: id(Names::Users, fsuid),
            fsgroup: id(Names::Groups, fsgid),
            cap_effective: status.cap_effective,
            cap_permitted: status.cap_permitted,
        }
    }

    fn auid(&self, tid: i32) -> u32 {
        let text = self.read_proc(tid, "loginuid", SMALL_MAX).unwrap_or_default();
        std::str::from_utf8(&text).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(UNSET)
    }

    /// The inode in a link such as `net:[4026531840]`.
    pub(super) fn namespace(&self, tid: i32, kind: &str) -> u64 {
        let link = self.read_link(&self.proc, format!("{tid}/ns/{kind}").as_bytes());
        let link = String::from_utf8(link.unwrap_or_default()).unwrap_or_default();
        let inode = link.split(['[', ']']).nth(1);
        inode.and_then(|inode| inode.parse().ok()).unwrap_or_default()
    }

    fn vector(&self, tid: i32, name: &str) -> (Vec<Vec<u8>>, bool) {
        let limit = VECTOR_MAX + ENTRIES_MAX + 1;
        split(&self.read_proc(tid, name, limit as u64).unwrap_or_default())
    }
}

/// Splits strings that end in NUL each, and tells whether something had to be left out. The last
/// one may lack its NUL when the process has written over its arguments.
fn split(text: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let mut left = VECTOR_MAX;
    let mut entries = Vec::new();
    let text = text.strip_suffix(b"\0").unwrap_or(text);
    if text.is_empty() {
        return (entries, false);
    }
    for entry in text.split(|&byte| byte == 0) {
        if entries.len() == ENTRIES_MAX || entry.len() > left {
            if entries.len() < ENTRIES_MAX && left > 0 {
                entries.push(entry[..left].to_vec());
            }
            return (entries, true);
        }
        left -= entry.len();
        entries.push(entry.to_vec());
    }
    (entries, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors() {
        let check = |text: &str, expect: &[&str]| {
            let expect: Vec<Vec<u8>> = expect.iter().map(|&entry| entry.into()).collect();
            assert_eq!(split(text.as_bytes()), (expect, false), "{text:?}");
        };
        check("", &[]);
        check("a\0", &["a"]);
        check("a\0b c\0", &["a", "b c"]);
        check("a\0\0\0", &["a", "", ""]);
        check("title without end", &["title without end"]);
        let cut = |text: String, count: usize, last: usize, truncated: bool| {
            let (entries, is_cut) = split(text.as_bytes());
            let got = (entries.len(), entries.last().map_or(0, Vec::len), is_cut);
            assert_eq!(got, (count, last, truncated));
        };
        cut("a\0".repeat(1024), 1024, 1, false);
        cut("a\0".repeat(1025), 1024, 1, true);
        cut("a".repeat(128 << 10), 1, 128 << 10, false);
        cut("a".repeat((128 << 10) + 1), 1, 128 << 10, true);
        cut(format!("{}\0b\0", "a".repeat((128 << 10) - 1)), 2, 1, false);
        cut(format!("{}\0bb\0", "a".repeat((128 << 10) - 1)), 2, 1, true);
        cut(format!("{}\0bb\0", "a".repeat(128 << 10)), 1, 128 << 10, true);
    }
}
