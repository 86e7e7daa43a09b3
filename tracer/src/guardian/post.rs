//! Where a supervisor works.

use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;

use super::Board;
use crate::engine::{Ended, Observer};
use crate::launch::{Launch, LaunchError};
use crate::notify::{self, Interest, Parent};
use crate::ptrace::Delivered;
use crate::sys::notify::Listener;
use crate::sys::signals::ChildSignal;
use crate::sys::{child, signals};

/// Time between two signs of life of a supervisor that has nothing to watch any more.
const PULSE: Duration = Duration::from_millis(100);
/// What a supervisor's process is called.
const NAME: &str = "supervisor";
/// Bytes that [`ask`] takes.
const ANSWER: u64 = 64 << 10;

/// Where a supervisor works: everything that may fail is to be made, and to end, in the function
/// that gets it.
#[derive(Debug)]
pub struct Post<'a> {
    launch: &'a Launch,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// The process that the user started.
    Here,
    /// A process that a guardian has started.
    Apart { first: i32, board: Arc<Board>, listener: OwnedFd, failures: u64 },
}

/// Sequence numbers of events, which go on where another supervisor has left off.
#[derive(Debug, Clone, Default)]
pub struct Numbers {
    pub(crate) board: Option<Arc<Board>>,
    /// Another supervisor has failed before.
    pub(crate) has_gap: bool,
}

impl<'a> Post<'a> {
    pub(super) fn here(launch: &'a Launch) -> Self {
        Self { launch, place: Place::Here }
    }

    /// In a process that was forked to be a supervisor, the number of its predecessors being
    /// `failures`.
    pub(super) fn supervisor(
        launch: &'a Launch,
        first: i32,
        board: &Arc<Board>,
        listener: &Listener,
        failures: u64,
    ) -> Result<Self, Errno> {
        signals::serve()?;
        // For people who look at processes.
        let _ = std::fs::write("/proc/self/comm", NAME);
        child::fail_as_a_whole();
        let listener = listener.as_fd().try_clone_to_owned().map_err(|_| Errno::last())?;
        let place = Place::Apart { first, board: Arc::clone(board), listener, failures };
        Ok(Self { launch, place })
    }

    /// How to number events.
    #[must_use]
    pub fn numbers(&self) -> Numbers {
        match &self.place {
            Place::Here => Numbers::default(),
            Place::Apart { board, failures, .. } => {
                Numbers { board: Some(Arc::clone(board)), has_gap: *failures > 0 }
            }
        }
    }

    /// Processes that another supervisor watched before.
    #[must_use]
    pub fn processes(&self) -> Vec<i32> {
        match &self.place {
            Place::Apart { board, failures: 1.., .. } if board.has_launched() => {
                board.processes().into_iter().map(|(tgid, _)| tgid).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Watches the application, telling `observer`; see [`Launch::run`].
    ///
    /// # Errors
    /// As there. `ECHILD` if the first process has ended before.
    pub fn watch(self, observer: &mut dyn Observer) -> Result<Ended, LaunchError> {
        let Place::Apart { first, board, listener, .. } = self.place else {
            return self.launch.run(observer);
        };
        let interest = Interest::new(&self.launch.filter);
        let interest = interest.ok_or(LaunchError::Filter(Errno::EINVAL))?;
        let delivered = Delivered::new().map(Arc::new).map_err(LaunchError::System)?;
        let seen = (interest, listener, Arc::clone(&board));
        let told = (ChildSignal::inherited(), delivered);
        let who = (first, Parent::Guardian);
        let engine = notify::Engine::new(observer, self.launch.until, who, seen, told);
        let ended = engine.and_then(notify::Engine::run);
        // What comes now may take its time.
        let _ = std::thread::Builder::new().spawn(move || {
            loop {
                board.beat();
                std::thread::sleep(PULSE);
            }
        });
        ended.map_err(LaunchError::System)
    }
}

/// Runs `work` in a process of its own, and answers what it answers: nothing if it fails or takes
/// longer than `patience`. What it logs is nobody's. This process must have one thread.
pub fn ask(work: impl FnOnce() -> Vec<u8>, patience: Duration) -> Option<Vec<u8>> {
    let (ours, mut theirs) = UnixStream::pair().ok()?;
    let mut work = Some(work);
    let pid = child::fork_to(|| {
        if let Ok(nowhere) = std::fs::File::create("/dev/null") {
            let _ = nix::unistd::dup2_stderr(nowhere);
        }
        let answer = work.take().map(|work| work()).unwrap_or_default();
        i32::from(theirs.write_all(&answer).is_err())
    });
    let pid = pid.ok()?;
    drop(theirs);
    let mut answer = Vec::new();
    let read = ours
        .set_read_timeout(Some(patience))
        .and_then(|()| (&ours).take(ANSWER).read_to_end(&mut answer));
    child::abandon(pid);
    read.ok().map(|_| answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_from_elsewhere() {
        let me = std::process::id();
        let pid = ask(|| std::process::id().to_ne_bytes().to_vec(), Duration::from_secs(60));
        assert_ne!(pid.expect("an answer"), me.to_ne_bytes());
        let hanging = ask(
            || loop {
                std::thread::park()
            },
            Duration::from_millis(10),
        );
        assert_eq!(hanging, None);
    }
}
