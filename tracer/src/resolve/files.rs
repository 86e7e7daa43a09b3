//! Facts about a file, as events report them.

use std::os::fd::AsFd;

use super::view::{DELETED, View};
use super::{Follow, Miss, Mount, Names, Resolved, Resolver, Start, Stat};

/// A file as events report it. All fields but the path are zero or empty for a file that does not
/// exist, or that could not be looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileFacts {
    /// Absolute path in the task's root, symlinks resolved; see [`Resolved::path`].
    pub path: Vec<u8>,
    /// Owner, as the tracer's user namespace sees it.
    pub uid: u32,
    /// Name of the owner in the task's /etc/passwd; may be empty.
    pub user: Vec<u8>,
    /// Group, as the tracer's user namespace sees it.
    pub gid: u32,
    /// Name of the group in the task's /etc/group; may be empty.
    pub group: Vec<u8>,
    /// Type and permission bits.
    pub mode: u32,
    /// Inode number.
    pub inode: u64,
    /// Last change of the inode, in ns since the epoch.
    pub change_time: i64,
    /// Last change of the content, in ns since the epoch.
    pub modification_time: i64,
    /// Mount, as in /proc/PID/mountinfo.
    pub mount_id: u64,
    /// Type of the file system; empty for files that are on no mount.
    pub filesystem: Vec<u8>,
    /// Why there is no file.
    pub miss: Option<Miss>,
}

impl Resolver {
    /// The file that a path means to the task; see [`Resolver::resolve`].
    pub fn file_at(&self, tid: i32, start: Start, path: &[u8], follow: Follow) -> FileFacts {
        match self.view(tid) {
            Ok(view) => self.facts(&view, self.resolve_in(&view, start, path, follow)),
            Err(_) => nothing(Resolved::unseen(path)),
        }
    }

    /// The file behind a descriptor of the task.
    pub fn file_of_fd(&self, tid: i32, fd: i32) -> FileFacts {
        match self.view(tid) {
            Ok(view) => self.file_of_link(&view, &format!("{tid}/fd/{fd}")).unwrap_or_else(|| {
                self.facts(&view, self.resolve_in(&view, Start::Fd(fd), b"", Follow::Never))
            }),
            Err(_) => nothing(Resolved::unseen(b"")),
        }
    }

    /// The file that a link of /proc stands for, without opening it: attributes and path, one
    /// after the other. None: it is no ordinary case.
    fn file_of_link(&self, view: &View, link: &str) -> Option<FileFacts> {
        let stat = self.stat_link(link)?;
        let path = self.read_link(&self.proc, link.as_bytes()).ok()?;
        let is_plain = view.is_whole() && path.first() == Some(&b'/') && !path.ends_with(DELETED);
        let mount = self.mounts.own(&stat).filter(|_| is_plain)?;
        Some(self.attributes(view, path, &stat, Some(mount)))
    }

    /// Adds the attributes to where a path led.
    pub(super) fn facts(&self, view: &View, resolved: Resolved) -> FileFacts {
        let Resolved { path, found: Ok(place) } = resolved else {
            return nothing(resolved);
        };
        let stat = &place.stat;
        // Pipes, sockets and the like have a mount inside the kernel.
        let is_mounted = path.first() == Some(&b'/');
        let mount = is_mounted.then(|| self.mount(view.tid, place.fd.as_fd(), stat)).flatten();
        self.attributes(view, path, stat, mount)
    }

    fn attributes(
        &self,
        view: &View,
        path: Vec<u8>,
        stat: &Stat,
        mount: Option<Mount>,
    ) -> FileFacts {
        FileFacts {
            path,
            uid: stat.uid,
            user: self.name_in(view, Names::Users, stat.uid),
            gid: stat.gid,
            group: self.name_in(view, Names::Groups, stat.gid),
            mode: stat.mode,
            inode: stat.inode,
            change_time: stat.change_time,
            modification_time: stat.modification_time,
            mount_id: stat.mount_id,
            filesystem: mount.map(|mount| mount.fstype.to_vec()).unwrap_or_default(),
            miss: None,
        }
    }
}

fn nothing(resolved: Resolved) -> FileFacts {
    FileFacts { path: resolved.path, miss: resolved.found.err(), ..FileFacts::default() }
}
