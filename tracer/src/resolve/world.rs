//! The resolver's answers as records.

use std::os::fd::AsFd;

use sentrace_schema::groups;

use super::{CgroupFacts, End, FileFacts, Follow, Id, ProcessFacts, Resolver, Start};
use crate::engine::Task;
use crate::sys::namespace;
use crate::world::World;

/// Bytes of a path that are kept (`PATH_MAX`).
const PATH_MAX: usize = 4096;
/// Entries of /proc that are searched for a pid of another namespace, where the kernel does not
/// translate it.
const SEARCH_MAX: usize = 4096;
/// Bytes of /proc/PID/fdinfo/FD that are read; what tells a process comes first.
const FDINFO_MAX: u64 = 4096;

impl World for Resolver {
    fn file_at(&self, task: Task, at: Option<i32>, path: &[u8], follow: Follow) -> groups::File {
        Resolver::file_at(self, task.tid, at.map_or(Start::Cwd, Start::Fd), path, follow).into()
    }

    fn file_of_fd(&self, task: Task, fd: i32) -> groups::File {
        Resolver::file_of_fd(self, task.tid, fd).into()
    }

    fn process(&self, task: Task, pid: i32) -> groups::Process {
        let unknown = groups::Process { pid: pid.into(), ..groups::Process::default() };
        self.pid_seen_by(task.tid, pid)
            .and_then(|pid| Resolver::process(self, pid))
            .map_or(unknown, groups::Process::from)
    }

    fn caller(&self, task: Task) -> groups::Process {
        let unknown = || groups::Process {
            pid: task.tgid.into(),
            tid: task.tid.into(),
            ..groups::Process::default()
        };
        Resolver::process(self, task.tid).map_or_else(unknown, groups::Process::from)
    }

    fn process_of_pidfd(&self, task: Task, fd: i32) -> groups::Process {
        let pid = self.pid_of_pidfd(task.tid, fd);
        let process = pid.and_then(|pid| Resolver::process(self, pid));
        process.map(groups::Process::from).unwrap_or_default()
    }

    fn user_ids(&self, task: Task) -> groups::UserIds {
        let Some(ids) = self.credentials(task.tid) else { return groups::UserIds::default() };
        groups::UserIds {
            uid: ids.user.number.into(),
            user: ids.user.name,
            euid: ids.euser.number.into(),
            euser: ids.euser.name,
            fsuid: ids.fsuser.number.into(),
            fsuser: ids.fsuser.name,
        }
    }

    fn group_ids(&self, task: Task) -> groups::GroupIds {
        let Some(ids) = self.credentials(task.tid) else { return groups::GroupIds::default() };
        groups::GroupIds {
            gid: ids.group.number.into(),
            group: ids.group.name,
            egid: ids.egroup.number.into(),
            egroup: ids.egroup.name,
            fsgid: ids.fsgroup.number.into(),
            fsgroup: ids.fsgroup.name,
        }
    }

    fn user(&self, task: Task, uid: i64) -> Vec<u8> {
        u32::try_from(uid).map(|uid| Resolver::user(self, task.tid, uid)).unwrap_or_default()
    }

    fn group(&self, task: Task, gid: i64) -> Vec<u8> {
        u32::try_from(gid).map(|gid| Resolver::group(self, task.tid, gid)).unwrap_or_default()
    }

    fn socket_of_fd(&self, task: Task, fd: i32) -> groups::Socket {
        let facts = Resolver::socket_of_fd(self, task.tid, fd).unwrap_or_default();
        groups::Socket {
            socket_family: facts.domain.into(),
            socket_type: facts.kind.into(),
            socket_protocol: facts.protocol.into(),
        }
    }

    fn peer_of_fd(&self, task: Task, fd: i32) -> Vec<u8> {
        self.address_of_fd(task.tid, fd, End::Peer).unwrap_or_default()
    }

    fn protection(&self, task: Task, addr: u64) -> i64 {
        Resolver::protection(self, task.tid, addr).unwrap_or_default().into()
    }
}

impl Resolver {
    /// The pid in our namespace of the process or thread that a task calls `pid`. None: there is
    /// none, or the number stands for several.
    pub fn pid_seen_by(&self, tid: i32, pid: i32) -> Option<i32> {
        if pid <= 0 {
            return None;
        }
        let levels = self.status(tid)?.ns_tid.len();
        if levels <= 1 {
            return Some(pid);
        }
        let namespace = self.open_proc(tid, "ns/pid").ok()?;
        match namespace::tgid_from(namespace.as_fd(), pid) {
            Ok(pid) => Some(pid),
            Err(nix::errno::Errno::ENOTTY) => self.search(tid, levels, pid),
            Err(_) => None,
        }
    }

    /// The process in our namespace that a pidfd of a task stands for. None: it has ended, or the
    /// descriptor is no pidfd.
    pub fn pid_of_pidfd(&self, tid: i32, fd: i32) -> Option<i32> {
        let text = self.read_proc(tid, &format!("fdinfo/{fd}"), FDINFO_MAX)?;
        let text = String::from_utf8(text).ok()?;
        let pid = text.lines().find_map(|line| line.strip_prefix("Pid:")?.trim().parse().ok())?;
        Some(pid).filter(|pid| *pid > 0)
    }

    /// Looks through /proc for a process that has `pid` in the namespace of a task, which is the
    /// `levels`th from ours.
    fn search(&self, tid: i32, levels: usize, pid: i32) -> Option<i32> {
        let namespace = self.namespace(tid, "pid");
        let entries = std::fs::read_dir("/proc").ok()?.flatten().take(SEARCH_MAX);
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        pids.into_iter().find(|&other| {
            let status = self.status(other).unwrap_or_default();
            let is_named = status.ns_tgid.get(levels - 1) == Some(&pid);
            // Its own namespace may lie deeper; then the numbers of two siblings may be equal, and
            // only one of the same depth is certain.
            is_named && status.ns_tgid.len() == levels && self.namespace(other, "pid") == namespace
        })
    }
}

impl From<FileFacts> for groups::File {
    fn from(mut facts: FileFacts) -> Self {
        facts.path.truncate(PATH_MAX);
        Self {
            path: facts.path,
            uid: facts.uid.into(),
            user: facts.user,
            gid: facts.gid.into(),
            group: facts.group,
            mode: facts.mode.into(),
            inode: facts.inode.cast_signed(),
            change_time: facts.change_time,
            modification_time: facts.modification_time,
            mount_id: facts.mount_id.cast_signed(),
            filesystem: facts.filesystem,
        }
    }
}

impl From<ProcessFacts> for groups::Process {
    fn from(facts: ProcessFacts) -> Self {
        let mut argv = facts.argv.into_iter();
        let ids = facts.credentials;
        let split = |id: Id| (i64::from(id.number), id.name);
        let ((uid, user), (gid, group)) = (split(ids.user), split(ids.group));
        let ((euid, euser), (egid, egroup)) = (split(ids.euser), split(ids.egroup));
        let ((fsuid, fsuser), (fsgid, fsgroup)) = (split(ids.fsuser), split(ids.fsgroup));
        let container = facts.cgroup.container.clone();
        Self {
            pid: facts.pid.into(),
            tid: facts.tid.into(),
            ppid: facts.ppid.into(),
            nspid: facts.nspid.into(),
            comm: facts.comm,
            argv0: argv.next().unwrap_or_default(),
            argv: argv.collect(),
            args_truncated: facts.args_truncated,
            envp: facts.envp,
            envs_truncated: facts.envs_truncated,
            file: facts.file.into(),
            interpreter_file: facts.interpreter.unwrap_or_default().into(),
            cwd: facts.cwd,
            tty_name: facts.tty_name.into_bytes(),
            uid,
            user,
            gid,
            group,
            euid,
            euser,
            egid,
            egroup,
            fsuid,
            fsuser,
            fsgid,
            fsgroup,
            cap_effective: ids.cap_effective.cast_signed(),
            cap_permitted: ids.cap_permitted.cast_signed(),
            auid: facts.auid.into(),
            created_at: facts.created_at,
            is_thread: facts.is_thread,
            is_exec: !facts.is_thread && !facts.is_kworker,
            is_kworker: facts.is_kworker,
            sid: facts.sid.into(),
            netns: facts.netns.cast_signed(),
            mntns: facts.mntns.cast_signed(),
            container: groups::Container { id: container, ..groups::Container::default() },
            cgroup: facts.cgroup.into(),
            symlinks: Vec::new(),
        }
    }
}

impl From<CgroupFacts> for groups::Cgroup {
    fn from(facts: CgroupFacts) -> Self {
        Self {
            id: facts.id,
            version: facts.version.into(),
            created_at: 0,
            file_inode: facts.inode.cast_signed(),
            file_mount_id: facts.mount_id.cast_signed(),
            manager: facts.manager.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    use super::*;

    /// Kernels that translate pids and those that do not give the same answer.
    #[test]
    fn search_finds_what_the_kernel_says() {
        let mut command = Command::new("unshare");
        command.args(["--pid", "--fork", "--kill-child", "sh", "-c", "sleep 100 & echo $!; wait"]);
        let mut unshare = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(unshare.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let children = format!("/proc/{0}/task/{0}/children", unshare.id());
        let shell = std::fs::read_to_string(children).unwrap();
        // Not permitted here when nothing was printed.
        if let (Ok(shell), Ok(inner)) = (shell.trim().parse(), line.trim().parse()) {
            let resolver = Resolver::new().unwrap();
            for pid in [1, inner, inner + 1000] {
                let told = resolver.pid_seen_by(shell, pid);
                assert_eq!(resolver.search(shell, 2, pid), told, "{pid}");
            }
        }
        unshare.kill().unwrap();
        unshare.wait().unwrap();
    }
}
