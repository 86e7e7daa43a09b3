//! A world that a test describes, and that says what it was asked.

use std::cell::RefCell;

use sentrace_schema::groups;

use super::{Follow, World};
use crate::engine::Task;

/// The caller of every test.
pub(crate) const CALLER: Task = Task { tid: 101, tgid: 100 };

/// Files are named by the question: the file at `name` below descriptor 3 has the path
/// `3:name`, `3:name!` if a last symlink is not followed; that of a descriptor is `fd:3`.
#[derive(Debug, Default)]
pub(crate) struct FakeWorld {
    /// Paths that do not exist (yet), as they are asked for.
    pub(crate) missing: RefCell<Vec<Vec<u8>>>,
    /// What sockets were made as.
    pub(crate) socket: groups::Socket,
    /// The address of every peer.
    pub(crate) peer: Vec<u8>,
}

impl World for FakeWorld {
    fn file_at(&self, _: Task, at: Option<i32>, path: &[u8], follow: Follow) -> groups::File {
        let at = at.map_or("cwd".into(), |fd| fd.to_string());
        let mark: &[u8] = if follow == Follow::Never { b"!" } else { b"" };
        let inode = i64::from(!self.missing.borrow().iter().any(|missing| missing == path));
        let path = [at.as_bytes(), b":", path, mark].concat();
        groups::File { path, inode, ..groups::File::default() }
    }

    fn file_of_fd(&self, _: Task, fd: i32) -> groups::File {
        groups::File { path: format!("fd:{fd}").into(), inode: 1, ..groups::File::default() }
    }

    fn process(&self, _: Task, pid: i32) -> groups::Process {
        groups::Process { pid: pid.into(), comm: b"other".into(), ..groups::Process::default() }
    }

    fn caller(&self, task: Task) -> groups::Process {
        groups::Process { pid: task.tgid.into(), comm: b"me".into(), ..groups::Process::default() }
    }

    fn process_of_pidfd(&self, _: Task, fd: i32) -> groups::Process {
        groups::Process { pid: 1000 + i64::from(fd), ..groups::Process::default() }
    }

    fn user_ids(&self, _: Task) -> groups::UserIds {
        groups::UserIds { uid: 1, euid: 2, fsuid: 3, ..groups::UserIds::default() }
    }

    fn group_ids(&self, _: Task) -> groups::GroupIds {
        groups::GroupIds { gid: 1, egid: 2, fsgid: 3, ..groups::GroupIds::default() }
    }

    fn user(&self, _: Task, uid: i64) -> Vec<u8> {
        format!("user{uid}").into()
    }

    fn group(&self, _: Task, gid: i64) -> Vec<u8> {
        format!("group{gid}").into()
    }

    fn socket_of_fd(&self, _: Task, _: i32) -> groups::Socket {
        self.socket.clone()
    }

    fn peer_of_fd(&self, _: Task, _: i32) -> Vec<u8> {
        self.peer.clone()
    }

    fn protection(&self, _: Task, addr: u64) -> i64 {
        (addr / 4096 % 8).cast_signed()
    }
}
