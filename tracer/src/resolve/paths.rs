//! Resolves a path as the kernel would for a given task.
//!
//! One openat2(2) answers most questions. It is confined to the task's root (absolute paths) or to
//! its starting directory (relative ones); whatever it cannot answer, because of magic links, a
//! `..` or a symlink that leaves the directory, or a cold cache where FUSE is mounted, is walked
//! component by component (`walk`).

use std::os::fd::AsFd;
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::{OFlag, ResolveFlag};

use super::view::{Place, View};
use super::{Kind, Resolver};

/// Where a relative path starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The working directory (`AT_FDCWD`).
    Cwd,
    /// An open file of the task.
    Fd(i32),
}

/// Whether a symlink in the last place is followed. A trailing slash makes that happen anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// As stat(2), open(2).
    Last,
    /// As lstat(2), unlink(2), `O_NOFOLLOW`.
    Never,
}

/// Where a path leads.
#[derive(Debug)]
pub struct Resolved {
    /// Absolute path within the task's root. When something is missing on the way, the rest is
    /// appended as it was given, without `.` and `..`. Files without a path have a name such as
    /// `pipe:[1]`; a path stays relative when nobody can tell where it starts (the start is no
    /// open file, or has a path longer than a page).
    pub path: Vec<u8>,
    /// The file, or why there is none.
    pub found: Result<Arc<Place>, Miss>,
}

/// Why a path leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Miss {
    /// The kernel says so: ENOENT, ENOTDIR, ELOOP, …
    Kernel(Errno),
    /// We could not look: no permission, the task is gone, or a FUSE process would have to answer.
    Unseen,
}

impl Resolver {
    /// Resolves `path` as the task would. An empty path means the start itself
    /// (`AT_EMPTY_PATH`).
    pub fn resolve(&self, tid: i32, start: Start, path: &[u8], follow: Follow) -> Resolved {
        match self.view(tid) {
            Ok(view) => self.resolve_in(&view, start, path, follow),
            Err(_) => Resolved::unseen(path),
        }
    }

    /// The file behind a descriptor of the task.
    pub fn resolve_fd(&self, tid: i32, fd: i32) -> Resolved {
        self.resolve(tid, Start::Fd(fd), b"", Follow::Never)
    }

    pub(super) fn resolve_in(
        &self,
        view: &View,
        start: Start,
        path: &[u8],
        follow: Follow,
    ) -> Resolved {
        let begin = match start {
            _ if path.first() == Some(&b'/') => Ok(view.root.clone()),
            Start::Cwd => {
                self.open_link(view.tid, "cwd").and_then(|fd| self.place(fd)).map(Arc::new)
            }
            Start::Fd(number) => self.open_descriptor(view.tid, number).map(Arc::new),
        };
        match begin {
            Ok(begin) if path.is_empty() => self.found(view, &begin, path),
            Ok(begin) => self
                .quickly(view, &begin, path, follow)
                .unwrap_or_else(|| self.walk(view, begin, path, follow)),
            Err(Errno::EBADF) => Resolved::missed(path, Miss::Kernel(Errno::EBADF)),
            Err(_) => Resolved::unseen(path),
        }
    }

    fn open_descriptor(&self, tid: i32, number: i32) -> Result<Place, Errno> {
        match self.open_link(tid, &format!("fd/{number}")) {
            Ok(fd) => self.place(fd),
            Err(Errno::ENOENT) => Err(Errno::EBADF),
            Err(errno) => Err(errno),
        }
    }

    /// Resolves with one openat2(2), or two when the last component does not exist. None: walk.
    fn quickly(
        &self,
        view: &View,
        begin: &Arc<Place>,
        path: &[u8],
        follow: Follow,
    ) -> Option<Resolved> {
        let nofollow = match follow {
            Follow::Last => OFlag::empty(),
            Follow::Never => OFlag::O_NOFOLLOW,
        };
        let scope = match path.first() {
            Some(b'/') => ResolveFlag::RESOLVE_IN_ROOT,
            _ => ResolveFlag::RESOLVE_BENEATH,
        };
        let is_calm = || self.mounts.is_calm(&begin.stat);
        match self.lookup(&begin.fd, path, nofollow, scope, is_calm) {
            Ok(fd) => {
                let place = Arc::new(self.place(fd).ok()?);
                self.is_same_for_all(view, &place).then(|| self.found(view, &place, path))
            }
            Err(Errno::ENOENT) => {
                let end = path.iter().rposition(|&byte| byte != b'/')? + 1;
                let cut = path[..end].iter().rposition(|&byte| byte == b'/').map_or(0, |at| at + 1);
                let (parent, last) = (&path[..cut], &path[cut..end]);
                if matches!(last, b"." | b"..") {
                    return None;
                }
                let parent = match parent {
                    b"" => begin.clone(),
                    _ => {
                        let fd = self.lookup(&begin.fd, parent, OFlag::empty(), scope, is_calm);
                        Arc::new(self.place(fd.ok()?).ok()?)
                    }
                };
                // What exists after all is a symlink that leads nowhere, or came just now.
                let scope = ResolveFlag::RESOLVE_BENEATH;
                let answer = self.lookup(&parent.fd, last, OFlag::O_NOFOLLOW, scope, is_calm);
                if answer.err() != Some(Errno::ENOENT) || !self.is_same_for_all(view, &parent) {
                    return None;
                }
                let path = join(&self.path(view, &parent)?, last);
                Some(Resolved { path, found: Err(Miss::Kernel(Errno::ENOENT)) })
            }
            Err(_) => None,
        }
    }

    /// Whether a lookup that we did means the same to the task: on procfs it may have gone
    /// through our own `self`.
    fn is_same_for_all(&self, view: &View, place: &Place) -> bool {
        self.mount(view.tid, place.fd.as_fd(), &place.stat)
            .is_some_and(|mount| mount.kind != Kind::Proc)
    }

    /// A file that was found. `asked` makes the path when the kernel does not tell one.
    pub(super) fn found(&self, view: &View, place: &Arc<Place>, asked: &[u8]) -> Resolved {
        let path = self.path(view, place).unwrap_or_else(|| as_asked(asked));
        Resolved { path, found: Ok(place.clone()) }
    }
}

impl Resolved {
    /// A path that was not looked at.
    pub(super) fn unseen(asked: &[u8]) -> Self {
        Self::missed(asked, Miss::Unseen)
    }

    /// A path that could not be turned into one of the task's root.
    pub(super) fn missed(asked: &[u8], miss: Miss) -> Self {
        Self { path: as_asked(asked), found: Err(miss) }
    }
}

/// The path of a question that nobody can answer.
fn as_asked(path: &[u8]) -> Vec<u8> {
    join(if path.first() == Some(&b'/') { b"/" } else { b"" }, path)
}

/// Appends components to a path, textually: `.` disappears and `..` takes one component back, but
/// not the root.
pub(super) fn join(base: &[u8], rest: &[u8]) -> Vec<u8> {
    let mut path = base.to_vec();
    let is_absolute = base.first() == Some(&b'/');
    for name in rest.split(|&byte| byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." if is_absolute => {
                let cut = path.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
                path.truncate(cut.max(1));
            }
            _ => {
                if !path.is_empty() && path.last() != Some(&b'/') {
                    path.push(b'/');
                }
                path.extend_from_slice(name);
            }
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn joins_text() {
        let check = |base: &str, rest: &str, expect: &str| {
            let got = join(base.as_bytes(), rest.as_bytes());
            assert_eq!(String::from_utf8_lossy(&got), expect, "{base} + {rest}");
        };
        check("/", "", "/");
        check("/", "a", "/a");
        check("/a", "b/c", "/a/b/c");
        check("/a", "b//./c/", "/a/b/c");
        check("/a", "b/../c", "/a/c");
        check("/a", "../c", "/c");
        check("/a", "../../../c", "/c");
        check("/", "..", "/");
        check("", "a/b", "a/b");
        check("", "../a", "../a");
        check("", "", "");
    }
}
