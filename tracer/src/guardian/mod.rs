//! Crash safety: the application outlives any failure of what watches it.
//!
//! The process that the user starts is the *guardian*: the application's parent, whose signals,
//! terminal and exit status are the application's. It decodes nothing and sends nothing. What does
//! is the *supervisor*, a child of it that runs the notify engine and can be replaced:
//!
//! - All that a supervisor has received and not answered lies on a `Board` in shared memory, and
//!   both hold the listener. So a call that waits for its answer waits for whoever is there.
//! - When a supervisor ends before the application does, by whatever signal or panic, the guardian
//!   answers the one call that it was looking at (which may be the reason), and starts another
//!   supervisor, which goes on with what waits, the processes that are on the board, and the
//!   sequence numbers. Its first event is marked ([`GAP`](sentrace_schema::wire::GAP)).
//! - A supervisor that does not work ([`Guard::timeout`]) is killed.
//! - When supervisors fail too often ([`Guard::restarts`]), the guardian answers all calls itself,
//!   unwatched, until it may start another.
//! - When the guardian is killed, the supervisor goes on until the application's end.
//!
//! What is lost with a supervisor: events that it had not handed on, the results of calls that
//! were being made, and what rules remember (variables, rate limits).
//!
//! A tracee whose tracer ends is let go by the kernel in the middle of whatever it does. What the
//! engine does to tasks that it holds is safe then: a call that it sent back is made again, a stop
//! that was pending is taken back. A call whose task had a stop pending is made
//! again by the guardian's answer, because the stop might interrupt it.

mod board;
mod post;
mod restarts;

use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::time::TimeSpec;

pub(crate) use self::board::{Board, SLOT, Slot};
pub use self::post::{Numbers, Post, ask};
use self::restarts::Restarts;
use crate::engine::Ended;
use crate::launch::{Begun, Engine, Launch, LaunchError, Until};
use crate::ptrace;
use crate::sys::notify::{Answer, Listener};
use crate::sys::signals::{self, ChildSignal};
use crate::sys::wait::{Patience, Report, Waiter};
use crate::sys::{child, ptrace as raw};

/// How many times the guardian looks at the supervisor within its timeout.
const LOOKS: u32 = 4;
/// How long a process that has ended is kept for the supervisor to look at.
const LAST_LOOK: Duration = Duration::from_millis(100);
/// The same, between two questions whether it has.
const GLANCE: Duration = Duration::from_micros(100);

/// What a guardian does about supervisors that fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Args)]
pub struct Guard {
    /// Seconds after which a supervisor that does nothing, or lets a call wait, is replaced
    #[arg(long = "supervisor-timeout", value_name = "SECONDS", default_value_t = 2)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub timeout: u32,
    /// Times a minute that a supervisor that failed is replaced; else the application runs unwatched
    #[arg(long = "supervisor-restarts", value_name = "COUNT", default_value_t = 10)]
    pub restarts: u32,
}

impl Guard {
    /// Whether a guardian can be used with `engine`: under ptrace, tasks are bound to their tracer.
    /// And the kernel may let only ancestors trace (Yama), which is tried out.
    #[must_use]
    pub fn is_possible(engine: Engine) -> bool {
        if engine != Engine::Notify {
            return false;
        }
        let is_possible = siblings_can_trace();
        if !is_possible {
            tracing::info!("no guardian: a process cannot be traced by its sibling here");
        }
        is_possible
    }
}

impl Launch {
    /// Runs the application with `supervise` in a process of its own, if there is to be a guardian,
    /// else in this one; see [`Post`]. This process must have one thread. Answers how the first
    /// process ended.
    ///
    /// # Errors
    /// As [`Launch::run`].
    pub fn run_guarded<E: From<LaunchError>>(
        &self,
        supervise: impl FnOnce(Post<'_>) -> Result<Ended, E>,
    ) -> Result<Ended, E> {
        match self.guard {
            Some(guard) => Ok(self.guard(guard, supervise)?),
            None => supervise(Post::here(self)),
        }
    }

    fn guard<E>(
        &self,
        guard: Guard,
        supervise: impl FnOnce(Post<'_>) -> Result<Ended, E>,
    ) -> Result<Ended, LaunchError> {
        let board = Board::new().map(Arc::new).map_err(LaunchError::System)?;
        let (mut begun, _, listener) = self.begin_notifying()?;
        let first = begun.child.pid;
        let listener = Listener::new(listener, Arc::clone(&board)).map_err(|errno| {
            child::abandon(first);
            LaunchError::System(errno)
        })?;
        let wakes = begun.wakes();
        let ended = Guardian {
            launch: self,
            begun: &mut begun,
            board,
            listener,
            is_over: false,
            first,
            ended: None,
            supervisor: None,
            restarts: Restarts::new(guard.restarts),
            look: Look::new(),
            interval: Duration::from_secs(guard.timeout.into()) / LOOKS,
            waiter: Waiter::new(ptrace::scope()),
            wakes,
            suspend: false,
        }
        .run(supervise);
        self.outcome(&mut begun, ended)
    }
}

/// Stands between the application and its supervisors.
struct Guardian<'a> {
    launch: &'a Launch,
    begun: &'a mut Begun,
    board: Arc<Board>,
    listener: Listener,
    /// No task has the filter any more.
    is_over: bool,
    /// The process that was launched, and how it ended.
    first: i32,
    ended: Option<Ended>,
    supervisor: Option<i32>,
    restarts: Restarts,
    look: Look,
    /// Time between two looks.
    interval: Duration,
    waiter: Waiter,
    wakes: Option<ChildSignal>,
    /// This process is to stop with the application.
    suspend: bool,
}

/// What was seen of the supervisor.
struct Look {
    at: Instant,
    beats: u64,
    oldest: Option<u64>,
    /// Looks at which nothing had changed: signs of life, the oldest call that waits.
    same: [u32; 2],
}

impl Look {
    fn new() -> Self {
        Self { at: Instant::now(), beats: 0, oldest: None, same: [0; 2] }
    }
}

impl Guardian<'_> {
    /// Guards until the application, or its first process, has ended and the supervisor has done
    /// its work.
    fn run<E>(
        mut self,
        supervise: impl FnOnce(Post<'_>) -> Result<Ended, E>,
    ) -> Result<Ended, Errno> {
        let mut mask = SigSet::thread_get_mask()?;
        mask.remove(Signal::SIGCHLD);
        // Every supervisor takes it from a memory of its own.
        let mut supervise = Some(supervise);
        loop {
            if self.supervisor.is_none() {
                if self.is_done() {
                    break;
                }
                if self.restarts.may_start(Instant::now()) && !self.start(&mut supervise) {
                    self.restarts.fail(Instant::now());
                }
            }
            self.wait(&mask)?;
            self.reports()?;
            match self.supervisor {
                Some(pid) => self.look_at(pid),
                None => self.stand_in(),
            }
        }
        if !self.is_over {
            // Calls of what is left are to wait, not to fail, until this process has ended.
            self.listener.leave_open();
        }
        self.ended.ok_or(Errno::ECHILD)
    }

    fn is_done(&self) -> bool {
        let is_over = self.is_over || self.launch.until == Until::FirstEnds;
        is_over && self.ended.is_some()
    }

    /// Starts a supervisor. `false` if the system lacks a resource.
    fn start<E>(
        &mut self,
        supervise: &mut Option<impl FnOnce(Post<'_>) -> Result<Ended, E>>,
    ) -> bool {
        self.look = Look::new();
        // No lock is held by a thread that the supervisor has not.
        self.begun.pause();
        let before = self.restarts.failures();
        let (launch, first) = (self.launch, self.first);
        let (board, listener) = (&self.board, &self.listener);
        let supervisor = child::fork_to(|| {
            let Some(supervise) = supervise.take() else { return 1 };
            let Ok(post) = Post::supervisor(launch, first, board, listener, before) else {
                return 1;
            };
            i32::from(supervise(post).is_err())
        });
        self.begun.resume();
        self.supervisor = supervisor.ok();
        self.supervisor.is_some()
    }

    /// Waits for something to happen, at most until the next look.
    fn wait(&mut self, mask: &SigSet) -> Result<(), Errno> {
        if std::mem::take(&mut self.suspend) {
            signals::send(std::process::id() as i32, libc::SIGSTOP);
        }
        let most = if self.wakes.is_some() { self.interval } else { Duration::from_millis(20) };
        let event = self.wakes.as_ref().and_then(ChildSignal::event);
        let listener = self.listener.as_fd();
        // What a supervisor is to receive would wake this process, too.
        let wanted = if self.supervisor.is_some() { PollFlags::empty() } else { PollFlags::POLLIN };
        let is_quiet = self.is_over || self.supervisor.is_some() && event.is_some();
        let listener = match event {
            Some(event) if is_quiet => PollFd::new(event, PollFlags::POLLIN),
            _ => PollFd::new(listener, wanted),
        };
        let mut fds = [listener, PollFd::new(event.unwrap_or(self.listener.as_fd()), wanted)];
        if let Some(event) = event {
            fds[1] = PollFd::new(event, PollFlags::POLLIN);
        }
        match ppoll(&mut fds, Some(TimeSpec::from_duration(most)), Some(*mask)) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    /// Handles the ends and stops of children.
    fn reports(&mut self) -> Result<(), Errno> {
        if let Some(wakes) = &self.wakes {
            wakes.take();
        }
        loop {
            match self.waiter.next(Patience::Poll) {
                Ok(Some(Report::Ended { tid, how })) => self.ended(tid, how),
                Ok(Some(Report::Suspended { pid, signal })) => {
                    self.suspend |= pid == self.first && ptrace::stops_with_application(signal);
                }
                // This process traces nothing.
                Ok(Some(Report::Stopped { .. })) | Err(Errno::EINTR) => {}
                Err(Errno::ECHILD) if self.ended.is_none() => return Err(Errno::ECHILD),
                Ok(None) | Err(_) => return Ok(()),
            }
        }
    }

    fn ended(&mut self, pid: i32, how: Ended) {
        if Some(pid) == self.supervisor {
            self.waiter.reap(pid);
            self.supervisor = None;
            self.is_over |= self.listener.is_over();
            if !self.is_done() {
                self.failed(how);
            }
            return;
        }
        self.board.end(pid, how);
        if self.supervisor.is_some() && self.board.has_process(pid) {
            self.let_look_at(pid);
        }
        if pid == self.first {
            self.ended = Some(how);
            self.begun.delivered.end();
        }
        self.waiter.reap(pid);
    }

    /// Lets the supervisor look at a process that has ended.
    fn let_look_at(&self, pid: i32) {
        let begin = Instant::now();
        while !self.board.has_told(pid) && begin.elapsed() < LAST_LOOK {
            std::thread::sleep(GLANCE);
        }
    }

    /// The supervisor has ended before its work was done.
    fn failed(&mut self, how: Ended) {
        self.board.mend();
        if let Some(id) = self.board.oldest()
            && self.board.has_looked_at(id)
        {
            let is_held = self.board.has_held(id);
            self.answer(id, if is_held { Answer::Again } else { Answer::Continue });
        }
        self.restarts.fail(Instant::now());
        let outlook = if self.restarts.may_start(Instant::now()) {
            "another takes over"
        } else {
            "the application runs UNWATCHED for a while: supervisors fail too often"
        };
        let (failures, unseen) = (self.restarts.failures(), self.restarts.unseen);
        child::aside(&mut || {
            tracing::error!(?how, failures, unseen, "the supervisor has failed; {outlook}");
        });
    }

    /// Answers a call that no supervisor has told of, or that may have been told of.
    fn answer(&mut self, id: u64, answer: Answer) {
        self.listener.answer(id, answer);
        self.restarts.unseen += 1;
        self.board.count_event();
    }

    /// Answers all calls, there being no supervisor.
    fn stand_in(&mut self) {
        self.is_over |= self.listener.is_over();
        if self.restarts.may_start(Instant::now()) {
            return;
        }
        loop {
            while let Some(id) = self.board.oldest() {
                self.answer(id, Answer::Continue);
            }
            if !self.listener.is_readable() {
                return;
            }
            // A task that is gone waits for nothing.
            let _ = self.listener.receive();
        }
    }

    /// Kills a supervisor that does nothing. It is not counted by the clock alone: a machine or
    /// session that was suspended has suspended both.
    fn look_at(&mut self, pid: i32) {
        if self.look.at.elapsed() < self.interval {
            return;
        }
        let (beats, oldest) = (self.board.beats(), self.board.oldest());
        let is_same = [beats == self.look.beats, oldest.is_some() && oldest == self.look.oldest];
        let mut same = self.look.same;
        for (same, is_same) in same.iter_mut().zip(is_same) {
            *same = if is_same { *same + 1 } else { 0 };
        }
        self.look = Look { at: Instant::now(), beats, oldest, same };
        if same.iter().any(|same| *same >= LOOKS) {
            child::aside(&mut || tracing::error!("the supervisor does nothing and is killed"));
            signals::send(pid, libc::SIGKILL);
            self.look = Look::new();
        }
    }
}

/// Whether a process may trace another that is its parent's child.
fn siblings_can_trace() -> bool {
    let me = std::process::id() as i32;
    let Ok(traced) = child::fork_to(|| child::wait_for_end_of(me)) else { return false };
    let tracer = child::fork_to(|| i32::from(raw::seize_for_a_while(traced).is_err()));
    let can = tracer.is_ok_and(|tracer| child::status(tracer) == Some(0));
    child::abandon(traced);
    can
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without Yama, or with its first level and the capability, they can.
    #[test]
    fn whether_siblings_can_trace_is_found_out() {
        let yama = std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope");
        if yama.map_or(true, |scope| scope.trim() == "0") {
            assert!(siblings_can_trace());
        }
        assert!(!Guard::is_possible(Engine::Ptrace));
    }
}
