//! What follows from a stop: what is told, how the task goes on, and what is remembered of it.
//!
//! This is a pure function, [`Setting::step`], of which calls stop, the order of stops on this
//! kernel, the stop, where the kernel says that the task is, and where it was before. The engine
//! asks the kernel before and acts after.
//!
//! A call that stops by the filter has up to three stops: the seccomp stop and the syscall-entry
//! stop, in an [`Order`] that depends on the kernel, and the syscall-exit stop; a syscall stop does
//! not say which of the two it is. `PTRACE_GET_SYSCALL_INFO` says it (5.3), and so do the registers
//! of arm64. Those of x86 show in a syscall-entry stop the result `-ENOSYS`: another result is one,
//! this one is unclear and what was before decides. Whatever goes wrong by that (a call before
//! Linux 4.8 that a filter of the application's answers with `ENOSYS`; one by the vsyscall page,
//! which has no syscall stops) is right again after the next call that returns anything else.

use std::ffi::c_int;

use super::stop::Stop;
use crate::engine::{Fork, Want};
use crate::launch::CallStops;
use crate::sys::ptrace::Resume;

#[cfg(test)]
mod tests;

/// Which of the two stops at the entry of a call is first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The seccomp stop, then the syscall-entry stop: Linux 3.5 to 4.7.
    SeccompFirst,
    /// The syscall-entry stop, then the seccomp stop: Linux 4.8 and newer.
    EntryFirst,
}

/// What holds for all stops of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Setting {
    /// Which calls stop.
    pub(super) stops: CallStops,
    /// `None`: not seen yet. The first call that stops is followed to its exit to learn it.
    pub(super) order: Option<Order>,
}

/// The two places of a syscall stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// At the entry of a call.
    Entry,
    /// At its exit.
    Exit,
}

/// Where the kernel says that a task in a syscall stop is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// `PTRACE_GET_SYSCALL_INFO` says it.
    Told(Place),
    /// The registers show it.
    Shown(Place),
    /// Nothing does.
    Unclear,
}

/// Where a task is between its stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Phase {
    /// In user mode, or in a call that is not followed.
    #[default]
    Outside,
    /// In a call that is followed to its exit.
    Inside {
        /// The last stop at its entry.
        gate: Gate,
        /// What the observer wants of it.
        want: Want,
    },
}

/// A stop at the entry of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    /// The seccomp stop.
    Seccomp,
    /// The syscall-entry stop.
    Entry,
}

/// What is told of a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tell {
    /// Nothing.
    Nothing,
    /// The task entered a call; [`Step::wanting`] takes the answer.
    Entry,
    /// The call returned.
    Exit,
    /// The task made another.
    Fork(Fork),
    /// The task executed a program.
    Exec,
    /// The task is about to get a signal.
    Signal(c_int),
    /// A signal stopped the process.
    Group(c_int),
}

/// How a task goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Go {
    /// It runs, and gets the signal unless that is 0.
    Run(Resume, c_int),
    /// It stays stopped as its process is, and tells when that ends.
    Listen,
}

/// What follows from a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// What is told.
    pub(super) tell: Tell,
    /// Where the task is from now on.
    pub(super) phase: Phase,
    /// What holds from now on.
    pub(super) setting: Setting,
}

impl Setting {
    /// Nothing has been seen.
    pub(super) fn new(stops: CallStops) -> Self {
        Self { stops, order: None }
    }

    /// What follows from a stop of a task that was in `phase`. What is `seen` matters in syscall
    /// and seccomp stops only.
    pub(super) fn step(mut self, phase: Phase, stop: Stop, seen: Seen) -> Step {
        if let Seen::Told(_) = seen {
            self.order = Some(Order::EntryFirst);
        }
        // Tasks get signals, stop and are interrupted on their way to user mode: a call that they
        // were in had no syscall-exit stop.
        match stop {
            Stop::Seccomp => self.seccomp(phase),
            Stop::Syscall => self.syscall(phase, seen.place()),
            Stop::Fork(how) => self.then(Tell::Fork(how), phase),
            Stop::Exec => self.then(Tell::Exec, phase),
            Stop::Signal(signal) => self.then(Tell::Signal(signal), Phase::Outside),
            Stop::Group(signal) => self.then(Tell::Group(signal), Phase::Outside),
            Stop::Trap => self.then(Tell::Nothing, Phase::Outside),
            Stop::Other => self.then(Tell::Nothing, phase),
        }
    }

    fn seccomp(mut self, phase: Phase) -> Step {
        let after_entry = matches!(phase, Phase::Inside { gate: Gate::Entry, .. });
        if after_entry && self.order != Some(Order::SeccompFirst) {
            self.order = Some(Order::EntryFirst);
            return self.then(Tell::Nothing, phase);
        }
        self.entered(Gate::Seccomp)
    }

    fn syscall(mut self, phase: Phase, place: Option<Place>) -> Step {
        use Order::{EntryFirst, SeccompFirst};
        match (phase, place) {
            (Phase::Inside { gate: Gate::Seccomp, want }, None | Some(Place::Entry))
                if self.order != Some(EntryFirst) =>
            {
                self.order = Some(SeccompFirst);
                self.then(Tell::Nothing, Phase::Inside { gate: Gate::Entry, want })
            }
            (Phase::Inside { gate, want }, None | Some(Place::Exit)) => {
                if gate == Gate::Seccomp {
                    self.order = Some(EntryFirst);
                }
                let tell = if want == Want::Exit { Tell::Exit } else { Tell::Nothing };
                self.then(tell, Phase::Outside)
            }
            // Another call: one that the task was in had no syscall-exit stop (vsyscall).
            (_, None | Some(Place::Entry)) => match self.stops {
                CallStops::Every => self.entered(Gate::Entry),
                CallStops::Filtered => self.then(Tell::Nothing, Phase::Outside),
            },
            // Of a call that nobody saw the entry of.
            (Phase::Outside, Some(Place::Exit)) => self.then(Tell::Nothing, Phase::Outside),
        }
    }

    fn entered(self, gate: Gate) -> Step {
        self.then(Tell::Entry, Phase::Inside { gate, want: Want::Nothing })
    }

    fn then(self, tell: Tell, phase: Phase) -> Step {
        Step { tell, phase, setting: self }
    }
}

impl Step {
    /// The same, after the observer has answered what it wants of the call that was entered.
    pub(super) fn wanting(mut self, want: Want) -> Self {
        let Phase::Inside { gate, .. } = self.phase else { return self };
        let Setting { stops, order } = self.setting;
        let is_followed = want == Want::Exit || stops == CallStops::Every || order.is_none();
        self.phase = if is_followed { Phase::Inside { gate, want } } else { Phase::Outside };
        self
    }

    /// How the task goes on.
    pub(super) fn go(&self) -> Go {
        let how = match (self.setting.stops, self.phase) {
            (CallStops::Filtered, Phase::Outside) => Resume::Continue,
            (CallStops::Every, _) | (_, Phase::Inside { .. }) => Resume::Syscall,
        };
        match self.tell {
            Tell::Group(_) => Go::Listen,
            Tell::Signal(signal) => Go::Run(how, signal),
            _ => Go::Run(how, 0),
        }
    }
}

impl Seen {
    fn place(self) -> Option<Place> {
        match self {
            Self::Told(place) | Self::Shown(place) => Some(place),
            Self::Unclear => None,
        }
    }
}
