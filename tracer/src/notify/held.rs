//! Tasks that are tracees for the time of one call.

use std::collections::HashMap;

/// What a task that is held is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It makes its call, which may make a process or execute a program and stops then. If the
    /// call fails, nothing says so: it is let go when it is heard of next.
    Running,
    /// It goes back to user mode and stops before it gets there.
    Returning(Then),
    /// It makes its call again and stops at its entry.
    Entering,
    /// It is in its call, at whose entry it waits for an answer once more, and stops at its exit.
    Inside,
    /// It is new and has not come to its first stop. `parent` waits for that.
    Born {
        /// The task that made it.
        parent: i32,
    },
    /// It has made `child`, and is stopped until that has been let go: who made a process may
    /// want to trace it at once.
    Parent {
        /// The task that it made.
        child: i32,
    },
}

/// Why a task was sent back to user mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// To be followed through its call, to the result.
    Call,
    /// To be let go.
    Go,
}

/// A task that is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) phase: Phase,
    /// The observer wants the result of its call.
    pub(super) wanted: bool,
}

impl Held {
    /// Whether the call has not begun, although the observer has been told of it.
    pub(super) fn is_before_call(self) -> bool {
        matches!(self.phase, Phase::Returning(Then::Call) | Phase::Entering)
    }

    /// Whether a new task may be its child.
    pub(super) fn may_fork(self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Inside)
    }
}

/// Tasks that are held, by id.
pub(super) type AllHeld = HashMap<i32, Held>;
