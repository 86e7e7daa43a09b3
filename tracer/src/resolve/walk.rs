//! Resolves a path component by component, with the kernel's rules; see path_resolution(7).

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::{OFlag, ResolveFlag, openat};
use nix::sys::stat::Mode;

use super::paths::join;
use super::view::{Place, View};
use super::{Follow, Kind, Miss, Resolved, Resolver};

/// Symlinks that the kernel follows in one path (`MAXSYMLINKS`, linux/namei.h).
const LINKS_MAX: u32 = 40;
/// Inode of the root directory of a procfs (`PROC_ROOT_INO`, linux/proc_ns.h).
const PROC_ROOT_INODE: u64 = 1;

impl Resolver {
    /// Resolves `path` from `begin`, which is the root for absolute paths.
    pub(super) fn walk(
        &self,
        view: &View,
        begin: Arc<Place>,
        path: &[u8],
        follow: Follow,
    ) -> Resolved {
        let rest = Rest::new(path);
        let follow = if path.last() == Some(&b'/') { Follow::Last } else { follow };
        let kind = self.kind(view, &begin);
        let mut walk = Walk { resolver: self, view, here: begin, kind, rest, follow, links: 0 };
        match walk.run() {
            Ok(()) => self.found(view, &walk.here, path),
            Err((miss, name)) => {
                let Some(base) = self.path(view, &walk.here) else {
                    return Resolved::missed(path, miss);
                };
                let path = join(&join(&base, &name), &walk.rest.text());
                Resolved { path, found: Err(miss) }
            }
        }
    }

    /// None: no table of mounts knows it.
    pub(super) fn kind(&self, view: &View, place: &Place) -> Option<Kind> {
        self.mount(view.tid, place.fd.as_fd(), &place.stat).map(|mount| mount.kind)
    }
}

/// Why a walk ended early, and the component that could not be passed.
type Stop = (Miss, Vec<u8>);

struct Walk<'a> {
    resolver: &'a Resolver,
    view: &'a View,
    here: Arc<Place>,
    kind: Option<Kind>,
    rest: Rest,
    follow: Follow,
    links: u32,
}

impl Walk<'_> {
    fn run(&mut self) -> Result<(), Stop> {
        while let Some(name) = self.rest.next() {
            match name.as_slice() {
                b"." => self.require_directory(&name)?,
                b".." => self.ascend(&name)?,
                _ => self.descend(&name)?,
            }
        }
        if self.rest.wants_directory { self.require_directory(b"") } else { Ok(()) }
    }

    fn require_directory(&self, name: &[u8]) -> Result<(), Stop> {
        if self.here.stat.is(libc::S_IFDIR) { Ok(()) } else { Err(stop(Errno::ENOTDIR, name)) }
    }

    fn ascend(&mut self, name: &[u8]) -> Result<(), Stop> {
        self.require_directory(name)?;
        if self.here.stat.is_same_place(&self.view.root.stat) {
            return Ok(());
        }
        let flags = OFlag::O_PATH | OFlag::O_CLOEXEC | OFlag::O_DIRECTORY;
        let above = openat(&self.here.fd, "..", flags, Mode::empty());
        self.enter(above, name)
    }

    fn descend(&mut self, name: &[u8]) -> Result<(), Stop> {
        self.require_directory(name)?;
        let next = self.open(name).map_err(|miss| (miss, name.to_vec()))?;
        let next = self.resolver.place(next).map_err(|errno| stop(errno, name))?;
        if !next.stat.is(libc::S_IFLNK) || (self.rest.is_empty() && self.follow == Follow::Never) {
            self.arrive(Arc::new(next));
            return Ok(());
        }
        if self.links == LINKS_MAX {
            return Err(stop(Errno::ELOOP, name));
        }
        self.links += 1;
        match self.kind {
            Some(Kind::Proc) => self.follow_on_proc(&next, name),
            Some(Kind::Ordinary) => self.follow_text(&next, name),
            Some(Kind::Fuse) | None => Err((Miss::Unseen, name.to_vec())),
        }
    }

    /// Opens an entry of the current directory without following it.
    fn open(&self, name: &[u8]) -> Result<OwnedFd, Miss> {
        let flags = OFlag::O_NOFOLLOW;
        if matches!(self.kind, Some(Kind::Ordinary | Kind::Proc)) {
            let flags = flags | OFlag::O_PATH | OFlag::O_CLOEXEC;
            return openat(&self.here.fd, name, flags, Mode::empty()).map_err(miss);
        }
        let scope = ResolveFlag::RESOLVE_BENEATH;
        self.resolver.lookup(&self.here.fd, name, flags, scope, || false).map_err(miss)
    }

    fn follow_text(&mut self, link: &Place, name: &[u8]) -> Result<(), Stop> {
        match self.resolver.read_link(&link.fd, b"") {
            Ok(target) => self.push(target, name),
            Err(_) => Err((Miss::Unseen, name.to_vec())),
        }
    }

    /// `self` and `thread-self` depend on who looks; the other links of the root directory are
    /// text (`mounts`, `net`), those deeper down lead to objects (`exe`, `cwd`, `fd/N`, …).
    fn follow_on_proc(&mut self, link: &Place, name: &[u8]) -> Result<(), Stop> {
        if self.here.stat.inode == PROC_ROOT_INODE {
            return match (name, self.resolver.ids_on(self.view.tid, &self.here)) {
                (b"self", Some((tgid, _))) => self.push(tgid.to_string().into_bytes(), name),
                (b"thread-self", Some((tgid, tid))) => {
                    self.push(format!("{tgid}/task/{tid}").into_bytes(), name)
                }
                // The task does not exist in that pid namespace.
                (b"self" | b"thread-self", None) => Err(stop(Errno::ENOENT, name)),
                _ => self.follow_text(link, name),
            };
        }
        let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
        let object = openat(&self.here.fd, name, flags, Mode::empty());
        self.enter(object, name)
    }

    fn push(&mut self, target: Vec<u8>, name: &[u8]) -> Result<(), Stop> {
        match target.first() {
            None => return Err(stop(Errno::ENOENT, name)),
            Some(b'/') => {
                self.arrive(self.view.root.clone());
            }
            Some(_) => {}
        }
        self.rest.push(target);
        Ok(())
    }

    fn enter(&mut self, fd: Result<OwnedFd, Errno>, name: &[u8]) -> Result<(), Stop> {
        let place = fd.and_then(|fd| self.resolver.place(fd)).map_err(|errno| stop(errno, name))?;
        self.arrive(Arc::new(place));
        Ok(())
    }

    fn arrive(&mut self, place: Arc<Place>) {
        if place.stat.mount_id != self.here.stat.mount_id || place.stat.mount_id == 0 {
            self.kind = self.resolver.kind(self.view, &place);
        }
        self.here = place;
    }
}

fn stop(errno: Errno, name: &[u8]) -> Stop {
    (miss(errno), name.to_vec())
}

/// Other errors are about us: missing permissions, too many open files, a dead server.
fn miss(errno: Errno) -> Miss {
    match errno {
        Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP | Errno::ENAMETOOLONG => Miss::Kernel(errno),
        _ => Miss::Unseen,
    }
}

/// What is left of a path: the bodies of the symlinks being followed, the innermost last.
struct Rest {
    bodies: Vec<(Vec<u8>, usize)>,
    /// A slash followed the last component, of the path or of a symlink in the last place.
    wants_directory: bool,
}

impl Rest {
    fn new(path: &[u8]) -> Self {
        Self { bodies: vec![(path.to_vec(), 0)], wants_directory: false }
    }

    fn push(&mut self, body: Vec<u8>) {
        self.bodies.push((body, 0));
    }

    /// Takes the next component.
    fn next(&mut self) -> Option<Vec<u8>> {
        while let Some((body, at)) = self.bodies.last_mut() {
            let Some(start) = body[*at..].iter().position(|&byte| byte != b'/') else {
                self.bodies.pop();
                continue;
            };
            let start = *at + start;
            let length = body[start..].iter().position(|&byte| byte == b'/');
            *at = length.map_or(body.len(), |length| start + length);
            let name = body[start..*at].to_vec();
            if self.is_empty() {
                self.wants_directory |= self.bodies.iter().any(|(body, at)| *at < body.len());
            }
            return Some(name);
        }
        None
    }

    /// Whether no component is left.
    fn is_empty(&self) -> bool {
        self.bodies.iter().all(|(body, at)| body[*at..].iter().all(|&byte| byte == b'/'))
    }

    /// What is left, in the order it would be walked.
    fn text(&self) -> Vec<u8> {
        let parts: Vec<&[u8]> = self.bodies.iter().rev().map(|(body, at)| &body[*at..]).collect();
        parts.join(&b'/')
    }
}
