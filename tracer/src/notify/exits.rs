//! The ends of processes that are not this process's children: by process descriptors.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::engine::Ended;
use crate::guardian::Board;
use crate::sys::pidfd::{self, Scope};
use crate::sys::signals;

/// Ends that are taken at a time.
const BATCH: usize = 64;

/// Processes whose end is awaited.
#[derive(Debug)]
pub(super) struct Exits {
    epoll: Epoll,
    pidfds: HashMap<i32, OwnedFd>,
    /// Those for which there was no descriptor left. They are looked at now and then.
    unwatched: HashSet<i32>,
}

impl Exits {
    /// # Errors
    /// As epoll_create1(2).
    pub(super) fn new() -> Result<Self, Errno> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        Ok(Self { epoll, pidfds: HashMap::new(), unwatched: HashSet::new() })
    }

    /// Awaits the end of process `tgid`.
    pub(super) fn watch(&mut self, tgid: i32) {
        let mut pidfd = pidfd::open(tgid, Scope::Process);
        if pidfd.as_ref().is_err_and(|errno| *errno == Errno::EMFILE) && raise_limit() {
            pidfd = pidfd::open(tgid, Scope::Process);
        }
        let event = EpollEvent::new(EpollFlags::EPOLLIN, tgid as u64);
        match pidfd {
            Ok(pidfd) if self.epoll.add(&pidfd, event).is_ok() => {
                self.pidfds.insert(tgid, pidfd);
            }
            _ => {
                self.unwatched.insert(tgid);
            }
        }
    }

    /// Awaits the end no more.
    pub(super) fn forget(&mut self, tgid: i32) {
        if let Some(pidfd) = self.pidfds.remove(&tgid) {
            let _ = self.epoll.delete(&pidfd);
        }
        self.unwatched.remove(&tgid);
    }

    /// Whether some ends do not make [`Exits::as_fd`] readable.
    pub(super) fn has_unwatched(&self) -> bool {
        !self.unwatched.is_empty()
    }

    /// Processes that have ended. They are told again until they are forgotten.
    pub(super) fn ended(&self) -> Vec<i32> {
        let mut events = [EpollEvent::empty(); BATCH];
        let count = self.epoll.wait(&mut events, EpollTimeout::ZERO).unwrap_or_default();
        let watched = events[..count].iter().map(|event| event.data() as i32);
        let gone = |tgid: &&i32| is_gone(**tgid);
        watched.chain(self.unwatched.iter().filter(gone).copied()).collect()
    }

    /// How a process ended, if anybody knows: its zombie, or, when that has been waited for, the
    /// board, or the kernel's memory of it (Linux 6.15).
    pub(super) fn how(&self, tgid: i32, board: &Board) -> Ended {
        let kernels = || pidfd::exit_status(self.pidfds.get(&tgid)?.as_fd());
        let remembered = || board.status(tgid).or_else(kernels);
        // It may be waited for between two looks.
        let status = remembered().or_else(|| status_of_zombie(tgid)).or_else(remembered);
        status.map_or(Ended::Unknown, from_status)
    }
}

impl AsFd for Exits {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }
}

/// The end that a status of wait(2) tells.
fn from_status(status: i32) -> Ended {
    if libc::WIFSIGNALED(status) {
        let core_dumped = libc::WCOREDUMP(status);
        Ended::Signaled { signal: libc::WTERMSIG(status), core_dumped }
    } else {
        Ended::Exited { status: libc::WEXITSTATUS(status) }
    }
}

/// State and status of a process that has ended, from `/proc/PID/stat` (proc_pid_stat(5)).
fn status_of_zombie(tgid: i32) -> Option<i32> {
    let mut stat = [0; 1024];
    let read = File::open(format!("/proc/{tgid}/stat")).ok()?.read(&mut stat).ok()?;
    let stat = &stat[..read];
    // The name before may contain anything.
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(stat.get(end + 2..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let is_zombie = matches!(fields.next()?, "Z" | "X");
    let status = fields.next_back()?.parse().ok()?;
    is_zombie.then_some(status)
}

fn is_gone(tgid: i32) -> bool {
    !signals::is_thread_of(tgid, tgid) || status_of_zombie(tgid).is_some()
}

/// Takes as many descriptors as this process may have.
fn raise_limit() -> bool {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return false };
    soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn end_of(script: &str) -> Ended {
        let mut child = Command::new("sh").args(["-c", script]).spawn().expect("a process");
        let pid = child.id() as i32;
        let mut exits = Exits::new().expect("an epoll");
        exits.watch(pid);
        while exits.ended() != [pid] {
            std::thread::yield_now();
        }
        let board = Board::new().expect("memory");
        let zombie = exits.how(pid, &board);
        assert!(child.wait().is_ok());
        let later = exits.how(pid, &board);
        assert!(later == zombie || later == Ended::Unknown);
        exits.forget(pid);
        assert_eq!(exits.ended(), []);
        zombie
    }

    #[test]
    fn ends_are_seen_before_and_after_they_are_waited_for() {
        assert_eq!(end_of("exit 7"), Ended::Exited { status: 7 });
        let signal = libc::SIGKILL;
        let killed = Ended::Signaled { signal, core_dumped: false };
        assert_eq!(end_of("kill -KILL $$"), killed);
    }

    #[test]
    fn a_living_process_has_no_end() {
        let exits = Exits::new().expect("an epoll");
        let board = Board::new().expect("memory");
        assert_eq!(exits.how(std::process::id() as i32, &board), Ended::Unknown);
        assert!(!is_gone(std::process::id() as i32));
        assert!(is_gone(i32::MAX));
    }
}
