//! Tasks that are tracees for the time of one call.

use std::collections::HashMap;

use crate::sys::notify::Notification;

/// What a task that is held is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It makes its call, and stops when that has executed a program. If it fails, nothing says
    /// so: the task is let go when it is heard of next.
    Running,
    /// It makes its call, which does not wait for anything, with a stop already pending: it stops
    /// on its way back to user mode, with the result.
    Finishing,
    /// It goes back to user mode and stops before it gets there.
    Returning(Then),
    /// It makes its call again and stops at its entry.
    Entering,
    /// It has stopped there, and is to wait for an answer once more. If a signal keeps it from
    /// that, it stops at the exit.
    Entered,
    /// It has got its answer, makes its call, and stops at the exit.
    Inside,
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
    pub(super) call: Notification,
    /// The observer wants the result of its call.
    pub(super) wanted: bool,
}

impl Held {
    /// Whether the call has not begun, although the observer has been told of it.
    pub(super) fn is_before_call(self) -> bool {
        matches!(self.phase, Phase::Returning(Then::Call) | Phase::Entering | Phase::Entered)
    }
}

/// Tasks that are held, by id.
pub(super) type AllHeld = HashMap<i32, Held>;
