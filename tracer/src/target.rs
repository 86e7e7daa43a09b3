//! Signals to processes that are known by what they did: never to another one that has got their
//! pid since.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::resolve::Resolver;
use crate::sys::pidfd::{self, Scope};
use crate::sys::poll;

/// By how much a process may seem younger than what it did, in ns: the kernel tells its start in
/// steps of 10 ms, and clocks are set.
const SLACK: u64 = 100_000_000;

/// A process that got a signal.
#[derive(Debug)]
pub struct Target {
    /// `None` before Linux 5.3.
    pidfd: Option<OwnedFd>,
}

/// Why a process got no signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Missed {
    /// There is no process of this pid.
    #[error("the process has ended")]
    Ended,
    /// The pid belongs to a process that was made later.
    #[error("the process has ended, and its pid belongs to another")]
    Another,
    /// The kernel refuses: EPERM, …
    #[error("{}", .0.desc())]
    Refused(Errno),
}

impl Resolver {
    /// Sends a signal to the process that had this pid, in our pid namespace, at `seen` (ns since
    /// the epoch). Before Linux 5.3 a process that gets the pid within a few instructions is taken
    /// for it.
    ///
    /// # Errors
    /// It got none.
    pub fn signal(&self, pid: i32, seen: u64, signal: Signal) -> Result<Target, Missed> {
        let pidfd = match pidfd::open(pid, Scope::Process) {
            Ok(pidfd) => Some(pidfd),
            Err(Errno::ENOSYS) => None,
            Err(errno) => return Err(Missed::from(errno)),
        };
        // The descriptor holds the pid: what is read now is about the same process, or it has
        // ended, and then the signal reaches nobody.
        let started = self.started(pid).ok_or(Missed::Ended)?;
        if started > seen.saturating_add(SLACK) {
            return Err(Missed::Another);
        }
        match &pidfd {
            Some(pidfd) => pidfd::send_signal(pidfd.as_fd(), signal),
            None => kill(Pid::from_raw(pid), signal),
        }
        .map_err(Missed::from)?;
        Ok(Target { pidfd })
    }
}

impl Target {
    /// Waits until the process has ended, at most for this time; whether it has.
    pub fn ends_within(&self, time: Duration) -> bool {
        self.pidfd.as_ref().is_some_and(|pidfd| poll::is_readable_within(pidfd.as_fd(), time))
    }
}

impl From<Errno> for Missed {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::ESRCH => Self::Ended,
            errno => Self::Refused(errno),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Child, Command};
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    fn sleeper() -> (Child, i32) {
        let child = Command::new("sleep").arg("1000").spawn().expect("sleep(1)");
        let pid = child.id().try_into().expect("a pid");
        (child, pid)
    }

    fn now() -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("later than 1970");
        now.as_nanos().try_into().expect("before 2554")
    }

    #[test]
    fn the_process_that_was_seen_gets_the_signal() {
        let (mut child, pid) = sleeper();
        let resolver = Resolver::new().expect("a resolver");
        let target = resolver.signal(pid, now(), Signal::SIGTERM).expect("a target");
        assert!(target.ends_within(Duration::from_secs(60)));
        assert_eq!(child.wait().expect("an end").signal(), Some(libc::SIGTERM));
        let again = resolver.signal(pid, now(), Signal::SIGTERM).map(drop);
        assert_eq!(again, Err(Missed::Ended));
    }

    #[test]
    fn a_later_process_of_the_same_pid_does_not() {
        let (mut child, pid) = sleeper();
        let resolver = Resolver::new().expect("a resolver");
        let before = now() - 10_000_000_000;
        let missed = resolver.signal(pid, before, Signal::SIGKILL).map(drop);
        assert_eq!(missed, Err(Missed::Another));
        assert!(child.try_wait().expect("our child").is_none());
        child.kill().expect("our child");
        child.wait().expect("an end");
    }
}
