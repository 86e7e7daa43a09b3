//! The boundary of the engines: what an engine tells about the tasks it watches, and whom it tells.
//!
//! Below it are stops, notifications, registers and signals (`notify`, `ptrace`); above it are calls with their
//! six argument registers and the life cycle of tasks. An engine knows neither what an argument
//! means nor what a file is called.

use crate::memory::Memory;

/// A task (thread) of a watched application, in the tracer's PID namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Task {
    /// Thread id (gettid(2)).
    pub tid: i32,
    /// Thread group id: the process (getpid(2)).
    pub tgid: i32,
}

impl Task {
    /// The thread group leader of process `tgid`.
    #[must_use]
    pub fn leader(tgid: i32) -> Self {
        Self { tid: tgid, tgid }
    }

    /// Whether the task is its thread group's leader.
    #[must_use]
    pub fn is_leader(self) -> bool {
        self.tid == self.tgid
    }
}

/// An ABI: index into [`sentrace_schema::ABIS`], which is its number on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AbiId(pub u16);

/// A system call as it was entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// The ABI it was made by, which need not be the program's own (`int 0x80`).
    pub abi: AbiId,
    /// Number on that ABI, without the ABI's number flag.
    pub nr: u32,
    /// Argument registers; the upper halves mean nothing on a 32-bit ABI.
    pub args: [u64; 6],
    /// Address of the instruction after the call.
    pub ip: u64,
    /// Stack pointer; 0 if the engine does not know it.
    pub sp: u64,
}

/// What the observer of a call still needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// Nothing: the call runs on undisturbed.
    Nothing,
    /// The result, or what the call wrote: [`Observer::exit`] follows unless the task dies, or
    /// another traces it under the notify engine; then its next call comes first.
    Exit,
}

/// How a task came into being; a thread is [`Observer::thread`]'s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fork {
    /// fork(2), or clone(2) that signals its parent with `SIGCHLD` only.
    Fork,
    /// vfork(2), also as posix_spawn(3) makes it: the child runs in its parent's memory until
    /// it executes or ends.
    Vfork,
    /// clone(2) or clone3(2) of another form.
    Clone,
}

/// How a task or process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It exited.
    Exited {
        /// Exit status, 0 to 255.
        status: i32,
    },
    /// A signal ended it.
    Signaled {
        /// Number of the signal.
        signal: i32,
        /// Whether a core was dumped.
        core_dumped: bool,
    },
    /// Nobody knows: its parent had waited for it, and the kernel does not remember (before
    /// Linux 6.15, under the notify engine).
    Unknown,
}

impl Ended {
    /// The status that a shell reports: the exit status, or 128 plus the signal's number; 0 if
    /// nobody knows.
    #[must_use]
    pub fn code(self) -> i32 {
        match self {
            Self::Unknown => 0,
            Self::Exited { status } => status,
            Self::Signaled { signal, .. } => 128 + signal,
        }
    }
}

/// Whom an engine tells.
///
/// Every method is called on the engine's thread while the task concerned is stopped (except
/// where its end is told), so `/proc` shows its state and time spent here is time the application
/// waits. The application must not come to harm by its observer: an observer that panics is not
/// called again, and the application runs on.
pub trait Observer {
    /// `task` stopped, or waits for an answer, for whatever reason. What that means, if anything, is told next.
    fn stopped(&mut self, task: Task) {
        let _ = task;
    }

    /// `task` entered a call of an ABI that [`sentrace_schema::ABIS`] has not, and runs on.
    fn unknown(&mut self, task: Task) {
        let _ = task;
    }

    /// `task` entered `call`, which the kernel has not begun.
    fn entry(&mut self, task: Task, call: &Call, memory: &dyn Memory) -> Want;

    /// The call of `task` for which [`Want::Exit`] was answered has returned `result` (negative:
    /// an errno; a call that a signal interrupted returns `-EINTR`, also when the kernel is going
    /// to restart it). The call is not made again until `task` enters it again.
    ///
    /// After a call that executed a program, `task` is the one [`Observer::exec`] named and
    /// `memory` the new program's.
    fn exit(&mut self, task: Task, result: i64, memory: &dyn Memory) {
        let _ = (task, result, memory);
    }

    /// The process of `task` (its leader) was watched by another before, and goes on.
    fn found(&mut self, task: Task) {
        let _ = task;
    }

    /// `parent` made the process `child`, which has not made a call of interest yet.
    fn fork(&mut self, parent: Task, child: Task, how: Fork) {
        let _ = (parent, child, how);
    }

    /// `parent` made the thread `child` of its own process, which has not made a call of interest
    /// yet.
    fn thread(&mut self, parent: Task, child: Task) {
        let _ = (parent, child);
    }

    /// The process of `task` (its leader) executes a new program, which has not run yet. The
    /// call was made by the thread `former`, which has become the leader; all other threads are
    /// gone. `memory` is the new program's.
    fn exec(&mut self, task: Task, former: i32, memory: &dyn Memory) {
        let _ = (task, former, memory);
    }

    /// A thread other than the leader ended; a call of it that had not returned will not.
    fn thread_exit(&mut self, task: Task) {
        let _ = task;
    }

    /// The process of `task` (its leader) and all its threads ended. `/proc/PID/stat` is still
    /// there on Linux 4.7 and newer, unless the notify engine watches and its parent has waited for
    /// it; what the process had open is not.
    fn exited(&mut self, task: Task, how: Ended) {
        let _ = (task, how);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_a_shell() {
        assert_eq!(Ended::Exited { status: 3 }.code(), 3);
        assert_eq!(Ended::Signaled { signal: 15, core_dumped: false }.code(), 143);
    }
}
