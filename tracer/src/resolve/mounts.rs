//! What kind of file system a mount holds.
//!
//! Two things depend on it besides the `filesystem` field: symlinks on procfs mean another thing
//! to the task than to us, and a lookup on FUSE waits for a process that may itself be one of the
//! stopped tasks.
//!
//! Mount ids and device numbers are reused, so an answer is kept only while it must be true: the
//! table of our own mount namespace until the kernel reports a change of it, others by the mount's
//! unique id (Linux 6.8 and later).

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, PoisonError};

use crate::sys::poll::is_exceptional;
use crate::sys::statx::{Stat, unique_mount_id};

/// Bytes of a mountinfo file that are read: a mount namespace holds at most 100,000 mounts
/// (fs.mount-max), of about 200 bytes each.
const MOUNTINFO_MAX: u64 = 64 << 20;
/// Mounts of other namespaces that are remembered.
const FOREIGN_MAX: usize = 4096;

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    /// Type of the file system, such as `ext4` or `fuse.sshfs`.
    pub(super) fstype: Arc<[u8]>,
    /// What that means for lookups.
    pub(super) kind: Kind,
}

/// What a lookup on a file system may meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing special.
    Ordinary,
    /// procfs: symlinks that depend on who follows them.
    Proc,
    /// A process that answers when it likes, or never.
    Fuse,
}

/// The mounts seen so far.
#[derive(Debug)]
pub(super) struct Mounts {
    own: Mutex<Own>,
    foreign: Mutex<HashMap<u64, Mount>>,
    /// The file system of our own root: we run from it, so it answers without our help.
    trusted: u64,
}

/// The table of our own mount namespace.
#[derive(Debug, Default)]
struct Own {
    file: Option<File>,
    by_id: HashMap<u64, Mount>,
    by_device: HashMap<u64, Mount>,
    has_fuse: bool,
}

impl Mounts {
    /// `own` is our own mountinfo; `root` describes our own root directory.
    pub(super) fn new(own: Option<File>, root: &Stat) -> Self {
        let mounts = Self {
            own: Mutex::new(Own { file: own, ..Own::default() }),
            foreign: Mutex::default(),
            trusted: root.device,
        };
        mounts.own.lock().unwrap_or_else(PoisonError::into_inner).read(mounts.trusted);
        mounts
    }

    /// The mount of an open file. `mountinfo` opens the table of the task's namespace; it is asked
    /// when ours does not hold the mount. None when neither does: a detached mount, a pipe, …
    pub(super) fn of(
        &self,
        fd: BorrowedFd<'_>,
        stat: &Stat,
        mountinfo: impl FnOnce() -> Option<File>,
    ) -> Option<Mount> {
        if let Some(mount) = self.fresh().of(stat) {
            return Some(mount.clone());
        }
        let unique = unique_mount_id(fd);
        let mut foreign = self.foreign.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mount) = unique.and_then(|id| foreign.get(&id)) {
            return Some(mount.clone());
        }
        let mut found = None;
        read(mountinfo()?, self.trusted, |id, device, mount| {
            if id == stat.mount_id || (found.is_none() && device == stat.device) {
                found = Some(mount);
            }
        });
        if let (Some(id), Some(mount)) = (unique, &found) {
            if foreign.len() >= FOREIGN_MAX {
                foreign.clear();
            }
            foreign.insert(id, mount.clone());
        }
        found
    }

    /// The mount of this id in our own namespace.
    pub(super) fn own(&self, stat: &Stat) -> Option<Mount> {
        self.fresh().by_id.get(&stat.mount_id).cloned()
    }

    /// Whether no lookup from a place on this mount can meet FUSE.
    pub(super) fn is_calm(&self, stat: &Stat) -> bool {
        let own = self.fresh();
        !own.has_fuse && own.by_id.contains_key(&stat.mount_id)
    }

    fn fresh(&self) -> std::sync::MutexGuard<'_, Own> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if own.file.as_ref().is_some_and(|file| is_exceptional(file.as_fd())) {
            own.read(self.trusted);
        }
        own
    }
}

impl Own {
    fn read(&mut self, trusted: u64) {
        self.by_id.clear();
        self.by_device.clear();
        self.has_fuse = false;
        let Some(mut file) = self.file.as_ref().and_then(|file| file.try_clone().ok()) else {
            return;
        };
        if file.rewind().is_ok() {
            read(file, trusted, |id, device, mount| {
                self.has_fuse |= mount.kind == Kind::Fuse;
                self.by_device.insert(device, mount.clone());
                self.by_id.insert(id, mount);
            });
        }
    }

    /// By mount, else by device: a detached mount shows a file system that is mounted elsewhere.
    fn of(&self, stat: &Stat) -> Option<&Mount> {
        self.by_id.get(&stat.mount_id).or_else(|| self.by_device.get(&stat.device))
    }
}

/// Calls `each` with id, device and mount for every line of a mountinfo file that can be read.
fn read(file: impl Read, trusted: u64, mut each: impl FnMut(u64, u64, Mount)) {
    let mut reader = BufReader::with_capacity(64 << 10, file.take(MOUNTINFO_MAX));
    let mut types: HashMap<Vec<u8>, Arc<[u8]>> = HashMap::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        if !matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
            return;
        }
        let Some((id, device, fstype)) = parse(&line) else { continue };
        let kind = match fstype {
            _ if trusted == device => Kind::Ordinary,
            b"fuse" | b"fuseblk" => Kind::Fuse,
            _ if fstype.starts_with(b"fuse.") => Kind::Fuse,
            b"proc" => Kind::Proc,
            _ => Kind::Ordinary,
        };
        let fstype = types.entry(fstype.to_vec()).or_insert_with(|| fstype.into()).clone();
        each(id, device, Mount { fstype, kind });
    }
}

/// Id, device and type of a line `36 35 98:0 /root /point options [tag]… - type source options`;
/// see proc_pid_mountinfo(5). Blanks within a field are escaped by the kernel.
fn parse(line: &[u8]) -> Option<(u64, u64, &[u8])> {
    let mut fields = line.split(|&byte| byte == b' ');
    let id = number(fields.next()?)?;
    let device = fields.nth(1)?;
    let colon = device.iter().position(|&byte| byte == b':')?;
    let device = number(&device[..colon])? << 32 | number(&device[colon + 1..])?;
    fields.find(|&field| field == b"-")?;
    Some((id, device, fields.next()?))
}

fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_mountinfo() {
        let check = |line: &str, expect: Option<(u64, u64, &str)>| {
            let expect = expect.map(|(id, device, fstype)| (id, device, fstype.as_bytes()));
            assert_eq!(parse(line.as_bytes()), expect, "{line}");
        };
        check("36 35 98:0 /a /b rw - ext3 /dev/root rw\n", Some((36, 98 << 32, "ext3")));
        check("7 1 0:23 / / rw shared:1 master:2 - tmpfs none rw\n", Some((7, 23, "tmpfs")));
        check("7 1 0:23 / /a\\040-\\040b rw - fuse.x s rw\n", Some((7, 23, "fuse.x")));
        check("7 1 0:23 / / rw\n", None);
        check("x 1 0:23 / / rw - tmpfs none rw\n", None);
        check("7 1 0 / / rw - tmpfs none rw\n", None);
        check("", None);
    }

    #[test]
    fn kinds() {
        let lines = "1 0 8:1 / / rw - fuse.overlay x rw\n\
                     2 1 0:5 / /proc rw - proc proc rw\n\
                     3 1 0:6 / /f rw - fuse x rw\n\
                     4 1 0:7 / /c rw - fusectl x rw\n\
                     broken\n\
                     5 1 0:8 / /s rw - fuse.sshfs x rw";
        let mut kinds = Vec::new();
        read(lines.as_bytes(), 8 << 32 | 1, |id, _, mount| kinds.push((id, mount.kind)));
        let expect = [
            (1, Kind::Ordinary),
            (2, Kind::Proc),
            (3, Kind::Fuse),
            (4, Kind::Ordinary),
            (5, Kind::Fuse),
        ];
        assert_eq!(kinds, expect);
    }
}
