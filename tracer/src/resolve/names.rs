//! Names of users and groups, from /etc/passwd and /etc/group in the task's root; see passwd(5)
//! and group(5).
//!
//! The files belong to the task, so nothing in them is trusted: only regular files are read, up to
//! a limit, and a file that says nothing useful gives no names.

use std::collections::HashMap;
use std::os::fd::AsFd;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::view::{Place, View};
use super::{Follow, Kind, Resolver, Start, Stat, read};

/// Bytes of a passwd or group file that are read.
const FILE_MAX: u64 = 1 << 20;
/// Bytes of a name that are kept.
const NAME_MAX: usize = 256;
/// Roots whose names are remembered.
const ROOTS_MAX: usize = 64;
/// How long names are used before the file is looked at again.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// Which names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Names {
    /// /etc/passwd
    Users,
    /// /etc/group
    Groups,
}

/// The names seen so far, by root directory (device, inode, mount) and kind.
#[derive(Debug, Default)]
pub(super) struct NameCache(Mutex<HashMap<(u64, u64, u64, Names), Table>>);

/// One file's names.
#[derive(Debug)]
struct Table {
    checked: Instant,
    /// The file they are from; None when there was none to read.
    file: Option<Stat>,
    names: HashMap<u32, Vec<u8>>,
}

impl Resolver {
    /// Name of a user id in the task's /etc/passwd; empty when it has none.
    pub fn user(&self, tid: i32, uid: u32) -> Vec<u8> {
        self.view(tid).map(|view| self.name_in(&view, Names::Users, uid)).unwrap_or_default()
    }

    /// Name of a group id in the task's /etc/group; empty when it has none.
    pub fn group(&self, tid: i32, gid: u32) -> Vec<u8> {
        self.view(tid).map(|view| self.name_in(&view, Names::Groups, gid)).unwrap_or_default()
    }

    pub(super) fn name_in(&self, view: &View, names: Names, id: u32) -> Vec<u8> {
        let root = &view.root.stat;
        let key = (root.device, root.inode, root.mount_id, names);
        let mut cache = self.names.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let is_fresh =
            cache.get(&key).is_some_and(|table| now.duration_since(table.checked) < CHECK_EVERY);
        if !is_fresh {
            let known = cache.remove(&key);
            if cache.len() >= ROOTS_MAX {
                cache.clear();
            }
            cache.insert(key, self.load(view, names, known, now));
        }
        cache.get(&key).and_then(|table| table.names.get(&id)).cloned().unwrap_or_default()
    }

    /// The names as they are now; those already `known` when the file is the same.
    fn load(&self, view: &View, names: Names, known: Option<Table>, checked: Instant) -> Table {
        let path: &[u8] = match names {
            Names::Users => b"/etc/passwd",
            Names::Groups => b"/etc/group",
        };
        let found = self.resolve_in(view, Start::Cwd, path, Follow::Last).found.ok();
        let found = found.filter(|found| self.is_readable(view, found));
        let file = found.as_ref().map(|found| found.stat);
        match (known, found) {
            (Some(known), _) if known.file == file => Table { checked, ..known },
            (_, Some(found)) => {
                let text = self.reopen(&found).ok().and_then(|file| read(file, FILE_MAX).ok());
                Table { checked, file, names: parse(&text.unwrap_or_default()) }
            }
            (_, None) => Table { checked, file, names: HashMap::new() },
        }
    }

    /// Whether reading the file cannot wait for anybody.
    pub(super) fn is_readable(&self, view: &View, found: &Place) -> bool {
        found.stat.is(libc::S_IFREG)
            && self
                .mount(view.tid, found.fd.as_fd(), &found.stat)
                .is_some_and(|mount| mount.kind == Kind::Ordinary)
    }
}

/// Id to name of lines `name:password:id:…`, which both files have in common. The first of two
/// equal ids counts. Comments and the `+` and `-` entries of NIS have no names.
fn parse(text: &[u8]) -> HashMap<u32, Vec<u8>> {
    let mut names = HashMap::new();
    for line in text.split(|&byte| byte == b'\n') {
        let mut fields = line.split(|&byte| byte == b':');
        let (Some(name), Some(id)) = (fields.next(), fields.nth(1)) else { continue };
        let Some(id) = std::str::from_utf8(id).ok().and_then(|id| id.parse().ok()) else {
            continue;
        };
        if !matches!(name.first(), None | Some(b'#' | b'+' | b'-')) && name.len() <= NAME_MAX {
            names.entry(id).or_insert_with(|| name.to_vec());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn lines() {
        let check = |text: &str, expect: &[(u32, &str)]| {
            let mut names: Vec<_> = parse(text.as_bytes()).into_iter().collect();
            names.sort();
            let expect: Vec<_> = expect.iter().map(|&(id, name)| (id, name.into())).collect();
            assert_eq!(names, expect, "{text}");
        };
        check("root:x:0:0:root:/root:/bin/sh\n", &[(0, "root")]);
        check("staff:*:50:\nadm:x:4:syslog,me", &[(4, "adm"), (50, "staff")]);
        check("a:x:1:\nb:x:1:\n", &[(1, "a")]);
        check("a:x:-1:\nb:x:4294967296:\nc:x:4294967295:\nd:x::\n", &[(u32::MAX, "c")]);
        check("\n:\n::\n:::\n:x:3:\na\na:b\n# x:x:1:\n+:x:1:\n-x:x:1:\n", &[]);
        check(
            &format!("{}:x:1:\n{}:x:1:\n", "n".repeat(300), "m".repeat(256)),
            &[(1, &"m".repeat(256))],
        );
    }
}
