//! Turns what an engine tells into events.
//!
//! A call is decoded while its task is stopped at the entry, and becomes an event there if nobody
//! wants its result, else at the exit. The life of processes is reported from `/proc` while they
//! are stopped. A session remembers a call for every task that is inside one, and a record for
//! every process: it grows with the application, not with time.
//!
//! ```no_run
//! use sentrace_bpf::action;
//! use sentrace_schema::wire::Event;
//! use sentrace_tracer::launch::Launch;
//! use sentrace_tracer::resolve::Resolver;
//! use sentrace_tracer::session::{Session, Sink, Wanted};
//!
//! struct Print;
//! impl Sink for Print {
//!     fn event(&mut self, event: Event) {
//!         println!("{event:?}");
//!     }
//! }
//!
//! let (wanted, mut print) = (Wanted::all(), Print);
//! let launch = Launch::new(vec!["ls".into()], wanted.filter(action::TRACE)?.into());
//! let mut session = Session::new(Resolver::new()?, &mut print).wanting(wanted);
//! let ended = launch.run(&mut session)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod counters;
pub(crate) mod inside;
mod processes;
#[cfg(test)]
mod tests;
mod wanted;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use sentrace_schema::wire::{Capture, Event, GAP, Header, NO_SYSCALL, UNREADABLE};
use sentrace_schema::{ABIS, Payload, events};

pub use self::counters::Counters;
use self::inside::Inside;
use self::processes::{Processes, asked_path};
pub use self::wanted::Wanted;
use crate::decode::{self, Decoded, Pending};
use crate::engine::{Call, Ended, Fork, Observer, Task, Want};
use crate::guardian::Numbers;
use crate::memory::Memory;
use crate::resolve::Resolver;

/// Takes events. It is called while the task concerned is stopped, so it must not wait.
pub trait Sink {
    /// Something happened.
    fn event(&mut self, event: Event);
}

/// Values of the set `exit_cause`.
mod cause {
    pub(super) const EXITED: i64 = 0;
    pub(super) const COREDUMPED: i64 = 1;
    pub(super) const SIGNALED: i64 = 2;
}

/// An observer that reports events to a sink.
pub struct Session<'s> {
    resolver: Resolver,
    sink: &'s mut dyn Sink,
    wanted: Wanted,
    counters: Arc<Counters>,
    /// Events before the next one were lost.
    has_gap: bool,
    inside: Inside<InFlight>,
    processes: Processes,
}

/// A call whose result is awaited.
struct InFlight {
    call: Header,
    pending: Pending,
}

impl<'s> Session<'s> {
    /// Reports all events to `sink`, with what `resolver` finds out. Events are numbered from 1.
    pub fn new(resolver: Resolver, sink: &'s mut dyn Sink) -> Self {
        Self {
            resolver,
            sink,
            wanted: Wanted::all(),
            counters: Arc::new(Counters::new(Numbers::default())),
            has_gap: false,
            inside: Inside::default(),
            processes: Processes::default(),
        }
    }

    /// The same, but what is not `wanted` is not reported. The application's filter should be
    /// made from the same ([`Wanted::filter`]).
    #[must_use]
    pub fn wanting(self, wanted: Wanted) -> Self {
        Self { wanted, ..self }
    }

    /// The same, but numbers go on where another session left off that failed, if one did.
    #[must_use]
    pub fn numbering(mut self, numbers: Numbers) -> Self {
        self.has_gap = numbers.has_gap;
        self.counters = Arc::new(Counters::new(numbers));
        self
    }

    /// Counters that go on counting while the session runs.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Reports an event; `header` lacks what only its report gives it.
    fn report(&mut self, header: Header, marks: u32, payload: Payload) {
        let sequence = self.counters.count_event(payload.event().id);
        let gap = if std::mem::take(&mut self.has_gap) { GAP } else { 0 };
        let marks = header.marks | marks | gap;
        let header = Header { sequence, timestamp: now(), marks, ..header };
        self.sink.event(Event { header, payload });
    }

    /// Reports a fact of the life of processes, if it is wanted.
    fn live(&mut self, task: Task, marks: u32, payload: Payload) {
        if self.wanted.contains(payload.event().id) {
            let native = ABIS.iter().find(|abi| abi.machine == std::env::consts::ARCH);
            let abi = native.map_or(0, |abi| abi.id);
            let header =
                Header { pid: task.tgid, tid: task.tid, abi, nr: NO_SYSCALL, ..Header::default() };
            self.report(header, marks, payload);
        }
    }

    /// The task that was inside a call is gone.
    fn died(&mut self, InFlight { call, pending }: InFlight) {
        if let Some(Decoded { payload, marks }) = pending.died() {
            self.report(call, marks, payload);
        }
    }
}

impl Observer for Session<'_> {
    fn stopped(&mut self, _: Task) {
        self.counters.count_stop();
    }

    fn unknown(&mut self, task: Task) {
        self.inside.leave(task);
        self.counters.count_unknown();
    }

    fn entry(&mut self, task: Task, call: &Call, memory: &dyn Memory) -> Want {
        // A call that never returned (sigreturn) may have been of interest.
        self.inside.leave(task);
        let Some(asked) = decode::asked(call, memory) else {
            if decode::numbered(call.abi, call.nr).is_none() {
                self.counters.count_unknown();
            }
            return Want::Nothing;
        };
        let Some(capture) = self.wanted.capture(asked.event()) else { return Want::Nothing };
        let Some(pending) = asked.begin(task, memory, &self.resolver) else {
            return Want::Nothing;
        };
        let header = Header {
            pid: task.tgid,
            tid: task.tid,
            abi: call.abi.0,
            nr: call.nr,
            ..Header::default()
        };
        match capture {
            Capture::Entry => {
                let Decoded { payload, marks } = pending.predicted(memory, &self.resolver);
                self.report(header, marks, payload);
                Want::Nothing
            }
            Capture::EntryAndExit => {
                self.inside.enter(task, InFlight { call: header, pending });
                Want::Exit
            }
        }
    }

    fn exit(&mut self, task: Task, result: i64, memory: &dyn Memory) {
        let Some(InFlight { call, pending }) = self.inside.leave(task) else { return };
        if let Some(Decoded { payload, marks }) = pending.exit(result, memory, &self.resolver) {
            self.report(Header { retval: result, ..call }, marks, payload);
        }
    }

    fn found(&mut self, task: Task) {
        self.processes.find(task, &self.resolver);
    }

    fn fork(&mut self, parent: Task, child: Task, how: Fork) {
        self.processes.fork(parent, child, &self.resolver);
        let flags = match how {
            Fork::Fork => libc::SIGCHLD,
            Fork::Vfork => libc::CLONE_VFORK | libc::CLONE_VM | libc::SIGCHLD,
            Fork::Clone => 0,
        };
        let fork = events::Fork { child: child.tgid.into(), flags: flags.into() };
        self.live(parent, 0, Payload::Fork(fork.into()));
    }

    fn exec(&mut self, task: Task, former: i32, memory: &dyn Memory) {
        for call in self.inside.execute(task, former) {
            self.died(call);
        }
        let process = self.processes.execute(task, &self.resolver);
        let path = asked_path(task.tid, memory);
        // It has been killed meanwhile, or may not be looked at.
        let marks = if process.is_none() || path.is_none() { UNREADABLE } else { 0 };
        let process = process.unwrap_or_else(|| processes::unknown(task));
        let syscall_path = path.unwrap_or_default();
        self.live(task, marks, Payload::Exec(events::Exec { process, syscall_path }.into()));
    }

    fn thread_exit(&mut self, task: Task) {
        if let Some(call) = self.inside.leave(task) {
            self.died(call);
        }
    }

    fn exited(&mut self, task: Task, how: Ended) {
        self.thread_exit(task);
        let Some(process) = self.processes.end(task.tgid, &self.resolver) else { return };
        let (cause, code) = match how {
            Ended::Exited { status } => (cause::EXITED, status),
            Ended::Unknown => (cause::EXITED, 0),
            Ended::Signaled { signal, core_dumped: true } => (cause::COREDUMPED, signal),
            Ended::Signaled { signal, core_dumped: false } => (cause::SIGNALED, signal),
        };
        let exit = events::Exit { process, cause, code: code.into() };
        let marks = if how == Ended::Unknown { UNREADABLE } else { 0 };
        self.live(task, marks, Payload::Exit(exit.into()));
    }
}

/// Nanoseconds since the epoch.
fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}
