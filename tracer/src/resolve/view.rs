//! How one task sees the file system.

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::{OFlag, ResolveFlag};

use super::{Resolver, Stat};
use crate::sys::statx;

/// What the kernel appends to the name of a file that no longer has one.
pub(super) const DELETED: &[u8] = b" (deleted)";

/// A task's root, opened for one question.
#[derive(Debug)]
pub(super) struct View {
    /// The task, in our pid namespace.
    pub(super) tid: i32,
    /// Its root directory.
    pub(super) root: Arc<Place>,
    /// The name of that directory as seen from our root; empty for `/`.
    prefix: Vec<u8>,
}

/// A file that a path leads to.
#[derive(Debug)]
pub struct Place {
    /// The file, opened with `O_PATH`.
    pub fd: OwnedFd,
    /// Its attributes.
    pub stat: Stat,
}

impl Resolver {
    /// The view of a task. ESRCH or ENOENT: it is gone; EACCES: we may not look.
    pub(super) fn view(&self, tid: i32) -> Result<View, Errno> {
        if let Some(root) = self.shared_root(tid) {
            return Ok(View { tid, root, prefix: Vec::new() });
        }
        let root = Arc::new(self.place(self.open_link(tid, "root")?)?);
        let mut prefix = self.name(root.fd.as_fd()).unwrap_or_default();
        if prefix == b"/" {
            prefix.clear();
        }
        Ok(View { tid, root, prefix })
    }

    /// Our own root, when the task has the same.
    fn shared_root(&self, tid: i32) -> Option<Arc<Place>> {
        let stat = self.stat_link(&format!("{tid}/root"))?;
        stat.is_same_place(&self.root.stat).then(|| self.root.clone())
    }

    /// Attributes of what a link below /proc stands for, with its mount, which kernels before 5.8
    /// do not tell: None there.
    pub(super) fn stat_link(&self, link: &str) -> Option<Stat> {
        let link = CString::new(link).ok()?;
        let stat = statx::stat_at(self.proc.as_fd(), &link).ok()?;
        (stat.mount_id != 0).then_some(stat)
    }

    /// Adds the attributes to an open file.
    pub(super) fn place(&self, fd: OwnedFd) -> Result<Place, Errno> {
        let stat = self.stat(fd.as_fd())?;
        Ok(Place { fd, stat })
    }

    /// The path of a file as the task sees it. A file that was deleted keeps the name it had.
    /// None when the path is longer than a page, which the kernel does not tell.
    pub(super) fn path(&self, view: &View, place: &Place) -> Option<Vec<u8>> {
        let name = self.name(place.fd.as_fd()).ok()?;
        let inside = view.inside(name, place);
        Some(match inside.strip_suffix(DELETED) {
            Some(former) if !self.is_name_of(view, &inside, place) => former.to_vec(),
            _ => inside,
        })
    }

    /// Whether a lookup of `path` leads to this file: a file may really be called `x (deleted)`.
    fn is_name_of(&self, view: &View, path: &[u8], place: &Place) -> bool {
        if place.stat.links == 0 {
            return false;
        }
        let resolve = ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_SYMLINKS;
        let is_calm = || self.mounts.is_calm(&view.root.stat);
        self.lookup(&view.root.fd, path, OFlag::O_NOFOLLOW, resolve, is_calm)
            .and_then(|fd| self.stat(fd.as_fd()))
            .is_ok_and(|stat| stat.is_same_inode(&place.stat))
    }
}

impl View {
    /// Whether paths of the task are those that we see: its root has no other name than `/`.
    pub(super) fn is_whole(&self) -> bool {
        self.prefix.is_empty()
    }

    /// Turns a name as seen from our root into one as seen from the task's root. A file outside
    /// of that root keeps its whole name, as getcwd(2) and /proc/self/fd do it.
    fn inside(&self, name: Vec<u8>, place: &Place) -> Vec<u8> {
        if self.prefix.is_empty() {
            return name;
        }
        match name.strip_prefix(self.prefix.as_slice()) {
            Some(rest) if rest.first() == Some(&b'/') => rest.to_vec(),
            _ if place.stat.is_same_place(&self.root.stat) => b"/".to_vec(),
            _ => name,
        }
    }
}
